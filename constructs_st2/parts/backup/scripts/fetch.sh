#!/bin/sh
# Run by the init container fetch of a restore: copies a backup from a storage.
# usage: fetch.sh TARGET NAME     REMOTE:PATH of rclone     FOLDER is in the environment, and what rclone needs
set -eu
# shellcheck disable=SC1091
. "${0%/*}/common.sh"

target=$1
name=$2
encrypt

there=$(rclone lsf --recursive --files-only --include '/*/manifest.json' "$target" | LC_ALL=C sort)
there=$(echo "$there" | sed 's|/manifest.json$||')
if ! echo "$there" | grep -Fqx "$name"; then
    echo "there is no backup $name; there are:" >&2
    echo "$there" >&2
    exit 1
fi
rclone copy "$target/$name" "$FOLDER/$name"
