#!/bin/sh
# Stops StackStorm: first what starts executions, and, when none is running any more, what runs them.
# usage: 03-stop.sh [back]
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=mongo.sh
. "$here/mongo.sh"

sources=st2chatops,st2sensorcontainer,st2timersengine,st2rulesengine
workers=st2scheduler,st2workflowengine,st2actionrunner,st2notifier,st2garbagecollector,st2client,st2api,st2auth,st2stream,st2web

if [ "${1:-}" = back ]; then
    [ -s "$SAVED/replicas" ] || fail "nothing was stopped"
    while read -r name count; do
        kube scale "$name" --replicas "$count"
    done <"$SAVED/replicas"
    # What runs from now on is looked at anew.
    rm "$SAVED/replicas"
    exit 0
fi

stop() { # SERVICES: all their Deployments, those of single sensors too
    names=$(cut -d ' ' -f 1 "$SAVED/replicas" | grep -E "/$RELEASE-($(echo "$1" | tr , '|'))(-.+)?\$" || true)
    # shellcheck disable=SC2086
    [ -z "$names" ] || kube scale $names --replicas 0
    # Charts before 1.0 have other labels.
    wait_for 600 "the pods of $1 end" no_pods "app.kubernetes.io/instance=$RELEASE,app.kubernetes.io/name in ($1)
release=$RELEASE,app in ($1)"
}
idle() {
    # shellcheck disable=SC2086
    primary=$(primary_of $OLD_MONGODB) && running=$(count_running "$primary" "$DATABASE") || return 1
    say "executions that are not finished: $running"
    [ "$running" = 0 ]
}

[ -z "$(kube get deployments --selector "$OURS" --output name)" ] || fail "StackStorm is no longer the chart's"
if [ ! -s "$SAVED/replicas" ]; then
    save replicas get deployments --no-headers --output 'custom-columns=:.metadata.name,:.spec.replicas'
    sed "s|^|deployment/|; s|  *| |; /\/$RELEASE-st2/!d" "$SAVED/replicas" >"$SAVED/replicas.new"
    mv "$SAVED/replicas.new" "$SAVED/replicas"
fi
stop $sources
if [ -z "$OLD_MONGODB" ]; then
    say "the database is outside of the cluster: see by st2 execution list whether executions have finished"
elif [ "${EVEN_IF_RUNNING:-}" != yes ]; then
    wait_for "${PATIENCE:-3600}" "all executions finish (EVEN_IF_RUNNING=yes goes on)" idle
fi
stop $workers
say "StackStorm is stopped; its database runs"
