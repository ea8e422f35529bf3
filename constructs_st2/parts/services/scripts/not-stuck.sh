#!/bin/sh
# Run by liveness probes of programs that serve no port, in images of st2: has it done anything since the last look?
# The kernel counts how often its main thread gives the processor up or loses it, and how long it had it. Timers wake one
# that waits in an event loop at least once a minute, and heartbeats each few seconds, also while a backend is away
# (default_sleep in eventlet/hubs/hub.py; monitors of pymongo). One that is stopped, or waits for a lock that nobody
# releases, is never woken.
# usage: not-stuck.sh PROGRAM     as its command line has it
set -eu

program=$1
looked=${LOOKED:-/tmp/constructs-st2-not-stuck}
processes=${PROC:-/proc}

# Others have the program among their arguments: what starts it, and this probe. It is the command itself, or what an
# interpreter runs.
running() {
    grep -lsF "$program" "$processes"/[0-9]*/cmdline | while read -r file; do
        # It may have ended by now.
        { tr '\0' '\n' <"$file" | head -n 2 | grep -qxF "$program"; } 2>/dev/null && echo "${file%/cmdline}"
    done
}

# Of the main thread alone: in /proc/1/stat are the times of all. They, utime and stime, are the fields 14 and 15; the
# second one is a name in parentheses, spaces and all.
counted() {
    thread=$1/task/${1##*/}
    awk '
        FILENAME ~ /stat$/ { sub(/.*\) /, ""); print FILENAME, $12, $13 }
        /ctxt_switches:/ { print }
    ' "$thread/stat" "$thread/status" 2>/dev/null || :
}

now=$(running | while read -r process; do counted "$process"; done)
before=$(cat "$looked" 2>/dev/null || :)
# Where nothing can be written, nothing is remembered, and nothing ends the program.
echo "$now" 2>/dev/null >"$looked" || :

case $now in
    *ctxt_switches*) ;;
    # It does not run yet, or the kernel (of a sandbox) does not count: the kubelet sees by itself when it ends.
    *) exit 0 ;;
esac
if [ "$now" = "$before" ]; then
    echo "$program has done nothing since the last look" >&2
    exit 1
fi
