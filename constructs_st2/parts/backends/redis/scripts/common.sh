#!/bin/sh
# Read by the other scripts: who the members are, and how to ask their servers.
# usage: . common.sh

umask 077

# A shell hears a signal while it waits, but not during other commands. When process 1 ends, all others do.
interruptibly() {
    "$@" &
    wait "$!"
}

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

# usage: count LINES
count() {
    printf '%s\n' "$1" | grep -c . || true
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

# The number of keys, or an error as LOADING, of each other member that answers.
peer_sizes() {
    for host in $(peer_hosts); do
        redis "$host" dbsize &
    done
    wait
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

# Of the opinions on stdin, EPOCH MASTER of those that may prevail: each failover has an epoch of its own, the highest
# counts, and there the master that most name. More than one line where others are named as often; the last named first.
# Says nothing where no opinion names a member.
#
# Opinions of one epoch differ when a sentinel could not resolve the name of the new master as it heard of the failover:
# it has taken over the epoch by then, but keeps the old master, and believes nobody any more who knows better
# (sentinelProcessHelloMessage and sentinelResetMasterAndChangeAddress in sentinel.c).
newest() {
    awk '
        NR == FNR { member[$1]; next }
        !($2 in member) || $1 < epoch { next }
        $1 > epoch { epoch = $1; count = 0; split("", votes) }
        { named[++count] = $2; votes[$2]++ }
        END {
            for (master in votes) if (votes[master] > most) most = votes[master]
            for (; count > 0; count--) {
                if (votes[named[count]] != most) continue
                print epoch + 0, named[count]
                delete votes[named[count]]
            }
        }
    ' "$members" -
}

# Of the opinions on stdin, EPOCH MASTER of the one that all sentinels should share. Where they are divided, it is the
# one whose master is a master.
prevailing() {
    candidates=$(newest)
    if [ "$(count "$candidates")" -gt 1 ]; then
        candidates=$(
            echo "$candidates" | while read -r epoch master; do
                ! is_master "$master" </dev/null || echo "$epoch $master"
            done
            echo "$candidates"
        )
    fi
    echo "$candidates" | head -n 1
}

# The master, if the sentinel of this pod names another one, and unless a failover is under way.
unknown_master() {
    own_opinion=$(opinions 127.0.0.1)
    [ -n "$own_opinion" ] || return 0
    # Its own comes last, so that it prevails where nothing speaks for another.
    # shellcheck disable=SC2046
    said=$(opinions $(peer_hosts) && echo "$own_opinion")
    case $said in
        *failover_in_progress*) return 0 ;;
    esac
    prevails=$(echo "$said" | prevailing)
    master=${prevails#* }
    case $own_opinion in
        *" $master "*) ;;
        *) ! is_master "$master" || echo "$master" ;;
    esac
}

# Those of these hosts whose names cannot be resolved here.
# usage: unresolved HOST ...
unresolved() {
    for host in "$@"; do
        timeout 3 getent hosts "$host" >/dev/null || echo "$host" &
    done
    wait
}

# Of the opinions on stdin, the master that a majority of all sentinels names, if there is one.
agreed() {
    awk -v majority="$(majority)" '++votes[$2] == majority { print $2 }'
}
