"""What the description of the API does not say, and which parts of it values have.

The document has neither enumerations nor limits, and calls names optional that must be given: those are told in words,
at https://kubernetes.io/docs/reference/kubernetes-api/ and in the validation of the API server
(pkg/apis/core/validation/validation.go). Keys are ``Definition.field``, or ``.field`` for all definitions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Variant(NamedTuple):
    """A type that is another one without some fields, and with others that may be left out."""

    of: str
    without: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()


ROOTS = (
    "Affinity",
    "Container",
    "HorizontalPodAutoscalerBehavior",
    "HostAlias",
    "NetworkPolicyPeer",
    "PodDNSConfig",
    "PodSecurityContext",
    "Toleration",
    "TopologySpreadConstraint",
)
"""The types that the model uses; what they are made of follows."""

VARIANTS: Mapping[str, Variant] = {
    "VolumeSource": Variant("Volume", without=frozenset({"name"})),
    "VolumeMountOfVolume": Variant("VolumeMount", optional=frozenset({"name"})),
}

GROUPS = ("core.v1", "networking.v1", "autoscaling.v2", "meta.v1")
"""Where definitions are looked for, by the end of what stands before their names."""

_ALPHA = "alpha: off in most clusters, which then drop it in silence"
_GONE = "Kubernetes has removed it"
_WINDOWS = "images of StackStorm are for Linux"

LEFT_OUT: Mapping[str, str] = {
    "Container.restartPolicyRules": _ALPHA,
    "EnvVarSource.fileKeyRef": _ALPHA,
    "HPAScalingRules.tolerance": _ALPHA,
    "Lifecycle.stopSignal": _ALPHA,
    "ResourceRequirements.claims": "needs resourceClaims of the pod, which values do not have",
    "Volume.flocker": _GONE,
    "Volume.gitRepo": _GONE,
    "Volume.photonPersistentDisk": _GONE,
    "Volume.quobyte": _GONE,
    "Volume.scaleIO": _GONE,
    "Volume.storageos": _GONE,
    ".windowsOptions": _WINDOWS,
}
"""Fields that values cannot have, and why."""

OPAQUE = frozenset(
    {
        "AWSElasticBlockStoreVolumeSource",
        "AzureDiskVolumeSource",
        "AzureFileVolumeSource",
        "CephFSVolumeSource",
        "CinderVolumeSource",
        "ClusterTrustBundleProjection",
        "EphemeralVolumeSource",
        "FCVolumeSource",
        "FlexVolumeSource",
        "GCEPersistentDiskVolumeSource",
        "GlusterfsVolumeSource",
        "ISCSIVolumeSource",
        "PodCertificateProjection",
        "PortworxVolumeSource",
        "RBDVolumeSource",
        "VsphereVirtualDiskVolumeSource",
    }
)
"""Rarely used, or deprecated: mappings that only Kubernetes checks, so that nobody pays for their types at each run."""

ONE_OF = frozenset({"EnvVarSource", "LifecycleHandler", "VolumeProjection"})
"""Definitions whose fields exclude each other."""

REQUIRED = frozenset(
    {
        "ConfigMapEnvSource.name",
        "ConfigMapKeySelector.name",
        "ConfigMapProjection.name",
        "ConfigMapVolumeSource.name",
        "Container.image",
        "ExecAction.command",
        "HostAlias.hostnames",
        "LocalObjectReference.name",
        "PodDNSConfigOption.name",
        "SecretEnvSource.name",
        "SecretKeySelector.name",
        "SecretProjection.name",
        "SecretVolumeSource.secretName",
    }
)
"""Fields without which an object is refused or means nothing."""

FIRST: Mapping[str, tuple[str, ...]] = {
    "ConfigMapVolumeSource": ("name", "items"),
    "Container": (
        "name",
        "image",
        "imagePullPolicy",
        "command",
        "args",
        "workingDir",
        "ports",
        "env",
        "envFrom",
        "volumeMounts",
        "volumeDevices",
        "resources",
        "resizePolicy",
        "restartPolicy",
        "livenessProbe",
        "readinessProbe",
        "startupProbe",
        "lifecycle",
    ),
    "ContainerPort": ("name", "containerPort"),
    "HPAScalingPolicy": ("type", "value", "periodSeconds"),
    "HPAScalingRules": ("stabilizationWindowSeconds", "selectPolicy", "policies"),
    "HTTPGetAction": ("path", "port", "scheme"),
    "HorizontalPodAutoscalerBehavior": ("scaleUp", "scaleDown"),
    "HostAlias": ("ip", "hostnames"),
    "LabelSelector": ("matchLabels", "matchExpressions"),
    "NodeAffinity": ("requiredDuringSchedulingIgnoredDuringExecution",),
    "PodAffinity": ("requiredDuringSchedulingIgnoredDuringExecution",),
    "PodAffinityTerm": ("topologyKey", "labelSelector", "namespaceSelector", "namespaces"),
    "PodAntiAffinity": ("requiredDuringSchedulingIgnoredDuringExecution",),
    "PodDNSConfig": ("nameservers", "searches", "options"),
    "PreferredSchedulingTerm": ("weight", "preference"),
    "Probe": (
        "exec",
        "httpGet",
        "tcpSocket",
        "grpc",
        "initialDelaySeconds",
        "periodSeconds",
        "timeoutSeconds",
        "successThreshold",
        "failureThreshold",
    ),
    "ResourceRequirements": ("requests", "limits"),
    "SecretVolumeSource": ("secretName", "items"),
    "Toleration": ("key", "operator", "value", "effect"),
    "TopologySpreadConstraint": ("maxSkew", "topologyKey", "whenUnsatisfiable", "labelSelector"),
    "Volume": ("configMap", "secret", "emptyDir", "persistentVolumeClaim", "hostPath", "nfs", "projected"),
    "VolumeMount": ("name", "mountPath", "subPath", "subPathExpr", "readOnly"),
    "WeightedPodAffinityTerm": ("weight", "podAffinityTerm"),
}
"""Fields that come first, in the manifests and in the reference, as people write them; the description of the API has
them by the alphabet. All others come behind, those first that must be given."""

CHOICES: Mapping[str, tuple[str, ...]] = {
    ".fsGroupChangePolicy": ("OnRootMismatch", "Always"),
    ".imagePullPolicy": ("Always", "IfNotPresent", "Never"),
    ".mountPropagation": ("None", "HostToContainer", "Bidirectional"),
    ".nodeAffinityPolicy": ("Honor", "Ignore"),
    ".nodeTaintsPolicy": ("Honor", "Ignore"),
    ".procMount": ("Default", "Unmasked"),
    ".protocol": ("TCP", "UDP", "SCTP"),
    ".pullPolicy": ("Always", "IfNotPresent", "Never"),
    ".recursiveReadOnly": ("Disabled", "IfPossible", "Enabled"),
    ".scheme": ("HTTP", "HTTPS"),
    ".seLinuxChangePolicy": ("MountOption", "Recursive"),
    ".supplementalGroupsPolicy": ("Merge", "Strict"),
    ".terminationMessagePolicy": ("File", "FallbackToLogsOnError"),
    ".whenUnsatisfiable": ("DoNotSchedule", "ScheduleAnyway"),
    "AppArmorProfile.type": ("RuntimeDefault", "Localhost", "Unconfined"),
    "Container.restartPolicy": ("Always",),
    "ContainerResizePolicy.resourceName": ("cpu", "memory"),
    "ContainerResizePolicy.restartPolicy": ("NotRequired", "RestartContainer"),
    "EmptyDirVolumeSource.medium": ("", "Memory"),
    "HPAScalingPolicy.type": ("Pods", "Percent"),
    "HPAScalingRules.selectPolicy": ("Max", "Min", "Disabled"),
    "HostPathVolumeSource.type": (
        "",
        "DirectoryOrCreate",
        "Directory",
        "FileOrCreate",
        "File",
        "Socket",
        "CharDevice",
        "BlockDevice",
    ),
    "LabelSelectorRequirement.operator": ("In", "NotIn", "Exists", "DoesNotExist"),
    "NodeSelectorRequirement.operator": ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"),
    "ObjectFieldSelector.apiVersion": ("v1",),
    "SeccompProfile.type": ("RuntimeDefault", "Localhost", "Unconfined"),
    "Toleration.effect": ("NoSchedule", "PreferNoSchedule", "NoExecute"),
    "Toleration.operator": ("Exists", "Equal"),
}
"""What fields of text can hold."""

TYPES: Mapping[str, str] = {
    ".containerName": "DnsLabel",
    ".containerPort": "PortNumber",
    ".defaultMode": "Mode",
    ".devicePath": "AbsolutePath",
    ".failureThreshold": "Positive",
    ".fsGroup": "UserId",
    ".hostPort": "PortNumber",
    ".initialDelaySeconds": "NotNegative",
    ".matchLabels": "dict[AnnotationKey, LabelValue]",
    ".maxSkew": "Positive",
    ".minDomains": "Positive",
    ".mode": "Mode",
    ".mountPath": "AbsolutePath",
    ".periodSeconds": "Positive",
    ".runAsGroup": "UserId",
    ".runAsUser": "UserId",
    ".seconds": "NotNegative",
    ".successThreshold": "Positive",
    ".supplementalGroups": "list[UserId]",
    ".terminationGracePeriodSeconds": "Positive",
    ".timeoutSeconds": "Positive",
    ".weight": "Weight",
    ".workingDir": "AbsolutePath",
    "ConfigMapEnvSource.name": "ConfigMapName",
    "ConfigMapKeySelector.name": "ConfigMapName",
    "ConfigMapProjection.name": "ConfigMapName",
    "ConfigMapVolumeSource.name": "ConfigMapName",
    "Container.image": "ImageReference",
    "Container.name": "DnsLabel",
    "ContainerPort.name": "PortName",
    "EnvVar.name": "EnvName",
    "EnvVar.value": "ScalarText",
    "GRPCAction.port": "PortNumber",
    "HPAScalingPolicy.periodSeconds": "ScalingPeriod",
    "HPAScalingPolicy.value": "Positive",
    "HPAScalingRules.policies": "Annotated[list[HPAScalingPolicy], AT_LEAST_ONE]",
    "HPAScalingRules.stabilizationWindowSeconds": "StabilizationWindow",
    "HTTPGetAction.port": "Port",
    "HostPathVolumeSource.path": "AbsolutePath",
    "IPBlock.cidr": "Cidr",
    "IPBlock.except": "list[Cidr]",
    "LocalObjectReference.name": "SecretName",
    "NFSVolumeSource.path": "AbsolutePath",
    "PersistentVolumeClaimVolumeSource.claimName": "ClaimName",
    "PodDNSConfigOption.value": "ScalarText",
    "SecretEnvSource.name": "SecretName",
    "SecretKeySelector.name": "SecretName",
    "SecretProjection.name": "SecretName",
    "SecretVolumeSource.secretName": "SecretName",
    "TCPSocketAction.port": "Port",
    "VolumeDevice.name": "DnsLabel",
    "VolumeMount.name": "DnsLabel",
}
"""Fields of a narrower type than the description says; the types are those of the model."""

SCALARS: Mapping[str, str] = {"string": "str", "integer": "int", "boolean": "bool", "number": "float"}
QUANTITY = "Quantity"
INT_OR_STRING = "int | str"
