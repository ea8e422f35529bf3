#!/bin/sh
# Run by the readiness probe of redis: is it a master, or a replica that has the data of its master?
# usage: ready.sh
set -eu
# shellcheck disable=SC1091
. "${0%/*}/common.sh"

printf 'ping\ninfo replication\n' | redis 127.0.0.1 | tr -d '\r' | awk -F: '
    NR == 1 { loaded = $0 == "PONG" }
    { info[$1] = $2 }
    END {
        synced = info["master_link_status"] == "up" && info["master_sync_in_progress"] == "0"
        exit !(loaded && (info["role"] == "master" || synced))
    }
'
