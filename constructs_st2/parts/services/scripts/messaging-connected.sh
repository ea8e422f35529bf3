#!/bin/sh
# Run by the readiness probes of pods as constructs-st2 0.1.0 made them, for as long as there are any: scripts come from a
# ConfigMap, which changes before they are replaced.
# usage: messaging-connected.sh PORT
set -eu

exec sh "${0%/*}/connected.sh" "$@"
