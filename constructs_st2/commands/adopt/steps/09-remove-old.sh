#!/bin/sh
# Deletes the chart's volumes of MongoDB and Redis. There is no way back: run it when nobody wants to go back.
# usage: 09-remove-old.sh yes
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

old=$(kube get persistentvolumeclaims --output name |
    grep -E "/(datadir-$RELEASE-mongodb(-ha)?-[0-9]+|redis-data-$RELEASE-redis-.+)\$" || true)
say "${old:-there is nothing left}"
[ "${1:-}" = yes ] || fail "these are deleted with: $0 yes"
for name in $old; do
    kube delete "$name"
done
