"""Parts of the Kubernetes API that appear in values as they are, once their keys and types are checked.

Made by `make kubernetes-types` from the description of the API of Kubernetes v1.34.2. Do not edit.
"""

from typing import Annotated, Literal

from typing_extensions import Required, TypedDict

from constructs_st2.values.model.base import (
    ONE_KEY,
    AbsolutePath,
    AnnotationKey,
    DnsLabel,
    EnvName,
    ImageReference,
    LabelValue,
    PortNumber,
    Quantity,
    ScalarText,
)
from constructs_st2.values.model.deferred import deferred
from constructs_st2.values.model.kubernetes_scalars import (
    AT_LEAST_ONE,
    STRICT,
    Cidr,
    Mode,
    NotNegative,
    Port,
    PortName,
    Positive,
    ScalingPeriod,
    StabilizationWindow,
    UserId,
    Weight,
)
from constructs_st2.values.model.names import ClaimName, ConfigMapName, KubernetesFields, SecretName


@deferred(STRICT)
class AppArmorProfile(TypedDict, total=False):
    """AppArmorProfile defines a pod or container's AppArmor settings."""

    type: Required[Literal["RuntimeDefault", "Localhost", "Unconfined"]]
    localhostProfile: str


@deferred(STRICT)
class LocalObjectReference(TypedDict, total=False):
    """LocalObjectReference contains enough information to let you locate the referenced object inside the same
    namespace.
    """

    name: Required[SecretName]


@deferred(STRICT)
class Capabilities(TypedDict, total=False):
    """Adds and removes POSIX capabilities from running containers."""

    add: list[str]
    drop: list[str]


@deferred(STRICT)
class ConfigMapEnvSource(TypedDict, total=False):
    """ConfigMapEnvSource selects a ConfigMap to populate the environment variables with."""

    name: Required[ConfigMapName]
    optional: bool


@deferred(STRICT)
class ConfigMapKeySelector(TypedDict, total=False):
    """Selects a key from a ConfigMap."""

    key: Required[str]
    name: Required[ConfigMapName]
    optional: bool


@deferred(STRICT)
class KeyToPath(TypedDict, total=False):
    """Maps a string key to a path within a volume."""

    key: Required[str]
    path: Required[str]
    mode: Mode


@deferred(STRICT)
class ContainerPort(TypedDict, total=False):
    """ContainerPort represents a network port in a single container."""

    name: PortName
    containerPort: Required[PortNumber]
    hostIP: str
    hostPort: PortNumber
    protocol: Literal["TCP", "UDP", "SCTP"]


@deferred(STRICT)
class ContainerResizePolicy(TypedDict, total=False):
    """ContainerResizePolicy represents resource resize policy for the container."""

    resourceName: Required[Literal["cpu", "memory"]]
    restartPolicy: Required[Literal["NotRequired", "RestartContainer"]]


@deferred(STRICT)
class ResourceRequirements(TypedDict, total=False):
    """ResourceRequirements describes the compute resource requirements."""

    requests: dict[str, Quantity]
    limits: dict[str, Quantity]


@deferred(STRICT)
class VolumeDevice(TypedDict, total=False):
    """volumeDevice describes a mapping of a raw block device within a container."""

    devicePath: Required[AbsolutePath]
    name: Required[DnsLabel]


@deferred(STRICT)
class VolumeMount(TypedDict, total=False):
    """VolumeMount describes a mounting of a Volume within a container."""

    name: Required[DnsLabel]
    mountPath: Required[AbsolutePath]
    subPath: str
    subPathExpr: str
    readOnly: bool
    mountPropagation: Literal["None", "HostToContainer", "Bidirectional"]
    recursiveReadOnly: Literal["Disabled", "IfPossible", "Enabled"]


@deferred(STRICT)
class ObjectFieldSelector(TypedDict, total=False):
    """ObjectFieldSelector selects an APIVersioned field of an object."""

    fieldPath: Required[str]
    apiVersion: Literal["v1"]


