#!/bin/sh
# Run by the liveness probe of a container that looks at its member again and again: has it done so lately?
# usage: looked.sh FILE SECONDS     the file that it touches at each look
set -eu

age=$(($(date +%s) - $(stat -c %Y "$1")))
if [ "$age" -ge "$2" ]; then
    echo "the last look was $age s ago" >&2
    exit 1
fi
