#!/bin/sh
# Starts a service of st2 that joins the service registry. It does so by the name of its pod and the number of its
# process, and has both in common with the container that ran before it in the pod. If that one was killed, it is still
# a member, and st2 does not start as long as it is; so it leaves first. The first container of a pod follows nobody.
# usage: start-registered.sh [--alone SECONDS WORKLOAD] GROUP PROGRAM [ARGUMENT ...]
#
# --alone: of that Deployment, never two pods may do their work. One that is evicted, or whose node is lost, has a
# successor at once, beside it; that one waits here until the former has left the registry, or has had so many seconds
# to end.
set -eu

seconds=0
if [ "$1" = --alone ]; then
    seconds=$2
    workload=$3
    shift 3
fi
group=$1
shift
program=$1
# It lasts as long as the pod, and not longer.
started=/tmp/constructs-st2-started

# In the background, because a signal ends the waiting alone.
registry() {
    limit=$1
    shift
    timeout "$limit" "${program%/*}/python" "${0%/*}/service_registry.py" "$@" &
    wait $!
}

# The first process of a container gets only the signals that it asks for. The program asks for its own.
trap 'exit 143' TERM
if [ -e "$started" ]; then
    # It takes half a second of the processor, which is long on a node where everything starts at once; the backend's
    # own time-outs are shorter than the limit.
    # Not a reason to give up: st2 may start all the same, and if it does not, the next container tries again.
    registry 120 leave "$group" "$@" || echo "cannot tell the service registry that the container before has ended: status $?" >&2
fi
touch "$started"
end=$(($(date +%s) + seconds))
while now=$(date +%s) && [ "$now" -lt "$end" ]; do
    if registry $((end - now)) await-former "$group" "$workload" "$@"; then
        break
    fi
    # The registry cannot be asked, or the time is over.
    sleep 1
done
exec "$@"
