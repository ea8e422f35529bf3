"""Rules of the API server over whole sets of objects; each rule by itself is broken in tests/api."""

from __future__ import annotations

import pytest
from checks.sound import API, API_MAIN, MAIN, POD, Change, both, problems_after, put
from support import each_of

from constructs_st2.checks.api import RULE, forms

SERVICE, MONGODB = "Service/st2-st2api", "Service/st2-mongodb"


def found(change: Change) -> list[tuple[str, str]]:
    return [(problem.object, problem.field) for problem in problems_after(change) if problem.rule == RULE]


def node_port(service: str, number: int) -> Change:
    return both(
        put(service, "spec", "type", value="NodePort"), put(service, "spec", "ports", 0, "nodePort", value=number)
    )


def test_what_is_sound_is_accepted() -> None:
    assert found(lambda _: None) == []


@pytest.mark.parametrize(("second", "problems"), [(31000, 1), (31001, 0)])
def test_a_port_of_the_nodes_is_for_one_service(second: int, problems: int) -> None:
    change = both(node_port(SERVICE, 31000), node_port(MONGODB, second))
    assert found(change) == [(SERVICE, "spec.ports[0].nodePort")] * problems


@each_of(
    ("change", "field"),
    [
        (put(API, *MAIN, "resources", "limits", value={"cpu": "1m"}), f"{API_MAIN}.resources.requests.cpu"),
        (
            put(API, *MAIN, "env", 1, "valueFrom", value={}),
            f"{API_MAIN}.env[HTPASSWD].valueFrom",
        ),
        (
            put(API, *POD, "volumes", 0, "hostPath", value={"path": "/a"}),
            "spec.template.spec.volumes[config].hostPath",
        ),
        (put(API, *POD, "tolerations", value=[{}]), "spec.template.spec.tolerations[0].operator"),
        (put(API, *POD, "tolerations", value=["x"]), "spec.template.spec.tolerations[0]"),
        (put(API, *POD, "tolerations", value={}), "spec.template.spec.tolerations"),
        (put(API, *POD, "affinity", value=[]), "spec.template.spec.affinity"),
        (put(API, "metadata", "annotations", value=5), "metadata.annotations"),
        (put(API, *MAIN, "securityContext", "runAsUser", value=0), f"{API_MAIN}.securityContext.runAsUser"),
    ],
)
def test_fields_are_called_as_people_find_them(change: Change, field: str) -> None:
    assert found(change) == [(API, field)]


@pytest.mark.parametrize(
    ("version", "problems"), [("extensions/v1beta1", 1), ("networking.k8s.io/v1beta1", 1), ("networking.k8s.io/v1", 0)]
)
def test_versions_that_are_gone(version: str, problems: int) -> None:
    spec = {"controller": "example.org/a"}
    mine = {"apiVersion": version, "kind": "IngressClass", "metadata": {"name": "a"}, "spec": spec}
    assert found(lambda objects: objects.update(mine=mine)) == [("IngressClass/a", "apiVersion")] * problems


@pytest.mark.parametrize(
    ("zone", "message"),
    [
        ("Europe/Berlin", None),
        ("US/Eastern", None),
        ("Europe/berlin", 'there is no time zone "Europe/berlin"; did you mean Europe/Berlin?'),
        ("Local", 'there is no time zone "Local"'),
    ],
)
def test_time_zones_are_spelled_as_the_server_knows_them(zone: str, message: str | None) -> None:
    assert forms.time_zone(zone) == message


@each_of("amount", ["1", "1.5", ".5", "1e3", "100m", "1Ki", "5E", "1n", 2, 0.5, "+1"])
def test_quantities_in_every_form(amount: object) -> None:
    assert forms.quantity(amount) is None


@each_of("amount", ["", "x", "1 Gi", "1gi", "1.5.", "-1", None, True, []])
def test_what_is_no_quantity(amount: object) -> None:
    assert forms.quantity(amount) is not None
