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

# Of the opinions on stdin, EPOCH MASTER VOTES of each member that is named in the newest epoch: each failover has an epoch
# of its own, and the highest counts. Of those that are named as often, the last named comes first. Says nothing where no
# opinion names a member.
newest() {
    awk '
        NR == FNR { member[$1]; next }
        !($2 in member) || $1 < epoch { next }
        $1 > epoch { epoch = $1; count = 0; split("", votes) }
        { named[++count] = $2; votes[$2]++ }
        END {
            for (; count > 0; count--) {
                if (!(named[count] in votes)) continue
                print epoch + 0, named[count], votes[named[count]]
                delete votes[named[count]]
            }
        }
    ' "$members" -
}

# How many replicas a master has, and 1 for a master or 0 for none.
# usage: standing HOST
standing() {
    redis "$1" role | awk '
        NR == 1 { master = $1 == "master" }
        END { print (master ? int((NR - 2) / 3) : 0), master + 0 }
    '
}

# Of the opinions on stdin, EPOCH MASTER of the one that all sentinels should share.
#
# Opinions of one epoch differ when a sentinel could not resolve the name of the new master as it heard of the failover:
# it has taken over the epoch by then, but keeps the old master, and believes nobody any more who knows better
# (sentinelProcessHelloMessage and sentinelResetMasterAndChangeAddress in sentinel.c). Who hears of the epoch from that
# one first keeps the old master too, so that even most of them may be wrong. So the master counts that has most
# replicas, because no other takes writes; then the one that most name; then the one that is a master.
prevailing() {
    candidates=$(newest)
    if [ "$(count "$candidates")" -gt 1 ]; then
        candidates=$(
            echo "$candidates" | while read -r candidate; do
                host=${candidate#* }
                echo "$candidate $(standing "${host% *}" </dev/null)"
            done
        )
    fi
    echo "$candidates" | awk '
        NF { rank = $4 * 10000 + $3 * 10 + $5 }
        NF && (NR == 1 || rank > best) { best = rank; prevails = $1 " " $2 }
        END { if (prevails) print prevails }
    '
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
