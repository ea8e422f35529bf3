#!/bin/sh
# Run by the init container dump: writes what is in MongoDB into a new folder, which is no backup yet.
# usage: dump.sh DEADLINE OPTION...     seconds after which no other run is alive; options of mongodump
# FOLDER, STATE, RELEASE and PASSWORD_FILE are in the environment.
set -eu
# shellcheck disable=SC1091
. "${0%/*}/common.sh"

deadline=$1
shift

# Of runs that were killed. They must go before the dump: a volume that they fill would stay full for ever.
for left in "$FOLDER"/.partial-* "$FOLDER"/"$RELEASE"-*; do
    if [ -d "$left" ] && [ ! -f "$left/manifest.json" ]; then
        found=${left##*/}
        found=$(echo "${found#.partial-}" | own | older_than "$deadline")
        [ -z "$found" ] || {
            echo "removing $left, which an earlier run did not finish"
            rm -rf "$left"
        }
    fi
done

begin
work=$(work)
mkdir "$work"
discard_on_failure "$work"
config=$(login)
mongodump --config="$config" "$@" --gzip --out="$work/mongodb"
# Its users would come back with the passwords of today, whatever the Secrets say by then. They are made from Secrets.
rm -rf "$work/mongodb/admin"
echo "dumped $(du -sk "$work" | cut -f 1) KiB for $(name)"
