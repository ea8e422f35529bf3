#!/bin/sh
# Read by the other scripts: who the members are, and how to ask their servers.
# usage: . common.sh

umask 077

members=/etc/constructs-st2/config/members
secret=/etc/constructs-st2/secret
authority=/etc/constructs-st2/tls/ca.crt

# Members go by their names, because their addresses change.
all_hosts() {
    cat "$members"
}

first_host() {
    head -n 1 "$members"
}

own_host() {
    grep "^$POD_NAME\." "$members" || {
        echo "$POD_NAME is none of the members: $(tr '\n' ' ' <"$members")" >&2
        return 1
    }
}

peer_hosts() {
    grep -v "^$POD_NAME\." "$members" || true
}

majority() {
    echo $(($(grep -c . "$members") / 2 + 1))
}

# A line of a configuration file that ends with a password; nothing where there is none.
# usage: password_line redis|redis-sentinel DIRECTIVE
password_line() {
    [ ! -f "$secret/$1-password" ] || printf '%s\n' "$(cat "$secret/$1-password")" |
        sed "s/[\\\\\"]/\\\\&/g; s/.*/$2 \"&\"/"
}

# Asks a server; without COMMAND, what stdin says. The password is no argument, because everybody can read those.
# usage: ask PORT HOST [COMMAND ...]
ask() (
    case $1 in
        26379) password=$secret/redis-sentinel-password ;;
        *) password=$secret/redis-password ;;
    esac
    if [ -f "$password" ]; then
        REDISCLI_AUTH=$(cat "$password")
        export REDISCLI_AUTH
    fi
    port=$1 host=$2
    shift 2
    [ ! -f "$authority" ] || set -- --tls --cacert "$authority" "$@"
    exec timeout 3 redis-cli -p "$port" -h "$host" --raw "$@" 2>/dev/null
)

redis() {
    ask 6379 "$@"
}

sentinel() {
    ask 26379 "$@"
}

# usage: is_master HOST
is_master() {
    [ "$(redis "$1" role | head -n 1)" = master ]
}

# What the sentinels of these hosts say: a line EPOCH MASTER FLAGS of each that answers.
# Both commands, because only the first names the new master as soon as a failover counts.
# usage: opinions HOST ...
opinions() {
    for host in "$@"; do
        printf 'sentinel %s mymaster\n' get-master-addr-by-name master | sentinel "$host" | awk '
            NR == 1 { master = $1 }
            name == "flags" { flags = $1 }
            name == "config-epoch" { epoch = $1 }
            { name = $0 }
            END { if (epoch != "") print epoch, master, flags }
        ' &
    done
    wait
}

# The same from the file of a sentinel, if there is one.
# usage: opinion_in FILE
opinion_in() {
    [ ! -f "$1" ] || awk '
        $2 == "monitor" { master = $4 }
        $2 == "config-epoch" { epoch = $4 }
        END { if (master != "") print epoch + 0, master }
    ' "$1"
}

# Of the opinions on stdin, the master in the one that all sentinels will come to share: each failover has an epoch of
# its own, and the highest prevails. In the same epoch most of them are right, and the last where it is a draw: see
# astray in guard.sh. Says nothing where no opinion names a member.
newest() {
    awk '
        NR == FNR { member[$1]; next }
        !($2 in member) || $1 < epoch { next }
        $1 > epoch { epoch = $1; split("", votes); master = "" }
        ++votes[$2] >= votes[master] { master = $2 }
        END { if (master != "") print master }
    ' "$members" -
}

# Of the opinions on stdin, the master that a majority of all sentinels names, if there is one.
agreed() {
    awk -v majority="$(majority)" '++votes[$2] == majority { print $2 }'
}
