#!/bin/sh
# Run by the container rabbitmq: gives the node its cookie, finds out how it may start, and becomes the server.
# usage: start.sh AMQP_PORT ANSWER_PORT     RABBITMQ_NODENAME, RABBITMQ_CONFIG_FILE and HOME are in the environment
#
# A node is empty; or unfinished: it has begun to found or join a cluster, and nobody could connect to it yet; or it has
# data, and then it starts at once and needs nobody. Who may found or join is told in constructs_st2_formation.erl.
set -eu

export AMQP_PORT="$1" ANSWER_PORT="$2" HOST="${RABBITMQ_NODENAME#*@}"

here=$(dirname "$0")
run=/run/constructs-st2
code=$run/code
program=constructs_st2_formation
conf=$RABBITMQ_CONFIG_FILE
data=$HOME/mnesia/$RABBITMQ_NODENAME
export MEMBERS="${conf%/*}/members"
export ANSWER="$run/formation/answer"
export UNFINISHED="$HOME/mnesia/unfinished"

# Erlang refuses a cookie that others can read, and files of Secrets are readable by the pod's group.
(
    umask 077
    rm -f "$HOME/.erlang.cookie"
    cat /etc/constructs-st2/secret/rabbitmq-erlang-cookie >"$HOME/.erlang.cookie"
    chmod 400 "$HOME/.erlang.cookie"
)

state_of_volume() {
    if [ -e "$UNFINISHED" ]; then
        echo unfinished
    elif [ -e "$data" ]; then
        echo data
    else
        echo empty
    fi
}

# What the container formation tells the others: always what is true, or less.
# usage: answer WORD
answer() {
    echo "$HOST $1 $nonce" >"$ANSWER.new"
    mv "$ANSWER.new" "$ANSWER"
}

# Runs in the background, because a shell hears a signal only when the command before it is done.
erlang() {
    erl +S 1:1 -noinput -boot no_dot_erlang "$@" &
    child=$!
    trap 'kill "$child"; exit 0' TERM INT
    wait "$child"
    trap - TERM INT
}

compile() {
    mkdir -p "$code"
    erlang -eval "{ok, _} = compile:file(\"$here/$program\", [report, {outdir, \"$code\"}]), halt()."
}

# Sets `word` and `hosts`, as soon as there is something to do.
# usage: decide [once]
decide() {
    # A node alone has nobody to ask.
    if [ ! -e "$MEMBERS" ]; then
        hosts=
        case $state in
            empty) word=found ;;
            *) word=clear ;;
        esac
        return
    fi
    erlang -pa "$code" -run "$program" main -extra "$state" "$@" >"$run/decision"
    read -r word hosts <"$run/decision"
}

# Whether the cluster of another node is known not to have this one. A node that starts may know of no members at all.
# usage: unknown_to HOST
unknown_to() {
    members=$(timeout 60 rabbitmqctl --quiet --node "rabbit@$1" cluster_status --formatter json) || return 2
    case $members in
        *"\"$RABBITMQ_NODENAME\""*) return 1 ;;
        *"\"rabbit@$1\""*) return 0 ;;
        *) return 2 ;;
    esac
}

# Whether the cluster of another node does without this one, which has nothing of it: a member that comes back empty
# under its old name could vote twice, and Mnesia refuses it.
# usage: forgotten_by HOST
forgotten_by() {
    if unknown_to "$1"; then return 0; else [ $? = 1 ] || return 1; fi
    echo "the cluster of $1 still has this node as a member, which has lost its data: it is forgotten there"
    timeout 120 rabbitmqctl --quiet --node "rabbit@$1" forget_cluster_node "$RABBITMQ_NODENAME"
}

clear_data() {
    rm -rf "$data" "$data"-*
    rm -f "$UNFINISHED"
}

# Becomes a server that founds a cluster, or joins the one of these hosts. The founder is unfinished too: what a server
# leaves that is killed in its first start can keep every later one from starting (seen: ra's names.dets cut short).
# usage: form [HOST ...]
form() {
    date >>"$UNFINISHED"
    answer joining
    {
        cat "$conf"
        echo "cluster_formation.peer_discovery_backend = $program"
        number=0
        for host in "$@"; do
            number=$((number + 1))
            echo "cluster_formation.classic_config.nodes.$number = rabbit@$host"
        done
        # To give up would be to found a cluster.
        echo "cluster_formation.discovery_retry_limit = 1000000"
        echo "cluster_formation.discovery_retry_interval = 1000"
    } >"$run/rabbitmq.conf"
    export RABBITMQ_CONFIG_FILE="$run/rabbitmq.conf"
    export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="${RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:-} -pa $code"
    exec rabbitmq-server
}

# usage: join HOST ...
join() {
    echo "joining the cluster of $*"
    form "$@"
}

# What is left of a join that had not got as far as to be a member is of no use. One that was begun three times does not
# come to its end by itself.
resume() {
    if unknown_to "$1"; then
        echo "the cluster of $1 does not know this node: beginning anew"
        clear_data
    elif [ "$(grep -c . "$UNFINISHED")" -ge 3 ] && forgotten_by "$1"; then
        echo "the join was begun three times without success: beginning anew"
        clear_data
    else
        join "$@"
    fi
}

mkdir -p "${ANSWER%/*}"
while :; do
    state=$(state_of_volume)
    nonce=$(cat /proc/sys/kernel/random/uuid)
    answer "$state"
    if [ "$state" = data ]; then
        echo "this node has data: it starts at once"
        exec rabbitmq-server
    fi
    if [ ! -e "$code/$program.beam" ]; then
        compile
    fi
    decide
    # shellcheck disable=SC2086
    case $word in
        found)
            echo "this node founds the cluster, for it is alone, or all others are empty too"
            form
            ;;
        join)
            if forgotten_by "${hosts%% *}"; then
                join $hosts
            fi
            echo "${hosts%% *} cannot be joined yet; trying again" >&2
            sleep 5
            ;;
        resume)
            # What was seen may be long past. Now nobody throws away any more what this node may need.
            answer joining
            decide once
            [ "$word" != resume ] || resume $hosts
            ;;
        clear)
            echo "no node has data of a cluster: beginning anew"
            clear_data
            ;;
    esac
done
