"""Addresses that programs are given."""

from __future__ import annotations

import pytest
from checks.sound import (
    API,
    API_MAIN,
    CONFIG,
    MAIN,
    MONGODB,
    POD,
    Change,
    Finding,
    both,
    findings_after,
    problems_after,
    put,
)

FILE = "data[st2.conf]"
VARIABLE = f"{API_MAIN}.env[MONGODB]"
WAIT = "spec.template.spec.initContainers[wait-for-mongodb]"


def conf(text: str) -> Change:
    return put(CONFIG, "data", "st2.conf", value=text)


def wait(*arguments: str) -> Change:
    return put(API, *POD, "initContainers", 0, "args", value=["mongodb", "600", *arguments])


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        pytest.param(conf("url = http://st2-st2web:80/"), ("address", CONFIG, FILE), id="no such Service"),
        pytest.param(conf("url = http://st2-st2api:80/"), ("address", CONFIG, FILE), id="no such port"),
        pytest.param(conf("a = 1\nurl = st2-x:1\n"), ("address", CONFIG, f"{FILE} line 2"), id="in the second line"),
        pytest.param(conf("st2-rabbitmq:5671"), ("address", CONFIG, FILE), id="another port of what is elsewhere"),
        pytest.param(
            conf("st2-st2api.stackstorm.svc.cluster.local:80"), ("address", CONFIG, FILE), id="by the full name"
        ),
        pytest.param(
            conf("st2-mongodb-3.st2-mongodb-headless:27017"), ("address", CONFIG, FILE), id="a member too many"
        ),
        pytest.param(conf("st2-mongo-0.st2-mongodb-headless:27017"), ("address", CONFIG, FILE), id="no such member"),
        pytest.param(
            conf("st2-mongodb-0.st2-mongodb-headless:27018"), ("address", CONFIG, FILE), id="another port of a member"
        ),
        pytest.param(
            put(API, *MAIN, "env", 0, "value", value="mongodb://st2-mongo:27017"), ("address", API, VARIABLE), id="env"
        ),
        pytest.param(
            put(API, *MAIN, "args", 1, value="--url=http://st2-x:1"), ("address", API, f"{API_MAIN}.args[1]"), id="args"
        ),
        pytest.param(wait("st2-mongo", "27017"), ("address", API, f"{WAIT}.args[2]"), id="waits for nobody"),
        pytest.param(wait("st2-mongodb", "27018"), ("address", API, f"{WAIT}.args[2]"), id="waits for another port"),
        pytest.param(
            wait("st2-mongodb", "27017", "st2-redis", "6379"), ("address", API, f"{WAIT}.args[4]"), id="waits for two"
        ),
    ],
)
def test_addresses_of_nobody_are_found(change: Change, finding: Finding) -> None:
    assert finding in findings_after(change)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(conf("url = http://st2-st2api:9101/"), id="a Service"),
        pytest.param(conf("url = http://st2-st2api.stackstorm:9101/"), id="a Service with its namespace"),
        pytest.param(conf("st2-rabbitmq:5672"), id="what is elsewhere"),
        pytest.param(conf("st2-st2web.other.svc:80"), id="a namespace that somebody else fills"),
        pytest.param(conf("st2-mongodb-2.st2-mongodb-headless.stackstorm.svc.cluster.local:27017"), id="a member"),
        pytest.param(conf("https://example.com:443 my-st2-x:1 st2-x:no image/st2-x:1.2"), id="no addresses of ours"),
        pytest.param(conf("st2-x:1.2"), id="an image and its tag"),
        pytest.param(wait("database.example.com", "27017"), id="waits for somebody outside"),
        pytest.param(
            both(
                put("Service/st2-st2api", "spec", value={"type": "ExternalName", "externalName": "x"}),
                conf("url = http://st2-st2api:1234/"),
            ),
            id="another name of something outside",
        ),
        pytest.param(
            put(API, "metadata", "annotations", value={"note": "see http://st2-x:1"}), id="what people only read"
        ),
    ],
)
def test_addresses_of_somebody_are_accepted(change: Change) -> None:
    assert findings_after(change) == []


def test_fewer_members_leave_addresses_of_nobody() -> None:
    change = both(put(MONGODB, "spec", "replicas", value=1), conf("st2-mongodb-1.st2-mongodb-headless:27017"))
    messages = [problem.message for problem in problems_after(change) if problem.rule == "address"]
    assert messages == ['StatefulSet "st2-mongodb" has 1 pods, and none is called "st2-mongodb-1"; correct the host']
