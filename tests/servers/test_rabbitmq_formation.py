"""How the nodes of RabbitMQ form one cluster, and never two: what the real program decides in every situation, and what
comes of it, by exploring everything that can happen to three nodes (see servers.rabbitmq_model).
"""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from servers.rabbitmq_model import Decide, Model, Round, explore, stuck
from support import Require

from constructs_st2.parts.backends.rabbitmq import scripts

PROGRAM = "constructs_st2_formation"
WORDS = ("empty", "unfinished", "joining", "data")
SEEN = ("accepts", "silent", *(f"{word} {nonce}" for word in WORDS for nonce in "ab"))
ROUNDS: tuple[Round, ...] = tuple(itertools.product(SEEN, repeat=2))
SITUATIONS = [
    (first, state, before, now)
    for first in (True, False)
    for state in ("empty", "unfinished")
    for before in (None, *ROUNDS)
    for now in ROUNDS
]

long = pytest.mark.skipif(
    os.environ.get("ST2_TEST_LONG") != "1", reason="not run: takes a minute; ST2_TEST_LONG=1 runs it"
)

Situation = tuple[bool, str, Round | None, Round]


@pytest.fixture(scope="module")
def table(require: Require, tmp_path_factory: pytest.TempPathFactory) -> Mapping[Situation, tuple[str, ...]]:
    """What the program that runs in pods decides, in every situation of three nodes."""
    require("rabbitmq-server")
    folder = tmp_path_factory.mktemp("formation")
    source = Path(scripts.__file__).parent / PROGRAM
    (folder / "situations").write_text("".join(f"{term(situation)}.\n" for situation in SITUATIONS))
    code = f"""
        {{ok, _}} = compile:file("{source}", [report, warnings_as_errors, {{outdir, "{folder}"}}]),
        {{ok, Situations}} = file:consult("{folder}/situations"),
        lists:foreach(fun({{First, State, Before, Now}}) ->
            case {PROGRAM}:decide(First, State, Before, Now) of
                {{Word, Hosts}} -> io:format("~s~n", [lists:join(" ", [atom_to_list(Word) | Hosts])]);
                Word -> io:format("~s~n", [Word])
            end
        end, Situations),
        halt().
    """
    command = ["erl", "-noinput", "-pa", str(folder), "-eval", code]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    lines = [tuple(line.split()) for line in result.stdout.splitlines()]
    return dict(zip(SITUATIONS, lines, strict=True))


def term(situation: Situation) -> str:
    """A situation in Erlang."""
    first, state, before, now = situation
    return f"{{{str(first).lower()}, {state}, {_round(before) if before else 'none'}, {_round(now)}}}"


def _round(seen: Round) -> str:
    return "[" + ", ".join(f'{{"{host}", {_seen(each)}}}' for host, each in enumerate(seen)) + "]"


def _seen(seen: str) -> str:
    word, _, nonce = seen.partition(" ")
    return f'{{{word}, "{nonce}"}}' if nonce else word


@pytest.fixture(scope="module")
def decide(table: Mapping[Situation, tuple[str, ...]]) -> Decide:
    return lambda *situation: table[situation]


class TestDecide:
    """The rules, as people would say them, against the program."""

    def test_only_the_first_founds_and_only_when_all_others_said_twice_that_they_are_empty(
        self, table: Mapping[Situation, tuple[str, ...]]
    ) -> None:
        founded = {situation for situation, did in table.items() if did == ("found",)}
        assert founded == {(True, "empty", now, now) for now in itertools.product(("empty a", "empty b"), repeat=2)}

    def test_an_empty_node_joins_those_that_accept_clients_and_no_others(
        self, table: Mapping[Situation, tuple[str, ...]]
    ) -> None:
        for (_, state, _, now), did in table.items():
            accepting = tuple(str(place) for place, seen in enumerate(now) if seen == "accepts")
            if state == "empty":
                assert did == ("join", *accepting) if accepting else did[0] in ("wait", "found")

    def test_an_unfinished_node_throws_nothing_away_while_any_other_may_have_data(
        self, table: Mapping[Situation, tuple[str, ...]]
    ) -> None:
        cleared = {situation for situation, did in table.items() if did == ("clear",)}
        harmless = ("empty a", "empty b", "unfinished a", "unfinished b")
        assert cleared == {
            (first, "unfinished", now, now) for first in (True, False) for now in itertools.product(harmless, repeat=2)
        }

    def test_in_what_order_the_first_node_has_the_others_makes_no_difference(
        self, table: Mapping[Situation, tuple[str, ...]]
    ) -> None:
        """So that worlds in which they have changed places can be taken for the same."""
        for (first, state, before, now), (word, *about) in table.items():
            if first:
                other = tuple(sorted(str(1 - int(place)) for place in about))
                assert table[first, state, before and before[::-1], now[::-1]] == (word, *other)

    def test_an_unfinished_node_goes_on_with_those_that_have_data(
        self, table: Mapping[Situation, tuple[str, ...]]
    ) -> None:
        assert table[True, "unfinished", None, ("silent", "data a")] == ("resume", "1")
        assert table[False, "unfinished", None, ("accepts", "data a")] == ("resume", "0")
        assert table[False, "unfinished", None, ("silent", "silent")] == ("wait",)


def test_there_are_never_two_clusters_and_in_the_end_there_is_one(decide: Decide) -> None:
    worlds, healthy = explore(Model(decide))
    # Otherwise there was nothing to see.
    assert len(worlds) > 50_000
    assert all(world.majority_lost for world in stuck(worlds, healthy))


class TestWithoutMajorities:
    """The rules hold by themselves, and each of them is needed, which the model sees."""

    @long
    def test_there_are_never_two_clusters(self, decide: Decide) -> None:
        explore(Model(decide, majorities=False))

    def test_a_founder_must_ask_twice(self, decide: Decide) -> None:
        def hasty(first: bool, state: str, _before: Round | None, now: Round) -> tuple[str, ...]:
            return decide(first, state, now, now)

        with pytest.raises(AssertionError, match="two clusters"):
            explore(Model(hasty, majorities=False))

    @long
    def test_answers_need_a_nonce(self, decide: Decide) -> None:
        with pytest.raises(AssertionError, match="two clusters"):
            explore(Model(decide, majorities=False, nonces=False))

    def test_nodes_that_join_must_not_choose_themselves(self, decide: Decide) -> None:
        with pytest.raises(AssertionError, match="two clusters"):
            explore(Model(decide, selects_itself=True))
