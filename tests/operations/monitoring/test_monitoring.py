"""The objects of monitoring, and what it changes elsewhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from kubernetes_versions import validate
from operations.monitoring.statsd_exporter import StatsdExporter
from pydantic import ValidationError
from support import MakeCluster, Objects, Synth

from constructs_st2.checks.pod_security import level_of
from constructs_st2.errors import InvalidValues
from constructs_st2.kube.documents import is_built_in
from constructs_st2.parts.monitoring import documents

NAME = "st2-statsd-exporter"
EVERYTHING: dict[str, Any] = {
    "enabled": True,
    "podMonitors": {"enabled": True},
    "rules": {"enabled": True},
    "dashboards": {"enabled": True},
}


def test_there_is_nothing_unless_it_is_enabled(cluster: MakeCluster, default_objects: Objects) -> None:
    assert documents(cluster()) == []
    text = json.dumps(default_objects)
    assert "prometheus.io" not in text
    assert "driver = statsd" not in text


def test_parts_need_the_whole(cluster: MakeCluster) -> None:
    with pytest.raises(ValidationError, match=r"must have enabled: true for rules\.enabled, dashboards\.enabled"):
        cluster({"monitoring": {"rules": {"enabled": True}, "dashboards": {"enabled": True}}})


@pytest.mark.parametrize("minor", ["1.30", "1.32"])
def test_objects_are_valid(synth: Synth, minor: str) -> None:
    objects = synth({"monitoring": EVERYTHING})
    for document in objects:
        if is_built_in(document):
            validate(document, minor)
    assert len(objects.of_kind("PodMonitor")) == 4
    assert len(objects.of_kind("PrometheusRule")) == 1


def test_argo_cd_does_not_ask_for_kinds_that_come_in_the_same_sync(synth: Synth) -> None:
    objects = synth({"monitoring": EVERYTHING})
    for document in (*objects.of_kind("PodMonitor"), *objects.of_kind("PrometheusRule")):
        options = document["metadata"]["annotations"]["argocd.argoproj.io/sync-options"]
        assert options == "SkipDryRunOnMissingResource=true"


class TestStatsd:
    """From StackStorm to the exporter."""

    def test_st2_sends_to_the_exporter(self, cluster: MakeCluster, synth: Synth) -> None:
        options = cluster({"monitoring": {"enabled": True}}).settings.options
        assert options[("metrics", "driver")] == "statsd"
        host, port = options[("metrics", "host")], int(options[("metrics", "port")])
        service = synth({"monitoring": {"enabled": True}}).named("Service", host)
        (statsd,) = (each for each in service["spec"]["ports"] if each.get("protocol") == "UDP")
        assert statsd["port"] == port

    def test_the_library_that_sends_does_not_fill_the_log(self, cluster: MakeCluster) -> None:
        options = cluster({"monitoring": {"enabled": True}}).settings.options
        assert options[("log", "excludes")] == "requests,paramiko,statsd"
        assert ("log", "excludes") not in cluster().settings.options

    def test_the_user_may_send_elsewhere(self, cluster: MakeCluster) -> None:
        values = {"monitoring": {"enabled": True}, "st2": {"config": {"metrics": {"host": "statsd.example.org"}}}}
        assert cluster(values).settings.options[("metrics", "host")] == "statsd.example.org"

    def test_the_exporter_expects_the_prefix_of_the_user(self, synth: Synth) -> None:
        values = {"monitoring": {"enabled": True}, "st2": {"config": {"metrics": {"prefix": "blue"}}}}
        config = synth(values).named("ConfigMap", f"{NAME}-config")["data"]["mapping.yml"]
        exporter = StatsdExporter(config)
        exporter.send("st2.blue.rule.processed:1|c")
        assert exporter.metrics == {"st2_rules_engine_handled_total": 1}

    def test_the_exporter_listens_where_its_service_leads(self, synth: Synth) -> None:
        objects = synth({"monitoring": {"enabled": True}})
        container = objects.container("statsd-exporter")
        assert "--statsd.listen-udp=:9125" in container["args"]
        assert "--web.listen-address=:9102" in container["args"]
        assert {"name": "statsd", "containerPort": 9125, "protocol": "UDP"} in container["ports"]
        assert {"name": "metrics", "containerPort": 9102} in container["ports"]

    def test_the_exporter_reads_the_mapping(self, synth: Synth) -> None:
        objects = synth({"monitoring": {"enabled": True}})
        (argument,) = (each for each in objects.container("statsd-exporter")["args"] if "mapping-config" in each)
        folder, _, file = argument.partition("=")[2].rpartition("/")
        (mount,) = objects.container("statsd-exporter")["volumeMounts"]
        assert mount["mountPath"] == folder
        assert file in objects.named("ConfigMap", f"{NAME}-config")["data"]

    def test_parts_of_names_do_not_become_labels(self, synth: Synth) -> None:
        arguments = synth({"monitoring": {"enabled": True}}).container("statsd-exporter")["args"]
        assert sum(each.startswith("--no-statsd.parse-") for each in arguments) == 4

    def test_another_mapping_makes_another_pod(self, synth: Synth) -> None:
        own = [{"match": "mine.*", "name": "mine_$1"}]
        annotations = [
            synth({"monitoring": {"enabled": True, "statsdExporter": settings}}).pod_templates()[NAME]["metadata"][
                "annotations"
            ]["checksum/config"]
            for settings in ({}, {"mappings": own})
        ]
        assert annotations[0] != annotations[1]

    def test_a_mapping_needs_a_name(self, cluster: MakeCluster) -> None:
        with pytest.raises(InvalidValues, match="must have name") as caught:
            cluster({"monitoring": {"enabled": True, "statsdExporter": {"mappings": [{"match": "mine.*"}]}}})
        assert caught.value.problems[0].key == "monitoring.statsdExporter.mappings[0]"

    def test_counts_are_in_one_place(self, synth: Synth) -> None:
        assert synth({"monitoring": {"enabled": True}}).named("Deployment", NAME)["spec"]["replicas"] == 1
        with pytest.raises(ValidationError, match=r"statsdExporter\.replicas"):
            synth({"monitoring": {"enabled": True, "statsdExporter": {"replicas": 2}}})

    def test_the_pod_is_restricted(self, synth: Synth) -> None:
        template = synth({"monitoring": {"enabled": True}}).pod_templates()[NAME]
        assert level_of([template]) == "restricted"
        assert template["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
        assert template["spec"]["automountServiceAccountToken"] is False

    def test_settings_of_the_pod_are_honoured(self, synth: Synth) -> None:
        settings = {
            "image": {"repository": "quay.io/example/exporter", "tag": "v0.29.0"},
            "annotations": {"example.org/team": "automation"},
            "labels": {"team": "automation"},
            "nodeSelector": {"disk": "big"},
            "resources": {"requests": {"cpu": "1", "memory": "1Gi"}},
            "securityContext": {"readOnlyRootFilesystem": False},
        }
        template = synth({"monitoring": {"enabled": True, "statsdExporter": settings}}).pod_templates()[NAME]
        (container,) = template["spec"]["containers"]
        assert container["image"] == "quay.io/example/exporter:v0.29.0"
        requests = container["resources"]["requests"]
        assert (requests["cpu"], requests["memory"]) == ("1", "1Gi")
        assert container["securityContext"]["readOnlyRootFilesystem"] is False
        assert template["metadata"]["annotations"]["example.org/team"] == "automation"
        assert template["metadata"]["labels"]["team"] == "automation"
        assert template["spec"]["nodeSelector"] == {"disk": "big"}


class TestScraping:
    """From those that serve metrics to Prometheus."""

    SERVED: tuple[tuple[str, dict[str, Any], int], ...] = (
        ("statsd-exporter", {}, 9102),
        ("mongodb", {}, 9216),
        ("rabbitmq", {}, 15692),
        ("redis", {}, 9121),
        ("etcd", {"coordination": {"backend": "etcd"}}, 2381),
    )

    @pytest.mark.parametrize(("component", "values", "port"), SERVED)
    def test_annotations_lead_to_a_port_of_the_pod(
        self, synth: Synth, component: str, values: dict[str, Any], port: int
    ) -> None:
        template = synth({"monitoring": {"enabled": True}, **values}).pod_templates()[f"st2-{component}"]
        annotations = template["metadata"]["annotations"]
        assert annotations["prometheus.io/scrape"] == "true"
        assert annotations["prometheus.io/port"] == str(port)
        assert annotations["prometheus.io/path"] == "/metrics"
        ports = [each for container in template["spec"]["containers"] for each in container.get("ports", [])]
        assert port in [each["containerPort"] for each in ports]

    @pytest.mark.parametrize(("component", "values", "port"), SERVED)
    def test_pod_monitors_select_the_pods_and_their_port(
        self, synth: Synth, component: str, values: dict[str, Any], port: int
    ) -> None:
        objects = synth({"monitoring": EVERYTHING, **values})
        monitor = objects.named("PodMonitor", f"st2-{component}")["spec"]
        template = objects.pod_templates()[f"st2-{component}"]
        assert monitor["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
        ports = {
            each["name"]: each["containerPort"]
            for container in template["spec"]["containers"]
            for each in container.get("ports", [])
        }
        assert {ports[endpoint["port"]] for endpoint in monitor["podMetricsEndpoints"]} == {port}

    def test_nothing_is_read_twice(self, synth: Synth) -> None:
        assert "prometheus.io/scrape" not in json.dumps(synth({"monitoring": EVERYTHING}))

    def test_annotations_can_be_left_out(self, synth: Synth) -> None:
        objects = synth({"monitoring": {"enabled": True, "scrapeAnnotations": False}})
        assert "prometheus.io/scrape" not in json.dumps(objects)

    def test_annotations_of_the_user_win(self, synth: Synth) -> None:
        values = {"monitoring": {"enabled": True}, "rabbitmq": {"annotations": {"prometheus.io/scrape": "false"}}}
        annotations = synth(values).pod_templates()["st2-rabbitmq"]["metadata"]["annotations"]
        assert annotations["prometheus.io/scrape"] == "false"

    def test_pods_that_serve_none_have_no_annotations(self, synth: Synth) -> None:
        values = {"monitoring": {"enabled": True}, "rabbitmq": {"metrics": {"enabled": False}}}
        templates = synth(values).pod_templates()
        for name in ("st2-rabbitmq", "st2-st2api"):
            assert "prometheus.io/scrape" not in templates[name]["metadata"].get("annotations", {})

    @pytest.mark.parametrize("component", ["mongodb", "redis"])
    def test_exporters_run_unless_the_user_says_otherwise(self, synth: Synth, component: str) -> None:
        def names(values: dict[str, Any]) -> list[str]:
            return [container["name"] for container in synth(values).pod(component)["containers"]]

        assert "metrics" not in names({})
        assert "metrics" in names({"monitoring": {"enabled": True}})
        assert "metrics" not in names({"monitoring": {"enabled": True}, component: {"metrics": {"enabled": False}}})
        assert "metrics" in names({component: {"metrics": {"enabled": True}}})

    def test_queues_of_rabbitmq_are_read_one_by_one(self, synth: Synth) -> None:
        monitor = synth({"monitoring": EVERYTHING}).named("PodMonitor", "st2-rabbitmq")["spec"]
        whole, queues = monitor["podMetricsEndpoints"]
        assert whole["path"] == "/metrics"
        assert queues["path"] == "/metrics/detailed"
        assert queues["params"] == {"family": ["queue_coarse_metrics", "queue_consumer_count"]}
        # Otherwise the same series would come from both.
        assert queues["relabelings"] == [{"targetLabel": "endpoint", "replacement": "queues"}]

    def test_a_prometheus_may_select_by_labels(self, synth: Synth) -> None:
        labels = {"release": "kube-prometheus-stack"}
        monitoring = {
            **EVERYTHING,
            "podMonitors": {"enabled": True, "labels": labels, "interval": "1m"},
            "rules": {"enabled": True, "labels": labels},
        }
        objects = synth({"monitoring": monitoring})
        for document in (*objects.of_kind("PodMonitor"), *objects.of_kind("PrometheusRule")):
            assert document["metadata"]["labels"]["release"] == "kube-prometheus-stack"
        endpoint = objects.named("PodMonitor", NAME)["spec"]["podMetricsEndpoints"][0]
        assert endpoint["interval"] == "1m"

    def test_network_policies_let_metrics_through(self, synth: Synth) -> None:
        objects = synth({"monitoring": {"enabled": True}})
        rules = objects.named("NetworkPolicy", NAME)["spec"]["ingress"]
        allowed = {
            (port["protocol"], port["port"]): yaml.safe_dump(rule["from"]) for rule in rules for port in rule["ports"]
        }
        assert "st2actionrunner" in allowed[("UDP", 9125)]
        assert "namespaceSelector" in allowed[("TCP", 9102)]
        rules = objects.named("NetworkPolicy", "st2-mongodb")["spec"]["ingress"]
        assert 9216 in [port["port"] for rule in rules for port in rule["ports"]]


class TestExporterOfRedis:
    """It logs in as a user who sees no data, and at one address alone."""

    @pytest.fixture
    def objects(self, synth: Synth) -> Objects:
        return synth({"secrets": {"mode": "plain", "seed": "x" * 32}, "monitoring": {"enabled": True}})

    def test_no_password_is_in_its_environment(self, objects: Objects) -> None:
        (container,) = (each for each in objects.pod("redis")["containers"] if each["name"] == "metrics")
        environment = {each["name"]: each.get("value") for each in container["env"]}
        assert None not in environment.values()
        assert environment["REDIS_USER"] == "metrics"
        assert environment["REDIS_EXPORTER_DISABLE_SCRAPE_ENDPOINT"] == "true"
        assert environment["REDIS_PASSWORD_FILE"] == "/etc/constructs-st2/metrics/exporter-passwords.json"

    def test_its_password_is_for_the_redis_in_its_pod(self, objects: Objects) -> None:
        secret = objects.named("Secret", "st2-redis-metrics")["stringData"]
        password = secret["redis-metrics-password"]
        addresses = ["redis://127.0.0.1:6379", "redis://metrics@127.0.0.1:6379"]
        assert json.loads(secret["exporter-passwords.json"]) == dict.fromkeys(addresses, password)
        assert password != objects.named("Secret", "st2-redis")["stringData"]["redis-password"]

    def test_without_it_there_is_neither_user_nor_secret(self, synth: Synth) -> None:
        assert "redis-metrics" not in str(synth().pod("redis"))
