"""Names, sizes and duplicates that the API server refuses."""

from __future__ import annotations

import json
from typing import Any

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
    add,
    findings_after,
    problems_after,
    put,
)
from support import each_of

from constructs_st2.checks import limits
from constructs_st2.checks.limits import ANNOTATIONS_LIMIT, DATA_LIMIT
from constructs_st2.kube.parted import applied_size

SERVICE = "Service/st2-st2api"


def users(kind: str, name: str, api_version: str = "v1", **fields: Any) -> Change:
    """An object of the user's own."""
    return add({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "x"}, **fields})


@each_of(
    ("kind", "api_version", "name", "valid"),
    [
        ("ConfigMap", "v1", "a.b-c", True),
        ("ConfigMap", "v1", "a" * 253, True),
        ("ConfigMap", "v1", "a" * 254, False),
        ("ConfigMap", "v1", "A", False),
        ("ConfigMap", "v1", "a..b", False),
        ("ConfigMap", "v1", "-a", False),
        ("Namespace", "v1", "a.b", False),
        ("Service", "v1", "a" * 63, True),
        ("Service", "v1", "a" * 64, False),
        ("Service", "v1", "1a", False),
        ("Service", "serving.knative.dev/v1", "1a", True),
        ("Role", "rbac.authorization.k8s.io/v1", "system:Any", True),
        ("Widget", "example.com/v1", "a" * 64, True),
    ],
)
def test_names_have_the_form_of_their_kind(kind: str, api_version: str, name: str, valid: bool) -> None:
    named = [finding for finding in findings_after(users(kind, name, api_version)) if finding[2] == "metadata.name"]
    assert bool(named) is not valid