@deferred(STRICT)
class ResourceFieldSelector(TypedDict, total=False):
    """ResourceFieldSelector represents container resources (cpu, memory) and their output format."""

    resource: Required[str]
    containerName: DnsLabel
    divisor: Quantity


@deferred(STRICT)
class EmptyDirVolumeSource(TypedDict, total=False):
    """Represents an empty directory for a pod."""

    medium: Literal["", "Memory"]
    sizeLimit: Quantity


@deferred(STRICT)
class SecretEnvSource(TypedDict, total=False):
    """SecretEnvSource selects a Secret to populate the environment variables with."""

    name: Required[SecretName]
    optional: bool


@deferred(STRICT)
class SecretKeySelector(TypedDict, total=False):
    """SecretKeySelector selects a key of a Secret."""

    key: Required[str]
    name: Required[SecretName]
    optional: bool


@deferred(STRICT)
class ExecAction(TypedDict, total=False):
    """ExecAction describes a "run in container" action."""

    command: Required[list[str]]


@deferred(STRICT)
class GRPCAction(TypedDict, total=False):
    """GRPCAction specifies an action involving a GRPC service."""

    port: Required[PortNumber]
    service: str


@deferred(STRICT)
class HPAScalingPolicy(TypedDict, total=False):
    """HPAScalingPolicy is a single policy which must hold true for a specified past interval."""

    type: Required[Literal["Pods", "Percent"]]
    value: Required[Positive]
    periodSeconds: Required[ScalingPeriod]


@deferred(STRICT)
class HTTPHeader(TypedDict, total=False):
    """HTTPHeader describes a custom header to be used in HTTP probes."""

    name: Required[str]
    value: Required[str]


@deferred(STRICT)
class HostAlias(TypedDict, total=False):
    """HostAlias holds the mapping between IP and hostnames that will be injected as an entry in the pod's hosts
    file.
    """

    ip: Required[str]
    hostnames: Required[list[str]]


@deferred(STRICT)
class HostPathVolumeSource(TypedDict, total=False):
    """Represents a host path mapped into a pod."""

    path: Required[AbsolutePath]
    type: Literal["", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"]


_IPBlockKeywords = TypedDict("_IPBlockKeywords", {"except": list[Cidr]}, total=False)


@deferred(STRICT)
class IPBlock(_IPBlockKeywords, total=False):
    """IPBlock describes a particular CIDR (Ex. "192.168.1.0/24","2001:db8::/64") that is allowed to the pods matched
    by a NetworkPolicySpec's podSelector.
    """

    cidr: Required[Cidr]


@deferred(STRICT)
class ImageVolumeSource(TypedDict, total=False):
    """ImageVolumeSource represents a image volume resource."""

    pullPolicy: Literal["Always", "IfNotPresent", "Never"]
    reference: str


@deferred(STRICT)
class LabelSelectorRequirement(TypedDict, total=False):
    """A label selector requirement is a selector that contains values, a key, and an operator that relates the key
    and values.
    """

    key: Required[str]
    operator: Required[Literal["In", "NotIn", "Exists", "DoesNotExist"]]
    values: list[str]


@deferred(STRICT)
class SleepAction(TypedDict, total=False):
    """SleepAction describes a "sleep" action."""

    seconds: Required[NotNegative]


@deferred(STRICT)
class TCPSocketAction(TypedDict, total=False):
    """TCPSocketAction describes an action based on opening a socket."""

    port: Required[Port]
    host: str


@deferred(STRICT)
class NFSVolumeSource(TypedDict, total=False):
    """Represents an NFS mount that lasts the lifetime of a pod."""

    path: Required[AbsolutePath]
    server: Required[str]
    readOnly: bool


@deferred(STRICT)
class NodeSelectorRequirement(TypedDict, total=False):
    """A node selector requirement is a selector that contains values, a key, and an operator that relates the key
    and values.
    """

    key: Required[str]
    operator: Required[Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]]
    values: list[str]


