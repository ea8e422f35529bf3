#!/bin/sh
# Run by the init container of RabbitMQ: gives the node its cookie, and holds its very first start back until the names
# of all nodes can be resolved.
# usage: prepare.sh SECONDS HOST [HOST ...]
set -eu

limit=$1
shift
secret=/etc/constructs-st2/secret/rabbitmq-erlang-cookie
cookie=$HOME/.erlang.cookie

# Erlang refuses a cookie that others can read, and files of Secrets are readable by the pod's group.
umask 077
rm -f "$cookie"
cat "$secret" >"$cookie"
chmod 400 "$cookie"

# A node knows its peers once it has been in their cluster; its restart must not depend on them.
if [ -e "$HOME/mnesia/$RABBITMQ_NODENAME" ]; then
    echo "$RABBITMQ_NODENAME has data: it starts at once"
    exit 0
fi

# A node that cannot resolve the others at its first start forms a cluster of its own, which never merges with theirs.
begin=$(date +%s)
for host in "$@"; do
    echo "waiting for the name $host (at most $limit s for all)"
    until getent hosts "$host" >/dev/null; do
        waited=$(($(date +%s) - begin))
        if [ "$waited" -ge "$limit" ]; then
            echo "gave up after $waited s: the name $host cannot be resolved" >&2
            exit 1
        fi
        sleep 1
    done
done
