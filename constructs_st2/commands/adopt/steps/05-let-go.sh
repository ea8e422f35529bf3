#!/bin/sh
# Takes the release out of Helm's hands: deletes the chart's objects as listed in `objects`, and keeps Secrets and
# volumes. RabbitMQ's volumes are kept out of the way: its new members would take the claims, whose data is of an older
# RabbitMQ.
# usage: 05-let-go.sh [back]
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

claims() { kube get persistentvolumeclaims --output name | grep -E "/data-$RELEASE-rabbitmq-[0-9]+\$" || true; }
# What the API gave an object is not for another one.
without_identity() { sed '/^  *"\{0,1\}\(uid\|resourceVersion\|creationTimestamp\)"\{0,1\}:/d'; }

if [ "${1:-}" = back ]; then
    [ -s "$SAVED/helm.json" ] || fail "what Helm knew is not in $SAVED"
    ours=$(
        kube get deployments,statefulsets --selector "$OURS" --output name
        kube get persistentvolumeclaims --selector "$OURS,app.kubernetes.io/name=rabbitmq" --output name
    )
    [ -z "$ours" ] || fail "the new cluster is there: 06-backends.sh back"
    for file in "$SAVED"/claim-*.json; do
        [ -s "$file" ] || continue
        claim=${file##*/claim-}
        kube get persistentvolumeclaim "${claim%.json}" --output name >/dev/null 2>&1 && continue
        volume=$(sed -n 's/^ *"volumeName": "\(.*\)".*/\1/p' "$file")
        # Bound by name; the reference to the claim that was deleted has its uid, and would bar this one.
        $KUBECTL patch persistentvolume "$volume" --type merge --patch '{"spec": {"claimRef": null}}'
        without_identity <"$file" | kube create --filename -
        policy=$(cat "$SAVED/policy-$volume")
        $KUBECTL patch persistentvolume "$volume" --patch "{\"spec\": {\"persistentVolumeReclaimPolicy\": \"$policy\"}}"
    done
    without_identity <"$SAVED/helm.json" | kube apply --filename -
    say "now: helm rollback $RELEASE $REVISION --namespace $NAMESPACE, which makes the chart's objects again"
    exit 0
fi

for file in crypto-key helm.json; do
    [ -s "$SAVED/$file" ] || fail "$file is not saved: 02-save.sh"
done
if [ -n "$OLD_MONGODB" ]; then
    (cd "$SAVED" && sha256sum --check --quiet SHA256SUMS) || fail "there is no sound dump: 04-dump.sh"
fi
# Helm must not take away what is there from now on.
kube delete secret --selector "owner=helm,name=$RELEASE" --ignore-not-found
# shellcheck disable=SC2046  # one word for each object
{
    delete=$(of_chart $(objects delete))
    keep=$(of_chart $(objects keep) $(objects unused))
}
# shellcheck disable=SC2086
[ -z "$delete" ] || kube delete $delete --ignore-not-found --wait=false
# shellcheck disable=SC2086
if [ -n "$keep" ]; then
    kube annotate $keep meta.helm.sh/release-name- meta.helm.sh/release-namespace- >/dev/null
    kube label $keep app.kubernetes.io/managed-by- >/dev/null
fi
wait_for 600 "the pods of the chart end" no_pods "$CHARTS"

# shellcheck disable=SC2046
for name in $(of_chart $(claims)); do
    claim=${name#*/}
    volume=$(kube get "$name" --output 'jsonpath={.spec.volumeName}')
    if [ -n "$volume" ]; then
        if [ ! -s "$SAVED/policy-$volume" ]; then
            $KUBECTL get persistentvolume "$volume" --output 'jsonpath={.spec.persistentVolumeReclaimPolicy}' >"$SAVED/policy.new"
            mv "$SAVED/policy.new" "$SAVED/policy-$volume"
        fi
        save "claim-$claim.json" get persistentvolumeclaim "$claim" --output json
        $KUBECTL patch persistentvolume "$volume" --patch '{"spec": {"persistentVolumeReclaimPolicy": "Retain"}}'
    fi
    kube delete "$name"
done
say "the chart's workloads are gone; its Secrets and the volumes of MongoDB are there"
