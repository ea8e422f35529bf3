"""The facts in objects, as the API server gives them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

from constructs_st2.checks.data import annotations_of, at, labels_of, mapping, mappings, name_of, namespace_of
from constructs_st2.commands.doctor.facts import (
    Autoscaler,
    Certificate,
    Claim,
    Condition,
    Container,
    CronJob,
    Custom,
    Deployed,
    Event,
    IngressClass,
    Job,
    Kind,
    Minor,
    Node,
    Pod,
    PriorityClass,
    Queue,
    Quota,
    State,
    StorageClass,
    Taint,
    Usage,
    Workload,
)
from constructs_st2.kube.documents import Document
from constructs_st2.kube.quantity import parsed
from constructs_st2.kube.well_known import NAME_LABEL

_DEFAULT_STORAGE = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
_DEFAULT_INGRESS = "ingressclass.kubernetes.io/is-default-class"
_NEVER = datetime.fromtimestamp(0, timezone.utc)


def moment(text: object) -> datetime | None:
    """A time as the API server writes it; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None


def minor(text: object) -> Minor | None:
    """The minor version in one like ``v1.30.2-eks-1``."""
    found = re.match(r"v?(\d+)\.(\d+)", text) if isinstance(text, str) else None
    return Minor(int(found[1]), int(found[2])) if found else None


def kinds(table: str) -> frozenset[Kind]:
    """The kinds in the lines of `kubectl api-resources --no-headers`."""
    rows = (line.split() for line in table.splitlines())
    return frozenset(Kind(row[-3].rpartition("/")[0], row[-1]) for row in rows if len(row) >= 4)


def node(document: Document) -> Node:
    """A node."""
    spec, status = mapping(document.get("spec")), mapping(document.get("status"))
    return Node(
        name=name_of(document),
        ready=any(each.type == "Ready" and each.status == "True" for each in conditions(status)),
        schedulable=spec.get("unschedulable") is not True,
        cpu=parsed(at(status, "allocatable", "cpu")) or Decimal(0),
        memory=parsed(at(status, "allocatable", "memory")) or Decimal(0),
        labels=labels_of(document),
        taints=tuple(
            Taint(_text(taint, "key"), _text(taint, "value"), _text(taint, "effect"))
            for taint in mappings(spec.get("taints"))
        ),
        families=frozenset("IPv6" if ":" in str(cidr) else "IPv4" for cidr in spec.get("podCIDRs") or ()),
        kubelet=minor(at(status, "nodeInfo", "kubeletVersion")),
    )


def storage_class(document: Document) -> StorageClass:
    """A class of volumes."""
    return StorageClass(
        name=name_of(document),
        provisioner=_text(document, "provisioner"),
        default=any(annotations_of(document).get(each) == "true" for each in _DEFAULT_STORAGE),
        expands=document.get("allowVolumeExpansion") is True,
        immediate=document.get("volumeBindingMode", "Immediate") == "Immediate",
        reclaim=_text(document, "reclaimPolicy") or "Delete",
    )


def ingress_class(document: Document) -> IngressClass:
    """A class of Ingresses."""
    return IngressClass(name_of(document), annotations_of(document).get(_DEFAULT_INGRESS) == "true")


def priority_class(document: Document) -> PriorityClass:
    """A class of pods."""
    return PriorityClass(name_of(document), int(document.get("value") or 0), document.get("globalDefault") is True)