@deferred(STRICT)
class PersistentVolumeClaimVolumeSource(TypedDict, total=False):
    """PersistentVolumeClaimVolumeSource references the user's PVC in the same namespace."""

    claimName: Required[ClaimName]
    readOnly: bool


@deferred(STRICT)
class PodDNSConfigOption(TypedDict, total=False):
    """PodDNSConfigOption defines DNS resolver options of a pod."""

    name: Required[str]
    value: ScalarText


@deferred(STRICT)
class SELinuxOptions(TypedDict, total=False):
    """SELinuxOptions are the labels to be applied to the container."""

    level: str
    role: str
    type: str
    user: str


@deferred(STRICT)
class SeccompProfile(TypedDict, total=False):
    """SeccompProfile defines a pod/container's seccomp profile settings."""

    type: Required[Literal["RuntimeDefault", "Localhost", "Unconfined"]]
    localhostProfile: str


@deferred(STRICT)
class Sysctl(TypedDict, total=False):
    """Sysctl defines a kernel parameter to be set."""

    name: Required[str]
    value: Required[str]


@deferred(STRICT)
class ServiceAccountTokenProjection(TypedDict, total=False):
    """ServiceAccountTokenProjection represents a projected service account token volume."""

    path: Required[str]
    audience: str
    expirationSeconds: int


@deferred(STRICT)
class Toleration(TypedDict, total=False):
    """The pod this Toleration is attached to tolerates any taint that matches the triple <key,value,effect> using
    the matching operator <operator>.
    """

    key: str
    operator: Literal["Exists", "Equal"]
    value: str
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]
    tolerationSeconds: int


@deferred(STRICT)
class VolumeMountOfVolume(TypedDict, total=False):
    """VolumeMount describes a mounting of a Volume within a container."""

    name: DnsLabel
    mountPath: Required[AbsolutePath]
    subPath: str
    subPathExpr: str
    readOnly: bool
    mountPropagation: Literal["None", "HostToContainer", "Bidirectional"]
    recursiveReadOnly: Literal["Disabled", "IfPossible", "Enabled"]


@deferred(STRICT)
class CSIVolumeSource(TypedDict, total=False):
    """Represents a source location of a volume to mount, managed by an external CSI driver."""

    driver: Required[str]
    fsType: str
    nodePublishSecretRef: LocalObjectReference
    readOnly: bool
    volumeAttributes: dict[str, str]


@deferred(STRICT)
class ConfigMapProjection(TypedDict, total=False):
    """Adapts a ConfigMap into a projected volume."""

    name: Required[ConfigMapName]
    items: list[KeyToPath]
    optional: bool


@deferred(STRICT)
class ConfigMapVolumeSource(TypedDict, total=False):
    """Adapts a ConfigMap into a volume."""

    name: Required[ConfigMapName]
    items: list[KeyToPath]
    defaultMode: Mode
    optional: bool


@deferred(STRICT)
class SecretProjection(TypedDict, total=False):
    """Adapts a secret into a projected volume."""

    name: Required[SecretName]
    items: list[KeyToPath]
    optional: bool


@deferred(STRICT)
class SecretVolumeSource(TypedDict, total=False):
    """Adapts a Secret into a volume."""

    secretName: Required[SecretName]
    items: list[KeyToPath]
    defaultMode: Mode
    optional: bool


@deferred(STRICT)
class DownwardAPIVolumeFile(TypedDict, total=False):
    """DownwardAPIVolumeFile represents information to create the file containing the pod field."""

    path: Required[str]
    fieldRef: ObjectFieldSelector
    mode: Mode
    resourceFieldRef: ResourceFieldSelector


@deferred(STRICT)
class EnvFromSource(TypedDict, total=False):
    """EnvFromSource represents the source of a set of ConfigMaps or Secrets."""

    configMapRef: ConfigMapEnvSource
    prefix: str
    secretRef: SecretEnvSource


