%% How the nodes become one cluster. start.sh asks this program what a node that has no data of a cluster may do, and the
%% node itself uses it as its peer discovery backend when it founds or joins one.
%%
%% In the environment: AMQP_PORT, ANSWER_PORT, HOST (own name), MEMBERS, ANSWER and UNFINISHED (files).
-module(constructs_st2_formation).

-export([main/0, decide/4]).
%% The behaviour rabbit_peer_discovery_backend.
-export([init/0, list_nodes/0, retry_strategy/0, lock/1, unlock/1]).
-export([supports_registration/0, register/0, unregister/0, post_registration/0]).

%% Milliseconds.
-define(BETWEEN_ROUNDS, 1000).
-define(ANSWER, 3000).
-define(JOIN, 300_000).

%% ---- what to do

%% What a node without data of a cluster may do, of what it saw of the others in two rounds one after the other:
%%   wait
%%   found             found a cluster
%%   clear             throw away what an unfinished start has left
%%   {join, Hosts}     join the cluster that these belong to
%%   {resume, Hosts}   go on with an unfinished start
%%
%% It sees of each of the others: accepts (clients can connect, so that it has finished), silent, or {Word, Nonce}. The
%% words are empty; unfinished: it has begun to found or join before, and has to decide again; joining: its server does
%% so; and data.
%% A nonce stands for one start of a container, in which a node goes on to joining or data, and never back.
%%
%% The same answers in both rounds mean that all were so at once, at the end of the first. If all were empty then, there
%% is no cluster, and none can come into being but by member 0, since others do no more than join. If some were
%% unfinished, there is no cluster either that anybody ever connected to, and nobody is about to finish one.
decide(IsFirst, State, Before, Now) ->
    Steady = Before =:= Now,
    Words = lists:usort([word(Seen) || {_, Seen} <- Now]),
    Finished = Words -- [empty, unfinished],
    case {State, hosts(accepts, Now), hosts(data, Now)} of
        {empty, [_ | _] = Hosts, _} -> {join, Hosts};
        {unfinished, [_ | _] = Hosts, _} -> {resume, Hosts};
        %% Of two members of a cluster neither can start alone.
        {unfinished, [], [_ | _] = Hosts} -> {resume, Hosts};
        {empty, [], []} when IsFirst, Steady, Words =:= [empty] -> found;
        {unfinished, [], []} when Steady, Finished =:= [] -> clear;
        _ -> wait
    end.

hosts(Word, Round) -> [Host || {Host, Seen} <- Round, word(Seen) =:= Word].

word({Word, _}) -> Word;
word(Word) -> Word.

%% ---- asking the others

%% usage: main STATE [once]. Asks until there is something to do, or once, and writes that: a word, and perhaps hosts.
main() ->
    [State | Once] = init:get_plain_arguments(),
    case decide_in_rounds(list_to_existing_atom(State), Once, none, none) of
        {Word, Hosts} -> io:format("~ts~n", [lists:join(" ", [atom_to_list(Word) | Hosts])]);
        Word -> io:format("~ts~n", [Word])
    end,
    halt().

decide_in_rounds(State, Once, Before, Said) ->
    {IsFirst, Others} = members(),
    Now = round_of(Others),
    case decide(IsFirst, State, Before, Now) of
        wait when Once =:= [] ->
            Says = says(State, Now),
            Says =:= Said orelse io:format(standard_error, "~ts~n", [Says]),
            timer:sleep(?BETWEEN_ROUNDS),
            decide_in_rounds(State, Once, Now, Says);
        Decision ->
            Decision
    end.

says(State, Round) ->
    Others = [io_lib:format("~ts: ~ts", [hd(string:split(Host, ".")), word(Seen)]) || {Host, Seen} <- Round],
    ["this node: ", atom_to_list(State), "; waiting for the others: ", lists:join(", ", Others)].

%% The list is read again each time, because it can grow.
members() ->
    {ok, Text} = file:read_file(os:getenv("MEMBERS")),
    [First | _] = All = string:lexemes(binary_to_list(Text), "\n"),
    Own = os:getenv("HOST"),
    {First =:= Own, All -- [Own]}.

%% All at the same time; it ends when all have answered, or are taken for silent.
round_of(Hosts) ->
    Asked = [{Host, spawn_monitor(fun() -> exit({seen, look_at(Host)}) end)} || Host <- Hosts],
    [{Host, seen(Asking)} || {Host, Asking} <- Asked].

seen({Process, Monitor}) ->
    receive
        {'DOWN', Monitor, process, Process, {seen, Seen}} -> Seen;
        {'DOWN', Monitor, process, Process, _} -> silent
    end.

look_at(Host) ->
    case accepts(Host) of
        true -> accepts;
        false -> ask(Host)
    end.

%% Whether clients can connect. A node listens for them when it has founded or joined a cluster, and not before.
accepts(Host) ->
    with_connection(Host, port("AMQP_PORT"), false, fun(_) -> true end).