@pytest.mark.parametrize(("length", "valid"), [(52, True), (53, False)])
def test_names_leave_room_for_what_kubernetes_appends(length: int, valid: bool) -> None:
    name = "a" * length
    found = findings_after(put(MONGODB, "metadata", "name", value=name))
    assert (("name", f"StatefulSet/{name}", "metadata.name") not in found) is valid


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        pytest.param(put(CONFIG, "data", "a/b", value="x"), ("name", CONFIG, "data[a/b]"), id="a key with a slash"),
        pytest.param(put(CONFIG, "data", "..", value="x"), ("name", CONFIG, "data[..]"), id="a key that leads out"),
        pytest.param(put(CONFIG, "data", "a", value=1), ("text", CONFIG, "data[a]"), id="a number in a ConfigMap"),
        pytest.param(
            put(CONFIG, "metadata", "annotations", value={"a": "x" * ANNOTATIONS_LIMIT}),
            ("size", CONFIG, "metadata.annotations"),
            id="too long an annotation",
        ),
        pytest.param(
            put(CONFIG, "data", "a", value="x" * ANNOTATIONS_LIMIT),
            ("size", CONFIG, "metadata"),
            id="more than kubectl apply can take",
        ),
        pytest.param(
            put(CONFIG, "data", "a", value="<" * (ANNOTATIONS_LIMIT // 6)),
            ("size", CONFIG, "metadata"),
            id="more than kubectl apply can take, once it is escaped",
        ),
        pytest.param(
            put(CONFIG, "data", "a", value="ü" * (DATA_LIMIT // 2)), ("size", CONFIG, "data"), id="too much data"
        ),
        pytest.param(
            put(API, *MAIN, "name", value="st2_api"),
            ("name", API, "spec.template.spec.containers[st2_api]"),
            id="the name of a container",
        ),
        pytest.param(
            put(API, *POD, "volumes", -1, value={"name": "a.b", "emptyDir": {}}),
            ("name", API, "spec.template.spec.volumes[a.b]"),
            id="the name of a volume",
        ),
        pytest.param(
            put(API, *MAIN, "ports", 0, "name", value="a-name-of-16-let"),
            ("name", API, f"{API_MAIN}.ports[a-name-of-16-let]"),
            id="the name of a port",
        ),
        pytest.param(
            put(API, *MAIN, "env", -1, value={"name": "1A", "value": ""}),
            ("name", API, f"{API_MAIN}.env[1A]"),
            id="the name of a variable",
        ),
        pytest.param(
            put(API, *MAIN, "env", -1, value={"name": "A", "value": 1}),
            ("text", API, f"{API_MAIN}.env[A]"),
            id="a number in a variable",
        ),
        pytest.param(
            put(API, *POD, "initContainers", 0, "name", value="st2api"),
            ("duplicate", API, "spec.template.spec.initContainers[0]"),
            id="two containers of one name",
        ),
        pytest.param(
            put(API, *POD, "volumes", -1, value={"name": "auth", "emptyDir": {}}),
            ("duplicate", API, "spec.template.spec.volumes[auth]"),
            id="two volumes of one name",
        ),
        pytest.param(
            put(MONGODB, *POD, "volumes", value=[{"name": "data", "emptyDir": {}}]),
            ("duplicate", MONGODB, "spec.template.spec.volumes[data]"),
            id="a volume and a claim template of one name",
        ),
        pytest.param(
            put(API, *MAIN, "env", -1, value={"name": "MONGODB", "value": ""}),
            ("duplicate", API, f"{API_MAIN}.env[MONGODB]"),
            id="two variables of one name",
        ),
        pytest.param(
            put(API, *MAIN, "ports", -1, value={"name": "again", "containerPort": 9101}),
            ("duplicate", API, f"{API_MAIN}.ports[again]"),
            id="one port twice",
        ),
        pytest.param(
            put(SERVICE, "spec", "ports", -1, value={"name": "main", "port": 80, "targetPort": 9101}),
            ("duplicate", SERVICE, "spec.ports[1]"),
            id="two ports of one name",
        ),
        pytest.param(
            put(SERVICE, "spec", "ports", -1, value={"port": 80, "targetPort": 9101}),
            ("duplicate", SERVICE, "spec.ports[1]"),
            id="one of two ports without a name",
        ),
    ],
)
def test_what_the_server_refuses_is_found(change: Change, finding: Finding) -> None:
    assert finding in findings_after(change)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            put(API, *MAIN, "ports", -1, value={"name": "dns", "containerPort": 9101, "protocol": "UDP"}),
            id="one number for two protocols",
        ),
        pytest.param(
            put(SERVICE, "spec", "ports", -1, value={"name": "a", "port": 9101, "targetPort": 9101, "protocol": "UDP"}),
            id="one number for two protocols in a Service",
        ),
        pytest.param(
            put(API, *POD, "initContainers", 0, "env", value=[{"name": "MONGODB", "value": ""}]),
            id="one variable in two containers",
        ),
        pytest.param(put(CONFIG, "binaryData", value={"a": "eA=="}), id="binary data"),
    ],
)
def test_what_the_server_takes_is_accepted(change: Change) -> None:
    assert findings_after(change) == []


def test_the_size_and_the_limit_are_told() -> None:
    (problem,) = problems_after(put(CONFIG, "metadata", "annotations", value={"a": "x" * ANNOTATIONS_LIMIT}))
    assert problem.message == "the annotations have 262145 bytes; at most 262144 are possible"


@pytest.mark.parametrize(
    "content",
    [
        "<",
        "\x01",
        "\x7f",
        '"',
        "\\",
        "\n",
        "ü",
        "\ud800",
        "a",
        None,
        True,
        False,
        0,
        -(2**31),
        2**200,
        -1.2345678901234567e-300,
    ],
)
def test_no_object_is_taken_for_a_smaller_one(content: object) -> None:
    """What is far too large is told, whatever has to be escaped, and whatever it is made of."""
    items = [content] * (ANNOTATIONS_LIMIT // len(json.dumps(content, ensure_ascii=False)) + 1)
    assert applied_size(items) > ANNOTATIONS_LIMIT
    assert limits._may_be_large({"spec": items})
    if isinstance(content, str):
        assert limits._may_be_large({"spec": content * (ANNOTATIONS_LIMIT // (applied_size(content) - 2) + 1)})
