#!/bin/sh
# Looks whether the move can begin. It changes nothing.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

command -v "${KUBECTL%% *}" >/dev/null || fail "there is no ${KUBECTL%% *}"
[ -n "$(ls "$DIST"/*.yaml 2>/dev/null)" ] || fail "there are no manifests in $DIST: make them with the converted values"
newest=$(kube get secret --selector "owner=helm,name=$RELEASE" --output 'jsonpath={range .items[*]}{.metadata.labels.version}{"\n"}{end}' | sort -n | tail -n 1)
[ "$newest" = "$REVISION" ] ||
    fail "adopt has read revision $REVISION of the release $RELEASE, and Helm has ${newest:-none} now; run adopt again"
kube get secret "$CRYPTO_SECRET" --output name >/dev/null || fail "there is no Secret $CRYPTO_SECRET, which has the crypto key"
for pod in $OLD_MONGODB; do
    kube get "$pod" --output name >/dev/null || fail "there is no $pod, whose database moves"
done
for what in deployments statefulsets persistentvolumeclaims secrets; do
    kube auth can-i delete "$what" >/dev/null || fail "you may not delete $what in $NAMESPACE"
done
$KUBECTL auth can-i patch persistentvolumes >/dev/null ||
    fail "you may not patch persistentvolumes, which 05-let-go.sh does to keep RabbitMQ's"
say "ready"
