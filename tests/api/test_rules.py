"""Each rule of the API server that the checks know is one of the API server, and finds what is wrong."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from typing import Any

from api.others import OTHERS
from api.rich import BAD, BASE, CHANGES, Place, places
from servers.kube_apiserver import ApiServer, Refused

from constructs_st2.checks.api.rules import COMPILED, FIELDS, ROOTS, WHOLES
from constructs_st2.checks.api.rules.table import Whole
from constructs_st2.checks.api.walk import MOST_SOUND, Form, Judge, walk
from constructs_st2.kube.documents import Document, pod_template

_KIND_OF_VALUE = ("must be a whole number, not", "expected a text", "must be a list", "must be a mapping", "a quantity")
"""What the messages have in common that are about values of the wrong kind, which nothing would take."""

ONLY_WITHOUT_DRY_RUN = frozenset({"nodePort"})
"""Fields that the server looks at only when it gives something away."""

OURS = frozenset({"kubelet.getPullSecretsForPod", "kubelet.verifyRunAsNonRoot"})
"""Sources of rules that are not the API server's."""


def faults(document: Document) -> list[tuple[tuple[str | int, ...], str]]:
    return walk(document, COMPILED[ROOTS[document["apiVersion"].rpartition("/")[0], document["kind"]]])


def broken() -> Iterator[Document]:
    """Every object with one fault: for each rule about a field one, and each of those about several fields."""
    first = _first_places()
    for rule in FIELDS:
        for name in rule.types.split():
            if name in first and (bad := _refused_by(rule.form)) is not None:
                yield first[name].changed({rule.field: bad[0]})
    for name, changes in CHANGES.items():
        for change in changes:
            yield first[name].changed(change)


def _first_places() -> dict[str, Place]:
    return {place.type: place for place in reversed(list(places((*BASE, *OTHERS))))}


def _refused_by(form: Form) -> list[Any] | None:
    for value in BAD:
        message = form(value)
        if message is not None and not any(kind in message for kind in _KIND_OF_VALUE):
            return [value]
    return None


def test_what_is_right_is_right() -> None:
    roots = [document for document in OTHERS if (document["apiVersion"].rpartition("/")[0], document["kind"]) in ROOTS]
    assert [fault for document in (*BASE, *roots) for fault in faults(document)] == []


def test_what_is_wrong_is_found() -> None:
    assert [json.dumps(document) for document in broken() if not faults(document)] == []


def test_every_rule_about_several_fields_is_broken_once() -> None:
    found = {id(whole.judge): whole for whole in WHOLES if whole.source not in OURS}
    types = _first_places()
    for name, changes in CHANGES.items():
        for change in changes:
            node = types[name]._replace(document=types[name].changed(change)).node
            for whole in _about(name):
                if asked(whole.judge, node) and any(True for _ in whole.judge.faults(node)):
                    found.pop(id(whole.judge), None)
    assert [(whole.types, whole.source) for whole in found.values()] == []


def asked(judge: Judge, node: Document) -> bool:
    """Whether a judge is asked of what some fields are."""
    return not judge.given or node.get(judge.given) is not None


def test_who_is_not_asked_would_have_found_nothing() -> None:
    found = set()
    for place in places((*BASE, *OTHERS, *broken())):
        node = place.node
        for whole in _about(place.type):
            for absent in ({}, {whole.judge.given: None}) if whole.judge.given else ():
                rest = {field: value for field, value in node.items() if field != whole.judge.given}
                if any(True for _ in whole.judge.faults({**rest, **absent})):
                    found.add((place.type, whole.source))
    assert found == set()


@functools.cache
def _about(name: str) -> list[Whole]:
    """What is known of the fields of a type together."""
    return [whole for whole in WHOLES if name in whole.types.split()]


def test_the_server_takes_what_is_right(api_server: ApiServer) -> None:
    assert [document["kind"] for document in BASE if is_refused(api_server, document)] == []


def test_the_server_refuses_what_is_wrong(api_server: ApiServer) -> None:
    taken = [faults(document) for document in broken() if not is_refused(api_server, document)]
    assert [found for found in taken if found[0][0][-1] not in ONLY_WITHOUT_DRY_RUN] == []


def is_refused(server: ApiServer, document: Document) -> bool:
    """Whether the server does not take the object, or the pods that a controller would make of it."""
    try:
        server.create(document, dry_run=True)
        server.apply(document, dry_run=True)
        template = pod_template(document)
        if template is not None and document["kind"] != "Pod":
            metadata = {**template["metadata"], "name": "a", "namespace": "default"}
            server.create({"apiVersion": "v1", "kind": "Pod", **template, "metadata": metadata}, dry_run=True)
    except Refused:
        return True
    return False


class TestWhatWasSoundOnce:
    """Parts of pods that were judged before are known by their content alone."""

    PATH = ("spec", "containers", 0, "resources", "requests", "cpu")

    @staticmethod
    def pod(cpu: str = "1", *, period: object = 1) -> Document:
        resources = {"requests": {"cpu": cpu}, "limits": {"cpu": "2"}}
        probe = {"tcpSocket": {"port": 80}, "periodSeconds": period}
        container = {"name": "a", "image": "a", "resources": resources, "readinessProbe": probe}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [container]}}

    def test_it_is_judged_anew_when_it_has_changed(self) -> None:
        pod = self.pod()
        assert faults(pod) == []
        pod["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "3"
        assert [path for path, _ in faults(pod)] == [self.PATH]

    def test_what_is_wrong_is_told_each_time(self) -> None:
        assert [[path for path, _ in faults(self.pod("3"))] for _ in range(2)] == [[self.PATH]] * 2

    def test_what_python_takes_for_equal_is_not(self) -> None:
        assert faults(self.pod(period=1)) == []
        assert [path[-1] for path, _ in faults(self.pod(period=True))] == ["periodSeconds"]

    def test_only_so_much_is_remembered(self) -> None:
        known = COMPILED["ResourceRequirements"].sound
        for number in range(MOST_SOUND + 10):
            assert faults(self.pod(f"{number}m")) == []
        assert 0 < len(known) <= MOST_SOUND
        known.clear()
        many = {f"example.org/{number}": 1 for number in range(1000)}
        pod = self.pod()
        pod["spec"]["containers"][0]["resources"] = {"requests": many, "limits": many}
        assert faults(pod) == []
        assert known == set()