%% The file ANSWER of another node: its name, a word and a nonce. The name, because addresses are used again.
ask(Host) ->
    with_connection(Host, port("ANSWER_PORT"), silent, fun(Socket) ->
        ok = gen_tcp:send(Socket, "GET /answer HTTP/1.0\r\n\r\n"),
        [_, Body] = string:split(received(Socket, []), "\r\n\r\n"),
        [Host, Word, Nonce] = string:lexemes(Body, " \r\n"),
        {word_of(Word), Nonce}
    end).

word_of("empty") -> empty;
word_of("unfinished") -> unfinished;
word_of("joining") -> joining;
word_of("data") -> data.

received(Socket, Parts) ->
    case gen_tcp:recv(Socket, 0, ?ANSWER) of
        {ok, Part} -> received(Socket, [Parts, Part]);
        {error, closed} -> lists:flatten(Parts)
    end.

with_connection(Host, Port, Otherwise, Do) ->
    with_connection([inet, inet6], Host, Port, Otherwise, Do).

with_connection([], _, _, Otherwise, _) ->
    Otherwise;
with_connection([Family | Families], Host, Port, Otherwise, Do) ->
    case gen_tcp:connect(Host, Port, [Family, {active, false}], ?ANSWER) of
        {ok, Socket} ->
            Done = Do(Socket),
            gen_tcp:close(Socket),
            Done;
        {error, _} ->
            with_connection(Families, Host, Port, Otherwise, Do)
    end.

port(Variable) -> list_to_integer(os:getenv(Variable)).

%% ---- founding and joining

%% RabbitMQ calls this before it founds or joins. What takes too long ends with the node, so that start.sh decides again:
%% the peer may be gone for ever. It counts when clients can connect; no other node joins before that.
init() ->
    Begin = erlang:monotonic_time(millisecond),
    filelib:is_file(os:getenv("UNFINISHED")) andalso spawn(fun() -> finish(Begin + ?JOIN) end),
    ok.

finish(End) ->
    timer:sleep(1000),
    case {accepts(os:getenv("HOST")), erlang:monotonic_time(millisecond) > End} of
        {true, _} ->
            answer_data(os:getenv("ANSWER")),
            ok = file:delete(os:getenv("UNFINISHED")),
            io:format("this node belongs to a cluster~n"),
            complete_queues();
        {false, false} ->
            finish(End);
        {false, true} ->
            io:format("serves nobody after ~b s; starting anew~n", [?JOIN div 1000]),
            erlang:halt(1)
    end.

answer_data(File) ->
    {ok, Text} = file:read_file(File),
    [Host, _, Nonce] = string:lexemes(binary_to_list(Text), " \n"),
    ok = file:write_file(File ++ ".new", lists:join(" ", [Host, "data", Nonce ++ "\n"])),
    ok = file:rename(File ++ ".new", File).

%% Later versions do so by themselves (continuous membership reconciliation).
complete_queues() ->
    has_selection() orelse rabbit_quorum_queue:grow(node(), <<".*">>, <<".*">>, even).

%% A list of nothing but the node itself founds a cluster.
%% Since 3.13 RabbitMQ sorts the nodes of a list, to which its own classic_config adds the node itself, by their ages;
%% the oldest may be the node itself, and then it founds a cluster (rabbit_peer_discovery:select_node_to_join/1 and
%% sort_nodes_and_props/1). One node instead of a list is joined or waited for (since 3.13.5). Earlier versions join
%% any other node of the list, and take no error for an answer.
list_nodes() ->
    {ok, {Nodes, Type}} = application:get_env(rabbit, cluster_nodes),
    case {has_selection(), [Node || Node <- lists:sort(Nodes), accepts(host(Node))]} of
        _ when Nodes =:= [node()] -> {ok, {Nodes, Type}};
        {true, [Node | _]} -> {ok, {Node, Type}};
        {true, []} -> {error, "none of the nodes accepts connections"};
        {false, _} -> {ok, {Nodes, Type}}
    end.

host(Node) ->
    [_, Host] = string:split(atom_to_list(Node), "@"),
    Host.

has_selection() ->
    {ok, Version} = application:get_key(rabbit, vsn),
    [Major, Minor | _] = [list_to_integer(Part) || Part <- string:lexemes(Version, ".-+~"), is_number_text(Part)],
    {Major, Minor} >= {3, 13}.

is_number_text(Text) -> lists:all(fun(Char) -> Char >= $0 andalso Char =< $9 end, Text).

retry_strategy() -> unlimited.

%% Nodes that join the same one do so one after the other. Before 3.13 RabbitMQ says who asks, and then which two nodes.
lock(Node) when is_atom(Node) ->
    {ok, {Nodes, _}} = application:get_env(rabbit, cluster_nodes),
    lock(Nodes);
lock(Nodes) ->
    Lock = {{?MODULE, join}, self()},
    case global:set_lock(Lock, Nodes, 60) of
        true -> {ok, {Lock, Nodes}};
        false -> {error, "another node joins, for too long"}
    end.

unlock({Lock, Nodes}) ->
    global:del_lock(Lock, Nodes),
    ok.

supports_registration() -> false.
register() -> ok.
unregister() -> ok.
post_registration() -> ok.
