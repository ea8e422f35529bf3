"""Every object is valid for every Kubernetes version that is supported."""

from __future__ import annotations

from typing import Any

import pytest
from kubernetes_versions import KUBERNETES, validate
from support import Objects, Synth

EVERYTHING: dict[str, Any] = {
    "enterprise": {"enabled": True},
    "dnsConfig": {"nameservers": ["1.1.1.1"], "options": [{"name": "ndots", "value": "2"}]},
    "namespace": {"labels": {"a": "b"}, "annotations": {"c": "d"}},
    "serviceAccount": {"serviceAccountAnnotations": {"a": "b"}, "pullSecret": "hub"},
    "st2": {
        "packs": {
            "images": [{"repository": "localhost:30500", "tag": "1", "pullSecret": "hub"}],
            "configs": {"a.yaml": "x: 1\n"},
            "existingConfigsSecret": "configs",
        },
        "overrides": {"a.yaml": "rules: {defaults: {enabled: false}}\n"},
        "rbac": {"enabled": True, "roles": {"a.yaml": "{name: a, description: x}\n"}},
        "keyvalue": [{"name": "a", "secret": True, "value": {"existingSecret": "mine", "key": "a"}}],
        "apikeys": [{"user": "x", "id": "0" * 24, "key": {"existingSecret": "mine", "key": "b"}}],
        "existingConfigSecret": "mine",
    },
    "st2web": {
        "config": "x",
        "service": {
            "type": "LoadBalancer",
            "loadBalancerSourceRanges": ["10.0.0.0/8"],
            "externalTrafficPolicy": "Local",
        },
    },
    "st2api": {
        "env": {"A": 1, "B": {"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}},
        "sidecars": [{"name": "x", "image": "x:1", "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}}}],
        "extra_volumes": [{"name": "x", "mount": {"mountPath": "/x"}, "volume": {"emptyDir": {}}}],
        "affinity": {"podAntiAffinity": {}},
        "tolerations": [{"operator": "Exists"}],
        "hostAliases": [{"ip": "1.1.1.1", "hostnames": ["a"]}],
        "postStartScript": "true",
        "priorityClassName": "high",
        "serviceAccount": {"attach": True},
    },
    "st2actionrunner": {"sudo": True},
    "st2sensorcontainer": {"deployments": 2},
    "st2chatops": {"enabled": True},
    "docker-registry": {"enabled": True},
    "jobs": {
        "smokeTest": {"enabled": True},
        "ttlSecondsAfterFinished": 60,
        "extra": [{"name": "mine", "command": ["true"], "actions": ["core.noop"]}],
        "extra_hooks": [{"name": "mine", "hook": "post-install", "command": ["true"]}],
    },
    "mongodb": {
        "metrics": {"enabled": True},
        "podAntiAffinityPreset": "hard",
        "persistence": {"storageClass": "fast", "annotations": {"a": "b"}, "retention": {"whenScaled": "Delete"}},
    },
    "rabbitmq": {"persistence": {"enabled": False}, "plugins": ["rabbitmq_shovel"]},
    "redis": {"metrics": {"enabled": True}},
    "extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}, "data": {"a": "b"}}],
}


@pytest.mark.parametrize("minor", KUBERNETES)
def test_the_default_cluster(default_objects: Objects, minor: str) -> None:
    for document in default_objects:
        validate(document, minor)


@pytest.mark.parametrize("minor", [KUBERNETES[0], KUBERNETES[-1]])
def test_a_cluster_with_everything(synth: Synth, minor: str) -> None:
    for document in synth(EVERYTHING):
        validate(document, minor)


def test_etcd(synth: Synth) -> None:
    for document in synth({"coordination": {"backend": "etcd"}}):
        validate(document, KUBERNETES[0])


def test_backends_elsewhere(synth: Synth) -> None:
    ca = {"ca": {"configMap": "authorities"}}
    values = {
        "mongodb": {"enabled": False, "external": {"uri": "mongodb://db", "tls": {"enabled": True, **ca}}},
        "rabbitmq": {"enabled": False, "external": {"urls": ["amqps://mq/st2"], "tls": ca}},
        "coordination": {"backend": "external", "external": {"url": "redis://cache?ssl=true", **ca}},
    }
    for document in synth(values):
        validate(document, KUBERNETES[0])


def test_the_development_profile(synth: Synth) -> None:
    for document in synth({"profile": "dev"}):
        validate(document, KUBERNETES[-1])


def test_versions_are_there() -> None:
    assert KUBERNETES[0] == "1.30"
    assert len(KUBERNETES) >= 5
