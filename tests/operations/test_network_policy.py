"""Network policies, tried out between all pods in a simulated network."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pytest
from operations.network_simulator import Connection, Host, Port, connections, pods, selected, without_each_part
from pydantic import ValidationError
from support import MakeCluster, Objects, Synth

from constructs_st2.construct.flows import ClusterTable, flows
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.release import Release
from constructs_st2.kube.documents import Document
from constructs_st2.parts.backup import restore
from constructs_st2.parts.flows import Flow, Place
from constructs_st2.parts.network_policy import documents, problems
from constructs_st2.values import from_mapping

OUTSIDE = Host("outside", "203.0.113.7", tuple(Port(number) for number in (443, 5671, 6379, 9101, 9999, 27017)))
NODE = Host("node", "192.168.0.1", (Port(10250),))
KUBERNETES_API = Host("kubernetes", "192.168.0.2", (Port(443), Port(6443), Port(2379)))
DNS = Host(
    "dns", "10.2.0.1", (Port(53, "UDP"), Port(53), Port(9153)), namespace="kube-system", labels={"k8s-app": "kube-dns"}
)
NODE_LOCAL_DNS = Host("node-local-dns", "169.254.20.10", (Port(53, "UDP"), Port(53)))
STRANGER = Host("stranger", "10.2.0.2", (Port(80),), namespace="default", labels={"app": "stranger"})
NEIGHBOUR = Host("neighbour", "10.2.0.3", (Port(80),), namespace="stackstorm", labels={"app": "neighbour"})
PROMETHEUS = Host("prometheus", "10.2.0.4", (Port(9090),), namespace="monitoring", labels={"app": "prometheus"})
KEDA = Host("keda", "10.2.0.5", (Port(9666),), namespace="keda", labels={"app": "keda-operator"})
OTHERS = (OUTSIDE, NODE, KUBERNETES_API, DNS, NODE_LOCAL_DNS, STRANGER, NEIGHBOUR, PROMETHEUS, KEDA)

SIZE = {"create": {"size": "1Gi"}}
SECRET = {"existingSecret": "mine", "key": "a"}
VARIANTS: dict[str, dict[str, Any]] = {
    "the default": {},
    "one member of each": {"profile": "dev"},
    "etcd": {"coordination": {"backend": "etcd"}},
    "no coordination": {"coordination": {"backend": "none"}, "profile": "dev"},
    "backends elsewhere": {
        "mongodb": {"enabled": False, "external": {"uri": "mongodb://db.example.org"}},
        "rabbitmq": {"enabled": False, "external": {"urls": ["amqps://mq.example.org/st2"]}},
        "coordination": {"backend": "external", "external": {"url": "redis://cache.example.org"}},
    },
    "backends that only a Secret knows": {
        "mongodb": {"enabled": False},
        "rabbitmq": {"enabled": False},
        "coordination": {"backend": "external"},
        "st2": {"existingConfigSecret": "mine"},
    },
    "everything": {
        "st2": {
            "rbac": {"enabled": True},
            "keyvalue": [{"name": "a", "value": "b"}],
            "apikeys": [{"user": "x", "id": "0" * 24, "key": SECRET}],
            "packs": {"volumes": {"enabled": True, "packs": SIZE, "virtualenvs": SIZE}},
        },
        "st2sensorcontainer": {"deployments": 2},
        "st2chatops": {"enabled": True, "existingSecret": "mine"},
        "docker-registry": {"enabled": True},
        "monitoring": {"enabled": True},
        "backup": {
            "enabled": True,
            "destination": {"s3": {"bucket": "backups", "credentials": {"existingSecret": "mine"}}},
        },
        "st2actionrunner": {"pools": [{"name": "spot"}], "autoscaling": {"enabled": True}},
        "mongodb": {"metrics": {"enabled": True}},
        "redis": {"metrics": {"enabled": True}},
        "jobs": {
            "smokeTest": {"enabled": True},
            "preRegisterContentCommand": ["true"],
            "extra": [{"name": "mine", "command": ["true"]}],
            "extra_hooks": [{"name": "mine", "hook": "post-install", "command": ["true"]}],
        },
    },
    "everything exposed": {
        "st2web": {"tls": {"enabled": False}, "service": {"type": "LoadBalancer"}},
        "st2auth": {"service": {"type": "NodePort"}},
        "st2api": {"service": {"type": "LoadBalancer"}},
        "st2stream": {"service": {"type": "NodePort"}},
        "secrets": {"mode": "existing"},
    },
    "an API elsewhere": {"st2api": {"service": {"type": "ExternalName", "hostname": "st2.example.org"}}},
    "a bot that is called": {
        "image": {"tag": "3.8"},
        "st2chatops": {"enabled": True, "adapter": "botframework", "existingSecret": "mine"},
    },
}


def policies(cluster: Cluster) -> list[Document]:
    """The policies of a cluster."""
    return documents(cluster, ClusterTable(cluster))


@dataclass(frozen=True)
class Case:
    """A cluster in its network."""

    cluster: Cluster
    objects: Objects
    hosts: Sequence[Host]
    policies: Sequence[Document]

    @cached_property
    def possible(self) -> set[Connection]:
        """All connections that can be made."""
        return connections(self.hosts, self.policies)


@pytest.fixture(scope="module")
def case(cluster: MakeCluster, synth: Synth) -> Callable[..., Case]:
    """The network of some values, limited in what pods connect to or not. It is made once."""
    made: dict[str, Case] = {}

    def find(values: dict[str, Any], *, limited: bool = False) -> Case:
        key = json.dumps([values, limited])
        if key not in made:
            made[key] = make(values, limited)
        return made[key]

    def make(values: dict[str, Any], limited: bool) -> Case:
        values = {**values, "networkPolicy": {"egress": {"enabled": True}}} if limited else values
        objects = synth(values)
        built = cluster(values)
        restoring = restore.documents(built, "st2-20260131T031700Z") if built.values.backup.destination else []
        return Case(built, objects, [*pods([*objects, *restoring]), *OTHERS], policies(built))

    return find


def meant(made: Cluster, hosts: Sequence[Host]) -> set[Connection]:
    """What the table of flows allows, where Prometheus reads metrics from the namespace monitoring."""
    table = flows(made)
    limited = made.values.network_policy.egress.enabled
    asked_by = {client.name: [flow for flow in table if flow.client == client.component] for client in hosts}
    return {
        Connection(client.name, server.name, port.number, port.protocol)
        for server in hosts
        for accepted in [[flow for flow in table if flow.server == server.component]]
        for port in server.ports
        for client in hosts
        if client is not server
        and (is_other(server) or any(accepts(flow, client, port) for flow in accepted))
        and (
            is_other(client)
            or not limited
            or is_dns(server, port)
            or any(asks(flow, server, port) for flow in asked_by[client.name])
        )
    }


def is_other(host: Host) -> bool:
    return host in OTHERS


def is_dns(server: Host, port: Port) -> bool:
    return server is DNS and port.number == 53


def accepts(flow: Flow, client: Host, port: Port) -> bool:
    """Whether the server of a flow takes it from a client, on a port."""
    match flow.client:
        # Which addresses nodes have is not known.
        case Place.OUTSIDE | Place.NODES:
            of_client = True
        case Place.MONITORING:
            of_client = client is PROMETHEUS
        case Place.KEDA:
            of_client = client is KEDA
        case component:
            of_client = client.component == component
    return of_client and (flow.port, flow.protocol) == port[:2]


def asks(flow: Flow, server: Host, port: Port) -> bool:
    """Whether the client of a flow goes to a server by it, on a port."""
    anywhere = flow.server in (Place.OUTSIDE, Place.KUBERNETES_API)
    of_port = (flow.port is None and anywhere) or (flow.port, flow.protocol) == port[:2]
    return (anywhere or flow.server == server.component) and of_port


@pytest.mark.parametrize("limited", [False, True], ids=["", "egress limited"])
@pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS)
class TestAllPairs:
    """Between any two pods, and between pods and others, on every port that any container listens on."""

    def test_what_the_table_says_can_connect_and_nothing_else(
        self, case: Callable[..., Case], values: dict[str, Any], limited: bool
    ) -> None:
        made = case(values, limited=limited)
        assert made.possible == meant(made.cluster, made.hosts)

    def test_everybody_who_waits_can_connect(
        self, case: Callable[..., Case], values: dict[str, Any], limited: bool
    ) -> None:
        made = case(values, limited=limited)
        for client, service, port in waits(made.objects):
            spec = made.objects.named("Service", service)["spec"]
            if spec["type"] != "ExternalName":
                server = spec["selector"]["app.kubernetes.io/name"]
                assert Connection(f"{client}/0", f"st2-{server}/1", port, "TCP") in made.possible


@pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS)
def test_no_part_of_a_policy_is_superfluous(case: Callable[..., Case], values: dict[str, Any]) -> None:
    made = case(values, limited=True)
    # One pod tells as much as two, but for those that talk to each other.
    members = {flow.client for flow in flows(made.cluster) if flow.client == flow.server}
    hosts = [host for host in made.hosts if not host.name.endswith("/1") or host.component in members]
    variants = list(without_each_part(made.policies))
    assert variants
    concerned = {name_of(policy): selected(hosts, policy) for policy in made.policies}
    right = {name: connections(hosts, made.policies, of=some) for name, some in concerned.items()}
    for policy, part, policies in variants:
        name = name_of(policy)
        assert connections(hosts, policies, of=concerned[name]) < right[name], (name, part)


def name_of(policy: Document) -> str:
    name: str = policy["metadata"]["name"]
    return name


def waits(objects: Objects) -> Iterator[tuple[str, str, int]]:
    """Who waits for a port of which Service."""
    for name, template in objects.pod_templates().items():
        for container in template["spec"].get("initContainers", ()):
            if container["name"].startswith("wait-for-") and container["name"] != "wait-for-login":
                _, _, service, port = container["args"]
                yield name, service, int(port)


class TestTheSimulator:
    """Without policies nothing is forbidden, and policies of others are none of ours."""

    def test_without_policies_everybody_connects(self, default_objects: Objects) -> None:
        hosts = [*pods(default_objects), *OTHERS]
        assert len(connections(hosts, [])) == sum(len(host.ports) for host in hosts) * (len(hosts) - 1)

    def test_policies_of_another_namespace_close_nothing(self, cluster: MakeCluster, default_objects: Objects) -> None:
        hosts = pods(default_objects)
        elsewhere = policies(cluster(namespace="elsewhere"))
        assert connections(hosts, elsewhere) == connections(hosts, [])


def test_two_releases_in_a_namespace_are_kept_apart(cluster: MakeCluster, synth: Synth) -> None:
    blue, green = (cluster(release=name) for name in ("blue", "green"))
    hosts = [host for name in ("blue", "green") for host in pods(synth(release=name))]
    possible = connections(hosts, [*policies(blue), *policies(green)])
    across = {each.server for each in possible if each.client.split("-")[0] != each.server.split("-")[0]}
    # What everybody may reach.
    assert {server.split("-")[1].split("/")[0] for server in across} == {"st2web"}


def test_another_release_in_the_namespace_is_left_alone(cluster: MakeCluster, synth: Synth) -> None:
    hosts = [*pods(synth(release="green")), *OTHERS]
    assert connections(hosts, policies(cluster(release="blue"))) == connections(hosts, [])


def reachable(made: Cluster, hosts: Sequence[Host], *, client: Host, server: str = "") -> set[str]:
    """The servers and ports that a client can reach."""
    possible = connections(hosts, policies(made))
    return {
        f"{each.server.split('/')[0]}:{each.port}"
        for each in possible
        if each.client == client.name and each.server.startswith(server)
    }


class TestWhatTheUserAllows:
    """Further clients, other readers of metrics, and what pods may connect to."""

    @pytest.mark.parametrize(
        ("peer", "client"),
        [
            ({"podSelector": {"matchLabels": {"app": "neighbour"}}}, NEIGHBOUR),
            ({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}}}, STRANGER),
            ({"ipBlock": {"cidr": "203.0.113.0/24"}}, OUTSIDE),
        ],
    )
    def test_further_clients_of_a_component(
        self, cluster: MakeCluster, synth: Synth, peer: dict[str, Any], client: Host
    ) -> None:
        hosts = [*pods(synth()), *OTHERS]
        assert reachable(cluster(), hosts, client=client, server="st2-mongodb") == set()
        made = cluster({"networkPolicy": {"allow": {"mongodb": [peer]}}})
        for other in (NEIGHBOUR, STRANGER, OUTSIDE):
            reached = reachable(made, hosts, client=other, server="st2-mongodb")
            assert reached == ({"st2-mongodb:27017"} if other is client else set())

    def test_addresses_can_be_left_out_of_a_range(self, cluster: MakeCluster, synth: Synth) -> None:
        block = {"cidr": "203.0.113.0/24", "except": ["203.0.113.0/28"]}
        made = cluster({"networkPolicy": {"allow": {"mongodb": [{"ipBlock": block}]}}})
        assert reachable(made, [*pods(synth()), OUTSIDE], client=OUTSIDE, server="st2-mongodb") == set()

    def test_sensors_that_listen_are_one_component(self, cluster: MakeCluster, synth: Synth) -> None:
        values = {
            "st2sensorcontainer": {"deployments": 2},
            "networkPolicy": {"allow": {"st2sensorcontainer": [{"namespaceSelector": {}}]}},
        }
        listening = [
            replace(host, ports=(Port(8888),)) if "sensor" in host.name else host for host in pods(synth(values))
        ]
        made = cluster(values)
        assert reachable(made, [*listening, STRANGER], client=STRANGER, server="st2-st2sensor") == {
            "st2-st2sensorcontainer-0:8888",
            "st2-st2sensorcontainer-1:8888",
        }

    def test_metrics_are_for_prometheus_and_closed_until_there_is_one(self, cluster: MakeCluster, synth: Synth) -> None:
        hosts = [*pods(synth({"monitoring": {"enabled": True}})), *OTHERS]
        everybody: list[dict[str, Any]] = [{"namespaceSelector": {}}]
        metrics = {"st2-rabbitmq:15692"}
        for monitored, readers, of_prometheus, of_stranger in (
            (False, {}, set(), set()),
            (False, {"metricsFrom": everybody}, set(), set()),
            (True, {}, metrics, set()),
            (True, {"metricsFrom": everybody}, metrics, metrics),
            (True, {"metricsFrom": []}, set(), set()),
        ):
            made = cluster({"monitoring": {"enabled": monitored}, "networkPolicy": readers})
            assert reachable(made, hosts, client=PROMETHEUS, server="st2-rabbitmq") == of_prometheus
            assert reachable(made, hosts, client=STRANGER, server="st2-rabbitmq") == of_stranger

    def test_where_keda_is(self, cluster: MakeCluster, synth: Synth) -> None:
        scaled = {"st2actionrunner": {"autoscaling": {"enabled": True}}}
        elsewhere = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}}}]
        hosts = [*pods(synth(scaled)), *OTHERS]
        for policy, asks_mongodb in (({}, KEDA), ({"kedaFrom": elsewhere}, STRANGER), ({"kedaFrom": []}, None)):
            made = cluster({**scaled, "networkPolicy": policy})
            for client in (KEDA, STRANGER):
                reached = reachable(made, hosts, client=client, server="st2-mongodb")
                assert reached == ({"st2-mongodb:27017"} if client is asks_mongodb else set())

    def test_what_a_component_may_connect_to(self, cluster: MakeCluster, synth: Synth) -> None:
        hosts = [*pods(synth()), *OTHERS]
        auth = next(host for host in hosts if host.component == "st2auth")
        ldap = {"st2auth": [{"ipBlock": {"cidr": "203.0.113.7/32"}}]}
        without = cluster({"networkPolicy": {"egress": {"enabled": True}}})
        assert reachable(without, hosts, client=auth, server="outside") == set()
        made = cluster({"networkPolicy": {"egress": {"enabled": True, "allow": ldap}}})
        assert reachable(made, hosts, client=auth, server="outside") == {
            f"outside:{port.number}" for port in OUTSIDE.ports
        }

    def test_who_is_free(self, cluster: MakeCluster, synth: Synth) -> None:
        values = {"jobs": {"extra": [{"name": "mine", "command": ["true"]}]}}
        hosts = [*pods(synth(values)), *OTHERS]

        def free(egress: dict[str, Any]) -> set[str]:
            made = cluster({**values, "networkPolicy": {"egress": {"enabled": True, **egress}}})
            possible = connections(hosts, policies(made))
            clients = {each.client for each in possible if (each.server, each.port) == ("outside", 9999)}
            of_release = {host.name: host.component for host in hosts if not is_other(host)}
            return {str(of_release[client]) for client in clients if client in of_release}

        assert free({}) == {"st2actionrunner", "st2sensorcontainer", "st2client", "job-mine"}
        assert free({"free": ["st2auth", "job-register-content"]}) == {"st2auth", "job-register-content"}
        assert free({"free": []}) == set()

    @pytest.mark.parametrize(
        ("dns", "reached"),
        [
            ({}, {"dns:53"}),
            ({"nodeLocal": True}, {"dns:53", "node-local-dns:53"}),
            ({"port": 9153}, {"dns:9153"}),
            ({"peers": [{"ipBlock": {"cidr": "169.254.20.10/32"}}]}, {"node-local-dns:53"}),
        ],
    )
    def test_where_pods_ask_for_names(
        self, cluster: MakeCluster, synth: Synth, dns: dict[str, Any], reached: set[str]
    ) -> None:
        hosts = [*pods(synth()), DNS, NODE_LOCAL_DNS]
        stream = next(host for host in hosts if host.component == "st2stream")
        made = cluster({"networkPolicy": {"egress": {"enabled": True, "dns": dns}}})
        found = reachable(made, hosts, client=stream)
        assert {each for each in found if "dns" in each} == reached


def test_they_are_part_of_a_cluster_unless_they_are_turned_off(synth: Synth, default_objects: Objects) -> None:
    names = [document["metadata"]["name"] for document in default_objects.of_kind("NetworkPolicy")]
    assert names == [
        "st2-default",
        "st2-mongodb",
        "st2-rabbitmq",
        "st2-redis",
        "st2-st2auth",
        "st2-st2api",
        "st2-st2stream",
        "st2-st2web",
    ]
    assert synth({"networkPolicy": {"enabled": False}}).of_kind("NetworkPolicy") == []


@pytest.mark.parametrize(
    ("settings", "key", "message"),
    [
        (
            {"enabled": False, "egress": {"enabled": True}},
            "networkPolicy.egress.enabled",
            "cannot be used with networkPolicy.enabled false; set that to true",
        ),
        (
            {"allow": {"mongo": [{"podSelector": {}}]}},
            "networkPolicy.allow.mongo",
            'there is no component "mongo"; did you mean "mongodb"?',
        ),
        (
            {"egress": {"allow": {"st2-api": [{"podSelector": {}}]}}},
            "networkPolicy.egress.allow.st2-api",
            'there is no component "st2-api"; did you mean "st2api"?',
        ),
        (
            {"egress": {"free": ["st2auth", "st2client2"]}},
            "networkPolicy.egress.free[1]",
            'there is no component "st2client2"; did you mean "st2client"?',
        ),
    ],
)
def test_what_cannot_be_honoured(settings: dict[str, Any], key: str, message: str) -> None:
    (problem,) = problems(from_mapping({"networkPolicy": settings}), Release())
    assert (problem.key, problem.message) == (key, message)


def test_components_of_other_clusters_may_be_named() -> None:
    peers: list[dict[str, Any]] = [{"podSelector": {}}]
    allow = dict.fromkeys(["etcd", "st2chatops", "docker-registry", "job-smoke-test", "extra-jobs"], peers)
    assert list(problems(from_mapping({"networkPolicy": {"allow": allow}}), Release())) == []


@pytest.mark.parametrize(
    ("peer", "message"),
    [
        ({}, "must have podSelector, namespaceSelector or ipBlock"),
        ({"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}, "cannot have ipBlock together with a selector"),
        ({"ipBlock": {"cidr": "10.0.0.1/8"}}, "must be a range of addresses such as 10.0.0.0/8"),
        ({"ipBlock": {"cidr": "example.org"}}, "must be a range of addresses such as 10.0.0.0/8"),
        ({"pods": {}}, "Extra inputs are not permitted"),
    ],
)
def test_peers_are_checked(peer: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        from_mapping({"networkPolicy": {"allow": {"mongodb": [peer]}}})


def test_an_empty_list_of_peers_which_would_mean_everybody_is_refused() -> None:
    with pytest.raises(ValidationError, match="at least 1 item"):
        from_mapping({"networkPolicy": {"allow": {"mongodb": []}}})
