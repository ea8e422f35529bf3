#!/bin/sh
# Restores the dump, and compares the number of documents of each collection.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=mongo.sh
. "$here/mongo.sh"

[ -n "$OLD_MONGODB" ] || { say "the database is outside of the cluster: there is nothing to restore"; exit 0; }
(cd "$SAVED" && sha256sum --check --quiet SHA256SUMS) || fail "the dump is not as it was written"
# What StackStorm has written since would be lost.
[ -z "$(kube get deployments --selector "$OURS" --output name)" ] || [ "${EVEN_IF_STARTED:-}" = yes ] ||
    fail "StackStorm was started already (08-start.sh): what it has done since would be lost (EVEN_IF_STARTED=yes goes on)"
# shellcheck disable=SC2046
primary=$(primary_of $(kube get pods --selector "$OURS,app.kubernetes.io/name=mongodb" --output name))
in_mongodb "$primary" "mongorestore \"\$@\" \$tools_tls --drop --stopOnError --archive --gzip --nsFrom '$DATABASE.*' --nsTo '$NEW_DATABASE.*'" \
    <"$SAVED/$DATABASE.archive.gz"
counts "$primary" "$NEW_DATABASE" >"$SAVED/counts.new"
diff "$SAVED/counts.before" "$SAVED/counts.new" >&2 || fail "the numbers of documents differ"
mv "$SAVED/counts.new" "$SAVED/counts.restored"
say "restored: all collections have as many documents as before"
