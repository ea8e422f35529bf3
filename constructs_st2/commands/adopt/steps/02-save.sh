#!/bin/sh
# Saves the Secrets, the crypto key first, and what Helm knows. Proves that the key decrypts an item.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

umask 077
key=$(kube get secret "$CRYPTO_SECRET" --output 'jsonpath={.data.datastore_crypto_key}')
[ -n "$key" ] || fail "the Secret $CRYPTO_SECRET has no key datastore_crypto_key"
if [ -s "$SAVED/crypto-key" ]; then
    [ "$key" = "$(cat "$SAVED/crypto-key")" ] || fail "the crypto key is another one than $SAVED/crypto-key, which was saved"
else
    echo "$key" >"$SAVED/crypto-key.new"
    mv "$SAVED/crypto-key.new" "$SAVED/crypto-key"
fi
# Behind step 5 there is less to see: what was saved before it stays.
if [ -n "$(kube get secret --selector "owner=helm,name=$RELEASE" --output name)" ]; then
    save secrets.json get secret --selector "owner!=helm" --output json
    save objects.json get deployments,statefulsets,services,ingresses,configmaps --output json
    save claims.json get persistentvolumeclaims --output json
    save helm.json get secret --selector "owner=helm,name=$RELEASE" --output json
fi
if kube get deployment "$RELEASE-st2api" --output 'jsonpath={.status.readyReplicas}' 2>/dev/null | grep -q '[1-9]'; then
    decrypts
fi
say "saved in $SAVED: keep a copy of it elsewhere"
