"""The table of who talks to whom, against the manifests of the same cluster."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from support import MakeCluster, Objects, Synth, each_of

from constructs_st2.construct.flows import components, flows
from constructs_st2.kube.documents import pod_template
from constructs_st2.parts.flows import End, Flow, Place
from constructs_st2.values.model.network_policy import EXTRA_JOBS

NAME = "app.kubernetes.io/name"
SECRET = {"existingSecret": "mine", "key": "a"}
MANY: dict[str, Any] = {
    "st2": {
        "rbac": {"enabled": True},
        "keyvalue": [{"name": "a", "value": "b"}],
        "apikeys": [{"user": "x", "id": "0" * 24, "key": SECRET}],
        "packs": {"sensors": [{"name": "rss", "ref": "rss.RssSensor"}, {"name": "git", "ref": "git.GitSensor"}]},
    },
    "coordination": {"backend": "etcd"},
    "st2chatops": {"enabled": True, "existingSecret": "mine"},
    "docker-registry": {"enabled": True},
    "st2actionrunner": {"pools": [{"name": "spot"}], "autoscaling": {"enabled": True}},
    "mongodb": {"metrics": {"enabled": True}},
    "monitoring": {"enabled": True},
    "backup": {"enabled": True, "etcd": True, "destination": {"claim": {"create": {}}}},
    "jobs": {
        "smokeTest": {"enabled": True},
        "extra": [{"name": "mine", "command": ["true"], "needs": ["st2auth", "st2api", "database"]}],
        "extra_hooks": [{"name": "mine", "hook": "post-install", "command": ["true"]}],
    },
}
CLUSTERS: dict[str, dict[str, Any]] = {
    "the default": {},
    "many components": MANY,
    "backends elsewhere": {
        "mongodb": {"enabled": False, "external": {"uri": "mongodb://db"}},
        "rabbitmq": {"enabled": False, "external": {"urls": ["amqp://mq/st2"]}},
        "coordination": {"backend": "external", "external": {"url": "redis://cache"}},
        "secrets": {"mode": "existing"},
    },
}


@pytest.mark.parametrize("values", CLUSTERS.values(), ids=CLUSTERS)
class TestAgainstTheManifests:
    """The table follows from values; manifests show whether it is complete."""

    def test_the_components_are_those_that_have_pods(
        self, cluster: MakeCluster, synth: Synth, values: dict[str, Any]
    ) -> None:
        objects = synth(values)
        made = {
            template["metadata"]["labels"][NAME]: document["spec"].get("replicas")
            for document in objects
            if (template := pod_template(document))
        }
        # The Job of a restore is made by hand.
        found = [component for component in components(cluster(values)) if component.name != "restore"]
        assert {component.name for component in found} == set(made)
        for component in found:
            # A Job has one pod, and where an autoscaler decides, the manifest has no number.
            assert made[component.name] in (component.least, None)

    def test_who_waits_in_the_table_waits_in_its_pod_and_nobody_else(
        self, cluster: MakeCluster, synth: Synth, values: dict[str, Any]
    ) -> None:
        objects = synth(values)
        table = {(flow.client, flow.server, flow.port) for flow in flows(cluster(values)) if flow.waits}
        assert table == set(waits(objects))

    def test_servers_listen_on_the_ports(self, cluster: MakeCluster, synth: Synth, values: dict[str, Any]) -> None:
        listening = {
            (template["metadata"]["labels"][NAME], port["containerPort"])
            for template in synth(values).pod_templates().values()
            for container in template["spec"]["containers"]
            for port in container.get("ports", ())
        }
        table = {(flow.server, flow.port) for flow in flows(cluster(values)) if isinstance(flow.server, str)}
        assert table <= listening

    def test_every_port_is_for_somebody(self, cluster: MakeCluster, synth: Synth, values: dict[str, Any]) -> None:
        table = {(flow.server, flow.port) for flow in flows(cluster(values))}
        for template in synth(values).pod_templates().values():
            for container in template["spec"]["containers"]:
                for port in container.get("ports", ()):
                    server = (template["metadata"]["labels"][NAME], port["containerPort"])
                    # Port forwards only; and no chat but Microsoft Teams calls the bot.
                    assert server in table or server in {("rabbitmq", 15672), ("st2chatops", 8081)}

    def test_no_flow_is_there_twice(self, cluster: MakeCluster, synth: Synth, values: dict[str, Any]) -> None:  # noqa: ARG002
        table = flows(cluster(values))
        assert len({(flow.client, flow.server, flow.port) for flow in table}) == len(table)


def waits(objects: Objects) -> Iterator[tuple[str, str, int]]:
    for template in objects.pod_templates().values():
        for container in template["spec"].get("initContainers", ()):
            if container["name"].startswith("wait-for-") and container["name"] != "wait-for-login":
                _, _, service, port = container["args"]
                server = objects.named("Service", service)["spec"]["selector"][NAME]
                yield template["metadata"]["labels"][NAME], server, int(port)


def test_what_st2web_passes_requests_on_to_is_in_the_table(cluster: MakeCluster, default_objects: Objects) -> None:
    config = default_objects.named("ConfigMap", "st2-st2web-nginx")["data"]
    upstreams = set(re.findall(r"st2-(\w+)\.stackstorm\.svc\.cluster\.local:(\d+)", "".join(config.values())))
    table = {(flow.server, str(flow.port)) for flow in flows(cluster()) if flow.client == "st2web"}
    assert upstreams == table != set()


@pytest.mark.parametrize("backend", ["redis", "etcd"])
def test_what_members_read_of_each_other_is_in_the_table(cluster: MakeCluster, synth: Synth, backend: str) -> None:
    values = {"coordination": {"backend": backend}}
    objects = synth(values)
    table = {(flow.client, flow.server, flow.port) for flow in flows(cluster(values))}
    for name in ("mongodb", backend):
        texts = [str(objects.container(name))]
        texts += [str(d["data"]) for d in objects.of_kind("ConfigMap") if d["metadata"]["name"] == f"st2-{name}-config"]
        ports = set(re.findall(rf"(?:st2-{name}-\d|\$\(POD_NAME\))\.st2-{name}-headless[\w.-]*:(\d+)", "".join(texts)))
        assert ports or name == "redis"
        assert {(name, name, int(port)) for port in ports} <= table


def ports(table: Iterable[Flow], client: End, server: End) -> list[int | None]:
    return [flow.port for flow in table if (flow.client, flow.server) == (client, server)]


class TestBackendsElsewhere:
    """Their ports follow from their addresses."""

    @pytest.mark.parametrize(
        ("uri", "expected"),
        [
            ("mongodb://db.example.org", [27017]),
            ("mongodb://a:27018,b,c:27019/st2?replicaSet=rs0", [27018, 27017, 27019]),
            ("mongodb://[2001:db8::1]", [27017]),
            ("mongodb://[2001:db8::1]:27018", [27018]),
            ("mongodb+srv://db.example.org", [None]),
        ],
    )
    def test_mongodb(self, cluster: MakeCluster, uri: str, expected: list[int | None]) -> None:
        made = cluster({"mongodb": {"enabled": False, "external": {"uri": uri}}})
        assert ports(flows(made), "st2auth", Place.OUTSIDE) == expected

    @pytest.mark.parametrize(
        ("external", "expected"),
        [
            ({"urls": ["amqp://a/st2", "amqp://b:5673/st2"]}, [5672, 5673]),
            ({"urls": ["amqps://a/st2"]}, [5671]),
            ({"urls": ["amqp://a/st2"], "tls": {"enabled": True}}, [5671]),
        ],
    )
    def test_rabbitmq(self, cluster: MakeCluster, external: dict[str, Any], expected: list[int | None]) -> None:
        made = cluster({"rabbitmq": {"enabled": False, "external": external}})
        assert ports(flows(made), "st2stream", Place.OUTSIDE) == expected

    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("redis://cache:6380?ssl=true", [6380]),
            ("redis://cache", [6379]),
            ("st2redis://cache", [6379]),
            ("st2redis://cache:26379?sentinel=mymaster", [None]),
            ("redis://cache:26379?sentinel=mymaster", [None]),
            ("st2etcd+https://etcd", [2379]),
            ("zookeeper://a,b:2182", [2181, 2182]),
        ],
    )
    def test_coordination(self, cluster: MakeCluster, url: str, expected: list[int | None]) -> None:
        made = cluster({"coordination": {"backend": "external", "external": {"url": url}}})
        assert ports(flows(made), "st2auth", Place.OUTSIDE) == expected

    def test_no_coordination_no_flow(self, cluster: MakeCluster) -> None:
        table = flows(cluster({"profile": "dev", "coordination": {"backend": "none"}}))
        assert {flow.server for flow in table if flow.client == "st2auth"} == {"mongodb"}

    def test_where_only_a_secret_knows_it_may_be_any_port(self, cluster: MakeCluster) -> None:
        made = cluster({"rabbitmq": {"enabled": False}, "st2": {"existingConfigSecret": "mine"}})
        assert ports(flows(made), "st2stream", Place.OUTSIDE) == [None]


INGRESS = {
    "enabled": True,
    "hosts": [
        {"paths": [{"path": "/api", "service": "st2api"}, {"path": "/other", "serviceName": "x", "servicePort": 1}]}
    ],
}
ELSEWHERE = {"service": {"type": "ExternalName", "hostname": "auth.example.org"}}
EXPOSED = {"service": {"type": "LoadBalancer"}}


def to_s3(endpoint: str | None = None) -> dict[str, Any]:
    return {"s3": {"bucket": "backups", "endpoint": endpoint, "credentials": {"existingSecret": "mine"}}}


@each_of(
    ("values", "client", "server", "expected"),
    [
        ({}, Place.OUTSIDE, "st2web", [8443, 8080]),
        ({"st2web": {"tls": {"enabled": False}}}, Place.OUTSIDE, "st2web", [8080]),
        ({}, Place.OUTSIDE, "st2api", []),
        ({"st2api": EXPOSED}, Place.OUTSIDE, "st2api", [9101]),
        ({"st2auth": {"service": {"type": "NodePort"}}}, Place.OUTSIDE, "st2auth", [9100]),
        ({}, "st2auth", "rabbitmq", []),
        ({}, "st2api", "redis", [26379, 6379]),
        ({"coordination": {"backend": "etcd"}}, "st2api", "etcd", [2379]),
        ({"coordination": {"backend": "etcd"}}, "etcd", "etcd", [2379, 2380, 2382]),
        ({}, "rabbitmq", "rabbitmq", [5672, 4369, 25672, 25673]),
        ({"rabbitmq": {"replicaCount": 1}}, "rabbitmq", "rabbitmq", [4369, 25672]),
        ({}, "st2rulesengine", "st2api", []),
        ({}, "st2actionrunner", "st2api", [9101]),
        ({}, "st2actionrunner", Place.OUTSIDE, [None]),
        ({}, "st2api", Place.OUTSIDE, [443]),
        ({"ingress": INGRESS}, Place.OUTSIDE, "st2api", [9101]),
        ({"ingress": INGRESS}, Place.OUTSIDE, "st2auth", []),
        ({"st2auth": ELSEWHERE}, "st2web", Place.OUTSIDE, [9100]),
        ({"st2auth": ELSEWHERE}, "st2web", "st2auth", []),
        (MANY, "st2notifier", "statsd-exporter", [9125]),
        (MANY, "st2client", "statsd-exporter", [9125]),
        (MANY, "job-mine", "statsd-exporter", [9125]),
        (MANY, "st2web", "statsd-exporter", []),
        (MANY, Place.MONITORING, "statsd-exporter", [9102]),
        (MANY, Place.MONITORING, "mongodb", [9216]),
        (MANY, "backup", "mongodb", [27017]),
        (MANY, "backup", "etcd", [2379]),
        (MANY, "backup", Place.OUTSIDE, []),
        (MANY, "restore", "mongodb", [27017]),
        ({"backup": {"destination": to_s3()}}, "restore", Place.OUTSIDE, [443]),
        ({"backup": {"destination": to_s3("http://minio:9000")}}, "restore", Place.OUTSIDE, [9000]),
        ({"backup": {"destination": to_s3("http://minio")}}, "restore", Place.OUTSIDE, [80]),
        ({"backup": {"destination": to_s3()}}, "backup", Place.OUTSIDE, []),
        ({}, Place.KEDA, "mongodb", []),
        (MANY, Place.KEDA, "mongodb", [27017]),
        (MANY, "st2actionrunner-spot", "st2api", [9101]),
        ({}, "secrets-bootstrap", Place.KUBERNETES_API, [443, 6443]),
        ({}, Place.MONITORING, "mongodb", []),
        ({"mongodb": {"metrics": {"enabled": True}}}, Place.MONITORING, "mongodb", [9216]),
        ({"redis": {"metrics": {"enabled": True}}}, Place.MONITORING, "redis", [9121]),
        ({"rabbitmq": {"metrics": {"enabled": False}}}, Place.MONITORING, "rabbitmq", []),
        ({**{"coordination": {"backend": "etcd"}}, "monitoring": {"enabled": True}}, Place.MONITORING, "etcd", [2381]),
        (MANY, Place.NODES, "docker-registry", [5000]),
        (MANY, Place.OUTSIDE, "st2chatops", []),
        (MANY, "st2chatops", "st2stream", [9102]),
        (MANY, "job-smoke-test", "st2web", [8443, 8080]),
        (MANY, "job-smoke-test", "st2chatops", [8081]),
        (MANY, "job-key-load", "st2api", [9101]),
        (MANY, "job-key-load", "mongodb", []),
        (MANY, "job-mine", "rabbitmq", [5672]),
        (MANY, "st2sensorcontainer-rss", "st2api", [9101]),
        (MANY, "job-register-content", Place.OUTSIDE, []),
        (
            {"jobs": {"preRegisterContentCommand": ["true"]}},
            "job-register-content",
            Place.OUTSIDE,
            [None],
        ),
        (
            {
                "image": {"tag": "3.8"},
                "st2chatops": {"enabled": True, "adapter": "botframework", "existingSecret": "mine"},
            },
            Place.OUTSIDE,
            "st2chatops",
            [8081],
        ),
    ],
)
def test_who_talks_to_whom(
    cluster: MakeCluster, values: dict[str, Any], client: End, server: End, expected: list[int | None]
) -> None:
    assert ports(flows(cluster(values)), client, server) == expected


def test_what_shares_a_name(cluster: MakeCluster) -> None:
    named = {component.name: component.known_as for component in components(cluster(MANY))}
    assert named["job-mine"] == named["job-extra-helm-hook-mine"] == EXTRA_JOBS
    assert named["job-key-load"] == "job-key-load"
    assert named["st2sensorcontainer-rss"] == "st2sensorcontainer"
    assert named["st2actionrunner-spot"] == "st2actionrunner"


def test_how_many_pods_there_can_be(cluster: MakeCluster) -> None:
    values = {"st2actionrunner": {"autoscaling": {"enabled": True, "maxReplicas": 12}}}
    (found,) = (each for each in components(cluster(values)) if each.name == "st2actionrunner")
    assert (found.least, found.most) == (2, 12)
