"""What a plan says of all changes in the table, beside what a real API server makes of the same objects.

The server decides by itself: what it refuses, of which objects the generation goes on, and which pod templates differ
once it has filled in its defaults.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from servers.kube_apiserver import ApiServer, Refused
from support import Synth

from constructs_st2.changes.findings import Section
from constructs_st2.changes.plan import Plan, plan_of
from constructs_st2.kube.documents import identity

from .table import CHANGES

Document = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """What the server did with an object that is applied over another. ``after`` is None where it refused that."""

    before: Document
    after: Document | None

    @property
    def is_written(self) -> bool:
        """Whether anything was written."""
        return self.after is not None and _version(self.before) != _version(self.after)

    @property
    def is_another_generation(self) -> bool:
        """Whether controllers have something to do."""
        return self.after is not None and _generation(self.before) != _generation(self.after)

    @property
    def has_another_template(self) -> bool:
        """Whether pods are replaced."""
        return self.after is not None and _template(self.before) != _template(self.after)


def _version(document: Document) -> str:
    version: str = document["metadata"]["resourceVersion"]
    return version


def _generation(document: Document) -> int | None:
    generation: int | None = document["metadata"].get("generation")
    return generation


def _template(document: Document) -> object:
    return document["spec"].get("template") if "spec" in document else None


@pytest.fixture(scope="module")
def namespaces() -> Iterator[int]:
    return iter(range(len(CHANGES)))


def applied_one_after_the_other(
    server: ApiServer, old: list[Document], new: list[Document], namespace: str
) -> dict[str, Seen]:
    """What became of the objects that both states have otherwise, in a namespace of their own."""
    server.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    before = {identity(each): each for each in old if "namespace" in each["metadata"]}
    after = {identity(each): each for each in new if "namespace" in each["metadata"]}
    changed = [name for name, document in after.items() if name in before and before[name] != document]
    return {name: _seen(server, before[name], after[name], namespace) for name in changed}


def _seen(server: ApiServer, old: Document, new: Document, namespace: str) -> Seen:
    first = server.apply(_in(namespace, old))
    try:
        return Seen(first, server.apply(_in(namespace, new)))
    except Refused:
        return Seen(first, None)


def _in(namespace: str, document: Document) -> Document:
    moved = copy.deepcopy(document)
    moved["metadata"]["namespace"] = namespace
    return moved


def component(found: Seen) -> str:
    """Whose object it is."""
    name: str = found.before["metadata"]["labels"]["app.kubernetes.io/name"]
    return name


def told_to_need_hands(plan: Plan) -> set[str]:
    """The objects that a plan says cannot be applied as they are."""
    return {
        finding.subject
        for finding in (*plan.of(Section.HANDS), *plan.of(Section.DATA))
        if "cannot be changed" in finding.text
    }


def in_no_namespace(objects: list[Document]) -> set[str]:
    """The objects of the whole cluster, which test_api_server.py tries."""
    return {identity(each) for each in objects if "namespace" not in each["metadata"]}


@pytest.mark.parametrize("name", CHANGES)
def test_the_server_agrees(api_server: ApiServer, synth: Synth, namespaces: Iterator[int], name: str) -> None:
    old, new = (synth(values) for values in CHANGES[name])
    plan = plan_of(old, new)
    seen = applied_one_after_the_other(api_server, old, new, f"change-{next(namespaces)}")
    refused = {each for each, found in seen.items() if found.after is None}
    # A step that is refused as a whole is not told of once more.
    stopped = {each for each in refused if component(seen[each]) in {finding.subject for finding in plan.refused}}
    assert refused - stopped == told_to_need_hands(plan) - in_no_namespace(new)
    differences = {each.difference.identity: each.difference for each in plan.changes}
    for each, found in seen.items():
        if each in refused:
            continue
        assert found.is_written is (each in differences), each
        if _generation(found.before) is not None:
            assert found.is_another_generation is bool(differences[each].at("spec")), each
    rolled = {
        component(found)
        for each, found in seen.items()
        if each.startswith(("Deployment/", "StatefulSet/")) and found.has_another_template
    }
    unknown = {component(seen[each]) for each in refused}
    assert set(plan.replaced) - unknown == rolled - unknown
