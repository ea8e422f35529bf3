#!/bin/sh
# Run by the container formation (busybox): tells the other nodes what start.sh has written of this one, also while
# the server does not run.
# usage: answer.sh PORT
set -eu

folder=/run/constructs-st2/formation
mkdir -p "$folder"
# As process 1, httpd would not hear of SIGTERM.
busybox httpd -f -p "$1" -h "$folder" &
server=$!
trap 'kill "$server"; exit 0' TERM INT
wait "$server"
