"""Pools of action runners."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from support import MakeCluster, Objects, Synth

from constructs_st2.errors import InvalidValues
from constructs_st2.values.model.services import ActionRunner, RunnerPool

MAIN, SPOT = "st2actionrunner", "st2actionrunner-spot"
SPREAD = {"maxSkew": 2, "topologyKey": "example.org/rack", "whenUnsatisfiable": "DoNotSchedule"}
EVICTION = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false", "karpenter.sh/do-not-disrupt": "true"}
CONTAINER = {"name": "mine", "image": "mine:1", "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}}}
FILES = ("st2.docker.conf", "st2.user.conf", "st2.pool.conf", "st2.secrets.conf")
"""What runners of a pool read, in the order of what wins."""


def pooled(*pools: dict[str, Any], **shared: Any) -> dict[str, Any]:
    return {"st2actionrunner": {**shared, "pools": list(pools)}}


def annotations_of(objects: Objects, component: str) -> dict[str, str]:
    found: dict[str, str] = objects.pod_templates()[f"st2-{component}"]["metadata"].get("annotations", {})
    return found


def test_a_pool_is_a_deployment_besides(synth: Synth) -> None:
    objects = synth(pooled({"name": "spot", "replicas": 3}))
    assert objects.named("Deployment", f"st2-{MAIN}")["spec"]["replicas"] == 5
    spot = objects.named("Deployment", f"st2-{SPOT}")
    assert spot["spec"]["replicas"] == 3
    assert spot["metadata"]["labels"]["app"] == MAIN
    selector = spot["spec"]["selector"]["matchLabels"]
    assert selector == {"app.kubernetes.io/name": SPOT, "app.kubernetes.io/instance": "st2"}


def test_every_pool_has_a_budget(synth: Synth) -> None:
    objects = synth(pooled({"name": "spot"}, {"name": "one", "replicas": 1}))
    budgets = [document["metadata"]["name"] for document in objects.of_kind("PodDisruptionBudget")]
    assert f"st2-{SPOT}" in budgets
    assert "st2-st2actionrunner-one" not in budgets


def test_what_it_leaves_out_it_has_from_all_runners(synth: Synth) -> None:
    objects = synth(pooled({"name": "spot"}, terminationGracePeriodSeconds=900, sudo=True, env={"A": "1"}))
    main, spot = objects.pod(MAIN), objects.pod(SPOT)
    differing = {name for name in main if main[name] != spot[name]}
    assert differing == {"topologySpreadConstraints"}


def test_what_it_gives_takes_the_place_of_that(synth: Synth) -> None:
    pool = {
        "name": "spot",
        "nodeSelector": {"example.org/spot": "true"},
        "tolerations": [{"key": "spot", "operator": "Exists"}],
        "resources": {"requests": {"cpu": "2", "memory": "4Gi"}},
        "env": {"B": "2"},
        "image": {"tag": "3.9-r1"},
        "labels": {"example.org/team": "a"},
        "priorityClassName": "low",
        "runtimeClassName": "gvisor",
        "schedulerName": "mine",
        "topologySpread": [SPREAD],
        "extra_volumes": [{"name": "x", "mount": {"mountPath": "/x"}, "volume": {"emptyDir": {}}}],
        "envFromSecrets": ["mine"],
    }
    shared = {"env": {"A": "1"}, "nodeSelector": {"example.org/spot": "false"}}
    objects = synth(pooled(pool, **shared))
    pod, container = objects.pod(SPOT), objects.container(SPOT)
    assert pod["nodeSelector"] == {"kubernetes.io/arch": "amd64", "example.org/spot": "true"}
    assert pod["tolerations"][:1] == [{"key": "spot", "operator": "Exists"}]
    assert (pod["priorityClassName"], pod["runtimeClassName"], pod["schedulerName"]) == ("low", "gvisor", "mine")
    (spread,) = pod["topologySpreadConstraints"]
    assert SPREAD.items() <= spread.items()
    requests = container["resources"]["requests"]
    assert (requests["cpu"], requests["memory"]) == ("2", "4Gi")
    assert container["resources"]["limits"]["memory"] == "8Gi", "what a pool leaves out is that of all"
    assert {"name": "B", "value": "2"} in container["env"]
    assert {"name": "A", "value": "1"} not in container["env"]
    assert container["image"] == "stackstorm/st2actionrunner:3.9-r1"
    assert {"name": "x", "mountPath": "/x"} in container["volumeMounts"]
    assert objects.pod(MAIN)["nodeSelector"]["example.org/spot"] == "false"
    assert objects.named("Deployment", f"st2-{SPOT}")["metadata"]["labels"]["example.org/team"] == "a"


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        ("sidecars", [CONTAINER], ("containers", 1, "name")),
        ("initContainers", [CONTAINER], ("initContainers", -1, "name")),
    ],
)
def test_it_has_containers_of_its_own(synth: Synth, key: str, value: Any, found: tuple[str, int, str]) -> None:
    objects = synth(pooled({"name": "spot", key: value}))
    place, position, field = found
    assert objects.pod(SPOT)[place][position][field] == "mine"
    assert all(each["name"] != "mine" for each in objects.pod(MAIN)[place])


def test_it_has_all_keys_of_a_service_but_those_that_must_hold_for_all(cluster: MakeCluster) -> None:
    assert ActionRunner.model_fields.keys() - RunnerPool.model_fields.keys() == {"pools", "sudo"}
    assert RunnerPool.model_fields.keys() - ActionRunner.model_fields.keys() == {"name"}
    with pytest.raises(ValidationError, match="sudo"):
        cluster(pooled({"name": "spot", "sudo": True}))


def test_what_is_null_is_left_out(synth: Synth) -> None:
    objects = synth(pooled({"name": "spot", "env": None, "replicas": None}, env={"A": "1"}))
    assert {"name": "A", "value": "1"} in objects.container(SPOT)["env"]
    assert objects.named("Deployment", f"st2-{SPOT}")["spec"]["replicas"] == 2


def test_running_work_has_as_long_to_finish_as_the_pods_have_to_stop(synth: Synth) -> None:
    objects = synth(pooled({"name": "spot", "terminationGracePeriodSeconds": 60}, {"name": "other"}))
    spot, other = objects.pod(SPOT), objects.pod("st2actionrunner-other")
    assert (spot["terminationGracePeriodSeconds"], other["terminationGracePeriodSeconds"]) == (60, 330)
    files = objects.named("ConfigMap", "st2-st2-runner-pools")["data"]
    assert files == {f"{SPOT}.conf": "[actionrunner]\nexit_still_active_check = 30\n"}
    arguments = objects.container(SPOT)["args"]
    positions = [arguments.index(f"--config-file=/etc/st2/{file}") for file in FILES]
    assert positions == sorted(positions)
    assert not any("st2.pool.conf" in argument for argument in objects.container("st2actionrunner-other")["args"])


def test_pods_that_have_no_time_to_stop_are_refused(cluster: MakeCluster) -> None:
    problem = r"st2actionrunner\.pools\[1\]\.terminationGracePeriodSeconds: must be more than 30"
    with pytest.raises(InvalidValues, match=problem):
        cluster(pooled({"name": "a"}, {"name": "spot", "terminationGracePeriodSeconds": 20}))


def test_the_script_after_the_start_is_there_for_each(synth: Synth) -> None:
    objects = synth(pooled({"name": "spot"}, postStartScript="true"))
    for component in (MAIN, SPOT):
        name = f"st2-{component}-post-start-script"
        assert objects.named("ConfigMap", name)["data"]
        assert name in str(objects.pod(component)["volumes"])


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["a", "a"], 'st2actionrunner.pools[1].name: "a" is already the name of another pool'),
        (["a" * 35], f'st2actionrunner.pools[0].name: "{"a" * 35}" has 35 characters; at most 34 keep'),
    ],
)
def test_names_differ_and_fit(cluster: MakeCluster, names: list[str], problem: str) -> None:
    with pytest.raises(InvalidValues) as caught:
        cluster(pooled(*({"name": name} for name in names)))
    assert problem in str(caught.value)


def test_a_pool_is_scaled_by_itself(synth: Synth) -> None:
    objects = synth(pooled({"name": "spot", "autoscaling": {"enabled": True, "mode": "cpu"}}))
    (scaler,) = objects.of_kind("HorizontalPodAutoscaler")
    assert scaler["spec"]["scaleTargetRef"]["name"] == f"st2-{SPOT}"
    (metric,) = scaler["spec"]["metrics"]
    assert metric["containerResource"]["container"] == objects.container(SPOT)["name"]
    assert "replicas" not in objects.named("Deployment", f"st2-{SPOT}")["spec"]
    assert objects.named("Deployment", f"st2-{MAIN}")["spec"]["replicas"] == 5


def test_problems_name_the_pool(cluster: MakeCluster) -> None:
    pool = {"name": "b", "autoscaling": {"enabled": True, "minReplicas": 30}}
    with pytest.raises(InvalidValues, match=r"^st2actionrunner\.pools\[1\]\.autoscaling\.maxReplicas: is 20"):
        cluster(pooled({"name": "a"}, pool))


class TestEviction:
    """Whether autoscalers of nodes leave runners alone."""

    def test_they_may_take_them_by_default(self, default_objects: Objects) -> None:
        assert not EVICTION.keys() & annotations_of(default_objects, MAIN).keys()

    def test_they_can_be_kept_off(self, synth: Synth) -> None:
        objects = synth(pooled({"name": "spot", "protectFromEviction": False}, protectFromEviction=True))
        assert EVICTION.items() <= annotations_of(objects, MAIN).items()
        assert not EVICTION.keys() & annotations_of(objects, SPOT).keys()
        # Of pods: on a Deployment nobody would look at them.
        own = objects.named("Deployment", f"st2-{MAIN}")["metadata"].get("annotations", {})
        assert not EVICTION.keys() & own.keys()
