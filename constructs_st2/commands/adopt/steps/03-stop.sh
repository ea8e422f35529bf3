#!/bin/sh
# Stops StackStorm: first what starts executions, and, when none is running any more, what runs them.
# usage: 03-stop.sh [back]
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

sources="st2chatops st2sensorcontainer st2timersengine st2rulesengine"
workers="st2scheduler st2workflowengine st2actionrunner st2notifier st2garbagecollector st2client st2api st2auth st2stream st2web"

deployments() { # SERVICE: its Deployments, those of its partitions too
    kube get deployments --output name | grep -E "/$RELEASE-$1(-.+)?\$" || true
}

if [ "${1:-}" = back ]; then
    [ -s "$SAVED/replicas" ] || fail "nothing was stopped"
    while read -r name count; do
        kube scale "$name" --replicas "$count"
    done <"$SAVED/replicas"
    exit 0
fi

if [ ! -s "$SAVED/replicas" ]; then
    for service in $sources $workers; do
        for name in $(deployments "$service"); do
            echo "$name $(kube get "$name" --output 'jsonpath={.spec.replicas}')"
        done
    done >"$SAVED/replicas.new"
    mv "$SAVED/replicas.new" "$SAVED/replicas"
fi
stop() {
    for name in $(deployments "$1"); do
        kube scale "$name" --replicas 0
        kube rollout status "$name" --timeout 600s
    done
}
for service in $sources; do stop "$service"; done

idle() {
    running=$(kube exec "$RELEASE-mongodb-0" -- sh -c "$("$here/mongo.sh" count-running)") || return 1
    say "executions that are not finished: $running"
    [ "$running" = 0 ]
}
[ "${EVEN_IF_RUNNING:-}" = yes ] || wait_for "${PATIENCE:-3600}" "all executions finish (EVEN_IF_RUNNING=yes goes on)" idle
for service in $workers; do stop "$service"; done
say "StackStorm is stopped; its database runs"
