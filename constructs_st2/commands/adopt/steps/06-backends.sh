#!/bin/sh
# Makes the backends, and waits for them.
# usage: 06-backends.sh [back]     back: deletes all of the new cluster but its Secrets, and its volumes but RabbitMQ's
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

if [ "${1:-}" = back ]; then
    # By label, for the manifests have the namespace, too.
    kube delete deployments,statefulsets,jobs,cronjobs,services,configmaps,ingresses,poddisruptionbudgets,networkpolicies,horizontalpodautoscalers,serviceaccounts,roles,rolebindings \
        --selector "$OURS" --ignore-not-found --wait=false
    wait_for 600 "the pods of the new cluster end" no_pods "$OURS"
    # They bear the names of the chart's, and hold messages only. Claims are guarded: see the values, namespace.protectData.
    kube annotate persistentvolumeclaims --selector "$OURS,app.kubernetes.io/name=rabbitmq" --overwrite constructs-st2.dev/allow-deletion=true
    kube delete persistentvolumeclaims --selector "$OURS,app.kubernetes.io/name=rabbitmq" --ignore-not-found
    say "the new cluster is gone; its database stays on volumes of its own, and deleting these and Secrets is still refused"
    exit 0
fi

[ -z "$(kube get secret --selector "owner=helm,name=$RELEASE" --output name)" ] || fail "Helm has the release still: 05-let-go.sh"
for file in "$DIST"/[0-3]*.yaml; do
    kube apply --filename "$file"
done
for name in mongodb rabbitmq redis etcd; do
    kube get statefulset "$RELEASE-$name" --output name >/dev/null 2>&1 || continue
    kube rollout status "statefulset/$RELEASE-$name" --timeout 900s
done
[ "$(kube get secret "$CRYPTO_SECRET" --output 'jsonpath={.data.datastore_crypto_key}')" = "$(cat "$SAVED/crypto-key")" ] ||
    fail "the crypto key is another one than was saved"
say "the backends run, with the same crypto key"
