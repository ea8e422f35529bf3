#!/bin/sh
# Run by the Job of a restore: replaces what is in MongoDB by a plain dump of mongodump, an archive or a folder.
# usage: restore-dump.sh NAME DATABASE OPTION...     StackStorm's database; options of mongorestore
# FOLDER and PASSWORD_FILE are in the environment. Whether it is compressed is seen from its content.
set -eu
# shellcheck disable=SC1091
. "${0%/*}/common.sh"

name=$1
database=$2
shift 2
dump=$FOLDER/$name

if [ -f "$dump" ]; then
    ! gzip -t "$dump" 2>/dev/null || set -- "$@" --gzip
    set -- "$@" --archive="$dump" --nsInclude="$database.*"
elif [ -d "$dump/$database" ]; then
    [ -z "$(find "$dump/$database" -name '*.bson.gz')" ] || set -- "$@" --gzip
    # mongorestore replays changes of the whole server only.
    if [ -f "$dump/oplog.bson" ]; then set -- "$@" --oplogReplay; else set -- "$@" --nsInclude="$database.*"; fi
    set -- "$@" --dir="$dump"
else
    fail "there is no dump $name of the database $database: neither an archive, nor a folder with a folder $database"
fi
config=$(login)
mongorestore --config="$config" "$@" --drop --stopOnError
echo "restored $name"
