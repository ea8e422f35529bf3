#!/bin/sh
# Run by the container formation (busybox): tells the other nodes what start.sh has written of this one, also while
# the server does not run.
# usage: answer.sh PORT
set -eu

# As process 1, httpd would not hear of SIGTERM.
trap 'exit 0' TERM INT
folder=/run/constructs-st2/formation
mkdir -p "$folder"
# Asked by the readiness probe.
: >"$folder/index.html"
busybox httpd -f -p "$1" -h "$folder" &
wait "$!"
