"""How st2 reaches its backends, as the libraries understand it that st2 connects with."""

from __future__ import annotations

from typing import Any

import kombu
import pytest
from pymongo.uri_parser import parse_uri
from support import MakeCluster, each_of

from constructs_st2.errors import InvalidValues, UserError
from constructs_st2.facts import ini
from constructs_st2.facts.backends.connections import secrets_conf
from constructs_st2.facts.secrets.composition import filled, shown
from constructs_st2.facts.versions import ST2_VERSIONS
from constructs_st2.values import load

AWKWARD = "p%40:/?#&=+ $,ü\"'"
"""A password with everything that has a meaning somewhere."""


class Conf:
    """The options of one section of st2.secrets.conf, as st2 reads them."""

    def __init__(self, cluster: MakeCluster, section: str) -> None:
        self._cluster = cluster
        self._section = section

    def __call__(self, values: dict[str, Any], password: str = "s3cret", tag: str = "3.9") -> dict[str, str]:
        connections = self._cluster({**values, "image": {"tag": tag}}).settings.connections
        sections = {name: options for name, options in connections.items() if name == self._section}
        text = filled(secrets_conf(sections), lambda _, __: password)
        # `$$` stands for one dollar.
        return {entry.option: entry.value.replace("$$", "$") for entry in ini.parse(text)}


@pytest.fixture
def database(cluster: MakeCluster) -> Conf:
    return Conf(cluster, "database")


@pytest.fixture
def messaging(cluster: MakeCluster) -> Conf:
    return Conf(cluster, "messaging")


@pytest.fixture
def coordination(cluster: MakeCluster) -> Conf:
    return Conf(cluster, "coordination")


def host(component: str, ordinal: int) -> str:
    return f"st2-{component}-{ordinal}.st2-{component}-headless.stackstorm.svc.cluster.local"


class TestMongodb:
    @pytest.mark.parametrize("tag", ST2_VERSIONS)
    @pytest.mark.parametrize("members", [1, 3, 5, 7])
    def test_a_replica_set_of_the_cluster(self, database: Conf, members: int, tag: str) -> None:
        found = database({"mongodb": {"replicaCount": members}}, AWKWARD, tag)
        uri = parse_uri(found["host"])
        assert uri["nodelist"] == [(host("mongodb", ordinal), 27017) for ordinal in range(members)]
        assert uri["database"] == "st2"
        assert {name: str(value) for name, value in uri["options"].items()} == {
            "replicaSet": "rs0",
            "authSource": "st2",
            "w": "majority",
            "retryWrites": "True",
            "socketTimeoutMS": "90.0",
        }
        # These options win over the URI, and are taken as they are.
        assert (found["username"], found["password"]) == ("st2", AWKWARD)
        assert found["db_name"] == "st2"

    def test_names_of_the_user(self, database: Conf) -> None:
        mongodb = {"replicaSetName": "main", "auth": {"username": "storm", "database": "automation"}}
        found = database({"mongodb": mongodb})
        uri = parse_uri(found["host"])
        assert (uri["database"], uri["options"]["replicaSet"]) == ("automation", "main")
        assert (found["username"], found["db_name"]) == ("storm", "automation")

    @pytest.mark.parametrize(
        ("tag", "tls"),
        [
            ("3.9", {"tls": "True", "tls_ca_file": "/etc/st2/ca/database/bundle.pem"}),
            ("3.8", {"ssl": "True", "ssl_ca_certs": "/etc/st2/ca/database/bundle.pem"}),
        ],
    )
    def test_amazon_documentdb(self, database: Conf, tag: str, tls: dict[str, str]) -> None:
        uri = "mongodb://docdb.example.org:27017/?replicaSet=rs0&readPreference=secondaryPreferred&retryWrites=false"
        external = {
            "uri": uri,
            "username": "storm",
            "password": {"existingSecret": "docdb"},
            "tls": {"enabled": True, "ca": {"configMap": "amazon", "key": "bundle.pem"}},
        }
        found = database({"mongodb": {"enabled": False, "external": external}}, AWKWARD, tag)
        assert found == {
            "host": f"{uri}&socketTimeoutMS=90000",
            "db_name": "st2",
            "username": "storm",
            "password": AWKWARD,
            **tls,
        }

    @pytest.mark.parametrize(
        ("uri", "milliseconds", "host"),
        [
            ("mongodb://a,b:27018", 1000, "mongodb://a,b:27018/?socketTimeoutMS=1000"),
            ("mongodb://a/db", 1000, "mongodb://a/db?socketTimeoutMS=1000"),
            ("mongodb://a/?w=1", 1000, "mongodb://a/?w=1&socketTimeoutMS=1000"),
            ("mongodb+srv://a/?", 1000, "mongodb+srv://a/?socketTimeoutMS=1000"),
            ("mongodb://a/?sockettimeoutms=7&w=1", 1000, "mongodb://a/?sockettimeoutms=7&w=1"),
            ("mongodb://a", 0, "mongodb://a"),
        ],
    )
    def test_no_command_waits_for_ever_unless_told_so(
        self, database: Conf, uri: str, milliseconds: int, host: str
    ) -> None:
        settings = {"enabled": False, "external": {"uri": uri}, "socketTimeoutMilliseconds": milliseconds}
        assert database({"mongodb": settings})["host"] == host

    def test_mongodb_atlas_is_always_reached_by_tls(self, database: Conf) -> None:
        external = {"uri": "mongodb+srv://cluster0.ab1cd.mongodb.net/?w=majority", "username": "st2"}
        found = database({"mongodb": {"enabled": False, "external": external}})
        # st2 passes `tls` on in any case, and False would win over the URI.
        assert found["tls"] == "True"


