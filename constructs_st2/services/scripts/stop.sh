#!/bin/sh
# Run by preStop hooks: ends the main process by a signal that it obeys, once no more requests come in.
# usage: stop.sh SIGNAL SECONDS     the seconds pass first
set -eu

signal=$1
seconds=$2
process=${STOP_PID:-1}

sleep "$seconds"
# Again and again, because one SIGINT can be lost: Python may receive it where nobody hears KeyboardInterrupt.
# The kubelet ends this loop together with the container, or at the end of the grace period.
while kill -s "$signal" "$process" 2>/dev/null; do
    sleep 4
done
