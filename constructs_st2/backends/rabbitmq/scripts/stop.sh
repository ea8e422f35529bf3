#!/bin/sh
# Run by the preStop hook of RabbitMQ: waits until the others can do without this node, and hands its queues over.
# usage: stop.sh SECONDS     how long to wait for the others
set -eu

echo "waiting until every queue keeps its majority without this node (at most $1 s)"
if ! rabbitmq-upgrade --quiet await_online_quorum_plus_one --timeout "$1"; then
    echo "some queue loses its majority now; stopping all the same" >&2
fi
# No new connections, and leaders of queues move to other nodes.
rabbitmq-upgrade --quiet drain --timeout 30 || echo "could not drain; stopping all the same" >&2
