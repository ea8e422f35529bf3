#!/bin/sh
# Looks whether the move can begin. It changes nothing.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

command -v "${KUBECTL%% *}" >/dev/null || fail "there is no ${KUBECTL%% *}"
kube get secret --selector "owner=helm,name=$RELEASE,version=$REVISION" --output name | grep -q . ||
    fail "revision $REVISION of the release $RELEASE is not the one that Helm has now; run adopt again"
kube get secret "$CRYPTO_SECRET" --output name >/dev/null || fail "there is no Secret $CRYPTO_SECRET, which has the crypto key"
kube get statefulset "$RELEASE-mongodb" --output name >/dev/null || fail "there is no StatefulSet $RELEASE-mongodb"
for what in deployments statefulsets persistentvolumeclaims secrets; do
    kube auth can-i delete "$what" >/dev/null || fail "you may not delete $what in $NAMESPACE"
done
[ -d "$here/../dist" ] || fail "there is no $here/../dist: make it with the converted values"
say "ready"
