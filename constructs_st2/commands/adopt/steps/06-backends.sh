#!/bin/sh
# Makes the backends, and waits for them.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

for file in "$here"/../dist/[0-3]*.yaml; do
    kube apply --filename "$file"
done
for name in mongodb rabbitmq redis; do
    kube get statefulset "$RELEASE-$name" --output name >/dev/null 2>&1 || continue
    kube rollout status "statefulset/$RELEASE-$name" --timeout 900s
done
[ "$(kube get secret "$CRYPTO_SECRET" --output 'jsonpath={.data.datastore_crypto_key}')" = "$(cat "$SAVED/crypto-key.now")" ] ||
    fail "the crypto key is another one than was saved"
say "the backends run, with the same crypto key"
