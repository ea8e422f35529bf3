#!/bin/sh
# Run by the container sentinel: writes the configuration around the state that it left, and becomes the sentinel.
# usage: start-sentinel.sh
set -eu
# shellcheck disable=SC1091
. "${0%/*}/common.sh"

conf=/data/sentinel/sentinel.conf
own=$(own_host)

# An identity that a sentinel keeps when it loses its disk. With another one it would count as one more.
identity() {
    printf '%s' "$1" | sha1sum | cut -c 1-40
}

# Sentinels would find each other and the replicas by and by: if the master dies before, a replica that they have not
# met keeps following it, and a member that they have met and is none any more has a vote forever.
# usage: membership MASTER
membership() {
    for host in $(all_hosts); do
        [ "$host" = "$1" ] || echo "sentinel known-replica mymaster $host 6379"
        [ "$host" = "$own" ] || echo "sentinel known-sentinel mymaster $host 26379 $(identity "$host")"
    done
}

mkdir -p "${conf%/*}"
# Nothing where the state is about other members, as after a change of the release's name. Then it is of no use.
remembered=$(opinion_in "$conf" | newest)
master=${remembered:-$(first_host)}

{
    cat /etc/constructs-st2/config/sentinel.conf
    echo "dir /tmp"
    echo "sentinel myid $(identity "$own")"
    echo "sentinel announce-ip $own"
    echo "sentinel monitor mymaster $master 6379 $(majority)"
    [ -z "$remembered" ] || sed -n '/^sentinel [a-z]*-epoch /p' "$conf"
    membership "$master"
    password_line redis "sentinel auth-pass mymaster"
    password_line redis-sentinel requirepass
    password_line redis-sentinel "sentinel sentinel-pass"
} >"$conf.new"
mv "$conf.new" "$conf"

exec redis-sentinel "$conf"
