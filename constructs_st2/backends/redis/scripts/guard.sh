#!/bin/sh
# Run by the container guard: tells a replica that follows another host than the master whom to follow.
# Sentinels do that too, but only after the time that a failover may take. A second master is up to them alone.
# usage: guard.sh [SECONDS]     between two looks
set -eu
# shellcheck disable=SC1091
. "${0%/*}/common.sh"

interval=${1:-5}
own=$(own_host)

followed_host() {
    redis 127.0.0.1 info replication | tr -d '\r' | sed -n 's/^master_host://p'
}

# The master that a majority of the sentinels names and finds well, unless a failover is under way.
settled_master() {
    # shellcheck disable=SC2046
    said=$(opinions $(all_hosts))
    case $said in
        *failover_in_progress*) ;;
        *) echo "$said" | grep ' master$' | agreed ;;
    esac
}

# Whom the server follows and whom it should follow, if they differ.
misled() {
    followed=$(followed_host)
    [ -n "$followed" ] || return 0
    master=$(settled_master)
    case $master in
        "" | "$own" | "$followed") ;;
        *) echo "$followed $master" ;;
    esac
}

look_after() {
    before=
    while sleep "$interval"; do
        now=$(misled)
        # Seen once, it may be a failover that just ends.
        if [ -n "$now" ] && [ "$now" = "$before" ] && is_master "${now#* }"; then
            echo "following ${now% *} but the master is ${now#* }: following that"
            redis 127.0.0.1 replicaof "${now#* }" 6379 >/dev/null
            now=
        fi
        before=$now
    done
}

# In the background, because a shell hears a signal only when the command before it is done.
child=
trap '[ -z "$child" ] || kill "$child"; exit 0' TERM INT
look_after &
child=$!
wait "$child"
