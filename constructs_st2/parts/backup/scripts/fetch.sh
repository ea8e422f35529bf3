#!/bin/sh
# Run by the init container fetch of a restore: copies a backup from a storage.
# usage: fetch.sh TARGET NAME [dump]     REMOTE:PATH of rclone; a plain dump has no manifest     FOLDER is in the environment, and what rclone needs
set -eu
# shellcheck disable=SC1091
. "${0%/*}/common.sh"

target=$1
name=$2
encrypt

if [ "${3:-}" = dump ]; then
    # Of a file and of a folder alike.
    rclone copy --include "/$name" --include "/$name/**" "$target" "$FOLDER"
    exit 0
fi
there=$(rclone lsf --recursive --files-only --include '/*/manifest.json' "$target" | LC_ALL=C sort)
there=$(echo "$there" | sed 's|/manifest.json$||')
if ! echo "$there" | grep -Fqx "$name"; then
    echo "there is no backup $name; there are:" >&2
    echo "$there" >&2
    exit 1
fi
rclone copy "$target/$name" "$FOLDER/$name"
