#!/bin/sh
# Run by the container guard: brings right what would not, or not soon, become right by itself.
# A replica that follows another host than the master is told whom to follow. Sentinels do that too, but only after the
# time that a failover may take. A second master is up to them alone.
# A sentinel that names another master (see prevailing) is ended: when it starts again, it asks the others.
# And it is decided here how many replicas the server needs to accept writes, and whether it may take over.
# usage: guard.sh [SECONDS]     between two looks
set -eu

# As process 1, a shell without this would not hear that the pod ends.
trap 'exit 0' TERM INT
# shellcheck disable=SC1091
. "${0%/*}/common.sh"

interval=${1:-5}
own=$(own_host)
# Asked by the probes (looked.sh, has-looked.sh).
looked=${LOOKED:-/tmp/guard}
rm -f "$looked"

# usage: configured OPTION
configured() {
    awk -v option="$1" '$1 == option { print $2 }' /etc/constructs-st2/config/redis.conf
}

needed=$(configured min-replicas-to-write)
priority=$(configured replica-priority)
begin=$(date +%s)

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

# Whether a replica that began without data (start-redis.sh) may take over by now: it has all of the master's, or has
# waited for a minute and nobody has any.
may_take_over() {
    replication | grep -Eq '^(role:master|master_link_status:up)$' && return 0
    [ "$(($(date +%s) - begin))" -ge 60 ] || return 1
    sizes=$(peer_sizes)
    case $sizes in
        *[1-9]* | *LOADING*) return 1 ;;
    esac
}

let_take_over() {
    if [ "$(redis 127.0.0.1 config get replica-priority | tail -n 1)" = 0 ] && may_take_over; then
        redis 127.0.0.1 config set replica-priority "${priority:-100}" >/dev/null || true
    fi
}

# The master that a majority of the sentinels names and finds well, unless a failover is under way, or the majority may
# be wrong (see prevailing).
settled_master() {
    # shellcheck disable=SC2046
    said=$(opinions $(all_hosts))
    case $said in
        *failover_in_progress*) return 0 ;;
    esac
    settled=$(echo "$said" | grep ' master$' | agreed)
    [ -n "$settled" ] || return 0
    prevails=$(echo "$said" | prevailing)
    [ "${prevails#* }" != "$settled" ] || echo "$settled"
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

# usage: lead_back FOLLOWED MASTER
lead_back() {
    is_master "$2" || return 0
    echo "following $1 but the master is $2: following that"
    redis 127.0.0.1 replicaof "$2" 6379 >/dev/null
}

# usage: correct_sentinel MASTER
correct_sentinel() {
    echo "the sentinel names another master than $1: ending it, so that it starts again and asks the others"
    sentinel 127.0.0.1 shutdown nosave || true
}

# What is seen once, may be a failover that just ends.
look_after() {
    misled_before=''
    unknown_before=''
    while sleep "$interval"; do
        misled=$(misled)
        unknown=$(unknown_master)
        # shellcheck disable=SC2086
        if [ -n "$misled" ] && [ "$misled" = "$misled_before" ]; then
            lead_back $misled
            misled=''
        fi
        if [ -n "$unknown" ] && [ "$unknown" = "$unknown_before" ]; then
            correct_sentinel "$unknown"
            unknown=''
        fi
        misled_before=$misled
        unknown_before=$unknown
        let_take_over
        needed_now=$(replicas_needed)
        [ -z "$needed_now" ] || redis 127.0.0.1 config set min-replicas-to-write "$needed_now" >/dev/null || true
        : >"$looked"
    done
}

# A replica has all of the master's within seconds, and its master may be lost soon.
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    let_take_over
    sleep 1
done &
interruptibly look_after
