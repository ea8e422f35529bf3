#!/bin/sh
# Run by the container keep: makes a backup of what has been verified, and removes backups that are not kept.
# usage: keep.sh COUNT DAYS     see expired.sh     FOLDER, STATE and RELEASE are in the environment
set -eu
here=${0%/*}
# shellcheck disable=SC1091
. "$here/common.sh"

count=$1
days=$2
name=$(name)
work=$(work)
discard_on_failure "$work"

cp "$STATE/manifest.json" "$work/manifest.json"
sync
mv "$work" "$FOLDER/$name"
echo "made $name"

good() {
    for path in "$FOLDER"/*/manifest.json; do
        path=${path%/manifest.json}
        [ ! -d "$path" ] || echo "${path##*/}"
    done | own
}

good | sh "$here/expired.sh" "$count" "$days" | while IFS= read -r old; do
    echo "removing $old"
    rm "$FOLDER/$old/manifest.json"
    rm -rf "${FOLDER:?}/$old"
done
echo "there are:"
good
