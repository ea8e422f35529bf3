"""Hosts of URLs of servers that run elsewhere: what no client could connect to is an error, and no traceback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError
from support import each_of

from constructs_st2.values import from_mapping
from constructs_st2.values.hosts import problem_of_hosts

ONE = ["db", "db.example.org.", "_db", "10.0.0.1", "db:1", "10.0.0.1:65535", "[fd00::1]", "[fd00::1]:9000", "A.B:80"]
NONE = ["", ":1", "[x]", "[::1", "::1", "a..b", "-a", "300.1.1.1", "a:", "a:b", "a:0", "a:-1", "a:65536", "a:1:2", "é"]
NONE += ["[fe80::1%eth0]", "a:\u0967", "a#b", "a" * 64]

PLACES: dict[str, Callable[[str], dict[str, Any]]] = {
    "mongodb.external.uri": lambda host: {"mongodb": {"enabled": False, "external": {"uri": f"mongodb://{host}/st2"}}},
    "rabbitmq.external.urls.0": lambda host: {
        "rabbitmq": {"enabled": False, "external": {"urls": [f"amqp://{host}/"]}}
    },
    "coordination.external.url": lambda host: {
        "coordination": {"backend": "external", "external": {"url": f"redis://{host}"}}
    },
    "backup.destination.s3.endpoint": lambda host: {
        "backup": {"enabled": True, "destination": {"s3": {"bucket": "backups", "endpoint": f"https://{host}"}}}
    },
}


@each_of("host", ONE)
def test_hosts_are_names_and_addresses(host: str) -> None:
    assert problem_of_hosts(f"amqp://{host}/x?a=b") is None


@each_of("host", NONE)
def test_others_are_none(host: str) -> None:
    assert problem_of_hosts(f"amqp://{host}/x") is not None


def test_how_many_and_which_ports_depend_on_the_scheme() -> None:
    assert problem_of_hosts("mongodb://a:1,b:2/x", several=True) is None
    assert problem_of_hosts("mongodb://a:1,b:x/x", several=True) is not None
    assert problem_of_hosts("amqp://a,b") == "must have one host, not 2"
    assert "must not have a port" in str(problem_of_hosts("mongodb+srv://a:1/x", ports=False))


@pytest.mark.parametrize("key", PLACES)
@each_of("host", ["[x]", "a:99999", "::1"])
def test_every_url_of_the_values_has_a_host(key: str, host: str) -> None:
    with pytest.raises(ValidationError) as caught:
        from_mapping(PLACES[key](host))
    assert [".".join(map(str, each["loc"])) for each in caught.value.errors()] == [key]


def test_a_cluster_is_found_by_one_name() -> None:
    for uri in ("mongodb+srv://a:1/st2", "mongodb+srv://a,b/st2"):
        with pytest.raises(ValidationError):
            from_mapping({"mongodb": {"enabled": False, "external": {"uri": uri}}})
