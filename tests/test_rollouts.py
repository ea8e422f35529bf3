"""What rolls: for each change of the values, exactly the pods that are affected by it.

A running action is lost with its pod, so a pod that rolls without need is a defect.
"""

from __future__ import annotations

from typing import Any

import pytest
from default_cluster import PYTHON_SERVICES, SERVICES
from support import Synth

EVERYTHING = set(SERVICES)
RBAC = {"st2": {"rbac": {"enabled": True, "roles": {"a.yaml": "{name: a, description: x}\n"}}}}


def conf(text: str) -> dict[str, Any]:
    return {"st2": {"config": text}}


@pytest.mark.parametrize(
    ("before", "after", "rolled"),
    [
        pytest.param({}, {}, set(), id="nothing changed"),
        pytest.param({}, conf("# a comment\n"), set(), id="a comment in st2.config"),
        pytest.param({}, conf("[api]\nlogging = /etc/st2/x.conf\n"), {"st2api"}, id="a log option of one service"),
        pytest.param({}, conf("[log]\nmask_secrets = False\n"), PYTHON_SERVICES, id="a log option of all services"),
        pytest.param({}, conf("[scheduler]\npool_size = 20\n"), {"st2scheduler"}, id="an option of the scheduler"),
        pytest.param(
            {},
            conf("[garbagecollector]\ncollection_interval = 900\n"),
            {"st2garbagecollector"},
            id="a retention option",
        ),
        pytest.param({}, conf("[metrics]\nprefix = x\n"), PYTHON_SERVICES, id="an option that all services read"),
        pytest.param(
            conf("[api]\nmax_page_size = 50\n"),
            {"st2": {"config": {"api": {"max_page_size": 50}}}},
            set(),
            id="the same option in the other notation",
        ),
        pytest.param(
            RBAC,
            {"st2": {"rbac": {"enabled": True, "roles": {"a.yaml": "{name: b, description: x}\n"}}}},
            set(),
            id="an RBAC file: a Job applies it",
        ),
        pytest.param({}, {"st2": {"rbac": {"enabled": True}}}, PYTHON_SERVICES, id="RBAC turned on"),
        pytest.param(
            {"st2": {"packs": {"configs": {"a.yaml": "x: 1\n"}}}},
            {"st2": {"packs": {"configs": {"a.yaml": "x: 2\n"}}}},
            set(),
            id="a pack config: it is registered, not read",
        ),
        pytest.param({}, {"st2web": {"tls": {"enabled": False}}}, {"st2web"}, id="TLS of the web UI"),
        pytest.param({}, {"st2web": {"config": "x"}}, {"st2web"}, id="config.js"),
        pytest.param({}, {"st2web": {"maxUploadSize": "1m"}}, {"st2web"}, id="upload size"),
        pytest.param({}, {"clusterDomain": "corp"}, EVERYTHING | {"rabbitmq", "redis"}, id="cluster domain"),
        pytest.param({}, {"st2actionrunner": {"replicas": 6}}, set(), id="replicas of the runner"),
        pytest.param({}, {"image": {"tag": "3.9.0"}}, EVERYTHING, id="image tag"),
        pytest.param({}, {"st2api": {"image": {"tag": "3.9.0"}}}, {"st2api"}, id="image tag of one service"),
        pytest.param(
            {},
            {"image": {"utilityImage": "busybox:1"}},
            EVERYTHING - {"st2web", "st2client"} | {"rabbitmq"},
            id="utility image",
        ),
        pytest.param(
            {},
            {"st2actionrunner": {"terminationGracePeriodSeconds": 900}},
            {"st2actionrunner"},
            id="grace of the runner",
        ),
        pytest.param(
            {},
            {"st2workflowengine": {"terminationGracePeriodSeconds": 900}},
            {"st2workflowengine"},
            id="grace of the workflow engine",
        ),
        pytest.param({}, {"st2auth": {"preStopSleep": 5}}, {"st2auth"}, id="preStopSleep"),
        pytest.param({}, {"st2api": {"postStartScript": "true"}}, {"st2api"}, id="a post-start script"),
        pytest.param(
            {"st2api": {"postStartScript": "true"}},
            {"st2api": {"postStartScript": "false"}},
            {"st2api"},
            id="another post-start script",
        ),
        pytest.param({}, {"st2api": {"service": {"type": "NodePort"}}}, set(), id="type of a Service"),
        pytest.param({}, {"st2": {"username": "admin"}}, set(), id="name of the first user"),
        pytest.param({}, {"st2chatops": {"enabled": True}}, set(), id="chat bot added"),
        pytest.param({}, {"coordination": {"backend": "etcd"}}, PYTHON_SERVICES, id="coordination backend"),
        pytest.param({}, {"mongodb": {"replicaCount": 5}}, PYTHON_SERVICES, id="members of MongoDB"),
        pytest.param({}, {"rabbitmq": {"replicaCount": 5}}, PYTHON_SERVICES | {"rabbitmq"}, id="members of RabbitMQ"),
        pytest.param({}, {"redis": {"replicaCount": 5}}, PYTHON_SERVICES | {"redis"}, id="members of Redis"),
        pytest.param(
            {},
            {"mongodb": {"configuration": {"operationProfiling": {"mode": "slowOp"}}}},
            {"mongodb"},
            id="an option of MongoDB",
        ),
        pytest.param({}, {"rabbitmq": {"configuration": {"heartbeat": 30}}}, {"rabbitmq"}, id="an option of RabbitMQ"),
        pytest.param({}, {"redis": {"configuration": {"hz": 20}}}, {"redis"}, id="an option of Redis"),
        pytest.param({}, {"mongodb": {"image": {"tag": "7.0.37"}}}, {"mongodb"}, id="image of MongoDB"),
        pytest.param({}, {"mongodb": {"persistence": {"size": "20Gi"}}}, set(), id="size of a volume"),
    ],
)
def test_what_rolls(synth: Synth, before: dict[str, Any], after: dict[str, Any], rolled: set[str]) -> None:
    old, new = synth(before).pod_templates(), synth(after).pod_templates()
    assert {name.removeprefix("st2-") for name in old if name in new and new[name] != old[name]} == rolled


def test_another_partition_of_sensors_rolls_the_old_ones(synth: Synth) -> None:
    two = synth({"st2sensorcontainer": {"deployments": 2}}).pod_templates()
    three = synth({"st2sensorcontainer": {"deployments": 3}}).pod_templates()
    assert {name for name in two if three[name] != two[name]} == {
        "st2-st2sensorcontainer-0",
        "st2-st2sensorcontainer-1",
    }
