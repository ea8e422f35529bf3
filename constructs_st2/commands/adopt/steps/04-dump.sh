#!/bin/sh
# Dumps the database of the chart to a file, with the number of documents of each collection.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

umask 077
primary=
for ordinal in 0 1 2 3 4 5 6; do
    pod=$RELEASE-mongodb-$ordinal
    # shellcheck disable=SC2016
    if kube exec "$pod" -- sh -c '$(command -v mongosh || command -v mongo) --quiet --eval "print(db.isMaster().ismaster)"' \
        2>/dev/null | grep -q true; then
        primary=$pod
        break
    fi
done
[ -n "$primary" ] || fail "no pod $RELEASE-mongodb-N is the primary"

kube exec "$primary" -- sh -c "$("$here/mongo.sh" counts)" >"$SAVED/counts.before"
[ -s "$SAVED/counts.before" ] || fail "the database $DATABASE is empty"
kube exec "$primary" -- sh -c "$("$here/mongo.sh" dump)" >"$SAVED/$DATABASE.archive.gz.new"
[ -s "$SAVED/$DATABASE.archive.gz.new" ] || fail "the dump is empty"
kube exec "$primary" -- sh -c "$("$here/mongo.sh" counts)" >"$SAVED/counts.after"
cmp -s "$SAVED/counts.before" "$SAVED/counts.after" || fail "somebody wrote meanwhile: stop StackStorm first (03-stop.sh)"
mv "$SAVED/$DATABASE.archive.gz.new" "$SAVED/$DATABASE.archive.gz"
sha256sum "$SAVED/$DATABASE.archive.gz" >"$SAVED/SHA256SUMS"
say "dumped $(wc -l <"$SAVED/counts.before") collections to $SAVED/$DATABASE.archive.gz"
