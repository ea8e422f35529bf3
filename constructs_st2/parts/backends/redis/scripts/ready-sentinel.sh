#!/bin/sh
# Run by the readiness probe of sentinel: does it see enough others to agree with, and name the same master?
# usage: ready-sentinel.sh
set -eu
# shellcheck disable=SC1091
. "${0%/*}/common.sh"

usable=$(sentinel 127.0.0.1 sentinel ckquorum mymaster) || true
master=$(unknown_master)
case $usable in
    OK*) ;;
    *)
        echo "${usable:-the sentinel does not answer}"
        exit 1
        ;;
esac
if [ -n "$master" ]; then
    echo "it names another master than $master"
    exit 1
fi
