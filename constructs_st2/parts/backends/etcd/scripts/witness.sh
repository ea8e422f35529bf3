#!/bin/sh
# Run by the container witness: notes on the disk that this member has been in a cluster, and tells the others so.
# usage: witness.sh
set -eu

# As process 1, a shell without this would not hear that the pod ends.
trap 'exit 0' TERM INT
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

# Whether it has just formed a cluster. Until that is on the disk, the others must not hear that it was never in one.
forms() {
    ! has_formed && sees_leader && tell_nothing
}

watch() {
    while :; do
        has_data || ! is_to_join || update_members
        if forms && ! note_formed; then
            echo "the volume took no note within 10 s of that this member is in a cluster" >&2
            exit 1
        fi
        tell
        note_look
        sleep 2
    done
}

still_watches() {
    kill -0 "$watcher" 2>/dev/null && has_looked_lately
}

serve
tell
note_look
watch &
watcher=$!
# What it last told may be wrong when nobody looks any more. Then the kubelet starts it again.
while still_serves && still_watches; do
    interruptibly sleep 2
done
still_serves || echo "httpd has ended: the others cannot hear of this member" >&2
still_watches || echo "the watch of this member has ended, or hangs for two minutes" >&2
exit 1
