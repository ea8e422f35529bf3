#!/bin/sh
# Run by the container witness: notes on the disk that this member has been in a cluster, and tells the others so.
# usage: witness.sh
set -eu
# shellcheck disable=SC1091
. "${0%/*}/common.sh"

sees_leader() {
    timeout 3 wget -q -O - http://127.0.0.1:2381/metrics 2>/dev/null | grep -q '^etcd_server_has_leader 1$'
}

# Who joins must name all members. Where there are others since it asked, etcd ends, and starts again with this.
update_members() {
    for host in $(peer_hosts); do
        if known=$(members_by "$host") && [ -n "$(own_line "$known")" ]; then
            # shellcheck disable=SC2046
            configure existing $(urls_in "$known")
            return 0
        fi
    done
}

watch() {
    while :; do
        has_data || ! is_to_join || update_members
        has_formed || ! sees_leader || note_formed
        tell
        sleep 2
    done
}

tell
serve &
server=$!
watch &
trap 'kill "$server" "$!" 2>/dev/null; exit 0' TERM INT
wait "$server"
