"""What must hold of any set of objects, whoever made it.

Every synth runs these checks over its own objects, and the command line over the manifests in a folder. Rules that the
API server or the kubelet would enforce hold for all objects; rules of good practice only for those of this program,
which the label app.kubernetes.io/managed-by tells from the user's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from constructs_st2.checks import (
    api,
    cleartext,
    hosts,
    limits,
    metadata,
    mounts,
    operators,
    pod_security,
    quorum,
    references,
    selectors,
    services,
    templates,
    waves,
    workloads,
)
from constructs_st2.checks.data import at
from constructs_st2.checks.index import Index, Surroundings
from constructs_st2.checks.pods import PodTemplate
from constructs_st2.checks.problem import Problem
from constructs_st2.kube.documents import Document, identity

__all__ = ["Problem", "Surroundings", "check"]

Rule = Callable[[Index], Iterator[Problem]]

RULES: tuple[Rule, ...] = (
    *api.RULES,
    *operators.RULES,
    *references.RULES,
    *mounts.RULES,
    *services.RULES,
    *hosts.RULES,
    *selectors.RULES,
    *limits.RULES,
    *metadata.RULES,
    *cleartext.RULES,
    *templates.RULES,
    *workloads.RULES,
    *pod_security.RULES,
    *waves.RULES,
    *quorum.RULES,
)

_NOTHING_ELSE = Surroundings()


def check(
    objects: Sequence[Document],
    surroundings: Surroundings = _NOTHING_ELSE,
    foreign: Sequence[Document] | None = None,
) -> list[Problem]:
    """Everything that is wrong with some objects, ordered by object and field.

    Args:
        objects: all objects that go to one cluster together.
        surroundings: what exists there besides.
        foreign: those that this program has not made, or not alone, whose fields are looked up in Kubernetes' own
            description. Default: all of them.
    """
    problems: list[Problem] = []
    sound: list[Document] = []
    pods: list[PodTemplate] = []
    looked_up = objects if foreign is None else foreign
    strange = _undescribed(looked_up)
    for document in objects:
        found, pod = _shaped(document)
        if not found:
            sound.append(document)
        if pod is not None:
            pods.append(pod)
        # What is misspelled says more than that something is missing.
        problems += strange.get(id(document), found)
    whole = set(map(id, sound))
    index = Index(sound, surroundings, [each for each in looked_up if id(each) in whole], pods)
    for rule in RULES:
        problems += rule(index)
    return sorted(set(problems), key=lambda problem: (problem.object, problem.field, problem.rule, problem.message))


def misshapen(objects: Sequence[Document]) -> list[Problem]:
    """Where objects lack what all that looks at them relies upon."""
    return [problem for document in objects for problem in _shaped(document)[0]]


def _undescribed(objects: Sequence[Document]) -> Mapping[int, list[Problem]]:
    """What of some objects Kubernetes does not know, by the id of each that has any of it."""
    if not objects:
        return {}
    from constructs_st2.checks.api.described import undescribed

    found = {id(each): list(undescribed(each)) for each in objects if not any(_lacking(each))}
    return {key: problems for key, problems in found.items() if problems}


def _shaped(document: Document) -> tuple[list[Problem], PodTemplate | None]:
    """What is missing of an object that the rules rely upon, and the pods that it makes."""
    missing = list(_lacking(document))
    if missing:
        return missing, None
    try:
        return [], PodTemplate.of(document)
    except (KeyError, TypeError, ValueError):
        return [Problem("shape", identity(document), "spec", "has no pod template with containers")], None


def _lacking(document: Document) -> Iterator[Problem]:
    """What is missing of what tells an object from others."""
    kind, name = document.get("kind"), at(document, "metadata", "name")
    for path, value in (("apiVersion", document.get("apiVersion")), ("kind", kind), ("metadata.name", name)):
        if not isinstance(value, str) or not value:
            subject = f"{kind or '?'}/{name or '?'}"
            yield Problem("shape", subject, path, "is missing, or no text; set it")