@deferred(STRICT)
class EnvVarSource(TypedDict, total=False):
    """EnvVarSource represents a source for the value of an EnvVar."""

    configMapKeyRef: ConfigMapKeySelector
    fieldRef: ObjectFieldSelector
    resourceFieldRef: ResourceFieldSelector
    secretKeyRef: SecretKeySelector


@deferred(STRICT)
class HPAScalingRules(TypedDict, total=False):
    """HPAScalingRules configures the scaling behavior for one direction via scaling Policy Rules and a configurable
    metric tolerance.
    """

    stabilizationWindowSeconds: StabilizationWindow
    selectPolicy: Literal["Max", "Min", "Disabled"]
    policies: Annotated[list[HPAScalingPolicy], AT_LEAST_ONE]


@deferred(STRICT)
class HTTPGetAction(TypedDict, total=False):
    """HTTPGetAction describes an action based on HTTP Get requests."""

    path: str
    port: Required[Port]
    scheme: Literal["HTTP", "HTTPS"]
    host: str
    httpHeaders: list[HTTPHeader]


@deferred(STRICT)
class LabelSelector(TypedDict, total=False):
    """A label selector is a label query over a set of resources."""

    matchLabels: dict[AnnotationKey, LabelValue]
    matchExpressions: list[LabelSelectorRequirement]


@deferred(STRICT)
class NodeSelectorTerm(TypedDict, total=False):
    """A null or empty node selector term matches no objects."""

    matchExpressions: list[NodeSelectorRequirement]
    matchFields: list[NodeSelectorRequirement]


@deferred(STRICT)
class PodDNSConfig(TypedDict, total=False):
    """PodDNSConfig defines the DNS parameters of a pod in addition to those generated from DNSPolicy."""

    nameservers: list[str]
    searches: list[str]
    options: list[PodDNSConfigOption]


@deferred(STRICT)
class SecurityContext(TypedDict, total=False):
    """SecurityContext holds security configuration that will be applied to a container."""

    allowPrivilegeEscalation: bool
    appArmorProfile: AppArmorProfile
    capabilities: Capabilities
    privileged: bool
    procMount: Literal["Default", "Unmasked"]
    readOnlyRootFilesystem: bool
    runAsGroup: UserId
    runAsNonRoot: bool
    runAsUser: UserId
    seLinuxOptions: SELinuxOptions
    seccompProfile: SeccompProfile


@deferred(STRICT)
class PodSecurityContext(TypedDict, total=False):
    """PodSecurityContext holds pod-level security attributes and common container settings."""

    appArmorProfile: AppArmorProfile
    fsGroup: UserId
    fsGroupChangePolicy: Literal["OnRootMismatch", "Always"]
    runAsGroup: UserId
    runAsNonRoot: bool
    runAsUser: UserId
    seLinuxChangePolicy: Literal["MountOption", "Recursive"]
    seLinuxOptions: SELinuxOptions
    seccompProfile: SeccompProfile
    supplementalGroups: list[UserId]
    supplementalGroupsPolicy: Literal["Merge", "Strict"]
    sysctls: list[Sysctl]


@deferred(STRICT)
class DownwardAPIProjection(TypedDict, total=False):
    """Represents downward API info for projecting into a projected volume."""

    items: list[DownwardAPIVolumeFile]


@deferred(STRICT)
class DownwardAPIVolumeSource(TypedDict, total=False):
    """DownwardAPIVolumeSource represents a volume containing downward API info."""

    defaultMode: Mode
    items: list[DownwardAPIVolumeFile]


@deferred(STRICT)
class EnvVar(TypedDict, total=False):
    """EnvVar represents an environment variable present in a Container."""

    name: Required[EnvName]
    value: ScalarText
    valueFrom: Annotated[EnvVarSource, ONE_KEY]


