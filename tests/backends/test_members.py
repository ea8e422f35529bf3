"""What all backends have in common: members that form a cluster, keep their data and stop in order."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from support import Objects, Synth

from constructs_st2.errors import InvalidValues, UserError
from constructs_st2.kube.documents import Document

BACKENDS = ("mongodb", "rabbitmq", "redis", "etcd")
WITH_ETCD = {"coordination": {"backend": "etcd"}}
ALL_PORTS = {
    "mongodb": {"mongodb": 27017},
    "rabbitmq": {
        **{"amqp": 5672, "management": 15672},
        **{"epmd": 4369, "distribution": 25672, "formation": 25673},
    },
    "redis": {"sentinel": 26379, "redis": 6379},
    "etcd": {"client": 2379, "peer": 2380, "metrics": 2381, "witness": 2382},
}
CLIENT_PORTS = {
    "mongodb": {"mongodb": 27017},
    "rabbitmq": {"amqp": 5672, "management": 15672},
    "redis": {"sentinel": 26379},
    "etcd": {"client": 2379},
}


def settings_of(component: str, settings: dict[str, Any] | None = None) -> dict[str, Any]:
    """Values in which a backend runs, with some settings."""
    values = dict(WITH_ETCD) if component == "etcd" else {}
    return {**values, component: settings} if settings else values


@pytest.fixture
def stateful_set(synth: Synth) -> Any:
    """The StatefulSet of a backend with some settings."""

    def make(component: str, settings: dict[str, Any] | None = None) -> Document:
        return synth(settings_of(component, settings)).named("StatefulSet", f"st2-{component}")

    return make


def ports(service: Document) -> dict[str, int]:
    return {port["name"]: port["port"] for port in service["spec"]["ports"]}


def test_the_default_cluster_has_more_than_thirty_pods(default_objects: Objects) -> None:
    replicas = {
        document["metadata"]["name"]: document["spec"]["replicas"]
        for document in default_objects
        if document["kind"] in ("Deployment", "StatefulSet")
    }
    assert {name: count for name, count in replicas.items() if "st2-st2" not in name} == {
        "st2-mongodb": 3,
        "st2-rabbitmq": 3,
        "st2-redis": 3,
    }
    assert sum(replicas.values()) > 30


@pytest.mark.parametrize("component", BACKENDS)
class TestEveryBackend:
    def test_all_members_start_together(self, stateful_set: Any, component: str) -> None:
        spec = stateful_set(component)["spec"]
        assert spec["podManagementPolicy"] == "Parallel"
        assert spec["serviceName"] == f"st2-{component}-headless"
        assert spec["replicas"] == 3
        assert spec["minReadySeconds"] >= 10

    def test_members_find_each_other_before_they_are_ready(self, synth: Synth, component: str) -> None:
        service = synth(settings_of(component)).named("Service", f"st2-{component}-headless")
        assert service["spec"]["clusterIP"] == "None"
        assert service["spec"]["publishNotReadyAddresses"] is True
        assert ports(service) == ALL_PORTS[component]

    def test_clients_find_members_that_are_ready(self, synth: Synth, component: str) -> None:
        service = synth(settings_of(component)).named("Service", f"st2-{component}")
        assert "publishNotReadyAddresses" not in service["spec"]
        assert ports(service) == CLIENT_PORTS[component]

    def test_members_keep_apart(self, stateful_set: Any, component: str) -> None:
        pod = stateful_set(component)["spec"]["template"]["spec"]
        keys = [each["topologyKey"] for each in pod["topologySpreadConstraints"]]
        assert keys == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
        (term,) = pod["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
        assert term["podAffinityTerm"]["topologyKey"] == "kubernetes.io/hostname"

    def test_members_keep_apart_at_any_cost(self, stateful_set: Any, component: str) -> None:
        pod = stateful_set(component, {"podAntiAffinityPreset": "hard"})["spec"]["template"]["spec"]
        assert "requiredDuringSchedulingIgnoredDuringExecution" in pod["affinity"]["podAntiAffinity"]

    def test_a_drain_takes_one_at_a_time(self, synth: Synth, component: str) -> None:
        budget = synth(settings_of(component)).named("PodDisruptionBudget", f"st2-{component}")
        assert budget["spec"]["maxUnavailable"] == 1

    def test_a_single_member_needs_neither_budget_nor_spread(self, synth: Synth, component: str) -> None:
        objects = synth({**settings_of(component), "profile": "dev"})
        assert not objects.of_kind("PodDisruptionBudget")
        stateful_set = objects.named("StatefulSet", f"st2-{component}")
        assert stateful_set["spec"]["replicas"] == 1
        assert "affinity" not in stateful_set["spec"]["template"]["spec"]
        assert "topologySpreadConstraints" not in stateful_set["spec"]["template"]["spec"]

    def test_every_container_is_restricted_and_says_what_it_needs(self, stateful_set: Any, component: str) -> None:
        pod = stateful_set(component)["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
            }
            assert {"cpu", "memory"} <= set(container["resources"]["requests"])
            assert "memory" in container["resources"]["limits"]

    def test_liveness_asks_no_other_member(self, stateful_set: Any, component: str) -> None:
        main = stateful_set(component)["spec"]["template"]["spec"]["containers"][0]
        assert "readinessProbe" in main
        liveness = main.get("livenessProbe")
        if liveness:
            local = {"tcpSocket", "exec"} & set(liveness) or liveness["httpGet"]["path"] == "/livez"
            assert local
            # A server that is busy is not restarted within two minutes.
            assert liveness["periodSeconds"] * liveness["failureThreshold"] >= 120

    def test_data_stay_when_members_go(self, stateful_set: Any, component: str) -> None:
        spec = stateful_set(component)["spec"]
        assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
        (claim,) = spec["volumeClaimTemplates"]
        assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
        assert "storageClassName" not in claim["spec"]
        # Templates of claims cannot be changed: a version in their labels would make every upgrade fail.
        assert "app.kubernetes.io/version" not in claim["metadata"]["labels"]

    def test_volumes_as_the_user_wants_them(self, stateful_set: Any, component: str) -> None:
        persistence = {
            "size": "33Gi",
            "storageClass": "fast",
            "accessModes": ["ReadWriteOncePod"],
            "annotations": {"a": "b"},
            "labels": {"c": "d"},
            "retention": {"whenDeleted": "Delete"},
        }
        spec = stateful_set(component, {"persistence": persistence})["spec"]
        (claim,) = spec["volumeClaimTemplates"]
        assert claim["spec"] == {
            "accessModes": ["ReadWriteOncePod"],
            "resources": {"requests": {"storage": "33Gi"}},
            "storageClassName": "fast",
        }
        assert claim["metadata"]["annotations"] == {"a": "b"}
        assert claim["metadata"]["labels"]["c"] == "d"
        assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Delete", "whenScaled": "Retain"}

    def test_without_persistence_nothing_is_claimed(self, stateful_set: Any, component: str) -> None:
        spec = stateful_set(component, {"persistence": {"enabled": False}})["spec"]
        assert "volumeClaimTemplates" not in spec
        (data,) = (volume for volume in spec["template"]["spec"]["volumes"] if volume["name"] == "data")
        assert data["emptyDir"]["sizeLimit"].endswith("Gi")

    def test_all_settings_reach_the_pods(self, stateful_set: Any, component: str) -> None:
        settings = {
            "annotations": {"a/b": "c"},
            "labels": {"team": "x"},
            "nodeSelector": {"disk": "ssd"},
            "tolerations": [{"operator": "Exists"}],
            "affinity": {"podAntiAffinity": {}, "nodeAffinity": {}},
            "topologySpread": [{"maxSkew": 2, "topologyKey": "rack", "whenUnsatisfiable": "DoNotSchedule"}],
            "priorityClassName": "high",
            "hostAliases": [{"ip": "1.1.1.1", "hostnames": ["a"]}],
            "securityContext": {"runAsUser": 2000},
            "podSecurityContext": {"fsGroup": 2000},
            "livenessProbe": False,
            "readinessProbe": {"tcpSocket": {"port": 1}},
            "terminationGracePeriodSeconds": 500,
            "extra_volumes": [{"name": "ca", "mount": {"mountPath": "/ca"}, "volume": {"emptyDir": {}}}],
            "sidecars": [{"name": "logs", "image": "fluent/fluent-bit:3"}],
            "initContainers": [{"name": "first", "image": "busybox:1"}],
            "image": {"repository": "mirror.example.org/x", "tag": "9.1", "pullPolicy": "Always", "pullSecret": "hub"},
            "resources": {"requests": {"cpu": "1", "memory": "1Gi"}},
        }
        made = stateful_set(component, settings)
        pod = made["spec"]["template"]["spec"]
        main = pod["containers"][0]
        for metadata in (made["metadata"], made["spec"]["template"]["metadata"]):
            assert metadata["annotations"]["a/b"] == "c"
            assert metadata["labels"]["team"] == "x"
            assert metadata["labels"]["app.kubernetes.io/version"] == "9.1"
        assert "team" not in made["spec"]["selector"]["matchLabels"]
        assert (main["image"], main["imagePullPolicy"]) == ("mirror.example.org/x:9.1", "Always")
        assert pod["imagePullSecrets"] == [{"name": "hub"}]
        assert pod["nodeSelector"] == {"disk": "ssd"}
        assert pod["tolerations"] == [{"operator": "Exists"}]
        assert pod["affinity"] == {"podAntiAffinity": {}, "nodeAffinity": {}}
        assert [each["topologyKey"] for each in pod["topologySpreadConstraints"]] == ["rack"]
        assert pod["priorityClassName"] == "high"
        assert pod["hostAliases"] == [{"ip": "1.1.1.1", "hostnames": ["a"]}]
        assert main["securityContext"]["runAsUser"] == 2000
        assert pod["securityContext"]["fsGroup"] == 2000
        assert "livenessProbe" not in main
        assert main["readinessProbe"] == {"tcpSocket": {"port": 1}}
        assert pod["terminationGracePeriodSeconds"] == 500
        assert {"name": "ca", "mountPath": "/ca"} in main["volumeMounts"]
        assert pod["containers"][-1]["name"] == "logs"
        assert pod["initContainers"][-1]["name"] == "first"
        assert main["resources"]["requests"] == {"cpu": "1", "memory": "1Gi", "ephemeral-storage": "64Mi"}

    def test_an_image_that_names_no_version(self, synth: Synth, component: str) -> None:
        with pytest.raises(InvalidValues, match=r"say in .*version which one the image contains"):
            synth(settings_of(component, {"image": {"tag": "stable"}}))
        assert synth(settings_of(component, {"image": {"tag": "stable"}, "version": "9.0"}))

    def test_a_version_that_is_too_old(self, synth: Synth, component: str) -> None:
        with pytest.raises(InvalidValues, match=r"2\.0 is not supported; use .* or newer"):
            synth(settings_of(component, {"image": {"tag": "2.0"}}))

    @pytest.mark.parametrize("members", [1, 3, 5, 7])
    def test_any_odd_number_of_members(self, stateful_set: Any, component: str, members: int) -> None:
        key = "replicas" if component == "etcd" else "replicaCount"
        assert stateful_set(component, {key: members})["spec"]["replicas"] == members

    def test_a_mirror_of_all_images(self, synth: Synth, component: str) -> None:
        objects = synth({**settings_of(component), "image": {"registry": "mirror.example.org/hub"}})
        image = objects.named("StatefulSet", f"st2-{component}")["spec"]["template"]["spec"]["containers"][0]["image"]
        assert image.startswith("mirror.example.org/hub/")


@pytest.mark.parametrize(
    ("tag", "images"),
    [
        ("3.9", {"mongodb": "mongo:7.0", "rabbitmq": "rabbitmq:4.2-management", "redis": "redis:8.0"}),
        ("3.8", {"mongodb": "mongo:4.4.30", "rabbitmq": "rabbitmq:3.13-management", "redis": "redis:7.2"}),
    ],
)
def test_versions_follow_from_that_of_st2(synth: Synth, tag: str, images: dict[str, str]) -> None:
    objects = synth({"image": {"tag": tag}})
    for component, image in images.items():
        spec = objects.named("StatefulSet", f"st2-{component}")["spec"]["template"]["spec"]
        assert spec["containers"][0]["image"] == f"docker.io/library/{image}"


def test_st2_3_8_cannot_use_a_newer_mongodb(synth: Synth) -> None:
    with pytest.raises(InvalidValues, match=r"st2 3\.8 works with MongoDB 4\.4 at most, not with 7\.0"):
        synth({"image": {"tag": "3.8"}, "mongodb": {"image": {"tag": "7.0"}}})


def test_a_digest_wins_over_the_tag(synth: Synth) -> None:
    digest = f"sha256:{'0' * 64}"
    main = synth({"mongodb": {"image": {"digest": digest}}}).container("mongodb")
    assert main["image"] == f"docker.io/library/mongo@{digest}"


@pytest.mark.parametrize(
    ("values", "gone"),
    [
        ({"mongodb": {"enabled": False, "external": {"uri": "mongodb://db"}}}, "mongodb"),
        ({"rabbitmq": {"enabled": False, "external": {"urls": ["amqp://mq/st2"]}}}, "rabbitmq"),
        ({"coordination": {"backend": "external", "external": {"url": "redis://cache"}}}, "redis"),
        ({"coordination": {"backend": "none"}, "profile": "dev"}, "redis"),
        (WITH_ETCD, "redis"),
        ({}, "etcd"),
    ],
)
def test_what_runs_elsewhere_leaves_nothing_behind(synth: Synth, values: dict[str, Any], gone: str) -> None:
    names = [document["metadata"]["name"] for document in synth(values)]
    assert not [name for name in names if name.startswith(f"st2-{gone}")]


@pytest.mark.parametrize(
    ("component", "option", "value"),
    [
        ("mongodb", "replication", {"replSetName": "x"}),
        ("mongodb", "storage", {"dbPath": "/x"}),
        ("mongodb", "security", {"authorization": "disabled"}),
        ("mongodb", "net", {"port": 1}),
        ("rabbitmq", "cluster_formation.peer_discovery_backend", "dns"),
        ("rabbitmq", "definitions.local.path", "/x"),
        ("redis", "requirepass", "x"),
        ("redis", "replicaof", "x 1"),
        ("etcd", "initial-cluster", "x"),
        ("etcd", "data-dir", "/x"),
    ],
)
def test_what_a_cluster_stands_on_cannot_be_changed(synth: Synth, component: str, option: str, value: object) -> None:
    with pytest.raises((InvalidValues, UserError), match="cannot be changed here"):
        synth(settings_of(component, {"configuration": {option: value}}))


@pytest.mark.parametrize(
    ("component", "name", "configuration", "line"),
    [
        ("mongodb", "mongod.conf", {"operationProfiling": {"mode": "slowOp"}}, "operationProfiling:\n  mode: slowOp\n"),
        ("rabbitmq", "rabbitmq.conf", {"heartbeat": 30}, "heartbeat = 30\n"),
        ("redis", "redis.conf", {"maxmemory": "1gb"}, "maxmemory 1gb\n"),
        ("redis", "redis.conf", {"save": ["900 1", "60 1000"]}, "save 900 1\nsave 60 1000\n"),
    ],
)
def test_the_users_options_reach_the_configuration(
    synth: Synth, component: str, name: str, configuration: dict[str, Any], line: str
) -> None:
    objects = synth({component: {"configuration": configuration}})
    assert line in objects.named("ConfigMap", f"st2-{component}-config")["data"][name]


def test_the_users_flags_reach_etcd(synth: Synth) -> None:
    flags = {
        "quota-backend-bytes": 4_000_000_000,
        "grpc-keepalive-interval": "1m30s",
        "auto-compaction-retention": "5",
        "pre-vote": True,
        "log-outputs": ["stderr", "/tmp/log"],
        "peer-auto-tls": "true",
        "log-level": "warn",
    }
    written = synth(settings_of("etcd", {"configuration": flags})).named("ConfigMap", "st2-etcd-config")["data"]
    config = yaml.safe_load(written["etcd.yaml"])
    # As etcd's file has them: numbers for durations, and TLS in sections.
    expected = {
        **flags,
        "grpc-keepalive-interval": 90_000_000_000,
        "peer-transport-security": {"auto-tls": True},
    }
    del expected["peer-auto-tls"]
    assert expected.items() <= config.items()
    assert written["etcd.yaml"].count("quota") == 1


def test_another_number_of_members_restarts_none_of_etcd(stateful_set: Any) -> None:
    def template(replicas: int) -> Document:
        found: Document = stateful_set("etcd", {"replicas": replicas})["spec"]["template"]
        return found

    assert template(3) == template(5)


@pytest.mark.parametrize("component", ["mongodb", "redis"])
def test_exporters_are_a_choice(synth: Synth, component: str) -> None:
    assert "metrics" not in [container["name"] for container in synth().pod(component)["containers"]]
    pod = synth({component: {"metrics": {"enabled": True}}}).pod(component)
    (exporter,) = (container for container in pod["containers"] if container["name"] == "metrics")
    assert exporter["ports"][0]["name"] == "metrics"


def test_rabbitmq_needs_time_to_stop(synth: Synth) -> None:
    def hook(settings: dict[str, Any]) -> list[str]:
        command: list[str] = synth(settings).container("rabbitmq")["lifecycle"]["preStop"]["exec"]["command"]
        return command

    assert hook({})[2:] == ["30", "5672", "25672"]
    assert hook({"rabbitmq": {"terminationGracePeriodSeconds": 600}})[2] == "540"
    with pytest.raises(InvalidValues, match="must be at least 60"):
        synth({"rabbitmq": {"terminationGracePeriodSeconds": 59}})


def test_passwords_of_sentinels_only_where_st2_can_use_them(synth: Synth) -> None:
    def keys(tag: str) -> list[str]:
        volumes = synth({"image": {"tag": tag}}).pod("redis")["volumes"]
        (secret,) = (volume["secret"] for volume in volumes if "secret" in volume)
        return [item["key"] for item in secret["items"]]

    assert keys("3.9") == ["redis-password", "redis-sentinel-password"]
    assert keys("3.8") == ["redis-password"]


def test_a_single_redis_waits_for_no_replica(synth: Synth) -> None:
    def conf(values: dict[str, Any]) -> str:
        text: str = synth(values).named("ConfigMap", "st2-redis-config")["data"]["redis.conf"]
        return text

    assert "min-replicas-to-write 1\n" in conf({})
    assert "min-replicas-to-write 0\n" in conf({"redis": {"replicaCount": 1}})


@pytest.mark.parametrize("service", ["st2api", "st2actionrunner", "st2client", "st2auth"])
@pytest.mark.parametrize(("values", "backend"), [({}, "redis"), (WITH_ETCD, "etcd")])
def test_the_library_for_a_backend_reaches_every_service(
    synth: Synth, values: dict[str, Any], backend: str, service: str
) -> None:
    container = synth(values).container(service)
    (path,) = (variable["value"] for variable in container["env"] if variable["name"] == "PYTHONPATH")
    assert path == f"/opt/constructs-st2-{backend}/st2_{backend}.egg"
    assert path in [mount["mountPath"] for mount in container["volumeMounts"]]


@pytest.mark.parametrize(
    ("url", "library"),
    [
        ("st2etcd+https://etcd.example.org:2379", "st2-st2-etcd-library"),
        ("st2redis://redis.example.org", "st2-st2-redis-library"),
        ("redis://redis.example.org", None),
    ],
)
def test_an_external_backend_needs_the_library_of_its_scheme(synth: Synth, url: str, library: str | None) -> None:
    objects = synth({"coordination": {"backend": "external", "external": {"url": url}}})
    names = [each["metadata"]["name"] for each in objects if each["kind"] == "ConfigMap"]
    assert [name for name in names if name.endswith("-library")] == ([library] if library else [])
    assert ("PYTHONPATH" in str(objects.container("st2api"))) == bool(library)


def test_authorities_reach_every_service(synth: Synth) -> None:
    ca = {"ca": {"configMap": "authorities"}}
    objects = synth(
        {
            "mongodb": {"enabled": False, "external": {"uri": "mongodb://db", "tls": {"enabled": True, **ca}}},
            "rabbitmq": {"enabled": False, "external": {"urls": ["amqps://mq/st2"], "tls": ca}},
            "coordination": {"backend": "external", "external": {"url": "redis://cache?ssl=true", **ca}},
        }
    )
    for name in ("st2api", "st2actionrunner", "st2garbagecollector"):
        paths = {mount["mountPath"] for mount in objects.container(name)["volumeMounts"]}
        assert paths >= {"/etc/st2/ca/database", "/etc/st2/ca/messaging", "/etc/st2/ca/coordination"}
