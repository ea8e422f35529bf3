#!/bin/sh
# Read by the other scripts: who the members are, what this one tells the others, and how to ask them.
# usage: . common.sh

umask 077

# A shell hears a signal while it waits, but not during other commands. When process 1 ends, all others do.
interruptibly() {
    "$@" &
    wait "$!"
}

members=/etc/constructs-st2/config/members
template=/etc/constructs-st2/config/etcd.yaml
data=/var/lib/etcd
formed=$data/formed
begun=$data/begun
state=/run/constructs-st2
config=$state/etcd.yaml
scheme=http
[ ! -e /etc/constructs-st2/tls/ca.crt ] || scheme=https

own=$(grep "^$POD_NAME\." "$members") || {
    echo "$POD_NAME is none of the members: $(tr '\n' ' ' <"$members")" >&2
    exit 1
}

peer_hosts() {
    grep -v "^$POD_NAME\." "$members" || true
}

peer_urls() {
    sed "s|.*|$scheme://&:2380|" "$members"
}

own_url() {
    echo "$scheme://$own:2380"
}

has_data() {
    [ -d "$data/data/member/wal" ]
}

# Whether this member has ever been in a cluster, as its disk knows.
has_formed() {
    [ -e "$formed" ]
}

# Only the volume is synced, and for 10 s at most: those of all pods of the node can take minutes.
note_formed() {
    : >"$formed" && timeout 10 sync -f "$formed"
}

# Before a member without data starts for the first time. Data without this is older than these notes.
note_begun() {
    : >"$begun"
}

has_begun() {
    [ -e "$begun" ]
}

# Tells the others.
tell() {
    if has_formed; then echo formed; else echo unformed; fi >"$state/told.new"
    mv "$state/told.new" "$state/told/state"
}

# Notes that the witness has looked. No look takes longer than a minute and a half: 13 s for each of six others.
note_look() {
    : >"$state/looked"
}

has_looked_lately() {
    [ -n "$(find "$state/looked" -mmin -2)" ]
}

# Tells the others nothing for now, as one that cannot be reached.
tell_nothing() {
    rm -f "$state/told/state"
}

# Sets `server`.
serve() {
    mkdir -p "$state/told"
    httpd -f -p 2382 -h "$state/told" &
    server=$!
}

still_serves() {
    kill -0 "$server" 2>/dev/null
}

# What another member tells of itself; nothing where it does not answer.
told_by() {
    timeout 3 wget -q -O - "http://$1:2382/state" 2>/dev/null || true
}

# Calls etcd. Its certificate is not checked, which busybox cannot do: whoever reaches etcd may do there what he likes.
# usage: call HOST METHOD JSON
call() {
    timeout 5 wget -q -O - --no-check-certificate --header "Content-Type: application/json" --post-data "$3" \
        "$scheme://$1:2379/v3/$2" 2>/dev/null
}

# The members as a host knows them, a line of JSON each. It reads a key first: that needs a majority, and makes the
# host know all that was decided before.
members_by() {
    call "$1" kv/range '{"key":"AA=="}' >/dev/null && listed=$(call "$1" cluster/member/list '{}') || return 1
    lines "$listed"
}

lines() {
    echo "$1" | tr '{' '\n' | grep '"peerURLs"'
}

# The line of this member, if it has one, and those of the others.
own_line() {
    echo "$1" | grep -F "\"$(own_url)\"" || true
}

other_lines() {
    echo "$1" | grep -vF "\"$(own_url)\"" || true
}

# A member has a name since it started, or since it began the cluster, and client URLs since it joined.
is_named() {
    echo "$1" | grep -q '"name":"[^"]'
}

has_joined() {
    echo "$1" | grep -q '"clientURLs":\["'
}

# The answer to another member names that twice.
urls_in() {
    echo "$1" | sed 's/.*"peerURLs":\["\([^"]*\)".*/\1/' | sort -u
}

is_to_join() {
    grep -q '^initial-cluster-state: existing$' "$config"
}

# Writes the configuration of etcd. Its last two lines matter only to a member without data.
# usage: configure new|existing URL ...
configure() {
    {
        sed "s/\$(POD_NAME)/$POD_NAME/g" "$template"
        echo "initial-cluster-state: $1"
        shift
        for url in "$@"; do
            host=${url#*://}
            echo "${host%%.*}=$url"
        done | paste -s -d , | sed 's/^/initial-cluster: /'
    } >"$config.new"
    mv "$config.new" "$config"
}
