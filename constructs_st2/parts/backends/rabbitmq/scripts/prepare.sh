#!/bin/sh
# Run by the init container of pods as constructs-st2 0.1.0 made them, for as long as there are any: scripts come from a
# ConfigMap, and such a pod may be made again before its turn in a rollout comes. Gives the node its cookie.
# A node without data must not start in such a pod: its configuration names no other nodes any more.
# usage: prepare.sh ...
set -eu

cookie=$HOME/.erlang.cookie
umask 077
rm -f "$cookie"
cat /etc/constructs-st2/secret/rabbitmq-erlang-cookie >"$cookie"
chmod 400 "$cookie"

if [ ! -e "$HOME/mnesia/$RABBITMQ_NODENAME" ]; then
    echo "this node has no data, and its pod is of an earlier release: delete the pod, so that it is made anew" >&2
    exit 1
fi
