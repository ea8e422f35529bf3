"""How far a cluster is on its way, in plain words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from constructs_st2.checks.data import at, labels_of, mappings, name_of
from constructs_st2.facts.release import WAIT_FOR
from constructs_st2.kube.documents import Document
from constructs_st2.kube.well_known import NAME_LABEL

KINDS = ("deployments", "statefulsets", "jobs", "pods")
_FATAL = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError"})


@dataclass(frozen=True)
class Progress:
    """How many pods and Jobs are ready of how many, what the others do, and what hinders them."""

    ready: int
    wanted: int
    doing: tuple[str, ...]
    trouble: tuple[str, ...]
    failed: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        """Whether all are ready."""
        return self.wanted > 0 and self.ready == self.wanted

    def __str__(self) -> str:
        words = [f"{self.ready} of {self.wanted} ready", *self.doing]
        return "; ".join([*words, *self.trouble])


def progress(objects: Sequence[Document], jobs: Collection[str] = ()) -> Progress:
    """How far the objects of a namespace are; of Jobs those of some names, because earlier ones stay there."""
    ready = wanted = 0
    failed = []
    for document in objects:
        match document["kind"]:
            case "Deployment" | "StatefulSet":
                replicas = int(at(document, "spec", "replicas") or 0)
                wanted += replicas
                if at(document, "status", "observedGeneration") == at(document, "metadata", "generation"):
                    ready += min(replicas, int(at(document, "status", "readyReplicas") or 0))
            case "Job" if name_of(document) in jobs:
                wanted += 1
                ready += _condition(document, "Complete").get("status") == "True"
                failed += [name_of(document)] if _condition(document, "Failed").get("status") == "True" else []
    pods = [document for document in objects if document["kind"] == "Pod"]
    doing = Counter(what for pod in pods if (what := _doing(pod)))
    return Progress(
        ready,
        wanted,
        tuple(f"{count} {what}" for what, count in doing.most_common()),
        tuple(dict.fromkeys(_trouble(pods))),
        tuple(failed),
    )


def _condition(document: Document, kind: str) -> Document:
    """A condition of an object's status; empty where it does not have it."""
    return next((each for each in mappings(at(document, "status", "conditions")) if each.get("type") == kind), {})


def _doing(pod: Document) -> str | None:
    """What a pod that is not ready does."""
    if at(pod, "status", "phase") == "Succeeded" or _condition(pod, "Ready").get("status") == "True":
        return None
    if _condition(pod, "PodScheduled").get("status") == "False":
        return "waiting for a node with room"
    for status in mappings(at(pod, "status", "initContainerStatuses")):
        name = str(status.get("name"))
        if at(status, "state", "running") is not None:
            return f"waiting for {name.removeprefix(WAIT_FOR)}" if name.startswith(WAIT_FOR) else f"doing {name}"
    if at(pod, "status", "phase") == "Pending":
        return "getting images"
    return "starting"


def _trouble(pods: Iterable[Document]) -> Iterator[str]:
    for pod in pods:
        owner = labels_of(pod).get(NAME_LABEL, name_of(pod))
        scheduled = _condition(pod, "PodScheduled")
        if scheduled.get("status") == "False" and scheduled.get("message"):
            yield f"{owner}: {scheduled['message']}"
        for field in ("initContainerStatuses", "containerStatuses"):
            for status in mappings(at(pod, "status", field)):
                reason = at(status, "state", "waiting", "reason")
                if reason in _FATAL:
                    yield f"{owner}: {at(status, 'state', 'waiting', 'message') or reason}"
                elif reason == "CrashLoopBackOff":
                    yield f"{owner}: {status.get('name')} has ended {status.get('restartCount')} times"
