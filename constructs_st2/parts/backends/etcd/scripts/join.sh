#!/bin/sh
# Run by the init container: decides whether etcd begins a cluster or joins one, and writes its configuration.
# usage: join.sh
#
# A member with data goes on as who it was. One without data is new, or has lost its disk. Left to itself, etcd would
# begin a cluster in both cases, unless it happens to reach another member just then: under its former identity, but
# without what it had promised, so that two such members put an empty cluster in the place of the one that was.
# Here it begins one only when all other members answer and none of them has ever been in a cluster. If there is a
# cluster, the member that lost its disk takes leave of it and joins as somebody new.
set -eu

# As process 1, a shell without this would not hear that the pod ends. Nor may the pod go on then.
trap 'exit 1' TERM INT
# shellcheck disable=SC1091
. "${0%/*}/common.sh"

peers=$(peer_hosts)
said=

# Says a thing once, for as long as nothing else is to be said.
say() {
    [ "$1" = "$said" ] || echo "$1"
    said=$1
}

begin() {
    echo "begins a cluster with all members"
    # shellcheck disable=SC2046
    configure new $(peer_urls)
}

# usage: join HOST LINES     a member that is in the cluster, and the members that it knows
join() {
    line=$(own_line "$2")
    if [ -n "$line" ] && is_named "$line" && ! has_joined "$line"; then
        # The others have begun the cluster and expect this member for the first time.
        begin
        return 0
    fi
    # One change at a time: who joins must name all members, as they are when it starts.
    joining=$(other_lines "$2" | while read -r other; do is_named "$other" || urls_in "$other"; done)
    if [ -n "$joining" ]; then
        say "waits to join until $joining has joined"
        return 1
    fi
    if [ -n "$line" ]; then
        id=$(echo "$line" | sed 's/.*"ID":"\([0-9]*\)".*/\1/')
        if ! call "$1" cluster/member/remove "{\"ID\":\"$id\"}" >/dev/null; then
            say "waits to leave the cluster as the member that lost its disk: $1 refuses that for now"
            return 1
        fi
        echo "left the cluster as the member $id, whose disk is lost"
    fi
    if ! added=$(call "$1" cluster/member/add "{\"peerURLs\":[\"$(own_url)\"]}"); then
        say "waits to join the cluster: $1 refuses that for now, as while another member is down"
        return 1
    fi
    # Now, and not when it has a leader: meanwhile another might take it for one that was never in a cluster.
    if ! note_formed; then
        say "waits for its volume: it took no note within 10 s"
        return 1
    fi
    echo "joins the cluster of $1"
    # shellcheck disable=SC2046
    configure existing $(urls_in "$(lines "$added")")
}

decide() {
    for host in $peers; do
        if known=$(members_by "$host"); then
            join "$host" "$known"
            return
        fi
    done
    for host in $peers; do
        case $(told_by "$host") in
            unformed) ;;
            formed)
                say "waits for a majority: $host has been in a cluster, which has no leader now"
                return 1
                ;;
            *)
                say "waits for $host, because it may have data"
                return 1
                ;;
        esac
    done
    begin
}

if has_data; then
    has_begun || note_formed
    begin >/dev/null
    exit 0
fi
wait_to_start() {
    serve
    tell
    until decide; do
        sleep 1
        if ! still_serves; then
            echo "httpd has ended: the others cannot hear of this member" >&2
            exit 1
        fi
    done
    note_begun
}

interruptibly wait_to_start
