#!/bin/sh
# Saves the Secrets, the crypto key first, and what Helm knows. Proves that the key decrypts an item.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

umask 077
save crypto-key.json get secret "$CRYPTO_SECRET" --output json
save secrets.json get secret --selector "!owner" --output json
save helm.json get secret --selector "owner=helm,name=$RELEASE" --output json
save objects.yaml get deployments,statefulsets,services,ingresses --selector "app.kubernetes.io/instance=$RELEASE" --output yaml
save claims.json get persistentvolumeclaims --selector "app.kubernetes.io/instance=$RELEASE" --output json

kube get secret "$CRYPTO_SECRET" --output 'jsonpath={.data.datastore_crypto_key}' >"$SAVED/crypto-key.now"
grep -Fq "$(cat "$SAVED/crypto-key.now")" "$SAVED/crypto-key.json" || fail "the crypto key is another one than was saved"
if kube get deployment "$RELEASE-st2api" --output 'jsonpath={.status.readyReplicas}' 2>/dev/null | grep -q '[1-9]'; then
    kube exec --stdin "deployment/$RELEASE-st2api" -- /opt/stackstorm/st2/bin/python - <"$here/decrypt.py" >&2
fi
say "saved in $SAVED: keep a copy of it elsewhere"
