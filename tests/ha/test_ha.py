"""A release stays available, whatever is done to its cluster: by simulation of the generated objects.

What is proved, and what is assumed, is told in docs/explanation/ha.md. Each guarantee is broken once, to see that it is
looked at.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from ha.cluster import HOST, ZONE, Pace
from ha.guarantees import places
from ha.manifests import Release
from ha.scenarios import Place, Trial
from hypothesis import HealthCheck, assume, given, reject, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from support import LONG, Objects, Synth
from values_strategies import SCHEMA

from constructs_st2.construct.build import build
from constructs_st2.construct.clusters import cluster_of
from constructs_st2.errors import InvalidValues, UserError
from constructs_st2.values import from_mapping

Document = dict[str, Any]


def lose_each_zone(trial: Trial) -> None:
    trial.lose_each(ZONE)


def lose_each_node(trial: Trial) -> None:
    trial.lose_each(HOST)


def scale_in(trial: Trial) -> None:
    trial.scale_in(to=3, skips_scratch=False)


def drain_two_at_once(trial: Trial) -> None:
    trial.drain_each_node(at_once=2)


SCENARIOS: Mapping[str, Callable[[Trial], None]] = {
    "drain": Trial.drain_each_node,
    "drain two at once": drain_two_at_once,
    "loss of a node": lose_each_node,
    "loss of a zone": lose_each_zone,
    "rollout": Trial.roll_everything,
    "scale-in": scale_in,
}
PACES = {
    "usual": Pace(),
    "quick starts, slow stops": Pace(prepare=1, start=1),
    "slow starts, quick stops": Pace(prepare=60, start=120, stop=0.05),
}
PLACES = {
    "three nodes": Place(),
    "three nodes, volumes of zones": Place(volumes="zone"),
    "six nodes": Place(nodes=6, volumes="zone"),
    "seven nodes, slow": Place(nodes=7, pace=PACES["slow starts, quick stops"]),
    "three nodes, quick": Place(pace=PACES["quick starts, slow stops"]),
}
VALUES: Mapping[str, Document] = {
    "default": {},
    "etcd": {"coordination": {"backend": "etcd"}},
    "five members": {name: {"replicaCount": 5} for name in ("mongodb", "rabbitmq", "redis")},
    "hosts of their own": {name: {"podAntiAffinityPreset": "hard"} for name in ("mongodb", "rabbitmq", "redis")},
    "pools": {"st2actionrunner": {"replicas": 0, "pools": [{"name": "a"}, {"name": "b", "replicas": 3}]}},
    "parts of sensors": {"st2sensorcontainer": {"deployments": 3}, "st2chatops": {"enabled": True}},
    "autoscaling": {name: {"autoscaling": {"enabled": True}} for name in ("st2api", "st2actionrunner", "st2scheduler")},
    "all options": {"monitoring": {"enabled": True}, "tls": {"internal": {"enabled": True}}},
}


def tried(objects: list[Document], place: Place, scenario: str) -> Trial:
    """What became of a release in a scenario."""
    trial = Trial(Release.of(objects), place)
    assert trial.is_up
    # Two of three nodes cannot be empty while a member may only run there.
    if scenario != "drain two at once" or (place.volumes == "anywhere" and place.nodes > 3):
        SCENARIOS[scenario](trial)
    return trial


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("place", PLACES)
def test_the_default_release(default_objects: Objects, place: str, scenario: str) -> None:
    assert tried(default_objects, PLACES[place], scenario).broken == {}


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("values", VALUES)
def test_other_releases(synth: Synth, values: str, scenario: str) -> None:
    assert tried(synth(VALUES[values]), PLACES["six nodes"], scenario).broken == {}


@pytest.mark.parametrize("key", [HOST, ZONE])
@pytest.mark.parametrize("place", PLACES)
def test_members_are_apart_after_the_first_start(default_objects: Objects, place: str, key: str) -> None:
    found = places(Trial(Release.of(default_objects), PLACES[place]).cluster, key)
    assert found == {name: [1, 1, 1] for name in BACKENDS}


# --- what does not hold, and is said in docs/explanation/ha.md


class TestLimits:
    def test_drains_of_three_nodes_bring_members_together(self, default_objects: Objects, synth: Synth) -> None:
        """The third member must go somewhere, and stays there."""
        for objects, place, together in (
            (default_objects, Place(), True),
            (default_objects, Place(nodes=4), False),
            (default_objects, Place(volumes="zone"), False),
            (synth(VALUES["hosts of their own"]), Place(), False),
        ):
            trial = tried(objects, place, "drain")
            assert trial.broken == {}
            assert any(counts[0] > 1 for counts in places(trial.cluster, HOST).values()) is together
            lose_each_node(trial)
            assert bool(trial.broken) is together

    def test_singles_run_twice_while_their_node_is_cut_off(self, default_objects: Objects) -> None:
        trial = Trial(Release.of(default_objects), Place())
        for node in trial.cluster.nodes:
            trial.cut_off(node)
        singles = ("st2timersengine", "st2sensorcontainer", "st2garbagecollector")
        assert set(trial.broken) == {f"{name} runs twice" for name in singles}

    def test_a_node_with_two_members_whose_volumes_cannot_leave_is_never_empty(self, synth: Synth) -> None:
        objects = synth({"rabbitmq": {"replicaCount": 5}})
        assert any("a drain ends" in each for each in tried(objects, Place(volumes="zone"), "drain").broken)
        assert tried(objects, Place(nodes=6, volumes="zone"), "drain").broken == {}

    def test_a_rollout_during_a_drain_stops_a_second_member(self, default_objects: Objects) -> None:
        trial = Trial(Release.of(default_objects), Place(volumes="zone"))
        trial.begin_drain(trial.cluster.nodes[0])
        trial.cluster.run_for(900)
        assert trial.broken == {}
        trial.cluster.revision += 1
        trial.cluster.run_for(900)
        assert "mongodb has no majority of 3" in trial.broken

    def test_the_chat_bot_is_kept_from_nothing(self, synth: Synth) -> None:
        objects = synth({"st2chatops": {"enabled": True}})
        (bot,) = (each for each in Release.of(objects).workloads if each.app == "st2chatops")
        assert bot.recreates
        assert bot.pod.alone is None

    def test_autoscalers_of_nodes_leave_pods_with_empty_directories_alone(self, default_objects: Objects) -> None:
        for skips, left in ((True, 3), (False, 2)):
            trial = Trial(Release.of(default_objects), Place())
            trial.scale_in(to=2, skips_scratch=skips)
            assert len(trial.cluster.nodes) == left

    def test_autoscalers_of_nodes_cut_long_work_short_unless_runners_are_protected(self, synth: Synth) -> None:
        for protected in (False, True):
            runner = {"terminationGracePeriodSeconds": 3630, "protectFromEviction": protected}
            trial = tried(synth({"st2actionrunner": runner}), Place(nodes=6), "scale-in")
            assert list(trial.broken) == ([] if protected else ["work of st2actionrunner is cut short"])


# --- each guarantee, broken


def change(objects: list[Document], kind: str, name: str, **fields: Any) -> None:
    """Set fields of the specs of the objects whose name begins so."""
    for each in objects:
        if each["kind"] == kind and each["metadata"]["name"].startswith(name):
            each["spec"] |= fields


def change_pods(objects: list[Document], name: str, **fields: Any) -> None:
    for each in objects:
        if each["kind"] in ("Deployment", "StatefulSet") and each["metadata"]["name"].startswith(name):
            each["spec"]["template"]["spec"] |= fields


def without_budgets(objects: list[Document]) -> None:
    objects[:] = [each for each in objects if each["kind"] != "PodDisruptionBudget"]


def without_distance_of_members(objects: list[Document]) -> None:
    change_pods(objects, "st2-mongodb", affinity={}, topologySpreadConstraints=[])


def without_distance_of_services(objects: list[Document]) -> None:
    change_pods(objects, "st2-st2api", topologySpreadConstraints=[])


def without_zones(objects: list[Document]) -> None:
    for each in objects:
        if each["metadata"]["name"] == "st2-mongodb" and each["kind"] == "StatefulSet":
            spec = each["spec"]["template"]["spec"]
            spec["topologySpreadConstraints"] = [
                constraint for constraint in spec["topologySpreadConstraints"] if constraint["topologyKey"] == HOST
            ]


def with_all_pods_gone_first(objects: list[Document]) -> None:
    change(objects, "Deployment", "st2-st2api", strategy={"type": "Recreate"})


def with_all_runners_gone_first(objects: list[Document]) -> None:
    change(objects, "Deployment", "st2-st2actionrunner", strategy={"type": "Recreate"})


def with_new_timers_first(objects: list[Document]) -> None:
    change(objects, "Deployment", "st2-st2timersengine", strategy={"type": "RollingUpdate"})


def with_timers_that_wait_for_nobody(objects: list[Document]) -> None:
    for each in objects:
        if each["metadata"]["name"] == "st2-st2timersengine":
            command = each["spec"]["template"]["spec"]["containers"][0]["command"]
            del command[(start := command.index("--alone")) : start + 3]


def with_a_budget_of_nothing(objects: list[Document]) -> None:
    change(objects, "PodDisruptionBudget", "st2-mongodb", maxUnavailable=0)


def with_two_budgets(objects: list[Document]) -> None:
    objects += [copy.deepcopy(each) for each in objects if each["kind"] == "PodDisruptionBudget"]


def with_runners_that_are_killed(objects: list[Document]) -> None:
    change_pods(objects, "st2-st2actionrunner", terminationGracePeriodSeconds=60)


@pytest.mark.parametrize(
    ("broken", "scenario", "place", "problem"),
    [
        (without_budgets, "drain two at once", Place(nodes=4), "mongodb has no majority of 3"),
        (without_distance_of_members, "loss of a node", Place(), "mongodb has no majority of 3"),
        (without_distance_of_services, "loss of a node", Place(), "no st2api answers"),
        (without_zones, "loss of a zone", Place(nodes=6, zones=2), "mongodb has no majority of 3"),
        (with_all_pods_gone_first, "rollout", Place(), "no st2api answers"),
        (with_all_runners_gone_first, "rollout", Place(), "a runner abandons its work, because no other is there"),
        (with_new_timers_first, "rollout", Place(), "st2timersengine runs twice"),
        (with_timers_that_wait_for_nobody, "drain", Place(), "st2timersengine runs twice"),
        (with_a_budget_of_nothing, "drain", Place(), "not so: a drain ends"),
        (with_two_budgets, "drain", Place(), "not so: a drain ends"),
        (with_runners_that_are_killed, "drain", Place(), "st2actionrunner is killed before its work is finished"),
    ],
)
def test_a_guarantee_that_is_broken_is_seen(
    default_objects: Objects, broken: Callable[[list[Document]], None], scenario: str, place: Place, problem: str
) -> None:
    objects = copy.deepcopy(list(default_objects))
    broken(objects)
    found = tried(objects, place, scenario).broken
    assert any(each.startswith(problem) for each in found), found


# --- all values

SERVICES = ("st2api", "st2scheduler", "st2actionrunner", "st2timersengine", "st2sensorcontainer")
BACKENDS = ("mongodb", "rabbitmq", "redis")
FEW = st.integers(1, 6)
MOST_PODS = 100
"""More of them take long, and show nothing else."""
LONGEST_GRACE = 3600
"""A drain that waits for longer is given up by the scenarios."""
THE_USERS_OWN = ("affinity", "topologySpread", "topologySpreadConstraints", "schedulerName")
"""By what users place pods themselves: then it is theirs to keep them apart."""


def values_files() -> st.SearchStrategy[Document]:
    """Values files from the schema, whose services and backends often have what matters here."""
    service = st.fixed_dictionaries(
        {},
        optional={
            "replicas": FEW,
            "terminationGracePeriodSeconds": st.integers(61, 900),
            "tolerationSeconds": st.integers(0, 600),
            "autoscaling": st.fixed_dictionaries({"enabled": st.booleans()}),
        },
    )
    members = st.fixed_dictionaries(
        {},
        optional={
            "replicaCount": st.sampled_from([3, 5, 7]),
            "podAntiAffinityPreset": st.sampled_from(["soft", "hard"]),
            "persistence": st.fixed_dictionaries({"enabled": st.booleans()}),
        },
    )
    chosen = st.fixed_dictionaries(
        {}, optional={**dict.fromkeys(SERVICES, service), **dict.fromkeys(BACKENDS, members)}
    )
    return st.builds(lambda file, more: {**file, **more, "profile": "ha"}, SCHEMA.files(), chosen)


def without_the_users_own(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_the_users_own(each) for key, each in value.items() if key not in THE_USERS_OWN}
    return [without_the_users_own(each) for each in value] if isinstance(value, list) else value


def release_of(values: Document) -> Release:
    """The release of some values, if they are right."""
    try:
        made = from_mapping(without_the_users_own(values))
        assume(made.coordination_backend != "none")  # without coordination, nobody can wait for a former pod
        return Release.of(build(cluster_of(made)).objects)
    except (InvalidValues, UserError, ValidationError):
        reject()


@settings(
    max_examples=2000 if LONG else 15,
    deadline=None,
    derandomize=not LONG,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
@given(
    values_files(),
    st.builds(
        Place,
        nodes=st.sampled_from([3, 6, 9]),
        volumes=st.sampled_from(["anywhere", "zone"]),
        pace=st.sampled_from(list(PACES.values())),
    ),
    st.sampled_from(sorted(SCENARIOS)),
)
def test_all_values(values: Document, place: Place, scenario: str) -> None:
    release = release_of(values)
    assume(sum(workload.replicas for workload in release.workloads) < MOST_PODS)
    assume(all(workload.pod.grace <= LONGEST_GRACE for workload in release.workloads))
    # The one member of a backend is away while its node is drained, and then nothing else becomes ready.
    assume(all(workload.replicas > 1 for workload in release.workloads if workload.is_stateful))
    trial = Trial(release, place)
    # Only where what users ask for can be had: a node with all labels, a host for each member.
    assume(trial.is_up)
    # Of two members on a node that may only run there, the second never gets leave to go.
    are_bound_together = place.volumes != "anywhere" and any(
        counts[0] > 1 for counts in places(trial.cluster, HOST).values()
    )
    assume(not are_bound_together)
    assume(scenario != "drain two at once" or (place.nodes > 3 and place.volumes == "anywhere"))
    SCENARIOS[scenario](trial)
    ours = {problem for problem in trial.broken if "is cut short" not in problem}
    assert ours == set()
