#!/bin/sh
# Run by the init container verify: reads all that was dumped, and describes it in a manifest.
# usage: verify.sh FACTS DATABASE OPTION...     a file with JSON for the manifest; StackStorm's database; options of
#                                               mongorestore
# FOLDER, STATE, RELEASE and PASSWORD_FILE are in the environment.
set -eu
# shellcheck disable=SC1091
. "${0%/*}/common.sh"

facts=$1
database=$2
shift 2
name=$(name)
work=$(work)
discard_on_failure "$work"

# Where there is no such database, mongodump finds nothing wrong.
[ -n "$(find "$work/mongodb/$database" -name '*.bson*' 2>/dev/null | head -n 1)" ] ||
    fail "the dump holds nothing of the database $database"

find "$work/mongodb" -type f | while IFS= read -r file; do
    gzip -t <"$file" || fail "$file is damaged"
    case $file in
        *.bson | *.bson.gz)
            gzip -dc <"$file" | bsondump --objcheck --quiet --outFile=/dev/null || fail "$file is damaged"
            ;;
    esac
done
# It reads names and no data, and so tells only that mongorestore knows its way about.
config=$(login)
mongorestore --config="$config" "$@" --gzip --dryRun --dir="$work/mongodb"

[ ! -f "$STATE/etcd.db" ] || mv "$STATE/etcd.db" "$work/etcd.db"
checksums "$work" >"$STATE/checksums"
mv "$STATE/checksums" "$work/SHA256SUMS"

# usage: version KEY     of what the newer tools note about themselves and the server
version() {
    prelude=$(find "$work/mongodb" -name prelude.json.gz | head -n 1)
    found=
    [ -z "$prelude" ] || found=$(gzip -dc <"$prelude" | sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p")
    [ -n "$found" ] && printf '"%s"' "$found" || printf null
}

files() {
    separator=
    while read -r sum path; do
        printf '%s\n    {"path": "%s", "size": %s, "sha256": "%s"}' "$separator" "${path#./}" \
            "$(wc -c <"$work/$path" | tr -d ' ')" "$sum"
        separator=,
    done <"$work/SHA256SUMS"
}

total=0
while read -r _ path; do
    total=$((total + $(wc -c <"$work/$path")))
done <"$work/SHA256SUMS"
{
    printf '{\n  "name": "%s",\n' "$name"
    printf '  "of": %s,\n' "$(cat "$facts")"
    printf '  "server": %s,\n  "tools": %s,\n' "$(version ServerVersion)" "$(version ToolVersion)"
    printf '  "size": %s,\n' "$total"
    printf '  "sha256": "%s",\n' "$(sha256sum <"$work/SHA256SUMS" | cut -d ' ' -f 1)"
    printf '  "files": [%s\n  ]\n}\n' "$(files)"
} >"$STATE/manifest.json"
echo "verified $total bytes of $name"