@deferred(STRICT)
class HorizontalPodAutoscalerBehavior(TypedDict, total=False):
    """HorizontalPodAutoscalerBehavior configures the scaling behavior of the target in both Up and Down directions
    (scaleUp and scaleDown fields respectively).
    """

    scaleUp: HPAScalingRules
    scaleDown: HPAScalingRules


@deferred(STRICT)
class LifecycleHandler(TypedDict, total=False):
    """LifecycleHandler defines a specific action that should be taken in a lifecycle hook."""

    exec: ExecAction
    httpGet: HTTPGetAction
    sleep: SleepAction
    tcpSocket: TCPSocketAction


@deferred(STRICT)
class Probe(TypedDict, total=False):
    """Probe describes a health check to be performed against a container to determine whether it is alive or ready
    to receive traffic.
    """

    exec: ExecAction
    httpGet: HTTPGetAction
    tcpSocket: TCPSocketAction
    grpc: GRPCAction
    initialDelaySeconds: NotNegative
    periodSeconds: Positive
    timeoutSeconds: Positive
    successThreshold: Positive
    failureThreshold: Positive
    terminationGracePeriodSeconds: Positive


@deferred(STRICT)
class NetworkPolicyPeer(TypedDict, total=False):
    """NetworkPolicyPeer describes a peer to allow traffic to/from."""

    ipBlock: IPBlock
    namespaceSelector: LabelSelector
    podSelector: LabelSelector


@deferred(STRICT)
class PodAffinityTerm(TypedDict, total=False):
    """Defines a set of pods (namely those matching the labelSelector relative to the given namespace(s)) that this
    pod should be co-located (affinity) or not co-located (anti-affinity) with, where co-located is defined as
    running on a node whose value of the label with key <topologyKey> matches that of any node on which a pod of
    the set of pods is running.
    """

    topologyKey: Required[str]
    labelSelector: LabelSelector
    namespaceSelector: LabelSelector
    namespaces: list[str]
    matchLabelKeys: list[str]
    mismatchLabelKeys: list[str]


@deferred(STRICT)
class TopologySpreadConstraint(TypedDict, total=False):
    """TopologySpreadConstraint specifies how to spread matching pods among the given topology."""

    maxSkew: Required[Positive]
    topologyKey: Required[str]
    whenUnsatisfiable: Required[Literal["DoNotSchedule", "ScheduleAnyway"]]
    labelSelector: LabelSelector
    matchLabelKeys: list[str]
    minDomains: Positive
    nodeAffinityPolicy: Literal["Honor", "Ignore"]
    nodeTaintsPolicy: Literal["Honor", "Ignore"]


@deferred(STRICT)
class NodeSelector(TypedDict, total=False):
    """A node selector represents the union of the results of one or more label queries over a set of nodes; that is,
    it represents the OR of the selectors represented by the node selector terms.
    """

    nodeSelectorTerms: Required[list[NodeSelectorTerm]]


@deferred(STRICT)
class PreferredSchedulingTerm(TypedDict, total=False):
    """An empty preferred scheduling term matches all objects with implicit weight 0 (i.e. it's a no-op)."""

    weight: Required[Weight]
    preference: Required[NodeSelectorTerm]


@deferred(STRICT)
class VolumeProjection(TypedDict, total=False):
    """Projection that may be projected along with other supported volume types."""

    clusterTrustBundle: KubernetesFields
    configMap: ConfigMapProjection
    downwardAPI: DownwardAPIProjection
    podCertificate: KubernetesFields
    secret: SecretProjection
    serviceAccountToken: ServiceAccountTokenProjection


@deferred(STRICT)
class Lifecycle(TypedDict, total=False):
    """Lifecycle describes actions that the management system should take in response to container lifecycle events."""

    postStart: Annotated[LifecycleHandler, ONE_KEY]
    preStop: Annotated[LifecycleHandler, ONE_KEY]


