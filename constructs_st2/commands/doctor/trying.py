"""What the API server says of everything when it is tried out: `--dry-run=server`, which changes nothing.

Nobody looks at the pods of a workload before they are made, so each pod is tried out by itself, too: that is where Pod
Security, quotas, limit ranges and policies refuse.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from constructs_st2.checks.data import mapping, mappings, name_of
from constructs_st2.checks.pods import PodTemplate
from constructs_st2.commands.doctor.expected import Expected
from constructs_st2.commands.doctor.facts import Kind, Refusal
from constructs_st2.commands.kubectl import Ended
from constructs_st2.facts.keeping import PROTECT_DATA
from constructs_st2.facts.priorities import CREATE
from constructs_st2.kube.documents import Document
from constructs_st2.kube.yaml_text import yaml_text

Ask = Callable[..., Ended]

_BEGINNING = re.compile(r"Error from server|The \S+ \"|error: |Warning: |Error: ")
_PREFIX = re.compile(r'(?:Error from server(?: \(\w+\))?: |error: |Error: )?(?:error when [^"]*"STDIN": )?')
_SUBJECT = re.compile(r'(?:The )?(?P<kind>[\w./-]+) "(?P<name>[^"]+)" is (?:forbidden|invalid): (?P<why>.*)', re.DOTALL)
_RIGHTS = re.compile(r'User "[^"]*" cannot (?P<verb>\S+) resource "(?P<resource>[^"]+)"')
_TRIAL = "-trial"
"""What the names of pods that are tried out end in."""
_NO_DRY_RUN = "does not support dry run"
_NOISE = (
    "is missing the kubectl.kubernetes.io/last-applied-configuration annotation",
    "unrecognized format",
    _NO_DRY_RUN,
)
_NOT_YET = re.compile(r'serviceaccount "(?P<account>[^"]+)" not found|no PriorityClass with name (?P<priority>\S+) was')

_MADE_FOR: Mapping[str, str] = {
    "priorityclasses": CREATE,
    "validatingadmissionpolicies": PROTECT_DATA,
    "validatingadmissionpolicybindings": PROTECT_DATA,
}
"""By resource, the key of what is made for the whole cluster of Kubernetes, and can be done without."""


class Tried(NamedTuple):
    """What was refused, and why not everything could be tried out, if so."""

    refusals: tuple[Refusal, ...]
    not_tried: str = ""


def refusals(expected: Expected, kinds: frozenset[Kind], ask: Ask) -> Tried:
    """What the API server would say of an apply, and of the pods that come of it.

    Args:
        expected: the release.
        kinds: those that the cluster knows; where nothing is known of them, empty.
        ask: asks kubectl.
    """
    objects = [each for each in expected.objects if not kinds or _kind(each) in kinds]
    said = ask("apply", "--dry-run=server", "--output", "name", "-f", "-", given=yaml_text(objects))
    of_pods = _try_pods(expected, ask)
    messages = [*_messages(said), *_messages(of_pods)]
    found = dict.fromkeys(_refusal(message) for message in messages if not _is_noise(message))
    return Tried(tuple(found), _not_tried(messages))


def _not_tried(messages: Iterable[str]) -> str:
    rights = [found for message in messages if (found := _RIGHTS.search(message))]
    if may_not := sorted({f"{right['verb']} {right['resource']}" for right in rights}):
        more = f" and {len(may_not) - 3} more" if len(may_not) > 3 else ""
        keys = sorted({_MADE_FOR[right["resource"]] for right in rights if right["resource"] in _MADE_FOR})
        without = f"; whoever applies it must, or set {', '.join(f'{key}: false' for key in keys)}" if keys else ""
        return f"you may not {', '.join(may_not[:3])}{more}{without}"
    return next((f"a webhook {_NO_DRY_RUN}" for message in messages if _NO_DRY_RUN in message), "")


def _kind(document: Document) -> Kind:
    return Kind(document["apiVersion"].rpartition("/")[0], document["kind"])


def _try_pods(expected: Expected, ask: Ask) -> Ended:
    pods = [pod for pod in expected.index.pods if pod.namespace == expected.namespace]

    def attempt(lacking: Iterable[str] = ()) -> Ended:
        tried = [_pod(pod, expected.namespace, frozenset(lacking)) for pod in pods]
        return ask("create", "--dry-run=server", "--output", "name", "-f", "-", given=yaml_text(tried))

    # What the same apply makes need not be there before it. Of a pod that lacks several, the server tells the first.
    own = {name_of(each) for each in expected.index.of_kind("ServiceAccount", "PriorityClass")}
    lacking: set[str] = set()
    said = attempt()
    while more := own & {found["account"] or found["priority"] for found in _NOT_YET.finditer(said.said)} - lacking:
        lacking |= more
        said = attempt(lacking)
    return said


def _pod(template: PodTemplate, namespace: str, lacking: frozenset[str]) -> Document:
    """The pod that a workload would make, without what is made together with it."""
    spec = {
        key: value
        for key, value in template.spec.items()
        if not (key in ("serviceAccountName", "priorityClassName") and value in lacking)
    }
    claimed = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in template.claim_templates]
    if claimed:
        spec["volumes"] = [*mappings(spec.get("volumes")), *claimed]
    named = {"name": f"{name_of(template.owner)}{_TRIAL}", "namespace": namespace}
    metadata = {**mapping(template.document.get("metadata")), **named}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _messages(answer: Ended) -> Iterator[str]:
    """What kubectl says, message by message: some have several lines."""
    message: list[str] = []
    for line in answer.said.splitlines():
        if _BEGINNING.match(line) and message:
            yield "\n".join(message)
            message = []
        if line.strip():
            message.append(line)
    if message:
        yield "\n".join(message)


def _is_noise(message: str) -> bool:
    return any(each in message for each in _NOISE) or bool(_NOT_YET.search(message) or _RIGHTS.search(message))


def _refusal(message: str) -> Refusal:
    if message.startswith("Warning: "):
        return Refusal("", " ".join(message.removeprefix("Warning: ").split()), warning=True)
    text = " ".join(message[_PREFIX.match(message).end() :].split())  # type: ignore[union-attr]
    if found := _SUBJECT.match(text):
        return Refusal(found["name"].removesuffix(_TRIAL), found["why"])
    return Refusal("", text)
