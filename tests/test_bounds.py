"""Everything is bounded: memory and disk of each container, and the size of each empty directory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest
from support import MakeCluster

from constructs_st2.construct.plans import PLANS, compose
from constructs_st2.facts.cluster import Cluster
from constructs_st2.kube.documents import Document, identity, pod_template
from constructs_st2.kube.quantity import amount, total
from constructs_st2.parts.backup import restore
from constructs_st2.parts.tiers import documents_of

DISK = "ephemeral-storage"
SECRET = {"existingSecret": "mine", "key": "a"}
S3 = {"s3": {"bucket": "backups", "credentials": {"existingSecret": "s3"}}}
PACKS = {"images": [{"repository": "registry.example.org", "name": "packs", "tag": "1"}], "configs": {"a.yaml": "x: 1"}}
JOBS = {
    "smokeTest": {"enabled": True},
    "preRegisterContentCommand": ["true"],
    "extra": [{"name": "mine", "command": ["mine"], "actions": ["core.local"]}],
}
EVERYTHING: dict[str, Any] = {
    "monitoring": {"enabled": True},
    "executionWatch": {"cleanup": {"enabled": True}},
    "docker-registry": {"enabled": True},
    "backup": {"enabled": True, "destination": S3},
    "tls": {"internal": {"enabled": True, "certManager": {"enabled": True, "issuerRef": {"name": "ca"}}}},
    "st2chatops": {"enabled": True},
    "st2actionrunner": {"pools": [{"name": "spot"}]},
    "st2sensorcontainer": {"deployments": 2},
    "st2": {
        "packs": PACKS,
        "rbac": {"enabled": True, "assignments": {"a.yaml": "{username: st2admin, roles: [system_admin]}\n"}},
        "keyvalue": [{"name": "a", "value": SECRET, "secret": True}],
        "apikeys": [{"user": "x", "id": "0" * 24, "key": SECRET}],
    },
    "jobs": JOBS,
}
SHARED = {"enabled": True, "packs": {"create": {"size": "1Gi"}}, "virtualenvs": {"create": {"size": "1Gi"}}}
_EMPTY: dict[str, Any] = {"persistence": {"enabled": False}}
WITHOUT_VOLUMES: dict[str, Any] = dict.fromkeys(("mongodb", "rabbitmq", "redis"), _EMPTY)
CLUSTERS: Mapping[str, dict[str, Any]] = {
    "default": {},
    "small": {"profile": "dev"},
    "everything": EVERYTHING,
    "with etcd": {
        **EVERYTHING,
        "coordination": {"backend": "etcd"},
        "backup": {"enabled": True, "etcd": True, "destination": {"claim": {"create": {"size": "1Gi"}}}},
        "st2": {**EVERYTHING["st2"], "packs": {**PACKS, "volumes": SHARED}},
    },
    "without volumes": WITHOUT_VOLUMES,
}


def pods(cluster: Cluster) -> Iterator[tuple[str, Document]]:
    """The spec of each pod, also of the restore that is no part of the cluster, by its workload."""
    objects = documents_of(compose(cluster, PLANS))
    if cluster.values.backup.destination:
        objects += restore.documents(cluster, "st2-20260131T031700Z")
    for each in objects:
        if pod := pod_template(each):
            yield identity(each), pod["spec"]


def containers(spec: Document) -> list[Document]:
    return [*spec.get("initContainers", []), *spec["containers"]]


def limit(container: Document, resource: str) -> Decimal:
    return amount(container["resources"]["limits"][resource])


def limit_of_pod(spec: Document, resource: str) -> Decimal:
    """What all of it together may use, as the kubelet works it out (PodLimits of component-helpers)."""
    main = sum((limit(each, resource) for each in spec["containers"]), Decimal(0))
    return max([main, *(limit(each, resource) for each in spec.get("initContainers", []))])


@pytest.mark.parametrize("name", CLUSTERS)
def test_every_container_has_limits_and_requests(cluster: MakeCluster, name: str) -> None:
    unbounded = [
        f"{workload} {container['name']}: {part}.{resource}"
        for workload, spec in pods(cluster(CLUSTERS[name]))
        for container in containers(spec)
        for part in ("requests", "limits")
        for resource in ("cpu", "memory", DISK)
        if resource not in container.get("resources", {}).get(part, {})
    ]
    assert not unbounded


@pytest.mark.parametrize("name", CLUSTERS)
def test_no_container_requests_more_than_its_limit(cluster: MakeCluster, name: str) -> None:
    for workload, spec in pods(cluster(CLUSTERS[name])):
        for container in containers(spec):
            for resource in ("memory", DISK):
                requested = amount(container["resources"]["requests"][resource])
                assert requested <= limit(container, resource), (workload, container["name"], resource)


@pytest.mark.parametrize("name", CLUSTERS)
def test_every_empty_directory_has_a_size_within_what_its_pod_may_use(cluster: MakeCluster, name: str) -> None:
    for workload, spec in pods(cluster(CLUSTERS[name])):
        sizes = {v["name"]: v["emptyDir"] for v in spec.get("volumes", []) if "emptyDir" in v}
        for volume, source in sizes.items():
            resource = "memory" if source.get("medium") == "Memory" else DISK
            assert amount(source["sizeLimit"]) <= limit_of_pod(spec, resource), (workload, volume)
        # What lies in memory counts as that of the container that writes it: it must leave room for the program.
        in_memory = total(source["sizeLimit"] for source in sizes.values() if source.get("medium") == "Memory")
        assert in_memory <= min(limit(each, "memory") for each in spec["containers"]), workload


def test_data_without_a_volume_has_the_room_that_the_volume_would_have(cluster: MakeCluster) -> None:
    specs = dict(pods(cluster(WITHOUT_VOLUMES)))
    for backend, size in {"mongodb": "10Gi", "rabbitmq": "8Gi", "redis": "1Gi"}.items():
        spec = specs[f"StatefulSet/st2-{backend}"]
        (data,) = (volume["emptyDir"] for volume in spec["volumes"] if volume["name"] == "data")
        assert data == {"sizeLimit": size}
        assert limit_of_pod(spec, DISK) > amount(size), "the kubelet would evict it before the directory is full"


def test_members_of_backends_are_not_among_the_first_that_a_node_evicts(cluster: MakeCluster) -> None:
    """By default they use no more memory than they request, their helpers included."""
    monitored: dict[str, Any] = {"monitoring": {"enabled": True}}
    for coordination in ("redis", "etcd"):
        made = cluster({**monitored, "coordination": {"backend": coordination}})
        for workload, spec in pods(made):
            if workload.startswith("StatefulSet/"):
                for container in spec["containers"]:
                    requested = container["resources"]["requests"]["memory"]
                    assert amount(requested) == limit(container, "memory"), (workload, container["name"])


def test_one_key_gives_all_helpers_a_limit_of_cpu(cluster: MakeCluster) -> None:
    given: dict[str, Any] = {"limits": {"cpu": "300m"}}
    own = {"resources": given}
    made = cluster(
        {
            **EVERYTHING,
            **dict.fromkeys(("st2web", "st2auth", "st2api", "st2stream", "st2rulesengine", "st2timersengine"), own),
            **dict.fromkeys(("st2workflowengine", "st2scheduler", "st2notifier", "st2garbagecollector"), own),
            **dict.fromkeys(("st2client", "rabbitmq"), own),
            **{name: {**own, "metrics": own} for name in ("mongodb", "redis")},
            "st2sensorcontainer": {**EVERYTHING["st2sensorcontainer"], **own},
            "st2actionrunner": {**EVERYTHING["st2actionrunner"], **own},
            "st2chatops": {**EVERYTHING["st2chatops"], **own},
            "jobs": {**JOBS, **own},
            "backup": {**EVERYTHING["backup"], **own},
            "docker-registry": {**EVERYTHING["docker-registry"], **own},
            "executionWatch": {**EVERYTHING["executionWatch"], **own},
            "monitoring": {"enabled": True, "statsdExporter": own},
            "helperResources": {"every": given, "sentinel": {"limits": {"cpu": "150m"}}},
        }
    )
    limits = {
        f"{workload} {container['name']}": container["resources"]["limits"].get("cpu")
        for workload, spec in pods(made)
        for container in containers(spec)
    }
    assert [name for name, cpu in limits.items() if cpu is None] == []
    assert limits["StatefulSet/st2-redis sentinel"] == "150m"
    assert limits["StatefulSet/st2-redis guard"] == "300m"


def test_what_is_set_about_a_helper_leaves_the_rest_as_it_was(cluster: MakeCluster) -> None:
    made = cluster({"helperResources": {"waiting": {"limits": {"memory": "48Mi"}}}})
    assert made.values.helper_resources.of("waiting") == {
        "requests": {"cpu": "5m", "memory": "8Mi", DISK: "8Mi"},
        "limits": {"cpu": "1", "memory": "48Mi", DISK: "128Mi"},
    }


@pytest.mark.parametrize(
    ("given", "of"),
    [
        ({"st2api": {"resources": {"requests": {"memory": "3Gi"}}}}, "st2api"),
        ({"st2api": {"resources": {"limits": {"memory": "64Mi", DISK: "32Mi"}}}}, "st2api"),
        ({"mongodb": {"metrics": {"resources": {"requests": {"memory": "1Gi"}}}}}, "mongodb"),
        ({"helperResources": {"sentinel": {"limits": {"memory": "48Mi"}}}}, "redis"),
        ({"profile": "dev", "redis": {"resources": {"requests": {"memory": "2Gi"}}}}, "redis"),
    ],
)
def test_the_profile_gives_way_to_what_is_given(cluster: MakeCluster, given: dict[str, Any], of: str) -> None:
    made = cluster({"monitoring": {"enabled": True}, **given})
    (spec,) = (spec for workload, spec in pods(made) if workload.endswith(f"/st2-{of}"))
    for container in containers(spec):
        for resource in ("memory", DISK):
            requested = amount(container["resources"]["requests"][resource])
            assert requested <= limit(container, resource), (container["name"], resource)


def test_what_backends_keep_in_memory_follows_their_limit(cluster: MakeCluster) -> None:
    """WiredTiger's cache, Redis' maxmemory and RabbitMQ's watermark stay below the limit, whatever it is."""
    gibibyte = 2**30
    for size in (1, 4):
        own = {"resources": {"limits": {"memory": f"{size}Gi"}}}
        made = cluster(dict.fromkeys(("mongodb", "redis", "rabbitmq"), own))
        config = {
            each["metadata"]["name"]: each.get("data", {})
            for each in documents_of(compose(made, PLANS))
            if each["kind"] == "ConfigMap"
        }
        assert f"cacheSizeGB: {0.4 * size}" in config["st2-mongodb-config"]["mongod.conf"]
        assert f"maxmemory {size * gibibyte // 2}\n" in config["st2-redis-config"]["redis.conf"]
        watermark = f"total_memory_available_override_value = {int(Decimal('0.8') * size * gibibyte)}\n"
        assert watermark in config["st2-rabbitmq-config"]["rabbitmq.conf"]
