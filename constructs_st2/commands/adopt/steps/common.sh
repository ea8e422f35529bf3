#!/bin/sh
# Read by the steps. Each one can be run again; each one that changes anything is taken back by the argument `back`.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=/dev/null
. "$here/settings.sh"
SAVED=${SAVED:-$here/saved}
DIST=${DIST:-$here/../dist}
KUBECTL=${KUBECTL:-kubectl}
mkdir -p "$SAVED"
chmod 700 "$SAVED"

# shellcheck disable=SC2034
OURS="app.kubernetes.io/instance=$RELEASE,app.kubernetes.io/managed-by=constructs-st2"
# Charts before 1.0 label their pods with release only.
# shellcheck disable=SC2034
CHARTS="app.kubernetes.io/instance=$RELEASE,app.kubernetes.io/managed-by!=constructs-st2
release=$RELEASE,app.kubernetes.io/managed-by!=constructs-st2"

say() { echo "$*" >&2; }
fail() {
    say "error: $*"
    exit 1
}
kube() { $KUBECTL --namespace "$NAMESPACE" "$@"; }
of_chart() { # KIND/NAME...: those of them that are there and not ours, as KIND/NAME
    kube get "$@" --ignore-not-found --no-headers \
        --output 'custom-columns=:.kind,:.metadata.name,:.metadata.labels.app\.kubernetes\.io/managed-by' |
        while read -r kind name by; do
            [ "$by" = constructs-st2 ] || echo "$kind/$name"
        done
}
objects() { # FATE: those objects of the chart that have it
    sed -n "s/^$1 //p" "$here/objects"
}

# wait_for SECONDS WHAT COMMAND...: runs a command until it succeeds
wait_for() {
    left=$1
    what=$2
    shift 2
    until "$@"; do
        [ "$left" -gt 0 ] || fail "$what: not so in time"
        say "waiting: $what (${left} s left)"
        sleep "${PAUSE:-5}"
        left=$((left - 5))
    done
}

no_pods() { # SELECTORS, one a line
    echo "$1" | while read -r selector; do
        [ -z "$(kube get pods --selector "$selector" --output name)" ] || exit 1
    done
}

# save NAME ARGUMENT...: what kubectl answers, whole or not at all
save() {
    file=$SAVED/$1
    shift
    kube "$@" >"$file.new"
    mv "$file.new" "$file"
}

decrypts() { # whether st2api opens what is secret in the database
    kube exec --stdin "deployment/$RELEASE-st2api" -- /opt/stackstorm/st2/bin/python - <"$here/decrypt.py" >&2
}
