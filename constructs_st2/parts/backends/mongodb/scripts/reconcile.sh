#!/bin/sh
# Run by the container reconcile: makes the replica set and its users what the configuration says, for as long as the
# pod is there, and notes in files which role this member has, and which formats its data.
# usage: reconcile.sh     POD_NAME, HOME and perhaps RECONCILE_SECONDS are in the environment
set -eu

# As process 1, this shell would not hear of SIGTERM without a trap.
trap 'exit 0' TERM INT

role=/run/constructs-st2/role
# Asked by the probes (looked.sh, has-looked.sh).
looked=/run/constructs-st2/looked
pipe=/run/constructs-st2/reconcile
# Read by guard-data.sh, whose lines come first.
note=${DATA_NOTE:-/data/db/constructs-st2.note}
authority=/etc/constructs-st2/tls/ca.crt
here=$(dirname "$0")

# MongoDB 4.4 has the old shell only, 5.0 has both, and all later versions have mongosh only.
shell=$(command -v mongosh || command -v mongo) || {
    echo "the image has neither mongosh nor mongo" >&2
    exit 1
}

# With TLS: mongosh is told so with each address, the old shell only here.
set --
if [ ! -e "$authority" ]; then
    authority=
elif [ "${shell##*/}" = mongo ]; then
    set -- --tls --tlsCAFile "$authority"
fi

# mongosh writes every call into a log of its own, which would grow until the disk is full.
mkdir -p "$HOME/.mongodb/mongosh"
echo '{"disableLogging": true, "enableTelemetry": false}' >"$HOME/.mongodb/mongosh/config"

# Without a volume there is no note. A full disk is no reason to end.
note_formats() {
    [ -s "$note" ] || return 0
    { head -n 2 "$note" && echo "$1"; } >"$note.new" && mv "$note.new" "$note" ||
        echo "could not write featureCompatibilityVersion into $note"
}

# Lines of the program are meant for people, except those that name the role or the formats, and the end of a look.
pass_on() {
    while IFS= read -r line; do
        case $line in
            "role "*)
                echo "${line#role }" >"$role.new"
                mv "$role.new" "$role"
                ;;
            "formats "*) note_formats "${line#formats }" ;;
            looked) : >"$looked" ;;
            *) echo "$line" ;;
        esac
    done
}

rm -f "$pipe" "$looked"
mkfifo "$pipe"
pass_on <"$pipe" &
reader=$!
"$shell" --nodb --norc --quiet "$@" \
    --eval "var settings = { pod: '$POD_NAME', seconds: ${RECONCILE_SECONDS:-10}, authority: '$authority' }" \
    "$here/reconcile.js" "$here/loop.js" >"$pipe" &
program=$!
trap 'kill "$program" 2>/dev/null || true; exit 0' TERM INT

status=0
wait "$program" || status=$?
wait "$reader" || true
echo "the shell that reconciles has ended with status $status" >&2
exit 1