def pod(document: Document) -> Pod:
    """A pod."""
    spec, status = mapping(document.get("spec")), mapping(document.get("status"))
    told = {each.type: each for each in conditions(status)}
    scheduled = told.get("PodScheduled")
    images = {_text(each, "name"): _text(each, "image") for each in _specs(spec)}
    statuses = [(True, each) for each in mappings(status.get("initContainerStatuses"))]
    statuses += [(False, each) for each in mappings(status.get("containerStatuses"))]
    return Pod(
        name=name_of(document),
        component=labels_of(document).get(NAME_LABEL, ""),
        created=moment(at(document, "metadata", "creationTimestamp")) or _NEVER,
        phase=_text(status, "phase") or "Pending",
        reason=_text(status, "reason"),
        message=_text(status, "message"),
        node=_text(spec, "nodeName"),
        ready="Ready" in told and told["Ready"].status == "True",
        owner=next((f"{owner.get('kind')}/{owner.get('name')}" for owner in _owners(document)), ""),
        deleted=moment(at(document, "metadata", "deletionTimestamp")),
        unscheduled=scheduled.message or scheduled.reason if scheduled and scheduled.status == "False" else "",
        containers=tuple(_container(each, images, init=init) for init, each in statuses),
        claims=tuple(
            str(claim)
            for volume in mappings(spec.get("volumes"))
            if (claim := at(volume, "persistentVolumeClaim", "claimName"))
        ),
    )


def _specs(spec: Document) -> list[Document]:
    return [*mappings(spec.get("initContainers")), *mappings(spec.get("containers"))]


def _container(status: Document, images: dict[str, str], *, init: bool) -> Container:
    state, now = _state(status.get("state"))
    _, before = _state(status.get("lastState"))
    name = _text(status, "name")
    return Container(
        name=name,
        image=images.get(name) or _text(status, "image"),
        init=init,
        ready=status.get("ready") is True,
        restarts=_number(status.get("restartCount")),
        state=state,
        reason=_text(now, "reason"),
        message=_text(now, "message"),
        exit_code=_exit_code(now),
        last_reason=_text(before, "reason"),
        last_message=_text(before, "message"),
        last_exit_code=_exit_code(before),
        last_end=moment(before.get("finishedAt")),
    )


def _state(state: object) -> tuple[State, Document]:
    known: tuple[State, ...] = ("running", "terminated", "waiting")
    return next(
        ((name, mapping(mapping(state).get(name))) for name in known if name in mapping(state)), ("waiting", {})
    )


def _exit_code(state: Document) -> int | None:
    code = state.get("exitCode")
    return code if isinstance(code, int) else None


def event(document: Document) -> Event:
    """An event, of the older API and of the newer one."""
    times = (document.get("lastTimestamp"), at(document, "series", "lastObservedTime"), document.get("eventTime"))
    return Event(
        kind=str(at(document, "involvedObject", "kind") or ""),
        name=str(at(document, "involvedObject", "name") or ""),
        reason=_text(document, "reason"),
        message=_text(document, "message"),
        last=next((found for time in times if (found := moment(time))), None),
        count=_number(document.get("count")) or 1,
    )


def events(documents: Iterable[Document]) -> tuple[Event, ...]:
    """What went wrong, the last first."""
    found = [event(each) for each in documents if each.get("type") != "Normal"]
    return tuple(sorted(found, key=lambda each: each.last or _NEVER, reverse=True))


def workload(document: Document) -> Workload:
    """A Deployment or StatefulSet."""
    return Workload(
        kind=document["kind"],
        name=name_of(document),
        component=labels_of(document).get(NAME_LABEL, ""),
        wanted=_number(at(document, "spec", "replicas"), 1),
        ready=_number(at(document, "status", "readyReplicas")),
        conditions=conditions(document.get("status")),
        created=moment(at(document, "metadata", "creationTimestamp")),
    )


def job(document: Document) -> Job:
    """A Job."""
    told = conditions(document.get("status"))
    failed = next((each for each in told if each.type == "Failed" and each.status == "True"), None)
    return Job(
        name=name_of(document),
        component=labels_of(document).get(NAME_LABEL, ""),
        created=moment(at(document, "metadata", "creationTimestamp")) or _NEVER,
        active=_number(at(document, "status", "active")),
        failed=(failed.message or failed.reason or "it failed") if failed else None,
        cron_job=next((str(owner.get("name")) for owner in _owners(document) if owner.get("kind") == "CronJob"), ""),
    )


