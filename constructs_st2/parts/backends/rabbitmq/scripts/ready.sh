#!/bin/sh
# Run by the readiness probe: do clients find the node listening, and is it connected to so many others that they are a
# majority of all? So a node is not ready in a cluster of its own. Asks the kernel, which is cheap.
# usage: ready.sh AMQP_PORT DISTRIBUTION_PORT
set -eu

# A node alone has no such file.
members=$(grep -c . "${MEMBERS:-/etc/constructs-st2/config/members}" 2>/dev/null) || members=1
tables=${PROC_NET:-/proc/net}

# Columns 2 and 3 are the addresses here and there as HEX:PORT; state 01 is ESTABLISHED, 0A is LISTEN. Two nodes share a
# connection, which either of them may have opened. Those from here to here are of tools.
cat "$tables/tcp" "$tables/tcp6" 2>/dev/null |
    awk -v amqp="$(printf '%04X' "$1")" -v peers="$(printf '%04X' "$2")" -v members="$members" '
        { split($2, here, ":"); split($3, there, ":") }
        # An IPv4 address in IPv6.
        { sub(/^0000000000000000FFFF0000/, "", here[1]); sub(/^0000000000000000FFFF0000/, "", there[1]) }
        $4 == "0A" && here[2] == amqp { listens = 1 }
        $4 == "01" && (here[2] == peers || there[2] == peers) && here[1] != there[1] && !seen[there[1]]++ { others++ }
        END {
            if (!listens) print "it does not listen for clients"
            if ((others + 1) * 2 <= members) printf "it is connected to %d of %d other nodes\n", others, members - 1
            exit !(listens && (others + 1) * 2 > members)
        }
    ' >&2
