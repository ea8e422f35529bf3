#!/bin/sh
# Run by the container sentinel: writes the configuration around the state that it left, and becomes the sentinel.
# usage: start-sentinel.sh
set -eu
# shellcheck disable=SC1091
. "${0%/*}/common.sh"

conf=/data/sentinel/sentinel.conf
own=$(own_host)

# Follows from the name, so that a sentinel which lost its disk does not count as one more.
identity() {
    printf '%s' "$1" | sha1sum | cut -c 1-40
}

# Sentinels are told of all members. Left to find them, they would not know a replica for its first ten seconds, which
# could not take over then, and would go on counting a member that is none any more.
# usage: membership MASTER
membership() {
    for host in $(all_hosts); do
        [ "$host" = "$1" ] || echo "sentinel known-replica mymaster $host 6379"
        [ "$host" = "$own" ] || echo "sentinel known-sentinel mymaster $host 26379 $(identity "$host")"
    done
}

mkdir -p "${conf%/*}"
# Nothing where the master is no member, as after a change of the cluster's domain: what was left is of no use then.
remembered=$(opinion_in "$conf" | newest)
# The others know of failovers that this one has missed, or misunderstood.
# shellcheck disable=SC2046
known=$({ opinion_in "$conf" && opinions $(peer_hosts); } | newest)
master=${known:-$(first_host)}

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
