#!/bin/sh
# Deletes the chart's workloads and Services, and keeps Secrets and volumes. RabbitMQ's volumes are kept out of the way:
# its new members would take the claims, whose data is of an older RabbitMQ.
# usage: 05-let-go.sh [back]
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

if [ "${1:-}" = back ]; then
    for file in "$SAVED"/claim-*.yaml; do
        [ -s "$file" ] || continue
        volume=$(sed -n 's/^  volumeName: //p' "$file")
        $KUBECTL patch persistentvolume "$volume" --type json --patch '[{"op": "remove", "path": "/spec/claimRef"}]' || true
        kube get --filename "$file" >/dev/null 2>&1 || 
            sed '/^  \(uid\|resourceVersion\|creationTimestamp\):/d' "$file" | kube create --filename -
    done
    kube apply --filename "$SAVED/helm.json"
    say "now: helm rollback $RELEASE $REVISION --namespace $NAMESPACE, then 03-stop.sh back"
    exit 0
fi

[ -s "$SAVED/crypto-key.json" ] || fail "the crypto key is not saved: 02-save.sh"
(cd "$SAVED" && sha256sum --check --quiet SHA256SUMS) || fail "there is no sound dump: 04-dump.sh"
# Helm must not take away what is there from now on.
kube delete secret --selector "owner=helm,name=$RELEASE" --ignore-not-found
managed="app.kubernetes.io/instance=$RELEASE,app.kubernetes.io/managed-by=Helm"
kube delete statefulsets,deployments,services,ingresses,jobs,poddisruptionbudgets,configmaps --selector "$managed" --ignore-not-found --wait
wait_for 600 "the pods of the chart end" \
    sh -c "! $KUBECTL --namespace $NAMESPACE get pods --selector $managed --output name | grep -q ."

for name in $(kube get persistentvolumeclaims --output name | grep "/data-$RELEASE-rabbitmq-[0-9]*\$" || true); do
    claim=${name#*/}
    kube get "$name" --output 'jsonpath={.metadata.labels.app\.kubernetes\.io/managed-by}' | grep -q constructs-st2 && continue
    save "claim-$claim.yaml" get persistentvolumeclaim "$claim" --output yaml
    volume=$(kube get "$name" --output 'jsonpath={.spec.volumeName}')
    [ -z "$volume" ] || $KUBECTL patch persistentvolume "$volume" --patch '{"spec": {"persistentVolumeReclaimPolicy": "Retain"}}'
    kube delete "$name"
done
say "the chart's workloads are gone; its Secrets and the volumes of MongoDB are there"
