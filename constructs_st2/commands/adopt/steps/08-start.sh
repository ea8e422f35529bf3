#!/bin/sh
# Makes everything else: services, and the Jobs that register content. Proves that the key decrypts an item.
# usage: 08-start.sh [back]     back: stops StackStorm; its backends run
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

if [ "${1:-}" = back ]; then
    kube delete deployments,jobs,horizontalpodautoscalers --selector "$OURS" --ignore-not-found --wait=false
    say "StackStorm is stopped; go on with 06-backends.sh back, or start it again"
    exit 0
fi

[ -z "$OLD_MONGODB" ] || [ -s "$SAVED/counts.restored" ] || fail "the database is not restored: 07-restore.sh"
kube apply --filename "$DIST"
kube wait deployments --selector "$OURS" --for=condition=Available --timeout 900s
kube wait jobs --selector "$OURS" --for=condition=Complete --timeout 900s
decrypts
kube exec "deployment/$RELEASE-st2client" -- st2 run core.local cmd=hostname >&2
say "StackStorm runs. Compare with st2 execution list; then raise image.tag and mongodb.image.tag one version at a time"