def cron_job(document: Document) -> CronJob:
    """A CronJob."""
    return CronJob(
        name=name_of(document),
        component=labels_of(document).get(NAME_LABEL, ""),
        created=moment(at(document, "metadata", "creationTimestamp")) or _NEVER,
        suspended=at(document, "spec", "suspend") is True,
        last_success=moment(at(document, "status", "lastSuccessfulTime")),
    )


def claim(document: Document) -> Claim:
    """A claim."""
    return Claim(
        name=name_of(document),
        component=labels_of(document).get(NAME_LABEL, ""),
        phase=str(at(document, "status", "phase") or "Pending"),
        storage_class=str(at(document, "spec", "storageClassName") or ""),
        conditions=conditions(document.get("status")),
    )


def autoscaler(document: Document) -> Autoscaler:
    """A HorizontalPodAutoscaler."""
    return Autoscaler(
        name=name_of(document),
        target=str(at(document, "spec", "scaleTargetRef", "name") or ""),
        current=_number(at(document, "status", "currentReplicas")),
        maximum=_number(at(document, "spec", "maxReplicas"), 1),
        conditions=conditions(document.get("status")),
    )


def custom(document: Document) -> Custom:
    """An object of a custom kind. Routes have conditions for each of their parents."""
    status = mapping(document.get("status"))
    found = [*conditions(status), *(each for parent in mappings(status.get("parents")) for each in conditions(parent))]
    return Custom(document["kind"], name_of(document), tuple(found))


def deployed(document: Document) -> Deployed:
    """A Deployment of anybody."""
    containers = mappings(at(document, "spec", "template", "spec", "containers"))
    return Deployed(
        namespace=namespace_of(document),
        name=name_of(document),
        images=frozenset(_last_word(_text(each, "image")) for each in containers),
        ready=_number(at(document, "status", "readyReplicas")),
    )


def _last_word(image: str) -> str:
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def quota(document: Document) -> Quota:
    """A ResourceQuota."""
    spec = mapping(document.get("spec"))
    hard = {key: str(value) for key, value in mapping(spec.get("hard")).items()}
    return Quota(name_of(document), hard, scoped=bool(spec.get("scopes") or spec.get("scopeSelector")))


def certificate(secret: str, encoded: str) -> Certificate | None:
    """The first certificate of a chain in PEM, in base64, which is that of the server; None where it is none."""
    from cryptography import x509

    try:
        found = x509.load_pem_x509_certificates(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError):
        return None
    return Certificate(secret, found[0].not_valid_after_utc) if found else None


def queues(answer: Any) -> tuple[Queue, ...]:
    """The queues in the answer of `rabbitmqctl list_queues --formatter json`."""
    return tuple(
        Queue(_text(each, "name"), _number(each.get("messages")), _number(each.get("consumers")))
        for each in mappings(answer)
    )


def usages(summary: Document, namespace: str) -> tuple[Usage, ...]:
    """The volumes of a namespace in the summary of a kubelet."""
    return tuple(
        Usage(str(reference["name"]), _number(volume.get("usedBytes")), _number(volume.get("capacityBytes")))
        for each in mappings(summary.get("pods"))
        for volume in mappings(each.get("volume"))
        if (reference := mapping(volume.get("pvcRef"))).get("namespace") == namespace and volume.get("capacityBytes")
    )


def conditions(status: object) -> tuple[Condition, ...]:
    """The conditions in the status of an object."""
    return tuple(
        Condition(_text(each, "type"), _text(each, "status"), _text(each, "reason"), _text(each, "message"))
        for each in mappings(mapping(status).get("conditions"))
    )


def _owners(document: Document) -> Sequence[Document]:
    return mappings(at(document, "metadata", "ownerReferences"))


def _text(document: Document, key: str) -> str:
    value = document.get(key)
    return value if isinstance(value, str) else ""


def _number(value: object, default: int = 0) -> int:
    return value if isinstance(value, int) else default
