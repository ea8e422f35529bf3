#!/bin/sh
# Starts a service of st2 that joins the service registry. It does so by the name of its pod and the number of its
# process, and has both in common with the container that ran before it in the pod. If that one was killed, it is still
# a member, and st2 does not start as long as it is; so it leaves first. The first container of a pod follows nobody.
# usage: start-registered.sh GROUP PROGRAM [ARGUMENT ...]
set -eu

group=$1
shift
program=$1
# It lasts as long as the pod, and not longer.
started=/tmp/constructs-st2-started

# The first process of a container gets only the signals that it asks for. The program asks for its own.
trap 'exit 143' TERM
if [ -e "$started" ]; then
    # In the background, because a signal ends the waiting alone. It takes half a second of the processor, which is
    # long on a node where everything starts at once; the backend's own time-outs are shorter than the limit.
    timeout 120 "${program%/*}/python" "${0%/*}/leave_registry.py" "$group" "$@" &
    # Not a reason to give up: st2 may start all the same, and if it does not, the next container tries again.
    wait $! || echo "cannot tell the service registry that the container before has ended: status $?" >&2
fi
touch "$started"
exec "$@"
