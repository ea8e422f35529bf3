#!/bin/sh
# Run by the preStop hooks of pods as constructs-st2 0.1.0 made them, for as long as there are any: scripts come from a
# ConfigMap, which changes before they stop. Ends the main process by a signal that it obeys, once no more requests come.
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
