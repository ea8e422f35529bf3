#!/bin/sh
# Read by the steps that ask MongoDB, in pods of the chart and of ours: functions.

# Each pod finds its password where it has it, and whether its server wants TLS; it asks none but its own server.
# shellcheck disable=SC2016
MONGODB_LOGIN='password=${MONGODB_ROOT_PASSWORD:-}
for file in "${MONGODB_ROOT_PASSWORD_FILE:-}" /etc/constructs-st2/secret/mongodb-root-password; do
    [ -n "$password" ] || [ ! -r "$file" ] || password=$(cat "$file")
done
set --
[ -z "$password" ] || set -- -u "${MONGODB_ROOT_USER:-root}" -p "$password" --authenticationDatabase admin
shell_tls= tools_tls=
if [ -e /etc/constructs-st2/keyfile/mongod.pem ]; then
    shell_tls="--tls --tlsAllowInvalidCertificates" tools_tls="--ssl --tlsInsecure"
fi
'

in_mongodb() { # POD COMMAND: a command of the shell there; its login is in $@
    kube exec --stdin "$1" --container "$(container_of "$1")" -- sh -c "$MONGODB_LOGIN$2"
}
container_of() { # POD: the first container, others are exporters
    case $1 in
        pod/*) kube get "$1" --output 'jsonpath={.spec.containers[0].name}' ;;
        *) kube get "$1" --output 'jsonpath={.spec.template.spec.containers[0].name}' ;;
    esac
}
ask_mongodb() { # POD DATABASE JAVASCRIPT
    # shellcheck disable=SC2016
    in_mongodb "$1" '"$(command -v mongosh || command -v mongo)" --quiet "$@" $shell_tls '"$2 --eval '$3'" </dev/null
}
primary_of() { # POD...: the pod that accepts writes
    for pod in "$@"; do
        ask_mongodb "$pod" admin 'print(db.isMaster().ismaster)' 2>/dev/null | grep -qx true || continue
        echo "$pod"
        return 0
    done
    fail "none of these has a MongoDB that accepts writes: $*"
}
counts() { # POD DATABASE: the number of documents of each collection
    ask_mongodb "$1" "$2" 'db.getCollectionNames().sort().forEach(function(n) { print(n + " " + db[n].countDocuments({})) })'
}
count_running() { # POD DATABASE
    ask_mongodb "$1" "$2" 'print(db.live_action_d_b.countDocuments({status: {$nin: ["succeeded", "failed", "timeout", "canceled", "abandoned", "paused", "pending"]}}))'
}
