"""What is known of a cluster: read once, and never changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, NamedTuple

from constructs_st2.kube.well_known import ARCHITECTURE_LABEL, ZONE_LABEL

State = Literal["waiting", "running", "terminated"]


TIME_TO_START = timedelta(minutes=5)
"""A release from nothing needs two minutes; what is not ready by then is not on its way."""


class Minor(NamedTuple):
    """A minor version of Kubernetes."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


class Kind(NamedTuple):
    """A kind of objects, and its API group, which is empty for the oldest ones."""

    group: str
    name: str


@dataclass(frozen=True)
class Condition:
    """What a controller says of an object. ``status`` is True, False or Unknown."""

    type: str
    status: str
    reason: str = ""
    message: str = ""


@dataclass(frozen=True)
class Taint:
    """What keeps pods away from a node that do not tolerate it."""

    key: str
    value: str
    effect: str


@dataclass(frozen=True)
class Node:
    """A node. ``cpu`` and ``memory`` are what pods may have of it, in cores and bytes."""

    name: str
    ready: bool
    schedulable: bool
    cpu: Decimal
    memory: Decimal
    labels: Mapping[str, str]
    taints: tuple[Taint, ...] = ()
    families: frozenset[str] = frozenset()
    kubelet: Minor | None = None

    @property
    def architecture(self) -> str:
        """For which its programs are built."""
        return self.labels.get(ARCHITECTURE_LABEL, "")

    @property
    def zone(self) -> str:
        """Where it is; empty where nobody says."""
        return self.labels.get(ZONE_LABEL, "")


@dataclass(frozen=True)
class StorageClass:
    """A class of volumes. ``immediate``: a volume is made before anybody knows on which node its pod will run."""

    name: str
    provisioner: str
    default: bool = False
    expands: bool = False
    immediate: bool = False
    reclaim: str = "Delete"


@dataclass(frozen=True)
class IngressClass:
    """A class of Ingresses."""

    name: str
    default: bool = False


@dataclass(frozen=True)
class PriorityClass:
    """A class of pods. ``default``: that of all pods which name none."""

    name: str
    value: int
    default: bool = False


@dataclass(frozen=True)
class Container:
    """A container of a pod, and how it is. What is ``last`` tells how its program ended before it was started again."""

    name: str
    image: str = ""
    init: bool = False
    ready: bool = False
    restarts: int = 0
    state: State = "running"
    reason: str = ""
    message: str = ""
    exit_code: int | None = None
    last_reason: str = ""
    last_message: str = ""
    last_exit_code: int | None = None
    last_end: datetime | None = None


@dataclass(frozen=True)
class Pod:
    """A pod of the release. ``unscheduled`` is why no node has it."""

    name: str
    component: str
    created: datetime
    phase: str = "Running"
    reason: str = ""
    message: str = ""
    node: str = ""
    ready: bool = False
    owner: str = ""
    deleted: datetime | None = None
    unscheduled: str = ""
    containers: tuple[Container, ...] = ()
    claims: tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether it has ended well, as those of Jobs do."""
        return self.phase == "Succeeded"


@dataclass(frozen=True)
class Event:
    """Something that went wrong with an object."""

    kind: str
    name: str
    reason: str
    message: str
    last: datetime | None = None
    count: int = 1


@dataclass(frozen=True)
class Workload:
    """A Deployment or StatefulSet of the release."""

    kind: str
    name: str
    component: str
    wanted: int
    ready: int
    conditions: tuple[Condition, ...] = ()
    created: datetime | None = None


@dataclass(frozen=True)
class Job:
    """A Job of the release. ``cron_job`` is the CronJob that made it, if one did."""

    name: str
    component: str
    created: datetime
    active: int = 0
    failed: str | None = None
    cron_job: str = ""


@dataclass(frozen=True)
class CronJob:
    """A CronJob of the release."""

    name: str
    component: str
    created: datetime
    suspended: bool = False
    last_success: datetime | None = None


@dataclass(frozen=True)
class Claim:
    """A claim of a volume."""

    name: str
    component: str
    phase: str
    storage_class: str = ""
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Autoscaler:
    """A HorizontalPodAutoscaler, KEDA's too."""

    name: str
    target: str
    current: int
    maximum: int
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Custom:
    """An object of a custom kind, and what its controller says of it."""

    kind: str
    name: str
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Deployed:
    """A Deployment of anybody, by the last words of its images: ``cert-manager-controller``."""

    namespace: str
    name: str
    images: frozenset[str]
    ready: int