class TestRabbitmq:
    @pytest.mark.parametrize("members", [1, 3, 5, 7])
    def test_a_cluster_of_the_cluster(self, messaging: Conf, members: int) -> None:
        found = messaging({"rabbitmq": {"replicaCount": members}}, AWKWARD)
        urls = found["cluster_urls"].split(",")
        hosts = ["st2-rabbitmq.stackstorm.svc.cluster.local", *(host("rabbitmq", each) for each in range(members))]
        assert [kombu.Connection(url).hostname for url in urls] == hosts
        for url in urls:
            connection = kombu.Connection(url)
            assert (connection.port, connection.virtual_host) == (5672, "st2")
            assert (connection.userid, connection.password) == ("st2", AWKWARD)

    def test_connections_spread_over_the_nodes_that_are_ready(self, messaging: Conf) -> None:
        connection = kombu.Connection(messaging({})["cluster_urls"].split(","))
        assert connection.hostname == "st2-rabbitmq.stackstorm.svc.cluster.local"
        # A packet that nobody answers must not hold a client up.
        assert connection.connect_timeout == 5

    def test_without_one_that_is_ready_they_go_to_each_node_in_turn(self, messaging: Conf) -> None:
        connection = kombu.Connection(messaging({})["cluster_urls"].split(","))
        tried = []
        for _ in range(4):
            connection.maybe_switch_next()
            tried.append(connection.hostname)
        assert tried == [*(host("rabbitmq", each) for each in range(3)), "st2-rabbitmq.stackstorm.svc.cluster.local"]

    def test_the_root_virtual_host(self, messaging: Conf) -> None:
        external = {"urls": ["amqp://mq.example.org//"]}
        found = messaging({"rabbitmq": {"enabled": False, "external": external}})
        assert kombu.Connection(found["cluster_urls"]).virtual_host == "/"

    @pytest.mark.parametrize("url", ["amqps://b-1.mq.example.org:5671/st2", "amqps://b-1.mq.example.org/st2"])
    def test_amazon_mq_and_cloudamqp(self, messaging: Conf, url: str) -> None:
        external = {"urls": [url], "username": "storm", "password": {"existingSecret": "mq", "key": "pass"}}
        found = messaging({"rabbitmq": {"enabled": False, "external": external}}, AWKWARD)
        connection = kombu.Connection(found["cluster_urls"], ssl={"cert_reqs": 2})
        assert (connection.hostname, connection.port) == ("b-1.mq.example.org", 5671)
        assert (connection.userid, connection.password) == ("storm", AWKWARD)
        assert (found["ssl"], found["ssl_cert_reqs"]) == ("True", "required")

    def test_authorities_of_the_user(self, messaging: Conf) -> None:
        external = {
            "urls": ["amqp://mq.example.org:5671/st2"],
            "tls": {"enabled": True, "ca": {"existingSecret": "ca"}},
        }
        found = messaging({"rabbitmq": {"enabled": False, "external": external}})
        assert found["ssl_ca_certs"] == "/etc/st2/ca/messaging/ca.crt"


