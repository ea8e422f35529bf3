"""Parts of the Kubernetes API that appear in values as they are.

They are typed dictionaries: what the user wrote goes into the manifest unchanged, once its keys and types are checked.
Fields are those of Kubernetes 1.27 (https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/).
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Field, StringConstraints, with_config
from typing_extensions import Required, TypedDict

from constructs_st2.values.model.base import (
    API_VERSION,
    KIND,
    AnnotationKey,
    DnsLabel,
    LabelValue,
    ObjectName,
    PortNumber,
    Quantity,
    ScalarText,
)

_STRICT = ConfigDict(extra="forbid", strict=True)

Port: TypeAlias = PortNumber | DnsLabel
Positive: TypeAlias = Annotated[int, Field(ge=1)]
UserId: TypeAlias = Annotated[int, Field(ge=0, le=2**31 - 1)]


@with_config(_STRICT)
class Resources(TypedDict, total=False):
    """Compute resources of a container."""

    requests: dict[str, Quantity]
    limits: dict[str, Quantity]


@with_config(_STRICT)
class Toleration(TypedDict, total=False):
    """Lets a pod run on tainted nodes."""

    key: str
    operator: Literal["Exists", "Equal"]
    value: str
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]
    tolerationSeconds: int


@with_config(_STRICT)
class HostAlias(TypedDict, total=False):
    """A line of the pod's /etc/hosts."""

    ip: Required[str]
    hostnames: Required[list[str]]


@with_config(_STRICT)
class LabelSelectorRequirement(TypedDict, total=False):
    """One expression of a selector."""

    key: Required[str]
    operator: Required[Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]]
    values: list[str]


@with_config(_STRICT)
class LabelSelector(TypedDict, total=False):
    """Selects objects by label."""

    matchLabels: dict[AnnotationKey, LabelValue]
    matchExpressions: list[LabelSelectorRequirement]


@with_config(_STRICT)
class TopologySpreadConstraint(TypedDict, total=False):
    """How pods are spread over zones, hosts or another topology. The label selector defaults to the service's pods."""

    maxSkew: Required[Positive]
    topologyKey: Required[str]
    whenUnsatisfiable: Required[Literal["DoNotSchedule", "ScheduleAnyway"]]
    labelSelector: LabelSelector
    matchLabelKeys: list[str]
    minDomains: Positive
    nodeAffinityPolicy: Literal["Honor", "Ignore"]
    nodeTaintsPolicy: Literal["Honor", "Ignore"]


@with_config(_STRICT)
class NodeSelectorTerm(TypedDict, total=False):
    """Selects nodes by label or field."""

    matchExpressions: list[LabelSelectorRequirement]
    matchFields: list[LabelSelectorRequirement]


@with_config(_STRICT)
class PreferredNodeTerm(TypedDict, total=False):
    """A weighed preference for nodes."""

    weight: Required[Annotated[int, Field(ge=1, le=100)]]
    preference: Required[NodeSelectorTerm]


@with_config(_STRICT)
class NodeSelector(TypedDict, total=False):
    """Alternatives of node selection."""

    nodeSelectorTerms: Required[list[NodeSelectorTerm]]


@with_config(_STRICT)
class NodeAffinity(TypedDict, total=False):
    """Which nodes a pod may or should run on."""

    requiredDuringSchedulingIgnoredDuringExecution: NodeSelector
    preferredDuringSchedulingIgnoredDuringExecution: list[PreferredNodeTerm]


@with_config(_STRICT)
class PodAffinityTerm(TypedDict, total=False):
    """Which pods a pod wants to be near to, or far from."""

    topologyKey: Required[str]
    labelSelector: LabelSelector
    namespaceSelector: LabelSelector
    namespaces: list[str]


@with_config(_STRICT)
class WeightedPodAffinityTerm(TypedDict, total=False):
    """A weighed preference for the nearness of pods."""

    weight: Required[Annotated[int, Field(ge=1, le=100)]]
    podAffinityTerm: Required[PodAffinityTerm]


@with_config(_STRICT)
class PodAffinity(TypedDict, total=False):
    """Nearness to (or distance from) other pods."""

    requiredDuringSchedulingIgnoredDuringExecution: list[PodAffinityTerm]
    preferredDuringSchedulingIgnoredDuringExecution: list[WeightedPodAffinityTerm]


