#!/bin/sh
# Run by the init containers of pods (busybox): waits until a backend accepts connections.
# usage: wait-for.sh NAME SECONDS HOST PORT [HOST PORT ...]     any one of the endpoints will do
set -eu

name=$1
limit=$2
shift 2

# Small builds of busybox do not know -z; there, -e runs a program as soon as the connection stands.
accepts() {
    nc -z -w 2 "$1" "$2" 2>/dev/null || nc -w 2 "$1" "$2" -e true 2>/dev/null
}

reachable() {
    while [ $# -ge 2 ]; do
        if accepts "$1" "$2"; then
            echo "$name: $1:$2 accepts connections"
            return 0
        fi
        shift 2
    done
    return 1
}

begin=$(date +%s)
said=0
echo "waiting for $name: $* (at most $limit s)"
until reachable "$@"; do
    waited=$(($(date +%s) - begin))
    if [ "$waited" -ge "$limit" ]; then
        echo "gave up on $name after $waited s: nothing accepts connections at $*" >&2
        exit 1
    fi
    if [ $((waited - said)) -ge 15 ]; then
        said=$waited
        echo "still waiting for $name ($waited s of $limit)"
    fi
    sleep 2
done
