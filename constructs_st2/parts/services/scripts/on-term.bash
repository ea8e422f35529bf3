#!/bin/bash
# The first process of containers whose program does not obey SIGTERM, or obeys it without finishing its requests:
# runs the program, and turns SIGTERM into the signal that it wants, once no more requests come in.
# usage: on-term.bash SIGNAL SECONDS COMMAND...     the seconds pass before the signal
#
# bash, because it has job control without a terminal. Without job control, what a shell starts in the background ignores
# SIGINT and SIGQUIT from the start, and Python then never raises KeyboardInterrupt.
set -eu

signal=$1
seconds=$2
shift 2

# Again and again, because one SIGINT can be lost: Python may receive it where nobody hears KeyboardInterrupt.
# The loop ends with the container.
# shellcheck disable=SC2317  # it is called by a trap
stop() {
    sleep "$seconds"
    while kill -s "$signal" "$program" 2>/dev/null; do
        sleep 4
    done
}

# The first process of a container gets only the signals that it asks for. Here the program has not begun anything yet.
trap exit TERM
set -m
"$@" &
program=$!
set +m
trap 'trap "" TERM; stop &' TERM
for each in HUP INT QUIT USR1 USR2; do
    # shellcheck disable=SC2064
    trap "kill -s $each $program" "$each"
done

# A signal that arrives ends the waiting too. How the program has ended can be asked for again and again.
while kill -0 "$program" 2>/dev/null; do
    wait "$program" || :
done
wait "$program"
