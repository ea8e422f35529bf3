#!/bin/sh
# Read by the steps. Each one can be run again; each one that changes anything is taken back by the argument `back`.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=/dev/null
. "$here/settings.sh"
SAVED=${SAVED:-$here/saved}
KUBECTL=${KUBECTL:-kubectl}
mkdir -p "$SAVED"
chmod 700 "$SAVED"

say() { echo "$*" >&2; }
fail() {
    say "error: $*"
    exit 1
}
kube() { $KUBECTL --namespace "$NAMESPACE" "$@"; }

# wait_for SECONDS WHAT COMMAND...: runs a command until it succeeds
wait_for() {
    left=$1
    what=$2
    shift 2
    until "$@"; do
        [ "$left" -gt 0 ] || fail "$what: not so in time"
        say "waiting: $what (${left} s left)"
        sleep 5
        left=$((left - 5))
    done
}

# save NAME ARGUMENT...: what kubectl answers, unless it was saved before
save() {
    file=$SAVED/$1
    shift
    [ -s "$file" ] && return 0
    kube "$@" >"$file.new"
    mv "$file.new" "$file"
}
