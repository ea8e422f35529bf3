#!/bin/sh
# Run by the container sentinel: finds out who the master is, writes the configuration around the state that it left, and
# becomes the sentinel.
# usage: start-sentinel.sh
set -eu

# As process 1, a shell without this would not hear that the pod ends.
trap 'exit 0' TERM INT
# shellcheck disable=SC1091
. "${0%/*}/common.sh"

conf=/data/sentinel/sentinel.conf
own=$(own_host)
peers=$(peer_hosts)

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

# What this sentinel remembers, unless that is no member, as after a change of the cluster's domain.
remembered() {
    opinion_in "$conf" | prevailing
}

# What a sentinel has to know before it starts. First, the master: the one that its peers and its own file name, or at the
# first start of all the first member, once that is a master; before, the sentinels would fail it over. Second, the names
# of all members: a sentinel that cannot resolve the name of a new master when it hears of it never knows it (see prevailing).
# A restart must not depend for long on members that are gone.
# Says EPOCH MASTER, or nothing at the first start of all.
learn() {
    limit=5
    [ -n "$(remembered)" ] || limit=60
    end=$(($(date +%s) + limit))
    told=
    while :; do
        # shellcheck disable=SC2086
        known=$( (remembered && opinions $peers) | prevailing)
        # shellcheck disable=SC2046
        missing=$(unresolved $(all_hosts) | sort | tr '\n' ' ')
        if [ -n "$missing" ]; then
            awaited="the names of ${missing% }"
        elif [ -z "$known" ] && ! is_master "$(first_host)"; then
            awaited="the first master, $(first_host)"
        else
            break
        fi
        [ "$awaited" = "$told" ] || echo "waiting for $awaited (at most $limit s)" >&2
        told=$awaited
        if [ "$(date +%s)" -ge "$end" ]; then
            echo "starting without $awaited" >&2
            break
        fi
        sleep 0.5
    done
    echo "$known"
}

# The epochs up to which it has promised its vote.
promises() {
    [ -z "$(remembered)" ] || sed -n '/^sentinel current-epoch /p; /^sentinel leader-epoch /p' "$conf"
}

mkdir -p "${conf%/*}"
interruptibly learn >/run/constructs-st2/known
known=$(cat /run/constructs-st2/known)
master=${known#* }
master=${master:-$(first_host)}

{
    cat /etc/constructs-st2/config/sentinel.conf
    echo "dir /tmp"
    echo "sentinel myid $(identity "$own")"
    echo "sentinel announce-ip $own"
    echo "sentinel monitor mymaster $master 6379 $(majority)"
    [ -z "$known" ] || echo "sentinel config-epoch mymaster ${known% *}"
    promises
    membership "$master"
    password_line redis "sentinel auth-pass mymaster"
    password_line redis-sentinel requirepass
    password_line redis-sentinel "sentinel sentinel-pass"
} >"$conf.new"
mv "$conf.new" "$conf"

exec redis-sentinel "$conf"
