#!/bin/sh
# Run by the container redis: finds out whom to follow, writes the configuration, and becomes the server.
# usage: start-redis.sh
set -eu
# shellcheck disable=SC1091
. "${0%/*}/common.sh"

data=/data/db
conf=/run/constructs-st2/redis.conf
own=$(own_host)
peers=$(peer_hosts)

# The master as a majority of the sentinels knows it, because this pod may have missed a failover while it was away. With
# the others gone for longer than 10 s, the master that its own sentinel remembers; without any memory the first member.
find_master() {
    end=$(($(date +%s) + 10))
    while :; do
        # shellcheck disable=SC2086
        said=$(opinion_in /data/sentinel/sentinel.conf && opinions $peers)
        if [ "$(echo "$said" | grep -c .)" -ge "$(majority)" ] || [ "$(date +%s)" -ge "$end" ]; then
            break
        fi
        sleep 0.3
    done
    found=$(echo "$said" | newest)
    echo "${found:-$(first_host)}"
}

# The number of keys, or an error as LOADING, of each peer that answers.
peer_sizes() {
    for host in $peers; do
        redis "$host" dbsize &
    done
    wait
}

# What the other members have: data, or none; unknown until all of them answer.
peers_have() {
    sizes=$(peer_sizes)
    case $sizes in
        *[1-9]* | *LOADING*) echo data ;;
        *)
            if [ "$(echo "$sizes" | grep -c .)" -lt "$(echo "$peers" | grep -c .)" ]; then
                echo unknown
            else
                echo none
            fi
            ;;
    esac
}

# Replicas become as empty as their master. So a member that has no data, which is how it starts for the first time but
# also after it lost its disk, lets the sentinels choose another master if it would be the master of members with data.
yield_to_data() {
    [ -z "$(ls -A "$data")" ] || return 0
    begin=$(date +%s)
    while [ "$master" = "$own" ]; do
        waited=$(($(date +%s) - begin))
        case $(peers_have) in
            none) return 0 ;;
            unknown) [ "$waited" -lt 30 ] || return 0 ;;
            data)
                if [ "$waited" -ge 60 ]; then
                    echo "gave up: this member has no data, and none that has some became the master" >&2
                    exit 1
                fi
                echo "this member has no data but others have: waiting until one of them is the master ($waited of 60 s)"
                ;;
        esac
        sleep 1
        master=$(find_master)
    done
}

# As process 1, a shell without this would not hear that the pod ends.
trap 'exit 0' TERM
mkdir -p "$data"
master=$(find_master)
yield_to_data
{
    cat /etc/constructs-st2/config/redis.conf
    echo "dir $data"
    echo "replica-announce-ip $own"
    password_line redis requirepass
    password_line redis masterauth
    [ "$master" = "$own" ] || echo "replicaof $master 6379"
} >"$conf"

echo "the master is $master"
exec redis-server "$conf"
