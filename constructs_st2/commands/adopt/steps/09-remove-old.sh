#!/bin/sh
# Deletes the chart's volumes of MongoDB, RabbitMQ and Redis, and Secrets that nobody reads any more. There is no way
# back: run it when nobody wants to go back.
# usage: 09-remove-old.sh yes
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

[ -z "$(kube get secret --selector "owner=helm,name=$RELEASE" --output name)" ] || fail "Helm has the release still: 05-let-go.sh"
# shellcheck disable=SC2046
old=$(
    of_chart $(
        kube get persistentvolumeclaims --output name |
            grep -E "/(datadir-$RELEASE-mongodb(-ha)?-[0-9]+|$RELEASE-mongodb|redis-data-$RELEASE-redis-.+)\$" || true
        objects unused
    )
)
# RabbitMQ's claims went in step 5, and their volumes were kept.
volumes=
for file in "$SAVED"/policy-*; do
    [ -s "$file" ] || continue
    volume=$($KUBECTL get persistentvolume "${file##*/policy-}" --output name --ignore-not-found)
    volumes="$volumes $volume"
done
say "${old:-nothing of the chart is left}" "$volumes"
[ "${1:-}" = yes ] || fail "these are deleted with: $0 yes"
# shellcheck disable=SC2086
[ -z "$old" ] || kube delete $old --ignore-not-found
for name in $volumes; do
    # A volume that has another claim meanwhile is somebody else's.
    [ "$($KUBECTL get "$name" --output 'jsonpath={.status.phase}')" != Released ] || $KUBECTL delete "$name"
done
