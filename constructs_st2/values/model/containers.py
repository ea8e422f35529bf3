"""Containers that users add to pods, as the Kubernetes API has them.

Fields are those of https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#Container.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, with_config
from typing_extensions import Required, TypedDict

from constructs_st2.values.model.base import (
    ONE_KEY,
    AbsolutePath,
    DnsLabel,
    EnvName,
    ImageReference,
    PortNumber,
    Quantity,
    ScalarText,
)
from constructs_st2.values.model.kubernetes import (
    ExecAction,
    HttpGetAction,
    Probe,
    Resources,
    SecurityContext,
    TcpSocketAction,
)
from constructs_st2.values.model.names import ConfigMapName, SecretName
from constructs_st2.values.model.volumes import NamedVolumeMount

_STRICT = ConfigDict(extra="forbid", strict=True)


@with_config(_STRICT)
class ConfigMapKeySelector(TypedDict, total=False):
    """A key of a ConfigMap."""

    name: Required[ConfigMapName]
    key: Required[str]
    optional: bool


@with_config(_STRICT)
class SecretKeySelector(TypedDict, total=False):
    """A key of a Secret."""

    name: Required[SecretName]
    key: Required[str]
    optional: bool


@with_config(_STRICT)
class FieldSelector(TypedDict, total=False):
    """A field of the pod."""

    fieldPath: Required[str]
    apiVersion: Literal["v1"]


@with_config(_STRICT)
class ResourceSelector(TypedDict, total=False):
    """A resource of a container."""

    resource: Required[str]
    containerName: DnsLabel
    divisor: Quantity


@with_config(_STRICT)
class EnvVarSource(TypedDict, total=False):
    """Where the value of an environment variable comes from; one of the keys."""

    configMapKeyRef: ConfigMapKeySelector
    secretKeyRef: SecretKeySelector
    fieldRef: FieldSelector
    resourceFieldRef: ResourceSelector


@with_config(_STRICT)
class EnvVar(TypedDict, total=False):
    """An environment variable."""

    name: Required[EnvName]
    value: ScalarText
    valueFrom: Annotated[EnvVarSource, ONE_KEY]


@with_config(_STRICT)
class EnvFrom(TypedDict, total=False):
    """A ConfigMap or Secret whose keys become environment variables."""

    prefix: str
    configMapRef: ConfigMapEnvSource
    secretRef: SecretEnvSource


@with_config(_STRICT)
class ConfigMapEnvSource(TypedDict, total=False):
    """A ConfigMap."""

    name: Required[ConfigMapName]
    optional: bool


@with_config(_STRICT)
class SecretEnvSource(TypedDict, total=False):
    """A Secret."""

    name: Required[SecretName]
    optional: bool


@with_config(_STRICT)
class ContainerPort(TypedDict, total=False):
    """A port that a container listens on."""

    name: Annotated[DnsLabel, Field(max_length=15)]
    containerPort: Required[PortNumber]
    hostPort: PortNumber
    hostIP: str
    protocol: Literal["TCP", "UDP", "SCTP"]


@with_config(_STRICT)
class LifecycleHandler(TypedDict, total=False):
    """What a hook does; one of the keys."""

    exec: ExecAction
    httpGet: HttpGetAction
    tcpSocket: TcpSocketAction
    sleep: dict[str, int]


@with_config(_STRICT)
class Lifecycle(TypedDict, total=False):
    """What happens right after the start and right before the end of a container."""

    postStart: Annotated[LifecycleHandler, ONE_KEY]
    preStop: Annotated[LifecycleHandler, ONE_KEY]


@with_config(_STRICT)
class VolumeDevice(TypedDict):
    """A block device of the pod, and where the container has it."""

    name: DnsLabel
    devicePath: AbsolutePath


@with_config(_STRICT)
class ResizePolicy(TypedDict):
    """Whether the container restarts when a resource of the running pod is changed."""

    resourceName: Literal["cpu", "memory"]
    restartPolicy: Literal["NotRequired", "RestartContainer"]


@with_config(_STRICT)
class Container(TypedDict, total=False):
    """A container of a pod."""

    name: Required[DnsLabel]
    image: Required[ImageReference]
    imagePullPolicy: Literal["Always", "IfNotPresent", "Never"]
    command: list[str]
    args: list[str]
    workingDir: AbsolutePath
    ports: list[ContainerPort]
    env: list[EnvVar]
    envFrom: list[EnvFrom]
    volumeMounts: list[NamedVolumeMount]
    volumeDevices: list[VolumeDevice]
    resources: Resources
    resizePolicy: list[ResizePolicy]
    restartPolicy: Literal["Always"]
    livenessProbe: Probe
    readinessProbe: Probe
    startupProbe: Probe
    lifecycle: Lifecycle
    securityContext: SecurityContext
    terminationMessagePath: str
    terminationMessagePolicy: Literal["File", "FallbackToLogsOnError"]
    stdin: bool
    stdinOnce: bool
    tty: bool
