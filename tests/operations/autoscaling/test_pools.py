"""Pools of action runners."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from support import MakeCluster, Objects, Synth

from constructs_st2.errors import InvalidValues

MAIN, SPOT = "st2actionrunner", "st2actionrunner-spot"
SPREAD = {"maxSkew": 2, "topologyKey": "example.org/rack", "whenUnsatisfiable": "DoNotSchedule"}
EVICTION = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false", "karpenter.sh/do-not-disrupt": "true"}


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
    assert container["resources"]["requests"] == {"cpu": "2", "memory": "4Gi"}
    assert {"name": "B", "value": "2"} in container["env"]
    assert {"name": "A", "value": "1"} not in container["env"]
    assert container["image"] == "stackstorm/st2actionrunner:3.9-r1"
    assert {"name": "x", "mountPath": "/x"} in container["volumeMounts"]
    assert objects.pod(MAIN)["nodeSelector"]["example.org/spot"] == "false"
    assert objects.named("Deployment", f"st2-{SPOT}")["metadata"]["labels"]["example.org/team"] == "a"


def test_all_runners_stop_after_the_same_time(cluster: MakeCluster) -> None:
    # st2.conf, which says when running work is given up, is one for all.
    with pytest.raises(ValidationError, match="terminationGracePeriodSeconds"):
        cluster(pooled({"name": "spot", "terminationGracePeriodSeconds": 60}))


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
