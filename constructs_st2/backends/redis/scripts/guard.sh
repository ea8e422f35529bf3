#!/bin/sh
# Run by the container guard: tells a replica that follows another host than the master whom to follow, lets a sentinel
# that is astray start anew, and decides whether the server needs replicas to accept writes.
# Sentinels lead replicas back too, but only after the time that a failover may take. A second master is up to them.
# usage: guard.sh [SECONDS]     between two looks
set -eu
# shellcheck disable=SC1091
. "${0%/*}/common.sh"

interval=${1:-5}
own=$(own_host)

needed=$(awk '$1 == "min-replicas-to-write" { print $2 }' /etc/constructs-st2/config/redis.conf)

replication() {
    redis 127.0.0.1 info replication | tr -d '\r'
}

followed_host() {
    replication | sed -n 's/^master_host://p'
}

# How many replicas a write needs; nothing where that stays as it is. A new master has none at first. Services of st2
# try again when they reach no master, but take its refusal (NOREPLICAS) for final: their workflow fails, or stays as it
# is. So only a master that has had enough replicas refuses writes without them: it may have been cut off.
replicas_needed() {
    replication | awk -v needed="$needed" '
        $1 == "role:slave" { replica = 1 }
        /^slave[0-9]+:.*state=online/ { online++ }
        END {
            if (replica) print 0
            else if (online >= needed) print needed
        }
    '
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
        needed_now=$(replicas_needed)
        [ -z "$needed_now" ] || redis 127.0.0.1 config set min-replicas-to-write "$needed_now" >/dev/null || true
    done
}

# In the background, because a shell hears a signal only when the command before it is done.
child=
trap '[ -z "$child" ] || kill "$child"; exit 0' TERM INT
look_after &
child=$!
wait "$child"
