#!/bin/sh
# Run by readiness probes: is any process of this pod connected to a backend? Asks the kernel, which is cheap.
# usage: connected.sh PORT     that the backend listens on
set -eu

port=$(printf '%04X' "$1")
tables=${PROC_NET:-/proc/net}

# Column 3 is the remote address as HEX:PORT; state 01 is ESTABLISHED.
cat "$tables/tcp" "$tables/tcp6" 2>/dev/null |
    awk -v port=":$port" 'substr($3, length($3) - 4) == port && $4 == "01" { found = 1 } END { exit !found }'
