#!/bin/sh
# Run by the init container: gives mongod the key that the members know each other by, and with TLS its certificate.
# usage: prepare.sh
set -eu

private=/etc/constructs-st2/keyfile
tls=/etc/constructs-st2/tls

# The group of the pod may read what is in a Secret's volume, and mongod refuses a key that anybody else can read.
# A key from before may be there, which nobody can write to; install replaces it.
install -m 0400 /etc/constructs-st2/secret/mongodb-replica-set-key "$private/keyfile"

if [ -e "$tls/tls.key" ]; then
    umask 077
    # One file may end without a line end.
    { cat "$tls/tls.key" && echo && cat "$tls/tls.crt"; } >"$private/mongod.pem"
fi