@with_config(_STRICT)
class Affinity(TypedDict, total=False):
    """Scheduling constraints of a pod."""

    nodeAffinity: NodeAffinity
    podAffinity: PodAffinity
    podAntiAffinity: PodAffinity


@with_config(_STRICT)
class Capabilities(TypedDict, total=False):
    """Linux capabilities to add or drop."""

    add: list[str]
    drop: list[str]


@with_config(_STRICT)
class SeccompProfile(TypedDict, total=False):
    """The system call filter."""

    type: Required[Literal["RuntimeDefault", "Localhost", "Unconfined"]]
    localhostProfile: str


@with_config(_STRICT)
class SeLinuxOptions(TypedDict, total=False):
    """The SELinux context."""

    level: str
    role: str
    type: str
    user: str


@with_config(_STRICT)
class Sysctl(TypedDict, total=False):
    """A kernel parameter of the pod's namespaces."""

    name: Required[str]
    value: Required[str]


@with_config(_STRICT)
class SecurityContext(TypedDict, total=False):
    """Security settings of a container."""

    allowPrivilegeEscalation: bool
    capabilities: Capabilities
    privileged: bool
    procMount: Literal["Default", "Unmasked"]
    readOnlyRootFilesystem: bool
    runAsGroup: UserId
    runAsNonRoot: bool
    runAsUser: UserId
    seLinuxOptions: SeLinuxOptions
    seccompProfile: SeccompProfile


@with_config(_STRICT)
class PodSecurityContext(TypedDict, total=False):
    """Security settings of a pod."""

    fsGroup: UserId
    fsGroupChangePolicy: Literal["OnRootMismatch", "Always"]
    runAsGroup: UserId
    runAsNonRoot: bool
    runAsUser: UserId
    seLinuxOptions: SeLinuxOptions
    seccompProfile: SeccompProfile
    supplementalGroups: list[UserId]
    sysctls: list[Sysctl]


@with_config(_STRICT)
class ExecAction(TypedDict, total=False):
    """Runs a command in the container."""

    command: Required[list[str]]


@with_config(_STRICT)
class HttpHeader(TypedDict, total=False):
    """A header of a probe's request."""

    name: Required[str]
    value: Required[str]


@with_config(_STRICT)
class HttpGetAction(TypedDict, total=False):
    """An HTTP GET request."""

    path: str
    port: Required[Port]
    scheme: Literal["HTTP", "HTTPS"]
    host: str
    httpHeaders: list[HttpHeader]


@with_config(_STRICT)
class TcpSocketAction(TypedDict, total=False):
    """Opens a TCP connection."""

    port: Required[Port]
    host: str


@with_config(_STRICT)
class Probe(TypedDict, total=False):
    """A health check of a container."""

    exec: ExecAction
    httpGet: HttpGetAction
    tcpSocket: TcpSocketAction
    initialDelaySeconds: Annotated[int, Field(ge=0)]
    periodSeconds: Positive
    timeoutSeconds: Positive
    successThreshold: Positive
    failureThreshold: Positive
    terminationGracePeriodSeconds: Positive


@with_config(_STRICT)
class DnsOption(TypedDict, total=False):
    """An option of the resolver."""

    name: Required[str]
    value: ScalarText


@with_config(_STRICT)
class DnsConfig(TypedDict, total=False):
    """DNS parameters of a pod."""

    nameservers: list[str]
    searches: list[str]
    options: list[DnsOption]


@with_config(ConfigDict(extra="allow", strict=True))
class ObjectMetadata(TypedDict, total=False):
    """Metadata of a whole object."""

    name: Required[ObjectName]
    namespace: DnsLabel
    labels: dict[AnnotationKey, LabelValue]
    annotations: dict[AnnotationKey, ScalarText]


@with_config(ConfigDict(extra="allow", strict=True))
class KubernetesObject(TypedDict, total=False):
    """Any Kubernetes object."""

    apiVersion: Required[Annotated[str, StringConstraints(pattern=API_VERSION)]]
    kind: Required[Annotated[str, StringConstraints(pattern=KIND)]]
    metadata: Required[ObjectMetadata]
