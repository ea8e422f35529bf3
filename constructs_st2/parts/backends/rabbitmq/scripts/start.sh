#!/bin/sh
# Run by the container rabbitmq: gives the node its cookie, finds out how it may start, and becomes the server.
# usage: start.sh AMQP_PORT ANSWER_PORT     RABBITMQ_NODENAME, RABBITMQ_CONFIG_FILE and HOME are in the environment
#
# A node is empty; or unfinished: it has begun to found or to join a cluster, and nobody could connect to it yet; or it
# has data, and then it starts at once and needs nobody. Who may found or join is told in constructs_st2_formation.erl.
set -eu

# As process 1, a shell without this would not hear that the pod ends.
trap 'exit 0' TERM INT

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

# A shell hears a signal while it waits, but not during other commands. When process 1 ends, all others do.
interruptibly() {
    "$@" &
    wait "$!"
}

# Whether there are no other nodes. Then there is nobody to wait for, and nobody who has more than this one.
is_alone() {
    [ ! -e "$MEMBERS" ]
}

# Whether the node has ever come past the making of its database, be it Mnesia or Khepri, or has got that of a cluster:
# at once after that RabbitMQ numbers its starts here (rabbit_guid.erl).
has_database() {
    [ -s "$data/rabbit_serial" ]
}

# A first start that is killed can leave what cannot be started again: RabbitMQ 4.0 gets over neither an empty file
# feature_flags nor a schema without its tables. So a start counts when clients could connect, and until then what there
# is may be thrown away.
state_of_volume() {
    if [ ! -e "$UNFINISHED" ] && [ -z "$(ls -A "$data" 2>/dev/null)" ]; then
        echo empty
    elif has_database && { [ ! -e "$UNFINISHED" ] || is_alone; }; then
        echo data
    else
        echo unfinished
    fi
}

# What the container formation tells the others: always what is true, or less.
# usage: answer WORD
answer() {
    echo "$HOST $1 $nonce" >"$ANSWER.new"
    mv "$ANSWER.new" "$ANSWER"
}

erlang() {
    interruptibly erl +S 1:1 -noinput -boot no_dot_erlang "$@"
}

compile() {
    mkdir -p "$code"
    erlang -eval "{ok, _} = compile:file(\"$here/$program\", [report, {outdir, \"$code\"}]), halt()."
}

# Sets `word` and `hosts`, as soon as there is something to do.
# usage: decide [once]
decide() {
    if is_alone; then
        if [ "$state" = empty ]; then word=found; else word=clear; fi
        return 0
    fi
    erlang -pa "$code" -run "$program" main -extra "$state" "$@" >"$run/decision"
    read -r word hosts <"$run/decision"
}

# usage: ctl SECONDS HOST COMMAND ...     of the node there; at most so long
ctl() {
    seconds=$1 node=rabbit@$2
    shift 2
    interruptibly timeout "$seconds" rabbitmqctl --quiet --node "$node" "$@"
}

# Whether the cluster of another node is known not to have this one; 2 if nothing is known. A node that starts may know
# of no members at all.
# usage: unknown_to HOST
unknown_to() {
    ctl 60 "$1" cluster_status --formatter json >"$run/status" || return 2
    grep -qF "\"rabbit@$1\"" "$run/status" || return 2
    ! grep -qF "\"$RABBITMQ_NODENAME\"" "$run/status"
}

# Whether the cluster of another node does without this one, which has nothing of it: a member that comes back empty
# under its old name could vote twice, and Mnesia refuses it.
# usage: forgotten_by HOST
forgotten_by() {
    if unknown_to "$1"; then return 0; else [ $? = 1 ] || return 1; fi
    echo "the cluster of $1 still has this node as a member, which has lost its data: it is forgotten there"
    ctl 120 "$1" forget_cluster_node "$RABBITMQ_NODENAME"
}

clear_data() {
    rm -rf "$data" "$data"-*
    rm -f "$UNFINISHED"
}

# usage: start_with HOST ...     in the cluster of these; only with itself, in a new one
start_with() {
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
    start_with "$@"
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
        rm -f "$UNFINISHED"
        exec rabbitmq-server
    fi
    if [ ! -e "$code/$program.beam" ]; then
        compile
    fi
    decide
    # shellcheck disable=SC2086
    case $word in
        found)
            echo "nobody has data: this node founds the cluster"
            start_with "$HOST"
            ;;
        join)
            if forgotten_by "${hosts%% *}"; then
                join $hosts
            fi
            echo "${hosts%% *} cannot be joined yet; trying again" >&2
            interruptibly sleep 5
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
