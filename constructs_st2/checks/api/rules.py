"""What the API server wants of each type, a rule a line.

The source is the function in pkg/apis/GROUP/validation/validation.go of Kubernetes v1.36, of the group core where none
is named, of k8s.io/apimachinery/pkg/apis/meta/v1/validation (meta), or of the kubelet in pkg/kubelet/kuberuntime.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from constructs_st2.checks.api import forms, judges
from constructs_st2.checks.api.structure import ROOTS, STRUCTURE
from constructs_st2.checks.api.walk import LIST, ONE, Form, Judge, Type

__all__ = ["COMPILED", "FIELDS", "ROOTS", "WHOLES"]


class Field(NamedTuple):
    """A form that a field has in some types."""

    types: str
    field: str
    form: Form
    source: str


class Whole(NamedTuple):
    """What holds of the fields of some types together."""

    types: str
    judge: Judge
    source: str


_BOTH = "Container InitContainer"
_PROBES = "LivenessProbe ReadinessProbe StartupProbe"
_BINDINGS = "ClusterRoleBinding RoleBinding"
_ITEMS = "ConfigMapVolumeSource SecretVolumeSource ProjectedVolumeSource DownwardAPIVolumeSource"
_SELECTING = "DaemonSetSpec DeploymentSpec ReplicaSetSpec StatefulSetSpec"
_SCALED = "DeploymentSpec ReplicaSetSpec StatefulSetSpec"
_EXPRESSIONS = "LabelSelectorRequirement NodeSelectorRequirement PreferredNodeSelectorRequirement"
_OF_NODES = "NodeSelectorRequirement PreferredNodeSelectorRequirement"
_CONTEXTS = "PodSecurityContext SecurityContext"
_PULL = forms.one_of("Always", "IfNotPresent", "Never")
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
_PROTOCOL = forms.one_of("TCP", "UDP", "SCTP")
_HONOR = forms.one_of("Honor", "Ignore")
_RETAIN = forms.one_of("Retain", "Delete")

FIELDS: tuple[Field, ...] = (
    # --- pods
    Field("PodSpec", "nodeSelector", forms.labels, "ValidatePodSpec"),
    Field("PodSpec", "serviceAccountName", forms.dns_subdomain, "ValidatePodSpec"),
    Field("PodSpec", "priorityClassName", forms.dns_subdomain, "ValidatePodSpec"),
    Field("PodSpec", "runtimeClassName", forms.dns_subdomain, "ValidateRuntimeClassName"),
    Field("PodSpec", "nodeName", forms.dns_subdomain, "ValidatePodSpec"),
    Field("PodSpec", "hostname", forms.dns_label, "ValidatePodSpec"),
    Field("PodSpec", "subdomain", forms.dns_label, "ValidatePodSpec"),
    Field("PodSpec", "activeDeadlineSeconds", forms.number(1, 2**31 - 1), "ValidatePodSpec"),
    Field("PodSpec", "restartPolicy", forms.one_of("Always", "OnFailure", "Never"), "validateRestartPolicy"),
    Field("PodSpec", "preemptionPolicy", forms.one_of("PreemptLowerPriority", "Never"), "ValidatePreemptionPolicy"),
    Field(
        "PodSpec",
        "dnsPolicy",
        forms.one_of("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
        "validateDNSPolicy",
    ),
    Field("PodDNSConfig", "nameservers", forms.at_most(3), "validatePodDNSConfig"),
    Field("PodDNSConfig", "nameservers", forms.every(forms.address), "validatePodDNSConfig"),
    Field("PodDNSConfig", "searches", forms.at_most(32), "validatePodDNSConfig"),
    Field("PodDNSConfig", "searches", forms.characters(2048), "validatePodDNSConfig"),
    Field("PodDNSConfig", "searches", forms.every(forms.search_domain), "validatePodDNSConfig"),
    Field("HostAlias", "ip", forms.address, "ValidateHostAliases"),
    Field("HostAlias", "hostnames", forms.every(forms.dns_subdomain), "ValidateHostAliases"),
    Field("PodReadinessGate", "conditionType", forms.label_key, "validateReadinessGates"),
    Field("PodSchedulingGate", "name", forms.label_key, "validateSchedulingGates"),
    Field("PodOS", "name", forms.one_of("linux", "windows"), "validateOS"),
    Field("PodResourceClaim", "name", forms.dns_label, "validatePodResourceClaims"),
    Field("PodSecurityContext", "fsGroup", forms.identifier, "validatePodSpecSecurityContext"),
    Field("PodSecurityContext", "supplementalGroups", forms.every(forms.identifier), "validatePodSpecSecurityContext"),
    Field(
        "PodSecurityContext",
        "fsGroupChangePolicy",
        forms.one_of("Always", "OnRootMismatch"),
        "validateFSGroupChangePolicy",
    ),
    Field(
        "PodSecurityContext",
        "supplementalGroupsPolicy",
        forms.one_of("Merge", "Strict"),
        "validateSupplementalGroupsPolicy",
    ),
    Field(
        "PodSecurityContext",
        "seLinuxChangePolicy",
        forms.one_of("Recursive"),
        "validateSELinuxChangePolicy",
    ),
    Field(_CONTEXTS, "runAsUser", forms.identifier, "ValidateSecurityContext"),
    Field(_CONTEXTS, "runAsGroup", forms.identifier, "ValidateSecurityContext"),
    Field("SecurityContext", "procMount", forms.one_of("Default", "Unmasked"), "ValidateProcMountType"),
    Field(
        "SeccompProfile",
        "type",
        forms.one_of("Localhost", "RuntimeDefault", "Unconfined"),
        "validateSeccompProfileType",
    ),
    Field(
        "AppArmorProfile",
        "type",
        forms.one_of("Localhost", "RuntimeDefault", "Unconfined"),
        "ValidateAppArmorProfileField",
    ),
    Field("Sysctl", "name", forms.sysctl_name, "validateSysctls"),
    # --- scheduling
    Field("Toleration", "operator", forms.one_of("Equal", "Exists", "Lt", "Gt", ""), "ValidateTolerations"),
    Field("Toleration", "key", forms.unless_empty(forms.label_key), "ValidateTolerations"),
    Field(
        "Toleration", "effect", forms.one_of("NoSchedule", "PreferNoSchedule", "NoExecute", ""), "validateTaintEffect"
    ),
    Field("TopologySpreadConstraint", "maxSkew", forms.positive, "validateTopologySpreadConstraints"),
    Field("TopologySpreadConstraint", "minDomains", forms.positive, "validateMinDomains"),
    Field(
        "TopologySpreadConstraint",
        "whenUnsatisfiable",
        forms.one_of("DoNotSchedule", "ScheduleAnyway"),
        "ValidateWhenUnsatisfiable",
    ),
    Field("TopologySpreadConstraint", "nodeAffinityPolicy", _HONOR, "validateNodeInclusionPolicy"),
    Field("TopologySpreadConstraint", "nodeTaintsPolicy", _HONOR, "validateNodeInclusionPolicy"),
    Field("PreferredSchedulingTerm", "weight", forms.number(1, 100), "ValidatePreferredSchedulingTerms"),
    Field("WeightedPodAffinityTerm", "weight", forms.number(1, 100), "validateWeightedPodAffinityTerms"),
    Field("PodAffinityTerm", "topologyKey", forms.label_key, "validatePodAffinityTerm"),
    Field("PodAffinityTerm", "namespaces", forms.every(forms.dns_label), "validatePodAffinityTerm"),
    Field(_EXPRESSIONS, "key", forms.label_key, "ValidateNodeSelectorRequirement"),
    Field("LabelSelectorRequirement", "operator", forms.one_of(*_OPERATORS), "meta.ValidateLabelSelectorRequirement"),
    Field(
        "LabelSelectorRequirement", "values", forms.every(forms.label_value), "meta.ValidateLabelSelectorRequirement"
    ),
    Field("LabelSelector", "matchLabels", forms.labels, "meta.ValidateLabelSelector"),
    Field(_OF_NODES, "operator", forms.one_of(*_OPERATORS, "Gt", "Lt"), "ValidateNodeSelectorRequirement"),
    Field("NodeSelectorRequirement", "values", forms.every(forms.label_value), "ValidateNodeSelectorRequirement"),
    Field(
        "NodeFieldSelectorRequirement", "operator", forms.one_of("In", "NotIn"), "ValidateNodeFieldSelectorRequirement"
    ),
    Field("NodeFieldSelectorRequirement", "key", forms.one_of("metadata.name"), "ValidateNodeFieldSelectorRequirement"),
    Field(
        "NodeFieldSelectorRequirement",
        "values",
        forms.every(forms.dns_subdomain),
        "ValidateNodeFieldSelectorRequirement",
    ),
    # --- containers
    Field(_BOTH, "imagePullPolicy", _PULL, "validatePullPolicy"),
    Field(_BOTH, "terminationMessagePolicy", forms.one_of("File", "FallbackToLogsOnError"), "validateContainerCommon"),
    Field("ContainerPort", "containerPort", forms.port_number, "validateContainerPorts"),
    Field("ContainerPort", "hostPort", forms.number(0, 65535), "validateContainerPorts"),
    Field("ContainerPort", "protocol", _PROTOCOL, "validateContainerPorts"),
    Field("ContainerResizePolicy", "resourceName", forms.one_of("cpu", "memory"), "validateResizePolicy"),
    Field(
        "ContainerResizePolicy",
        "restartPolicy",
        forms.one_of("NotRequired", "RestartContainer"),
        "validateResizePolicy",
    ),
    Field("KeySelector", "key", forms.config_key, "validateSecretKeySelector"),
    Field("EnvFromSource", "prefix", forms.unless_empty(forms.env_name), "ValidateEnvFrom"),
    Field("VolumeMount", "subPath", forms.descending, "ValidateVolumeMounts"),
    Field("VolumeMount", "subPathExpr", forms.descending, "ValidateVolumeMounts"),
    Field(
        "VolumeMount",
        "mountPropagation",
        forms.one_of("None", "HostToContainer", "Bidirectional"),
        "validateMountPropagation",
    ),
    Field(
        "VolumeMount",
        "recursiveReadOnly",
        forms.one_of("Disabled", "IfPossible", "Enabled"),
        "validateMountRecursiveReadOnly",
    ),
    Field("VolumeDevice", "devicePath", forms.no_backsteps, "ValidateVolumeDevices"),
    Field(_PROBES, "initialDelaySeconds", forms.not_negative, "validateProbe"),
    Field(_PROBES, "timeoutSeconds", forms.not_negative, "validateProbe"),
    Field(_PROBES, "periodSeconds", forms.not_negative, "validateProbe"),
    Field(_PROBES, "failureThreshold", forms.not_negative, "validateProbe"),
    Field(_PROBES, "terminationGracePeriodSeconds", forms.positive, "validateProbe"),
    Field("ReadinessProbe", "successThreshold", forms.not_negative, "validateProbe"),
    Field("LivenessProbe StartupProbe", "successThreshold", forms.number(0, 1), "validateLivenessProbe"),
    Field("ReadinessProbe", "terminationGracePeriodSeconds", forms.nothing, "validateReadinessProbe"),
    Field("HTTPGetAction", "port", forms.port, "validateHTTPGetAction"),
    Field("HTTPGetAction", "scheme", forms.one_of("HTTP", "HTTPS"), "validateHTTPGetAction"),
    Field("HTTPHeader", "name", forms.header_name, "validateHTTPGetAction"),
    Field("TCPSocketAction", "port", forms.port, "validateTCPSocketAction"),
    Field("GRPCAction", "port", forms.port_number, "validateGRPCAction"),
    # --- volumes
    Field(
        "AWSElasticBlockStoreVolumeSource",
        "partition",
        forms.number(0, 255),
        "validateAWSElasticBlockStoreVolumeSource",
    ),
    Field("GCEPersistentDiskVolumeSource", "partition", forms.number(0, 255), "validateGCEPersistentDiskVolumeSource"),
    Field("ISCSIVolumeSource", "iqn", forms.iscsi_name, "validateISCSIVolumeSource"),
    Field("ISCSIVolumeSource", "lun", forms.number(0, 255), "validateISCSIVolumeSource"),
    Field("FCVolumeSource", "lun", forms.number(0, 255), "validateFCVolumeSource"),
    Field("CSIVolumeSource", "driver", forms.csi_driver, "ValidateCSIDriverName"),
    Field(_ITEMS, "defaultMode", forms.file_mode, "validateSecretVolumeSource"),
    Field("DownwardAPIVolumeFile", "mode", forms.file_mode, "validateDownwardAPIVolumeFile"),
    Field("DownwardAPIVolumeFile", "path", forms.descending_not_reserved, "validateDownwardAPIVolumeFile"),
    Field("EmptyDirVolumeSource", "sizeLimit", forms.quantity, "validateVolumeSource"),
    Field(
        "HostPathVolumeSource",
        "type",
        forms.one_of(
            "", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"
        ),
        "validateHostPathType",
    ),
    Field("HostPathVolumeSource", "path", forms.no_backsteps, "validateHostPathVolumeSource"),
    Field("ImageVolumeSource", "pullPolicy", _PULL, "validateImageVolumeSource"),
    Field("KeyToPath", "mode", forms.file_mode, "validateKeyToPath"),
    Field("KeyToPath", "path", forms.descending_not_reserved, "validateKeyToPath"),
    Field("NFSVolumeSource", "path", forms.absolute, "validateNFSVolumeSource"),
    Field("ServiceAccountTokenProjection", "expirationSeconds", forms.number(600, 2**32), "validateProjectionSources"),
    Field("ServiceAccountTokenProjection", "path", forms.descending_not_reserved, "validateProjectionSources"),
    Field(
        "ClaimSpec",
        "accessModes",
        forms.every(forms.one_of("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")),
        "ValidatePersistentVolumeClaimSpec",
    ),
    Field("ClaimSpec", "volumeMode", forms.one_of("Block", "Filesystem"), "ValidatePersistentVolumeClaimSpec"),
    Field("ClaimSpec", "storageClassName", forms.unless_empty(forms.dns_subdomain), "ValidateClassName"),
    Field(
        "ClaimSpec",
        "volumeAttributesClassName",
        forms.unless_empty(forms.dns_subdomain),
        "ValidateClassName",
    ),
    Field(
        "PersistentVolumeSpec",
        "accessModes",
        forms.every(forms.one_of("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")),
        "ValidatePersistentVolumeSpec",
    ),
    Field(
        "PersistentVolumeSpec",
        "persistentVolumeReclaimPolicy",
        forms.one_of("Delete", "Recycle", "Retain"),
        "ValidatePersistentVolumeSpec",
    ),
    Field("PersistentVolumeSpec", "volumeMode", forms.one_of("Block", "Filesystem"), "ValidatePersistentVolumeSpec"),
    Field(
        "PersistentVolumeSpec",
        "storageClassName",
        forms.unless_empty(forms.dns_subdomain),
        "ValidateClassName",
    ),
    Field("StorageClass", "provisioner", forms.qualified_small, "storage.validateProvisioner"),
    Field("StorageClass", "reclaimPolicy", _RETAIN, "storage.validateReclaimPolicy"),
    Field(
        "StorageClass",
        "volumeBindingMode",
        forms.one_of("Immediate", "WaitForFirstConsumer"),
        "storage.validateVolumeBindingMode",
    ),
    # --- Services
    Field("EndpointSlice", "addressType", forms.one_of("IPv4", "IPv6", "FQDN"), "discovery.validateAddressType"),
    Field("EndpointPort", "protocol", _PROTOCOL, "discovery.validatePorts"),
    Field(
        "ServiceSpec", "type", forms.one_of("ClusterIP", "ExternalName", "LoadBalancer", "NodePort"), "validateService"
    ),
    Field("ServiceSpec", "selector", forms.labels, "validateService"),
    Field("ServiceSpec", "sessionAffinity", forms.one_of("ClientIP", "None"), "validateService"),
    Field("ServiceSpec", "loadBalancerSourceRanges", forms.every(forms.padded_cidr), "validateService"),
    Field("ServiceSpec", "loadBalancerClass", forms.label_key, "validateLoadBalancerClassField"),
    Field(
        "ServiceSpec", "externalTrafficPolicy", forms.one_of("Cluster", "Local"), "validateServiceExternalTrafficPolicy"
    ),
    Field(
        "ServiceSpec",
        "internalTrafficPolicy",
        forms.one_of("Cluster", "Local"),
        "validateServiceInternalTrafficFieldsValue",
    ),
    Field(
        "ServiceSpec",
        "trafficDistribution",
        forms.one_of("PreferClose", "PreferSameNode", "PreferSameZone"),
        "validateServiceTrafficDistribution",
    ),
    Field(
        "ServiceSpec", "ipFamilies", forms.every(forms.one_of("IPv4", "IPv6")), "ValidateServiceClusterIPsRelatedFields"
    ),
    Field(
        "ServiceSpec",
        "ipFamilyPolicy",
        forms.one_of("PreferDualStack", "RequireDualStack", "SingleStack"),
        "ValidateServiceClusterIPsRelatedFields",
    ),
    Field("ServiceSpec", "clusterIPs", forms.at_most(2), "ValidateServiceClusterIPsRelatedFields"),
    Field("ServicePort", "name", forms.dns_label, "validateServicePort"),
    Field("ServicePort", "port", forms.port_number, "validateServicePort"),
    Field("ServicePort", "nodePort", forms.number(0, 65535), "validateServicePort"),
    Field("ServicePort", "protocol", _PROTOCOL, "validateServicePort"),
    Field("ServicePort", "targetPort", forms.port, "validateServicePort"),
    Field("ServicePort", "appProtocol", forms.label_key, "validateServicePort"),
    # --- Ingress and network policies
    Field("IngressSpec", "ingressClassName", forms.dns_subdomain, "networking.ValidateIngressSpec"),
    Field("IngressClassSpec", "controller", forms.controller, "networking.validateIngressClassSpec"),
    Field("IngressRule", "host", forms.host, "networking.validateIngressRules"),
    Field("IngressTLS", "hosts", forms.every(forms.tls_host), "networking.validateIngressTLS"),
    Field(
        "IngressTLS",
        "secretName",
        forms.unless_empty(forms.dns_subdomain),
        "networking.validateTLSSecretName",
    ),
    Field(
        "HTTPIngressPath",
        "pathType",
        forms.one_of("Exact", "ImplementationSpecific", "Prefix"),
        "networking.validateHTTPIngressPath",
    ),
    Field("IngressServiceBackend", "name", forms.dns_label, "networking.validateIngressBackend"),
    Field("ServiceBackendPort", "name", forms.port_name, "networking.validateIngressBackend"),
    Field("ServiceBackendPort", "number", forms.port_number, "networking.validateIngressBackend"),
    Field("IPBlock", "cidr", forms.cidr, "networking.ValidateIPBlock"),
    Field("NetworkPolicyPort", "port", forms.port, "networking.ValidateNetworkPolicyPort"),
    Field("NetworkPolicyPort", "endPort", forms.port_number, "networking.ValidateNetworkPolicyPort"),
    Field("NetworkPolicyPort", "protocol", _PROTOCOL, "networking.ValidateNetworkPolicyPort"),
    Field(
        "NetworkPolicySpec",
        "policyTypes",
        forms.every(forms.one_of("Ingress", "Egress")),
        "networking.ValidateNetworkPolicySpec",
    ),
    # --- workloads and what scales them
    Field(f"{_SCALED} DaemonSetSpec", "minReadySeconds", forms.not_negative, "apps.ValidateDeploymentSpec"),
    Field(_SCALED, "replicas", forms.not_negative, "apps.ValidateDeploymentSpec"),
    Field("DaemonSetSpec DeploymentSpec", "revisionHistoryLimit", forms.not_negative, "apps.ValidateDeploymentSpec"),
    Field("DeploymentSpec", "progressDeadlineSeconds", forms.not_negative, "apps.ValidateDeploymentSpec"),
    Field("DeploymentStrategy", "type", forms.one_of("Recreate", "RollingUpdate"), "apps.ValidateDeploymentStrategy"),
    Field("RollingUpdate", "maxUnavailable", forms.count_or_percent, "apps.ValidateRollingUpdateDeployment"),
    Field("RollingUpdate", "maxSurge", forms.surge, "apps.ValidateRollingUpdateDeployment"),
    Field("RollingUpdate", "partition", forms.not_negative, "apps.validateRollingUpdateStatefulSet"),
    Field(
        "StatefulSetSpec",
        "podManagementPolicy",
        forms.one_of("OrderedReady", "Parallel"),
        "apps.ValidateStatefulSetSpec",
    ),
    Field(
        "StatefulSetSpec",
        "serviceName",
        forms.unless_empty(forms.dns_label),
        "apps.ValidateStatefulSetSpec",
    ),
    Field(
        "StatefulSetUpdateStrategy DaemonSetUpdateStrategy",
        "type",
        forms.one_of("OnDelete", "RollingUpdate"),
        "apps.ValidateStatefulSetSpec",
    ),
    Field("ClaimRetentionPolicy", "whenDeleted", _RETAIN, "apps.ValidatePersistentVolumeClaimRetentionPolicy"),
    Field("ClaimRetentionPolicy", "whenScaled", _RETAIN, "apps.ValidatePersistentVolumeClaimRetentionPolicy"),
    Field("JobSpec", "parallelism", forms.not_negative, "batch.validateJobSpec"),
    Field("JobSpec", "completions", forms.not_negative, "batch.validateJobSpec"),
    Field("JobSpec", "activeDeadlineSeconds", forms.not_negative, "batch.validateJobSpec"),
    Field("JobSpec", "backoffLimit", forms.not_negative, "batch.validateJobSpec"),
    Field("JobSpec", "ttlSecondsAfterFinished", forms.not_negative, "batch.validateJobSpec"),
    Field("JobSpec", "completionMode", forms.one_of("Indexed", "NonIndexed"), "batch.validateJobSpec"),
    Field("CronJobSpec", "schedule", forms.schedule, "batch.validateScheduleFormat"),
    Field("CronJobSpec", "timeZone", forms.time_zone, "batch.validateTimeZone"),
    Field("CronJobSpec", "startingDeadlineSeconds", forms.not_negative, "batch.validateCronJobSpec"),
    Field(
        "CronJobSpec",
        "concurrencyPolicy",
        forms.one_of("Allow", "Forbid", "Replace"),
        "batch.validateConcurrencyPolicy",
    ),
    Field("CronJobSpec", "successfulJobsHistoryLimit", forms.not_negative, "batch.validateCronJobSpec"),
    Field("CronJobSpec", "failedJobsHistoryLimit", forms.not_negative, "batch.validateCronJobSpec"),
    Field(
        "HorizontalPodAutoscalerSpec", "minReplicas", forms.positive, "autoscaling.validateHorizontalPodAutoscalerSpec"
    ),
    Field(
        "HorizontalPodAutoscalerSpec", "maxReplicas", forms.positive, "autoscaling.validateHorizontalPodAutoscalerSpec"
    ),
    Field("HPAScalingRules", "stabilizationWindowSeconds", forms.number(0, 3600), "autoscaling.validateScalingRules"),
    Field(
        "HPAScalingRules", "selectPolicy", forms.one_of("Max", "Min", "Disabled"), "autoscaling.validateScalingRules"
    ),
    Field("HPAScalingPolicy", "type", forms.one_of("Pods", "Percent"), "autoscaling.validateScalingPolicy"),
    Field("HPAScalingPolicy", "value", forms.positive, "autoscaling.validateScalingPolicy"),
    Field("HPAScalingPolicy", "periodSeconds", forms.number(1, 1800), "autoscaling.validateScalingPolicy"),
    Field("PodDisruptionBudgetSpec", "minAvailable", forms.count_or_percent, "policy.ValidatePodDisruptionBudgetSpec"),
    Field(
        "PodDisruptionBudgetSpec", "maxUnavailable", forms.count_or_percent, "policy.ValidatePodDisruptionBudgetSpec"
    ),
    Field(
        "PodDisruptionBudgetSpec",
        "unhealthyPodEvictionPolicy",
        forms.one_of("AlwaysAllow", "IfHealthyBudget"),
        "policy.ValidatePodDisruptionBudgetSpec",
    ),
    Field(
        "PriorityClass", "preemptionPolicy", forms.one_of("PreemptLowerPriority", "Never"), "ValidatePreemptionPolicy"
    ),
    Field("LeaseSpec", "leaseDurationSeconds", forms.positive, "coordination.ValidateLeaseSpec"),
    Field("LeaseSpec", "leaseTransitions", forms.not_negative, "coordination.ValidateLeaseSpec"),
    Field(
        "ResourceQuotaSpec",
        "scopes",
        forms.every(
            forms.one_of(
                "BestEffort",
                "CrossNamespacePodAffinity",
                "NotBestEffort",
                "NotTerminating",
                "PriorityClass",
                "Terminating",
                "VolumeAttributesClass",
            )
        ),
        "validateResourceQuotaScopes",
    ),
    # --- data
    Field("ConfigMap Secret", "data", forms.a_mapping, "ValidateConfigMap"),
    Field("ConfigMap", "binaryData", forms.a_mapping, "ValidateConfigMap"),
    Field("Secret", "stringData", forms.a_mapping, "ValidateSecret"),
    # --- access
    Field("RoleRef", "apiGroup", forms.one_of("rbac.authorization.k8s.io"), "rbac.ValidateRoleBinding"),
)

WHOLES: tuple[Whole, ...] = (
    # --- pods
    Whole("PodSpec", judges.dns, "validatePodDNSConfig"),
    Whole("PodSpec", judges.spread, "ValidateSpreadConstraintNotRepeat"),
    Whole("PodSpec", judges.host_ports, "checkHostPortConflicts"),
    Whole("PodSpec", judges.sleeps, "validateSleepAction"),
    Whole("PodSpec", judges.host_users, "validateHostUsers"),
    Whole("PodSpec", judges.root, "kubelet.verifyRunAsNonRoot"),
    Whole("PodSpec", judges.sysctls_of_host, "ValidateHostSysctl"),
    Whole("PodSpec", judges.resources_of_pod, "validatePodResources"),
    Whole("PodResources", judges.resources, "validateResourceRequirements"),
    Whole("PodOS", judges.required("name"), "validateOS"),
    Whole("PodSchedulingGate", judges.required("name"), "validateSchedulingGates"),
    Whole(
        "PodResourceClaim",
        judges.exactly_one("resourceClaimName", "resourceClaimTemplateName"),
        "validatePodResourceClaimSource",
    ),
    Whole("PodSpec", judges.name_of_host, "validatePodHostName"),
    Whole("PodSecurityContext", judges.unique("sysctls", "name"), "validateSysctls"),
    Whole("PodDNSConfigOption", judges.required("name"), "validatePodDNSConfig"),
    Whole("LocalObjectReference", judges.required("name"), "validateImagePullSecrets"),
    Whole("HostAlias", judges.required("ip"), "ValidateHostAliases"),
    Whole("SecurityContext", judges.escalation, "ValidateSecurityContext"),
    Whole("SeccompProfile", judges.seccomp, "validateSeccompProfileField"),
    Whole("SeccompProfile", judges.required("type"), "validateSeccompProfileType"),
    Whole("AppArmorProfile", judges.app_armor, "ValidateAppArmorProfileField"),
    Whole("AppArmorProfile", judges.required("type"), "ValidateAppArmorProfileField"),
    Whole("Sysctl", judges.required("name"), "validateSysctls"),
    # --- scheduling
    Whole("Toleration", judges.toleration, "ValidateTolerations"),
    Whole(
        "TopologySpreadConstraint",
        judges.required("maxSkew", "topologyKey", "whenUnsatisfiable"),
        "ValidateTopologyKey",
    ),
    Whole(
        "TopologySpreadConstraint",
        judges.only_with("minDomains", "whenUnsatisfiable", "DoNotSchedule"),
        "validateMinDomains",
    ),
    Whole("TopologySpreadConstraint", judges.label_keys("matchLabelKeys"), "ValidateMatchLabelKeysInTopologySpread"),
    Whole(
        "PodAffinityTerm",
        judges.label_keys("matchLabelKeys", "mismatchLabelKeys"),
        "ValidateMatchLabelKeysAndMismatchLabelKeys",
    ),
    Whole("PodAffinityTerm", judges.required("topologyKey"), "validatePodAffinityTerm"),
    Whole("PreferredSchedulingTerm", judges.present("weight"), "ValidatePreferredSchedulingTerms"),
    Whole("WeightedPodAffinityTerm", judges.present("weight", "podAffinityTerm"), "validateWeightedPodAffinityTerms"),
    Whole("NodeSelector", judges.required("nodeSelectorTerms"), "ValidateNodeSelector"),
    Whole("LabelSelectorRequirement", judges.requirement, "meta.ValidateLabelSelectorRequirement"),
    Whole(_OF_NODES, judges.node_requirement, "ValidateNodeSelectorRequirement"),
    Whole("NodeFieldSelectorRequirement", judges.field_requirement, "ValidateNodeFieldSelectorRequirement"),
    Whole(
        f"{_EXPRESSIONS} NodeFieldSelectorRequirement",
        judges.required("key", "operator"),
        "ValidateNodeSelectorRequirement",
    ),
    # --- containers
    Whole(_BOTH, judges.required("name", "image"), "validateContainerCommon"),
    Whole(_BOTH, judges.unique("ports", "name"), "validateContainerPorts"),
    Whole(_BOTH, judges.unique("resizePolicy", "resourceName"), "validateResizePolicy"),
    Whole(_BOTH, judges.unique("volumeDevices", "name"), "ValidateVolumeDevices"),
    Whole(_BOTH, judges.unique("volumeDevices", "devicePath"), "ValidateVolumeDevices"),
    Whole(_BOTH, judges.devices, "ValidateVolumeDevices"),
    Whole(_BOTH, judges.mount_propagation, "validateMountPropagation"),
    Whole("InitContainer", judges.runs_to_its_end, "validateInitContainers"),
    Whole("ContainerPort", judges.required("containerPort"), "validateContainerPorts"),
    Whole("EnvVar", judges.source_of_variable, "validateEnvVarValueFrom"),
    Whole(
        "EnvVarSource",
        judges.exactly_one("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"),
        "validateEnvVarValueFrom",
    ),
    Whole("KeySelector", judges.required("name", "key"), "validateSecretKeySelector"),
    Whole("FieldSelectorOfEnv", judges.field_path(judges.FIELDS_AS_VARIABLES), "validateObjectFieldSelector"),
    Whole("FieldSelectorOfFile", judges.field_path(judges.FIELDS_AS_FILES), "validateObjectFieldSelector"),
    Whole("FieldSelectorOfEnv FieldSelectorOfFile", judges.required("fieldPath"), "validateObjectFieldSelector"),
    Whole(
        "ResourceFieldSelector ResourceFieldSelectorOfFile",
        judges.resource_field,
        "validateContainerResourceFieldSelector",
    ),
    Whole("ResourceFieldSelector", judges.required("resource"), "validateContainerResourceFieldSelector"),
    Whole(
        "ResourceFieldSelectorOfFile",
        judges.required("containerName", "resource"),
        "validateContainerResourceFieldSelector",
    ),
    Whole("EnvFromSource", judges.exactly_one("configMapRef", "secretRef"), "ValidateEnvFrom"),
    Whole("ResourceRequirements", judges.resources, "validateResourceRequirements"),
    Whole("VolumeMount", judges.required("name", "mountPath"), "ValidateVolumeMounts"),
    Whole("VolumeMount", judges.not_both("subPath", "subPathExpr"), "ValidateVolumeMounts"),
    Whole("VolumeMount", judges.recursive_read_only, "validateMountRecursiveReadOnly"),
    Whole("VolumeDevice", judges.required("name", "devicePath"), "ValidateVolumeDevices"),
    Whole(_PROBES, judges.exactly_one("exec", "httpGet", "tcpSocket", "grpc"), "validateHandler"),
    Whole("LifecycleHandler", judges.exactly_one("exec", "httpGet", "tcpSocket", "sleep"), "validateHandler"),
    Whole("ExecAction", judges.required("command"), "validateExecAction"),
    Whole("HTTPGetAction TCPSocketAction GRPCAction", judges.required("port"), "ValidatePortNumOrName"),
    Whole("HTTPHeader", judges.required("name"), "validateHTTPGetAction"),
    # --- volumes
    Whole("Volume", judges.exactly_one(*STRUCTURE["Volume"]), "validateVolumeSource"),
    Whole("AWSElasticBlockStoreVolumeSource", judges.required("volumeID"), "validateAWSElasticBlockStoreVolumeSource"),
    Whole("AzureDiskVolumeSource", judges.required("diskName", "diskURI"), "validateAzureDisk"),
    Whole("AzureFileVolumeSource", judges.required("secretName", "shareName"), "validateAzureFile"),
    Whole("CephFSVolumeSource", judges.required("monitors"), "validateCephFSVolumeSource"),
    Whole("CinderVolumeSource", judges.required("volumeID"), "validateCinderVolumeSource"),
    Whole("ClaimVolumeSource", judges.required("claimName"), "validatePersistentClaimVolumeSource"),
    Whole("ConfigMapVolumeSource", judges.required("name"), "validateConfigMapVolumeSource"),
    Whole("CSIVolumeSource", judges.required("driver"), "ValidateCSIDriverName"),
    Whole("DownwardAPIVolumeFile", judges.exactly_one("fieldRef", "resourceFieldRef"), "validateDownwardAPIVolumeFile"),
    Whole("DownwardAPIVolumeFile", judges.required("path"), "validateDownwardAPIVolumeFile"),
    Whole("EphemeralVolumeSource", judges.required("volumeClaimTemplate"), "validateEphemeralVolumeSource"),
    Whole("ClaimTemplate", judges.required("spec"), "ValidatePersistentVolumeClaimTemplate"),
    Whole("ClaimTemplate", judges.claim_template, "validatePersistentVolumeClaimTemplateObjectMeta"),
    Whole("FCVolumeSource", judges.fibre_channel, "validateFCVolumeSource"),
    Whole("FlexVolumeSource", judges.required("driver"), "validateFlexVolumeSource"),
    Whole("GCEPersistentDiskVolumeSource", judges.required("pdName"), "validateGCEPersistentDiskVolumeSource"),
    Whole("GlusterfsVolumeSource", judges.required("endpoints", "path"), "validateGlusterfsVolumeSource"),
    Whole("HostPathVolumeSource", judges.required("path"), "validateHostPathVolumeSource"),
    Whole("ISCSIVolumeSource", judges.required("targetPortal", "iqn"), "validateISCSIVolumeSource"),
    Whole("ImageVolumeSource", judges.required("reference"), "validateImageVolumeSource"),
    Whole("KeyToPath", judges.required("key", "path"), "validateKeyToPath"),
    Whole("NFSVolumeSource", judges.required("server", "path"), "validateNFSVolumeSource"),
    Whole("PortworxVolumeSource", judges.required("volumeID"), "validatePortworxVolumeSource"),
    Whole("ProjectedVolumeSource", judges.projected_paths, "validateProjectionSources"),
    Whole("RBDVolumeSource", judges.required("monitors", "image"), "validateRBDVolumeSource"),
    Whole("SecretProjection", judges.required("name"), "validateProjectionSources"),
    Whole("SecretVolumeSource", judges.required("secretName"), "validateSecretVolumeSource"),
    Whole(
        "ServiceAccountTokenProjection",
        judges.required("path"),
        "validateProjectionSources",
    ),
    Whole("VsphereVirtualDiskVolumeSource", judges.required("volumePath"), "validateVsphereVolumeSource"),
    Whole("PersistentVolumeClaim", judges.required("spec"), "ValidatePersistentVolumeClaim"),
    Whole("ClaimSpec", judges.required("accessModes"), "ValidatePersistentVolumeClaimSpec"),
    Whole("ClaimSpec", judges.access_modes, "ValidatePersistentVolumeClaimSpec"),
    Whole("ClaimSpec", judges.claim, "ValidatePersistentVolumeClaimSpec"),
    Whole("ClaimSpec", judges.data_sources, "ValidatePersistentVolumeClaimSpec"),
    Whole("DataSource", judges.required("kind", "name"), "validateDataSource"),
    Whole("DataSource", judges.data_source, "validateDataSource"),
    Whole("PersistentVolumeSpec", judges.required("accessModes"), "ValidatePersistentVolumeSpec"),
    Whole("PersistentVolumeSpec", judges.persistent_volume, "ValidatePersistentVolumeSpec"),
    Whole("StorageClass", judges.required("provisioner"), "storage.validateProvisioner"),
    # --- Services
    Whole("EndpointSlice", judges.required("addressType"), "discovery.validateAddressType"),
    Whole("EndpointSlice", judges.endpoints, "discovery.validateEndpoints"),
    Whole("ServiceSpec", judges.service, "validateService"),
    Whole("ServiceSpec", judges.session_affinity, "validateClientIPAffinityConfig"),
    Whole("ServiceSpec", judges.cluster_addresses, "ValidateServiceClusterIPsRelatedFields"),
    Whole("ServiceSpec", judges.external_addresses, "ValidateEndpointIP"),
    Whole(
        "ServiceSpec", judges.only_with("loadBalancerClass", "type", "LoadBalancer"), "validateLoadBalancerClassField"
    ),
    Whole("ServiceSpec", judges.only_with("loadBalancerSourceRanges", "type", "LoadBalancer"), "validateService"),
    Whole("ServiceSpec", judges.only_with("allocateLoadBalancerNodePorts", "type", "LoadBalancer"), "validateService"),
    Whole("ServiceSpec", judges.unique("ports", "nodePort", "protocol", defaults=(None, "TCP")), "validateService"),
    Whole("ServicePort", judges.required("port"), "validateServicePort"),
    # --- Ingress and network policies
    Whole("IngressClassSpec", judges.required("controller"), "networking.validateIngressClassSpec"),
    Whole("Ingress", judges.ingress_class, "networking.ValidateIngressCreate"),
    Whole("IngressSpec", judges.ingress, "networking.ValidateIngressSpec"),
    Whole("IngressBackend", judges.exactly_one("resource", "service"), "networking.validateIngressBackend"),
    Whole("IngressServiceBackend", judges.required("name", "port"), "networking.validateIngressBackend"),
    Whole("ServiceBackendPort", judges.exactly_one("name", "number"), "networking.validateIngressBackend"),
    Whole("HTTPIngressRuleValue", judges.required("paths"), "networking.validateHTTPIngressRuleValue"),
    Whole("HTTPIngressPath", judges.http_path, "networking.validateHTTPIngressPath"),
    Whole("HTTPIngressPath", judges.required("backend"), "networking.validateIngressBackend"),
    Whole("IPBlock", judges.required("cidr"), "networking.ValidateIPBlock"),
    Whole("IPBlock", judges.address_block, "networking.ValidateIPBlock"),
    Whole("NetworkPolicyPeer", judges.peer, "networking.ValidateNetworkPolicyPeer"),
    Whole("NetworkPolicyPort", judges.port_range, "networking.ValidateNetworkPolicyPort"),
    # --- workloads and what scales them
    Whole(_SELECTING, judges.required("selector", "template"), "apps.ValidateDeploymentSpec"),
    Whole("DeploymentSpec", judges.deadline, "apps.ValidateDeploymentSpec"),
    Whole(
        "DeploymentStrategy",
        judges.only_with("rollingUpdate", "type", "RollingUpdate", default="RollingUpdate"),
        "apps.ValidateDeploymentStrategy",
    ),
    Whole(
        "StatefulSetUpdateStrategy",
        judges.only_with("rollingUpdate", "type", "RollingUpdate", default="RollingUpdate"),
        "apps.ValidateStatefulSetSpec",
    ),
    Whole("RollingUpdate", judges.rolling_update, "apps.ValidateRollingUpdateDeployment"),
    Whole(_SELECTING, judges.template_without("activeDeadlineSeconds"), "apps.ValidatePodTemplateSpecForReplicaSet"),
    Whole(f"{_SELECTING} JobSpec", judges.template_without("ephemeralContainers"), "ValidatePodTemplateSpec"),
    Whole(_SELECTING, judges.restart_policy("Always"), "apps.ValidatePodTemplateSpecForReplicaSet"),
    Whole("JobSpec", judges.restart_policy("OnFailure", "Never"), "batch.validateJobSpec"),
    Whole("JobSpec", judges.indexed, "batch.validateJobSpec"),
    Whole("JobSpec", judges.failure_policy, "batch.validateJobSpec"),
    Whole("CronJobSpec", judges.required("schedule", "jobTemplate"), "batch.validateCronJobSpec"),
    Whole("HorizontalPodAutoscalerSpec", judges.replicas, "autoscaling.validateHorizontalPodAutoscalerSpec"),
    Whole(
        "HorizontalPodAutoscalerSpec",
        judges.required("maxReplicas", "scaleTargetRef"),
        "autoscaling.validateHorizontalPodAutoscalerSpec",
    ),
    Whole(
        "CrossVersionObjectReference",
        judges.required("kind", "name"),
        "autoscaling.ValidateCrossVersionObjectReference",
    ),
    Whole("HPAScalingRules", judges.not_empty("policies"), "autoscaling.validateScalingRules"),
    Whole("HPAScalingPolicy", judges.required("type", "value", "periodSeconds"), "autoscaling.validateScalingPolicy"),
    Whole("MetricSpec", judges.metric, "autoscaling.validateMetricSpec"),
    Whole(
        "PodDisruptionBudgetSpec",
        judges.not_both("minAvailable", "maxUnavailable"),
        "policy.ValidatePodDisruptionBudgetSpec",
    ),
    Whole("PriorityClass", judges.priority, "scheduling.ValidatePriorityClass"),
    Whole("ResourceQuotaSpec", judges.quota, "ValidateResourceQuotaSpec"),
    Whole("LimitRangeItem", judges.required("type"), "ValidateLimitRange"),
    Whole("LimitRangeItem", judges.limit_range, "ValidateLimitRange"),
    # --- access
    Whole("Role", judges.namespaced_urls, "rbac.ValidatePolicyRule"),
    Whole("PolicyRule", judges.policy_rule, "rbac.ValidatePolicyRule"),
    Whole(_BINDINGS, judges.required("roleRef"), "rbac.ValidateRoleBinding"),
    Whole("RoleRef", judges.required("kind", "name"), "rbac.ValidateRoleBinding"),
    Whole("Subject", judges.required("kind", "name"), "rbac.ValidateRoleBindingSubject"),
    Whole("Subject", judges.subject, "rbac.ValidateRoleBindingSubject"),
    Whole("ClusterRoleBinding", judges.namespaces_of_subjects, "rbac.ValidateRoleBindingSubject"),
    # --- data
    Whole("ConfigMap", judges.keys_once("data", "binaryData"), "ValidateConfigMap"),
    Whole("ConfigMap", judges.encoded("binaryData"), "ValidateConfigMap"),
    Whole("Secret", judges.encoded("data"), "ValidateSecret"),
    Whole("Secret", judges.typed_secret, "ValidateSecret"),
)


def _compiled() -> dict[str, Type]:
    """All that is known of each type."""
    types: dict[str, Type] = defaultdict(Type)
    for owner, children in STRUCTURE.items():
        for name, child in children.items():
            many = LIST if child.endswith(LIST) else ONE
            types[owner].fields[name] = ([], types[child.removesuffix(many)], many)
    for field in FIELDS:
        for owner in field.types.split():
            forms_of_field, *_ = types[owner].fields.setdefault(field.field, ([], None, ONE))
            forms_of_field.append(field.form)
    for whole in WHOLES:
        for owner in whole.types.split():
            types[owner].judges.append(whole.judge)
    return dict(types)


COMPILED = _compiled()
"""The types by their names."""
