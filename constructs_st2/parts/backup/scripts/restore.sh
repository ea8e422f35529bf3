#!/bin/sh
# Run by the Job of a restore: checks a backup, and replaces what is in MongoDB by it.
# usage: restore.sh NAME DATABASE OPTION...     StackStorm's database; options of mongorestore
# FOLDER, STATE and PASSWORD_FILE are in the environment.
set -eu
# shellcheck disable=SC1091
. "${0%/*}/common.sh"

name=$1
database=$2
shift 2
backup=$FOLDER/$name

if [ ! -f "$backup/manifest.json" ]; then
    echo "there is no backup $name; there are:" >&2
    for path in "$FOLDER"/*/manifest.json; do
        path=${path%/manifest.json}
        echo "${path##*/}" >&2
    done
    exit 1
fi
sum=$(sha256sum <"$backup/SHA256SUMS" | cut -d ' ' -f 1)
grep -Fq "\"sha256\": \"$sum\"," "$backup/manifest.json" || fail "$name is damaged: SHA256SUMS is not what was written"
checksums "$backup" >"$STATE/checksums"
cmp -s "$STATE/checksums" "$backup/SHA256SUMS" || {
    diff "$backup/SHA256SUMS" "$STATE/checksums" >&2 || true
    fail "$name is damaged: files are not those that were written"
}
echo "$name is as it was written"
[ -d "$backup/mongodb/$database" ] || fail "$name holds nothing of the database $database"

# It holds the changes of the time that the dump took, and makes all of one moment.
[ ! -f "$backup/mongodb/oplog.bson" ] || set -- "$@" --oplogReplay
config=$(login)
# Whatever cannot be written is a failure: without, mongorestore goes on, and ends well.
mongorestore --config="$config" "$@" --drop --stopOnError --gzip --dir="$backup/mongodb"
echo "restored $name"
