#!/bin/sh
# Run by the preStop hook of RabbitMQ: waits until the others can do without this node, and hands its queues over.
# usage: stop.sh SECONDS AMQP_PORT DISTRIBUTION_PORT     how long to wait for the others; and see ready.sh
set -eu

# A node that serves nobody has nothing to hand over: it still starts, or most of the others are gone, as when all of
# them are stopped together.
serves() {
    sh "${0%/*}/ready.sh" "$amqp" "$distribution" 2>/dev/null
}

# Each attempt is short, so that the loss of the others is seen in between.
wait_for_others() {
    end=$(($(date +%s) + $1))
    until timeout 20 rabbitmq-upgrade --quiet await_online_quorum_plus_one --timeout 5 2>/dev/null; do
        if ! serves; then
            echo "most of the other nodes are gone; stopping" >&2
            return 1
        fi
        if [ "$(date +%s)" -ge "$end" ]; then
            echo "some queue loses its majority now; stopping all the same" >&2
            return 0
        fi
        sleep 1
    done
}

# Pods as constructs-st2 0.1.0 made them say no ports.
seconds=$1 amqp=${2:-5672} distribution=${3:-25672}
if ! serves; then
    echo "this node serves nobody; stopping"
    exit 0
fi
echo "waiting until every queue keeps its majority without this node (at most $seconds s)"
if wait_for_others "$seconds"; then
    # No new connections, and leaders of queues move to other nodes.
    timeout 30 rabbitmq-upgrade --quiet drain --timeout 20 || echo "could not drain; stopping all the same" >&2
fi
