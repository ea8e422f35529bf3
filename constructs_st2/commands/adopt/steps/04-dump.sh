#!/bin/sh
# Dumps the database of the chart to a file, with the number of documents of each collection.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=mongo.sh
. "$here/mongo.sh"

[ -n "$OLD_MONGODB" ] || { say "the database is outside of the cluster, and stays there"; exit 0; }
umask 077
archive=$DATABASE.archive.gz
# shellcheck disable=SC2086
primary=$(primary_of $OLD_MONGODB)
counts "$primary" "$DATABASE" >"$SAVED/counts.new"
[ -s "$SAVED/counts.new" ] || fail "the database $DATABASE is empty"
in_mongodb "$primary" "mongodump --quiet \"\$@\" --db $DATABASE --archive --gzip" </dev/null >"$SAVED/$archive.new"
gzip --test "$SAVED/$archive.new" || fail "the dump has not come whole"
counts "$primary" "$DATABASE" >"$SAVED/counts.after"
cmp -s "$SAVED/counts.new" "$SAVED/counts.after" || fail "somebody wrote meanwhile: stop StackStorm first (03-stop.sh)"
# The sum comes last, without which nobody takes the dump for one.
rm -f "$SAVED/SHA256SUMS"
mv "$SAVED/counts.new" "$SAVED/counts.before"
mv "$SAVED/$archive.new" "$SAVED/$archive"
(cd "$SAVED" && sha256sum "$archive" counts.before >SHA256SUMS.new && mv SHA256SUMS.new SHA256SUMS)
say "dumped $(wc -l <"$SAVED/counts.before") collections to $SAVED/$archive"