@deferred(STRICT)
class WeightedPodAffinityTerm(TypedDict, total=False):
    """The weights of all of the matched WeightedPodAffinityTerm fields are added per-node to find the most preferred
    node(s).
    """

    weight: Required[Weight]
    podAffinityTerm: Required[PodAffinityTerm]


@deferred(STRICT)
class NodeAffinity(TypedDict, total=False):
    """Node affinity is a group of node affinity scheduling rules."""

    requiredDuringSchedulingIgnoredDuringExecution: NodeSelector
    preferredDuringSchedulingIgnoredDuringExecution: list[PreferredSchedulingTerm]


@deferred(STRICT)
class ProjectedVolumeSource(TypedDict, total=False):
    """Represents a projected volume source."""

    defaultMode: Mode
    sources: list[Annotated[VolumeProjection, ONE_KEY]]


@deferred(STRICT)
class Container(TypedDict, total=False):
    """A single application container that you want to run within a pod."""

    name: Required[DnsLabel]
    image: Required[ImageReference]
    imagePullPolicy: Literal["Always", "IfNotPresent", "Never"]
    command: list[str]
    args: list[str]
    workingDir: AbsolutePath
    ports: list[ContainerPort]
    env: list[EnvVar]
    envFrom: list[EnvFromSource]
    volumeMounts: list[VolumeMount]
    volumeDevices: list[VolumeDevice]
    resources: ResourceRequirements
    resizePolicy: list[ContainerResizePolicy]
    restartPolicy: Literal["Always"]
    livenessProbe: Probe
    readinessProbe: Probe
    startupProbe: Probe
    lifecycle: Lifecycle
    securityContext: SecurityContext
    stdin: bool
    stdinOnce: bool
    terminationMessagePath: str
    terminationMessagePolicy: Literal["File", "FallbackToLogsOnError"]
    tty: bool


@deferred(STRICT)
class PodAffinity(TypedDict, total=False):
    """Pod affinity is a group of inter pod affinity scheduling rules."""

    requiredDuringSchedulingIgnoredDuringExecution: list[PodAffinityTerm]
    preferredDuringSchedulingIgnoredDuringExecution: list[WeightedPodAffinityTerm]


@deferred(STRICT)
class PodAntiAffinity(TypedDict, total=False):
    """Pod anti affinity is a group of inter pod anti affinity scheduling rules."""

    requiredDuringSchedulingIgnoredDuringExecution: list[PodAffinityTerm]
    preferredDuringSchedulingIgnoredDuringExecution: list[WeightedPodAffinityTerm]


@deferred(STRICT)
class VolumeSource(TypedDict, total=False):
    """Volume represents a named volume in a pod that may be accessed by any container in the pod."""

    configMap: ConfigMapVolumeSource
    secret: SecretVolumeSource
    emptyDir: EmptyDirVolumeSource
    persistentVolumeClaim: PersistentVolumeClaimVolumeSource
    hostPath: HostPathVolumeSource
    nfs: NFSVolumeSource
    projected: ProjectedVolumeSource
    awsElasticBlockStore: KubernetesFields
    azureDisk: KubernetesFields
    azureFile: KubernetesFields
    cephfs: KubernetesFields
    cinder: KubernetesFields
    csi: CSIVolumeSource
    downwardAPI: DownwardAPIVolumeSource
    ephemeral: KubernetesFields
    fc: KubernetesFields
    flexVolume: KubernetesFields
    gcePersistentDisk: KubernetesFields
    glusterfs: KubernetesFields
    image: ImageVolumeSource
    iscsi: KubernetesFields
    portworxVolume: KubernetesFields
    rbd: KubernetesFields
    vsphereVolume: KubernetesFields


@deferred(STRICT)
class Affinity(TypedDict, total=False):
    """Affinity is a group of affinity scheduling rules."""

    nodeAffinity: NodeAffinity
    podAffinity: PodAffinity
    podAntiAffinity: PodAntiAffinity
