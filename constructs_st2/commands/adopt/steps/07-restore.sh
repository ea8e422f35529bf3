#!/bin/sh
# Restores the dump, and compares the number of documents of each collection.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

(cd "$SAVED" && sha256sum --check --quiet SHA256SUMS) || fail "the dump is not as it was written"
restored=
for ordinal in 0 1 2 3 4 5 6; do
    pod=$RELEASE-mongodb-$ordinal
    # shellcheck disable=SC2016
    kube exec "$pod" --container mongodb -- sh -c \
        '$(command -v mongosh || command -v mongo) --quiet --eval "print(db.hello().isWritablePrimary)"' 2>/dev/null |
        grep -q true || continue
    kube exec --stdin "$pod" --container mongodb -- sh -c "$("$here/mongo.sh" restore)" <"$SAVED/$DATABASE.archive.gz"
    kube exec "$pod" --container mongodb -- sh -c "$("$here/mongo.sh" counts "$NEW_DATABASE")" >"$SAVED/counts.restored"
    restored=yes
    break
done
[ -n "$restored" ] || fail "no pod $RELEASE-mongodb-N is the primary"
diff "$SAVED/counts.before" "$SAVED/counts.restored" >&2 || fail "the numbers of documents differ"
say "restored: all collections have as many documents as before"
