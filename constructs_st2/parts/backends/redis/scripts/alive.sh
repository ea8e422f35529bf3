#!/bin/sh
# Run by probes: does the server answer? One that loads its data or waits for its master is alive too.
# usage: alive.sh PORT
set -eu
# shellcheck disable=SC1091
. "${0%/*}/common.sh"

case $(ask "$1" 127.0.0.1 ping) in
    PONG | LOADING* | MASTERDOWN* | BUSY*) ;;
    *) exit 1 ;;
esac
