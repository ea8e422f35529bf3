#!/bin/sh
# Run by the container redis: finds out whom to follow, writes the configuration, and becomes the server.
# usage: start-redis.sh
set -eu

# As process 1, a shell without this would not hear that the pod ends.
trap 'exit 0' TERM INT
# shellcheck disable=SC1091
. "${0%/*}/common.sh"

data=/data/db
run=/run/constructs-st2
conf=$run/redis.conf
metrics=/etc/constructs-st2/metrics/redis-metrics-password
own=$(own_host)
peers=$(peer_hosts)

is_empty() {
    [ -z "$(ls -A "$data")" ]
}

# The master, as far as a majority of the sentinels knows, because this pod may have missed a failover. With too many of
# them gone, the master that its own sentinel remembers, and without any memory the first member. A member without data
# does not wait for them: nothing is lost if it follows the wrong one for a while, and at the first start the sentinels
# wait for the first member (start-sentinel.sh).
find_master() {
    end=$(($(date +%s) + 15))
    waiting=
    while :; do
        # shellcheck disable=SC2086
        said=$(opinion_in /data/sentinel/sentinel.conf && opinions $peers)
        if is_empty || [ "$(count "$said")" -ge "$(majority)" ]; then
            break
        fi
        [ -n "$waiting" ] || echo "waiting for a majority of the sentinels (at most 15 s)" >&2
        waiting=yes
        [ "$(date +%s)" -lt "$end" ] || break
        sleep 0.3
    done
    prevails=$(echo "$said" | prevailing)
    [ -n "$prevails" ] || prevails="0 $(first_host)"
    echo "${prevails#* }"
}

# What the other members have: data, or none; unknown until all of them answer, and hidden until enough of them do to
# make a majority with this one.
peers_have() {
    sizes=$(peer_sizes)
    answers=$(count "$sizes")
    case $sizes in
        *[1-9]* | *LOADING*) echo data ;;
        *)
            if [ "$answers" -eq "$(count "$peers")" ]; then
                echo none
            elif [ "$((answers + 1))" -ge "$(majority)" ]; then
                echo unknown
            else
                echo hidden
            fi
            ;;
    esac
}

# Replicas become as empty as their master. A member without data starts for the first time, or has lost its disk: if
# others have data, it must not be their master, and stays away until the sentinels have found that out.
yield_to_data() {
    is_empty || return 0
    begin=$(date +%s)
    told=
    while [ "$master" = "$own" ]; do
        waited=$(($(date +%s) - begin))
        others=$(peers_have)
        case $others in
            none) return 0 ;;
            # A member with data may take its time to come: 15 s to hear of the master, and what its node needs.
            unknown) [ "$waited" -lt 60 ] || return 0 ;;
            # Alone it could accept no writes, and would only empty those that come later.
            hidden) ;;
            data)
                if [ "$waited" -ge 60 ]; then
                    echo "gave up: other members have data, but none of them became the master" >&2
                    exit 1
                fi
                ;;
        esac
        [ "$others" = "$told" ] || case $others in
            unknown) echo "waiting until the other members say that they have no data either (at most 60 s)" ;;
            hidden) echo "waiting until a majority of the members can be reached" ;;
            data) echo "waiting until a member that has data is the master (at most 60 s)" ;;
        esac
        told=$others
        sleep 1
        master=$(find_master)
    done
}

choose_master() {
    master=$(find_master)
    yield_to_data >&2
    echo "$master"
}

# The line by which the exporter, if there is one, may read numbers. It sees no key, no settings and no commands of
# others, and can change nothing.
metrics_user() {
    [ -f "$metrics" ] || return 0
    hash=$(printf %s "$(cat "$metrics")" | sha256sum | cut -d ' ' -f 1)
    echo "user metrics on #$hash resetkeys resetchannels -@all +ping +info +client|setname +latency|latest +slowlog|len"
}

mkdir -p "$data"
interruptibly choose_master >"$run/master"
master=$(cat "$run/master")

{
    cat /etc/constructs-st2/config/redis.conf
    echo "dir $data"
    echo "replica-announce-ip $own"
    password_line redis requirepass
    password_line redis masterauth
    metrics_user
    # A replica that takes over is to accept writes before the other ones have found it: guard.sh.
    [ "$master" = "$own" ] || printf '%s\n' "replicaof $master 6379" "min-replicas-to-write 0"
    # One that has nothing yet is not to take over from one that has: guard.sh.
    [ "$master" = "$own" ] || ! is_empty || echo "replica-priority 0"
} >"$conf"

echo "the master is $master"
exec redis-server "$conf"
