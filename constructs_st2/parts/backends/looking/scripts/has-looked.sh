#!/bin/sh
# Run by the readiness probe of a container that looks at its member again and again: has it done so since its start?
# That a later look fails or hangs makes no member unready: the server can go on without.
# usage: has-looked.sh FILE     the file that it touches at each look, and removes when it starts
set -eu

if [ ! -e "$1" ]; then
    echo "it has not looked at its member yet" >&2
    exit 1
fi
