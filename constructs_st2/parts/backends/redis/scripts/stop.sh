#!/bin/sh
# Run by the preStop hook of redis: hands a master over to a replica, so that no accepted write is lost.
# usage: stop.sh SECONDS     at most
set -eu
# shellcheck disable=SC1091
. "${0%/*}/common.sh"

end=$(($(date +%s) + $1))
own=$(own_host) || exit 0
peers=$(peer_hosts)

# Is there a replica, and do all that are connected have all the data?
in_step() {
    redis 127.0.0.1 info replication | tr -d '\r' | awk -F: '
        /^slave[0-9]+:.*state=online/ {
            match($0, /offset=[0-9]+/)
            offsets[$1] = substr($0, RSTART + 7, RLENGTH - 7)
        }
        $1 == "master_repl_offset" { written = $2 }
        END {
            for (replica in offsets) {
                replicas++
                behind += offsets[replica] + 0 < written + 0
            }
            exit !(replicas && !behind)
        }
    '
}

# Replicas confirm once a second what they have.
wait_until_in_step() {
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
        ! in_step || return 0
        sleep 0.1
    done
    return 1
}

# One sentinel at a time: if two began, each could choose another master.
begin_failover() {
    for host in $peers; do
        case $(sentinel "$host" sentinel failover mymaster) in
            OK | INPROG*) return 0 ;;
        esac
    done
    return 1
}

# usage: replicas_needed [COUNT]     for a write
replicas_needed() {
    if [ $# -eq 0 ]; then
        redis 127.0.0.1 config get min-replicas-to-write | tail -n 1
    else
        redis 127.0.0.1 config set min-replicas-to-write "$1" >/dev/null
    fi
}

# Writes wait from here on, until the server ends: what it accepted now, the next master would not have. They must wait
# also when its replicas have left it, rather than be refused: see guard.sh, which has ended by now.
hand_over() {
    before=$(replicas_needed)
    redis 127.0.0.1 client pause "$(((end - $(date +%s)) * 1000))" write >/dev/null
    replicas_needed 0
    if wait_until_in_step && begin_failover; then
        return 0
    fi
    replicas_needed "${before:-1}"
    redis 127.0.0.1 client unpause >/dev/null
    return 1
}

# A client that loses its connection to this server asks any sentinel for the next one, and must not be sent back here:
# waits until all sentinels that answer know it, for at most 3 s (one that is lost with its node costs these 3 s, too).
# usage: let_sentinels_know MASTER
let_sentinels_know() {
    known_by=$(($(date +%s) + 3))
    # shellcheck disable=SC2086
    while opinions $peers | awk -v next_master="$1" \
        '$2 != next_master || $3 ~ /failover_in_progress/ { late = 1 } END { exit !late }'; do
        [ "$(date +%s)" -lt "$known_by" ] || return 0
        sleep 0.2
    done
}

if [ -z "$peers" ] || ! is_master 127.0.0.1; then
    exit 0
fi

begun=
silence=0
while [ "$(date +%s)" -lt "$end" ]; do
    # shellcheck disable=SC2086
    said=$(opinions $peers)
    next=$(echo "$said" | agreed)
    case $next in
        "" | "$own") ;;
        *)
            if is_master "$next"; then
                let_sentinels_know "$next"
                exit 0
            fi
            ;;
    esac
    if [ -n "$said" ]; then
        silence=0
        [ -n "$begun" ] || ! hand_over || begun=yes
    else
        # All members are being stopped.
        silence=$((silence + 1))
        [ "$silence" -lt 2 ] || exit 0
    fi
    sleep 0.3
done
