#!/bin/sh
# Makes everything else: services, and the Jobs that register content. Proves that the key decrypts an item.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

[ -s "$SAVED/counts.restored" ] || fail "the database is not restored: 07-restore.sh"
kube apply --filename "$here/../dist"
for name in $(kube get deployments --selector "app.kubernetes.io/instance=$RELEASE" --output name); do
    kube rollout status "$name" --timeout 900s
done
kube exec "deployment/$RELEASE-st2client" -- st2 run core.local cmd=hostname >&2
say "StackStorm runs. Compare with st2 execution list; then raise image.tag and mongodb.image.tag one version at a time"
