#!/bin/sh
# Run by the readiness probe: is this member a primary, or a secondary that knows one? Asks the file that reconcile.sh
# writes.
# usage: ready.sh
set -eu

file=/run/constructs-st2/role

written=$(stat -c %Y "$file")
age=$(($(date +%s) - written))
role=$(cat "$file")
if [ "$age" -ge 60 ]; then
    echo "nothing is known of this member for $age s; it was $role" >&2
    exit 1
fi
case $role in
    primary | secondary) ;;
    *)
        echo "this member is $role" >&2
        exit 1
        ;;
esac