@dataclass(frozen=True)
class Certificate:
    """A certificate in a Secret: its public part."""

    secret: str
    ends: datetime


@dataclass(frozen=True)
class Quota:
    """A ResourceQuota: what there may be at most, as quantities. One with scopes is about some pods only."""

    name: str
    hard: Mapping[str, str]
    scoped: bool = False


@dataclass(frozen=True)
class Refusal:
    """What the API server says of an object that is tried out. ``warning``: it would take it all the same."""

    subject: str
    message: str
    warning: bool = False


@dataclass(frozen=True)
class Queue:
    """A queue of RabbitMQ."""

    name: str
    messages: int
    consumers: int


@dataclass(frozen=True)
class Usage:
    """How full the volume of a claim is, in bytes."""

    claim: str
    used: int
    capacity: int


class Thing(NamedTuple):
    """An object by the name of its resource, its namespace (empty for those without), and its own."""

    resource: str
    namespace: str
    name: str


@dataclass(frozen=True)
class Facts:
    """A cluster at one moment.

    ``unseen`` tells what could not be looked at, by the name of the field, and why. Such a field is empty, which says
    nothing. ``things`` are those that manifests name and do not make, with the keys that they have. ``words`` are the
    last lines that containers said, by pod and container.
    """

    now: datetime
    server: Minor
    client: Minor
    namespace_exists: bool = True
    kinds: frozenset[Kind] = frozenset()
    nodes: tuple[Node, ...] = ()
    storage_classes: tuple[StorageClass, ...] = ()
    ingress_classes: tuple[IngressClass, ...] = ()
    priority_classes: tuple[PriorityClass, ...] = ()
    deployed: tuple[Deployed, ...] = ()
    quotas: tuple[Quota, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    things: Mapping[Thing, frozenset[str]] = field(default_factory=dict)
    certificates: tuple[Certificate, ...] = ()
    workloads: tuple[Workload, ...] = ()
    pods: tuple[Pod, ...] = ()
    events: tuple[Event, ...] = ()
    jobs: tuple[Job, ...] = ()
    cron_jobs: tuple[CronJob, ...] = ()
    claims: tuple[Claim, ...] = ()
    autoscalers: tuple[Autoscaler, ...] = ()
    customs: tuple[Custom, ...] = ()
    queues: tuple[Queue, ...] = ()
    usages: tuple[Usage, ...] = ()
    words: Mapping[tuple[str, str], str] = field(default_factory=dict)
    unseen: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_applied(self) -> bool:
        """Whether anything of the release has been applied."""
        return bool(self.workloads or self.jobs)

    @property
    def is_starting(self) -> bool:
        """Whether all of the release is so new that it cannot be expected to run."""
        made = [each.created for each in self.workloads if each.created]
        return bool(made) and all(self.age(each) < TIME_TO_START for each in made)

    def sees(self, *names: str) -> bool:
        """Whether some fields tell all that there is."""
        return not any(name in self.unseen for name in names)

    def age(self, since: datetime) -> timedelta:
        """How long ago something was."""
        return self.now - since

    def pods_of(self, component: str) -> list[Pod]:
        """The pods of a component that have not ended well."""
        return [pod for pod in self.pods if pod.component == component and not pod.is_done]

    def events_of(self, kind: str, name: str, *reasons: str) -> list[Event]:
        """What went wrong with an object, the last first; only for some reasons, if they are given."""
        return [
            event
            for event in self.events
            if (event.kind, event.name) == (kind, name) and (not reasons or event.reason in reasons)
        ]
