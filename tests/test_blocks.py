"""Every optional part of a cluster: alone, all together, and in any company."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kubernetes_versions import validate
from support import Objects, Synth

from constructs_st2.checks.pod_security import level_of
from constructs_st2.kube.documents import is_built_in, pod_template
from constructs_st2.values.layers import overlay

Values = Mapping[str, Any]

AUTOSCALED: Values = {"autoscaling": {"enabled": True, "maxReplicas": 9}}
HTTP_AT_THE_EDGE: Values = {"st2web": {"tls": {"enabled": False}, "service": {"type": "ClusterIP"}}}

BLOCKS: Mapping[str, Values] = {
    "ingress": {
        **HTTP_AT_THE_EDGE,
        "ingress": {"enabled": True, "hosts": [{"host": "st2.example.org", "paths": [{"path": "/"}]}]},
    },
    "gateway": {
        **HTTP_AT_THE_EDGE,
        "gateway": {"enabled": True, "parentRefs": [{"name": "web"}], "hostnames": ["st2.example.org"]},
    },
    "internal TLS": {"tls": {"internal": {"enabled": True, "certManager": {"issuerRef": {"name": "ca"}}}}},
    "egress": {"networkPolicy": {"egress": {"enabled": True}}},
    "autoscaling of the APIs": dict.fromkeys(("st2web", "st2auth", "st2api", "st2stream"), AUTOSCALED),
    "autoscaling of the work": dict.fromkeys(("st2actionrunner", "st2workflowengine", "st2scheduler"), AUTOSCALED),
    "pools of runners": {"st2actionrunner": {"pools": [{"name": "big", "replicas": 2}, {"name": "spot"}]}},
    "no priority classes": {"scheduling": {"priorityClasses": {"create": False}}},
    "monitoring": {
        "monitoring": {
            "enabled": True,
            **{part: {"enabled": True} for part in ("podMonitors", "rules", "dashboards")},
        }
    },
    "backup": {"backup": {"enabled": True, "destination": {"claim": {"create": {"size": "20Gi"}}}}},
    "registry": {"docker-registry": {"enabled": True}},
    "packs in images": {"st2": {"packs": {"images": [{"repository": "localhost:30500", "tag": "1"}]}}},
    "roles": {"st2": {"rbac": {"enabled": True}}},
    "items": {"st2": {"keyvalue": [{"name": "a", "value": "b"}]}},
    "smoke test": {"jobs": {"smokeTest": {"enabled": True}}},
    "chat bot": {
        "st2chatops": {
            "enabled": True,
            "tokens": {
                f"HUBOT_SLACK_{name}_TOKEN": {"existingSecret": "slack", "key": name.lower()} for name in ("BOT", "APP")
            },
        }
    },
    "sensors apart": {"st2sensorcontainer": {"deployments": 3}},
    "etcd": {"coordination": {"backend": "etcd"}},
    "hooks of Argo CD": {"gitops": {"jobs": "argo-hooks"}},
}
OLDEST, NEWEST = "1.30", "1.35"


def together(blocks: Iterable[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for block in blocks:
        values = overlay(values, BLOCKS[block])
    return values


def assert_sound(objects: Objects, version: str) -> None:
    """The checks have passed already, in the synth."""
    pods = [pod for document in objects if (pod := pod_template(document))]
    assert level_of(pods) == "restricted"
    for document in filter(is_built_in, objects):
        validate(document, version)


@pytest.mark.parametrize("block", BLOCKS)
def test_alone(synth: Synth, default_objects: Objects, block: str) -> None:
    objects = synth(BLOCKS[block])
    assert objects != default_objects
    assert_sound(objects, OLDEST)


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_all_together(synth: Synth, version: str) -> None:
    assert_sound(synth(together(BLOCKS)), version)


def test_kubectl_means_the_main_container_of_every_pod(synth: Synth) -> None:
    for name, pod in synth(together(BLOCKS)).pod_templates().items():
        spec = pod["spec"]
        meant = pod["metadata"].get("annotations", {}).get("kubectl.kubernetes.io/default-container")
        several = len(spec["containers"]) + len(spec.get("initContainers", ())) > 1
        assert meant == (spec["containers"][0]["name"] if several else None), name


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.sets(st.sampled_from(sorted(BLOCKS)), min_size=2, max_size=8))
def test_in_any_company(synth: Synth, blocks: set[str]) -> None:
    assert_sound(synth(together(sorted(blocks))), OLDEST)
