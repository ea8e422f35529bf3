#!/bin/sh
# Run by the container guard: tells a replica that follows another host than the master whom to follow, and lets a
# sentinel that is astray start anew.
# Sentinels lead replicas back too, but only after the time that a failover may take. A second master is up to them alone.
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
# usage: misled MASTER
misled() {
    followed=$(followed_host)
    case $1 in
        "" | "$own" | "$followed") ;;
        *) [ -z "$followed" ] || echo "$followed $1" ;;
    esac
}

# Whom the sentinel here names and whom it should name, if they differ. One that hears of a failover while it cannot
# resolve the name of the new master takes over the epoch without the master, and does not listen to the others any more
# (Redis 8.0: sentinelProcessHelloMessage, sentinelResetMasterAndChangeAddress). Clients that ask it find no master.
# usage: astray MASTER
astray() {
    named=$(opinions 127.0.0.1 | newest)
    case $1 in
        "" | "$named") ;;
        *) [ -z "$named" ] || echo "$named $1" ;;
    esac
}

# Seen once, it may be a failover that just ends.
# usage: lasts NOW BEFORE
lasts() {
    [ -n "$1" ] && [ "$1" = "$2" ] && is_master "${1#* }"
}

look_after() {
    misled_before=
    astray_before=
    while sleep "$interval"; do
        master=$(settled_master)
        misled=$(misled "$master")
        astray=$(astray "$master")
        if lasts "$misled" "$misled_before"; then
            echo "following ${misled% *} but the master is ${misled#* }: following that"
            redis 127.0.0.1 replicaof "${misled#* }" 6379 >/dev/null
            misled=
        fi
        if lasts "$astray" "$astray_before"; then
            echo "the sentinel names ${astray% *} but the master is ${astray#* }: starting it anew"
            sentinel 127.0.0.1 shutdown >/dev/null || true
            astray=
        fi
        misled_before=$misled
        astray_before=$astray
    done
}

# In the background, because a shell hears a signal only when the command before it is done.
child=
trap '[ -z "$child" ] || kill "$child"; exit 0' TERM INT
look_after &
child=$!
wait "$child"
