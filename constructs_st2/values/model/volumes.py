"""Volumes of pods, as the Kubernetes API has them.

The kinds of volume that configuration comes from are typed; of all others only the name is, and Kubernetes checks the
rest (https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/volume/).
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Field, with_config
from typing_extensions import Required, TypedDict

from constructs_st2.values.model.base import ONE_KEY, AbsolutePath, DnsLabel, Quantity
from constructs_st2.values.model.names import ClaimName, ConfigMapName, KubernetesFields, SecretName

_STRICT = ConfigDict(extra="forbid", strict=True)

Mode: TypeAlias = Annotated[int, Field(ge=0, le=0o777)]
"""Permission bits. YAML writes them in octal as 0644."""


@with_config(_STRICT)
class KeyToPath(TypedDict, total=False):
    """A key, and the file that it becomes."""

    key: Required[str]
    path: Required[str]
    mode: Mode


@with_config(_STRICT)
class ConfigMapVolume(TypedDict, total=False):
    """Files from a ConfigMap."""

    name: Required[ConfigMapName]
    items: list[KeyToPath]
    defaultMode: Mode
    optional: bool


@with_config(_STRICT)
class SecretVolume(TypedDict, total=False):
    """Files from a Secret."""

    secretName: Required[SecretName]
    items: list[KeyToPath]
    defaultMode: Mode
    optional: bool


@with_config(_STRICT)
class EmptyDirVolume(TypedDict, total=False):
    """An empty folder that lives as long as the pod."""

    medium: Literal["", "Memory"]
    sizeLimit: Quantity


@with_config(_STRICT)
class ClaimVolume(TypedDict, total=False):
    """A persistent volume claim."""

    claimName: Required[ClaimName]
    readOnly: bool


@with_config(_STRICT)
class HostPathVolume(TypedDict, total=False):
    """A path of the node."""

    path: Required[AbsolutePath]
    type: Literal["", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"]


@with_config(_STRICT)
class NfsVolume(TypedDict, total=False):
    """A path of an NFS server."""

    server: Required[str]
    path: Required[AbsolutePath]
    readOnly: bool


@with_config(_STRICT)
class VolumeSource(TypedDict, total=False):
    """What a volume is made of; one of the keys."""

    configMap: ConfigMapVolume
    secret: SecretVolume
    emptyDir: EmptyDirVolume
    persistentVolumeClaim: ClaimVolume
    hostPath: HostPathVolume
    nfs: NfsVolume
    projected: KubernetesFields
    downwardAPI: KubernetesFields
    csi: KubernetesFields
    ephemeral: KubernetesFields
    image: KubernetesFields
    awsElasticBlockStore: KubernetesFields
    azureDisk: KubernetesFields
    azureFile: KubernetesFields
    cephfs: KubernetesFields
    cinder: KubernetesFields
    fc: KubernetesFields
    flexVolume: KubernetesFields
    gcePersistentDisk: KubernetesFields
    glusterfs: KubernetesFields
    iscsi: KubernetesFields
    portworxVolume: KubernetesFields
    rbd: KubernetesFields
    vsphereVolume: KubernetesFields


@with_config(_STRICT)
class VolumeMount(TypedDict, total=False):
    """Where a volume appears in a container. The name is the volume's, unless given."""

    name: DnsLabel
    mountPath: Required[AbsolutePath]
    subPath: str
    subPathExpr: str
    readOnly: bool
    mountPropagation: Literal["None", "HostToContainer", "Bidirectional"]


@with_config(_STRICT)
class NamedVolumeMount(VolumeMount, total=False):
    """Where a volume of the pod appears in a container."""

    name: Required[DnsLabel]  # type: ignore[misc]


@with_config(_STRICT)
class ExtraVolume(TypedDict, total=False):
    """A volume and where it is mounted, in the chart's form."""

    name: Required[DnsLabel]
    mount: Required[VolumeMount]
    volume: Required[Annotated[VolumeSource, ONE_KEY]]