class TestCoordination:
    """What tooz makes of these URLs is tested with its releases, in tests/servers."""

    def test_redis_behind_sentinels(self, coordination: Conf) -> None:
        assert coordination({}, "s3cret")["url"] == (
            f"st2redis://:s3cret@{host('redis', 0)}:26379?sentinel=mymaster"
            f"&sentinel_fallback={host('redis', 1)}:26379&sentinel_fallback={host('redis', 2)}:26379"
            "&socket_timeout=5&sentinel_password=s3cret"
        )

    def test_sentinels_of_st2_3_8_have_no_password(self, coordination: Conf) -> None:
        assert "sentinel_password" not in coordination({}, tag="3.8")["url"]

    def test_a_password_that_tooz_cannot_read_is_refused(self, coordination: Conf) -> None:
        with pytest.raises(ValueError, match="may only consist of letters, digits"):
            coordination({}, AWKWARD)

    def test_etcd(self, coordination: Conf) -> None:
        found = coordination({"coordination": {"backend": "etcd"}})
        assert found["url"] == "st2etcd+http://st2-etcd.stackstorm.svc.cluster.local:2379"

    def test_none(self, coordination: Conf) -> None:
        found = coordination({"coordination": {"backend": "none"}, "profile": "dev"})
        assert found == {}

    @pytest.mark.parametrize(
        ("external", "url"),
        [
            ({"url": "redis://10.0.0.3:6379"}, "redis://10.0.0.3:6379"),
            ({"url": "st2redis://10.0.0.3:6379"}, "st2redis://10.0.0.3:6379"),
            (
                {"url": "redis://cache.example.org:6379?ssl=true", "password": {"existingSecret": "cache"}},
                "redis://:s3cret@cache.example.org:6379?ssl=true",
            ),
            (
                {
                    "url": "redis://cache.example.org:6379?ssl=true",
                    "username": "storm",
                    "password": {"existingSecret": "cache"},
                    "ca": {"configMap": "ca"},
                },
                "redis://storm:s3cret@cache.example.org:6379?ssl=true&ssl_ca_certs=/etc/st2/ca/coordination/ca.crt",
            ),
            (
                {"url": "st2etcd+https://etcd.example.org:2379", "ca": {"existingSecret": "ca"}},
                "st2etcd+https://etcd.example.org:2379?ca_cert=/etc/st2/ca/coordination/ca.crt",
            ),
        ],
    )
    def test_elsewhere(self, coordination: Conf, external: dict[str, Any], url: str) -> None:
        found = coordination({"coordination": {"backend": "external", "external": external}})
        assert found["url"] == url


def test_no_password_is_known_at_synth(cluster: MakeCluster) -> None:
    text = shown(secrets_conf(cluster().settings.connections))
    assert "password = <st2-mongodb/mongodb-password>" in text
    assert "amqp://st2:<st2-rabbitmq/rabbitmq-password>@" in text
    assert "st2redis://:<st2-redis/redis-password>@" in text


def test_passwords_come_from_the_users_secrets(cluster: MakeCluster) -> None:
    values = {name: {"auth": {"existingSecret": f"my-{name}"}} for name in ("mongodb", "rabbitmq", "redis")}
    text = shown(secrets_conf(cluster(values).settings.connections))
    for secret in ("<my-mongodb/mongodb-password>", "<my-rabbitmq/rabbitmq-password>", "<my-redis/redis-password>"):
        assert secret in text


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"mongodb": {"enabled": False}}, "mongodb.enabled: leaves st2 without; give mongodb.external, or"),
        ({"rabbitmq": {"enabled": False}}, "rabbitmq.enabled: leaves st2 without; give rabbitmq.external, or"),
        ({"coordination": {"backend": "external"}}, "coordination.backend: external needs coordination.external, or"),
        ({"redis": {"enabled": False}}, "coordination.backend: external needs coordination.external, or"),
        (
            {"redis": {"enabled": False}, "coordination": {"backend": "redis"}},
            "redis.enabled: cannot be false with coordination.backend redis; set that to etcd, external or none",
        ),
        (
            {"mongodb": {"external": {"uri": "mongodb://db"}}},
            "mongodb.external: cannot be used together with mongodb.enabled; set that to false",
        ),
        (
            {"coordination": {"external": {"url": "redis://cache"}}},
            "coordination.external: cannot be used with coordination.backend redis; set that to external",
        ),
    ],
)
def test_contradictions(cluster: MakeCluster, values: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidValues) as caught:
        cluster(values)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    "values",
    [
        {"mongodb": {"enabled": False}, "st2": {"existingConfigSecret": "mine"}},
        {"redis": {"enabled": False}, "st2": {"config": "[coordination]\nurl = redis://cache:6379\n"}},
    ],
)
def test_what_is_said_in_st2_conf_is_enough(cluster: MakeCluster, values: dict[str, Any]) -> None:
    cluster(values)


@each_of(
    ("setting", "problem"),
    [
        (
            "mongodb.external.uri=mongodb://st2:pw@db/st2",
            "must not hold a user or password: give username beside it, and the password in a Secret (password)",
        ),
        ("mongodb.external.uri=http://db", "must begin with mongodb://, mongodb+srv://"),
        ("coordination.external.url=memcached://cache", "must begin with st2redis://, redis://, st2etcd+http://,"),
        ("mongodb.replicaCount=2", "must be odd (1, 3, 5 or 7), not 2: 2 members survive no more failures than 1,"),
        ("etcd.replicas=4", "must be odd (1, 3, 5 or 7), not 4"),
        ("redis.replicaCount=9", "must be at most 7, not 9"),
        ("redis.sentinel.enabled=false", "is not supported here; remove it: sentinels always run"),
        ("redis.cluster.x=3", "is not supported here; use redis.replicaCount"),
        ("rabbitmq.clustering.enabled=false", "is not supported here; remove it: nodes always form a cluster"),
    ],
)
def test_what_cannot_be_set(setting: str, problem: str) -> None:
    with pytest.raises(UserError) as caught:
        load([], [setting], release_name="st2", release_namespace="stackstorm")
    assert problem in str(caught.value)
