#!/bin/sh
# Run by the container upload: copies what has been verified to a storage, and removes backups that are not kept there.
# usage: upload.sh TARGET DEADLINE COUNT DAYS     REMOTE:PATH of rclone; seconds after which no other run is alive; see
#                                                 expired.sh
# FOLDER, STATE and RELEASE are in the environment, and what rclone needs.
set -eu
here=${0%/*}
# shellcheck disable=SC1091
. "$here/common.sh"

target=$1
deadline=$2
count=$3
days=$4
name=$(name)
check=check
encrypt
# Of what is encrypted, the storage knows other checksums: this encrypts again, and compares.
[ "$target" != encrypted: ] || check=cryptcheck

rclone copy "$(work)" "$target/$name"
# rclone compares what it has copied; this also finds what it did not.
rclone "$check" --one-way "$(work)" "$target/$name"
rclone copyto "$STATE/manifest.json" "$target/$name/manifest.json"
echo "made $name"

# Through a file, because a pipe would hide a failure of rclone.
good() {
    rclone lsf --recursive --files-only --include '/*/manifest.json' "$target" >"$STATE/listed"
    sed 's|/manifest.json$||' "$STATE/listed" | own | LC_ALL=C sort >"$STATE/good"
}

remove() {
    while IFS= read -r old; do
        echo "removing $old"
        if grep -Fqx "$old" "$STATE/good"; then
            rclone deletefile "$target/$old/manifest.json"
        fi
        rclone purge "$target/$old"
    done
}

good
sh "$here/expired.sh" "$count" "$days" <"$STATE/good" | remove
rclone lsf --dirs-only "$target" >"$STATE/listed"
sed 's|/$||' "$STATE/listed" | own | older_than "$deadline" >"$STATE/old"
good
# What is without a manifest after so long a time was never finished.
grep -Fvx -f "$STATE/good" "$STATE/old" | remove
echo "there are:"
cat "$STATE/good"
