"""Objects that together have every type that the rules of the API server speak of, and ways to break each of them."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from constructs_st2.checks.api.structure import ROOTS, STRUCTURE
from constructs_st2.checks.api.walk import LIST
from constructs_st2.kube.documents import Document

NAMESPACE = "stackstorm"
LABELS = {"app": "x"}
SELECTOR: Document = {
    "matchLabels": dict(LABELS),
    "matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["y"]}],
}
CLAIM: Document = {
    "accessModes": ["ReadWriteOnce"],
    "resources": {"requests": {"storage": "1Gi"}},
    "selector": SELECTOR,
    "storageClassName": "fast",
}
_RESOURCES: Document = {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "1", "memory": "32Mi"}}
_PROBE: Document = {
    "httpGet": {"path": "/", "port": 80, "scheme": "HTTP", "httpHeaders": [{"name": "A", "value": "b"}]}
}

CONTAINER: Document = {
    "name": "main",
    "image": "example.org/a:1",
    "imagePullPolicy": "Always",
    "command": ["a"],
    "ports": [{"name": "web", "containerPort": 80, "protocol": "TCP"}, {"name": "two", "containerPort": 81}],
    "env": [
        {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "B", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}}},
        {"name": "C", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
        {"name": "D", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}},
    ],
    "envFrom": [{"configMapRef": {"name": "c"}, "prefix": "P_"}, {"secretRef": {"name": "s"}}],
    "resources": _RESOURCES,
    "resizePolicy": [{"resourceName": "cpu", "restartPolicy": "NotRequired"}],
    "securityContext": {
        "runAsUser": 1,
        "seccompProfile": {"type": "RuntimeDefault"},
        "appArmorProfile": {"type": "RuntimeDefault"},
    },
    "volumeMounts": [{"name": "empty", "mountPath": "/a", "subPath": "b", "readOnly": True}],
    "volumeDevices": [{"name": "claim", "devicePath": "/dev/a"}, {"name": "fresh", "devicePath": "/dev/b"}],
    "lifecycle": {
        "postStart": {"exec": {"command": ["a"]}},
        "preStop": {"httpGet": {"path": "/", "port": "web"}},
    },
    "livenessProbe": {**_PROBE, "successThreshold": 1},
    "readinessProbe": {"grpc": {"port": 80}},
    "startupProbe": {"tcpSocket": {"port": "web"}},
    "terminationMessagePolicy": "File",
}
INIT: Document = {
    "name": "first",
    "image": "example.org/a:1",
    "resizePolicy": [{"resourceName": "cpu", "restartPolicy": "NotRequired"}],
}
_TERM: Document = {"topologyKey": "zone", "labelSelector": SELECTOR, "namespaceSelector": SELECTOR, "namespaces": ["a"]}
_NODES: Document = {
    "matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}],
    "matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a"]}],
}
_ITEMS = [{"key": "a", "path": "b", "mode": 0o400}]
_DOWNWARD = [
    {"path": "c", "fieldRef": {"fieldPath": "metadata.labels['a']"}},
    {"path": "d", "resourceFieldRef": {"containerName": "main", "resource": "requests.memory"}},
]

VOLUMES: Mapping[str, Document] = {
    "aws": {"awsElasticBlockStore": {"volumeID": "a", "partition": 1}},
    "azuredisk": {"azureDisk": {"diskName": "a", "diskURI": "https://b/c"}},
    "azurefile": {"azureFile": {"secretName": "a", "shareName": "b"}},
    "ceph": {"cephfs": {"monitors": ["a"]}},
    "cinder": {"cinder": {"volumeID": "a"}},
    "config": {"configMap": {"name": "c", "items": _ITEMS, "defaultMode": 0o400}},
    "csi": {"csi": {"driver": "a.example.org", "nodePublishSecretRef": {"name": "s"}}},
    "downward": {"downwardAPI": {"items": _DOWNWARD}},
    "empty": {"emptyDir": {"sizeLimit": "1Gi"}},
    # The server takes the source away from a claim that is made by itself, if it is wrong.
    "fresh": {
        "ephemeral": {
            "volumeClaimTemplate": {"spec": {**CLAIM, "dataSource": {"kind": "PersistentVolumeClaim", "name": "a"}}}
        }
    },
    "fc": {"fc": {"targetWWNs": ["a"], "lun": 1}},
    "flex": {"flexVolume": {"driver": "a"}},
    "gce": {"gcePersistentDisk": {"pdName": "a", "partition": 1}},
    "gluster": {"glusterfs": {"endpoints": "a", "path": "b"}},
    "host": {"hostPath": {"path": "/a", "type": "Directory"}},
    "image": {"image": {"reference": "example.org/a:1", "pullPolicy": "Always"}},
    "iscsi": {"iscsi": {"targetPortal": "10.0.0.1", "iqn": "iqn.2001-04.com.example:a", "lun": 1}},
    "nfs": {"nfs": {"server": "a", "path": "/b"}},
    "claim": {"persistentVolumeClaim": {"claimName": "a"}},
    "portworx": {"portworxVolume": {"volumeID": "a"}},
    "projected": {
        "projected": {
            "defaultMode": 0o400,
            "sources": [
                {"secret": {"name": "s", "items": _ITEMS}},
                {"configMap": {"name": "c", "items": [{"key": "a", "path": "e"}]}},
                {"downwardAPI": {"items": _DOWNWARD}},
                {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}},
            ],
        }
    },
    "rbd": {"rbd": {"monitors": ["a"], "image": "b"}},
    "secret": {"secret": {"secretName": "s", "items": _ITEMS, "defaultMode": 0o400}},
    "vsphere": {"vsphereVolume": {"volumePath": "a"}},
}

POD: Document = {
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [_NODES]},
            "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": _NODES}],
        },
        "podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [_TERM]},
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": _TERM}]
        },
    },
    "containers": [CONTAINER],
    "dnsConfig": {"nameservers": ["10.0.0.1"], "searches": ["a.b"], "options": [{"name": "timeout", "value": "1"}]},
    "dnsPolicy": "ClusterFirst",
    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["a"]}],
    "imagePullSecrets": [{"name": "s"}],
    "initContainers": [INIT],
    "nodeSelector": {"a": "b"},
    "os": {"name": "linux"},
    "readinessGates": [{"conditionType": "example.org/a"}],
    "resourceClaims": [{"name": "a", "resourceClaimName": "b"}],
    "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}},
    "schedulingGates": [{"name": "example.org/a"}],
    "securityContext": {
        "fsGroup": 1,
        "seccompProfile": {"type": "RuntimeDefault"},
        "sysctls": [{"name": "net.ipv4.tcp_syncookies", "value": "1"}],
        "supplementalGroups": [1],
    },
    "serviceAccountName": "default",
    "tolerations": [{"key": "a", "operator": "Equal", "value": "b", "effect": "NoSchedule"}],
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": SELECTOR},
        {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": SELECTOR},
    ],
    "volumes": [{"name": name, **source} for name, source in VOLUMES.items()],
}
TEMPLATE: Document = {"metadata": {"labels": dict(LABELS)}, "spec": POD}
SMALL: Document = {"metadata": {"labels": dict(LABELS)}, "spec": {"containers": [{"name": "a", "image": "b"}]}}
RESTRICTED: Document = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "a",
            "image": "b",
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
    ],
}
"""What the namespace lets in."""
JOB: Document = {**SMALL, "spec": {**SMALL["spec"], "restartPolicy": "Never"}}
_WORKLOAD: Document = {"selector": {"matchLabels": dict(LABELS)}, "template": SMALL}
_ROLE_REF = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "a"}
_SUBJECTS = [{"kind": "ServiceAccount", "name": "default", "namespace": NAMESPACE}]
_RULES = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
_BACKEND: Document = {"service": {"name": "a", "port": {"number": 80}}}
_UPDATE = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}}
_PEER: Document = {"podSelector": SELECTOR, "namespaceSelector": SELECTOR}

BASE: tuple[Document, ...] = tuple(
    {
        "apiVersion": f"{group}/{version}" if group else version,
        "kind": kind,
        "metadata": {"name": kind.lower(), "namespace": NAMESPACE},
        **fields,
    }
    for group, version, kind, fields in (
        ("", "v1", "ConfigMap", {"data": {"a": "b"}, "binaryData": {"c": "YQ=="}}),
        (
            "",
            "v1",
            "LimitRange",
            {"spec": {"limits": [{"type": "Container", "max": {"cpu": "2"}, "default": {"cpu": "1"}}]}},
        ),
        ("", "v1", "PersistentVolumeClaim", {"spec": CLAIM}),
        (
            "",
            "v1",
            "PersistentVolume",
            {
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "capacity": {"storage": "1Gi"},
                    "hostPath": {"path": "/a"},
                    "persistentVolumeReclaimPolicy": "Retain",
                }
            },
        ),
        (
            "",
            "v1",
            "ResourceQuota",
            {"spec": {"hard": {"pods": 5, "requests.cpu": "1", "example.org/gpu": 1}, "scopes": ["NotTerminating"]}},
        ),
        ("", "v1", "Secret", {"type": "Opaque", "data": {"a": "YQ=="}}),
        (
            "",
            "v1",
            "Service",
            {
                "spec": {
                    "type": "LoadBalancer",
                    "selector": dict(LABELS),
                    "externalTrafficPolicy": "Local",
                    "loadBalancerClass": "example.org/a",
                    "loadBalancerSourceRanges": ["10.0.0.0/8"],
                    "ports": [
                        {"name": "a", "port": 80, "targetPort": "web", "protocol": "TCP"},
                        {"name": "b", "port": 81},
                    ],
                }
            },
        ),
        ("apps", "v1", "Deployment", {"spec": {**_WORKLOAD, "template": TEMPLATE, "replicas": 1, "strategy": _UPDATE}}),
        ("apps", "v1", "DaemonSet", {"spec": {**_WORKLOAD, "updateStrategy": _UPDATE}}),
        ("apps", "v1", "ReplicaSet", {"spec": _WORKLOAD}),
        (
            "apps",
            "v1",
            "StatefulSet",
            {
                "spec": {
                    **_WORKLOAD,
                    "serviceName": "a",
                    "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Delete"},
                    "ordinals": {"start": 1},
                    "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
                    "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": CLAIM}],
                }
            },
        ),
        (
            "autoscaling",
            "v2",
            "HorizontalPodAutoscaler",
            {
                "spec": {
                    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"},
                    "minReplicas": 1,
                    "maxReplicas": 2,
                    "metrics": [
                        {
                            "type": "Resource",
                            "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 5}},
                        }
                    ],
                    "behavior": {
                        "scaleUp": {
                            "stabilizationWindowSeconds": 5,
                            "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}],
                        }
                    },
                }
            },
        ),
        (
            "batch",
            "v1",
            "CronJob",
            {"spec": {"schedule": "1 2 * * *", "timeZone": "Etc/UTC", "jobTemplate": {"spec": {"template": JOB}}}},
        ),
        ("batch", "v1", "Job", {"spec": {"template": JOB}}),
        (
            "coordination.k8s.io",
            "v1",
            "Lease",
            {"spec": {"holderIdentity": "a", "leaseDurationSeconds": 5, "leaseTransitions": 1}},
        ),
        (
            "discovery.k8s.io",
            "v1",
            "EndpointSlice",
            {
                "addressType": "IPv4",
                "endpoints": [{"addresses": ["10.0.0.1"]}],
                "ports": [{"name": "a", "port": 80, "protocol": "TCP"}],
            },
        ),
        ("networking.k8s.io", "v1", "IngressClass", {"spec": {"controller": "example.org/a"}}),
        (
            "storage.k8s.io",
            "v1",
            "StorageClass",
            {"provisioner": "example.org/A", "reclaimPolicy": "Retain", "volumeBindingMode": "Immediate"},
        ),
        (
            "networking.k8s.io",
            "v1",
            "Ingress",
            {
                "spec": {
                    "ingressClassName": "nginx",
                    "rules": [
                        {
                            "host": "a.example.org",
                            "http": {"paths": [{"path": "/a", "pathType": "Prefix", "backend": _BACKEND}]},
                        }
                    ],
                    "tls": [{"hosts": ["a.example.org"], "secretName": "s"}],
                }
            },
        ),
        (
            "networking.k8s.io",
            "v1",
            "NetworkPolicy",
            {
                "spec": {
                    "podSelector": SELECTOR,
                    "policyTypes": ["Ingress", "Egress"],
                    "ingress": [{"from": [_PEER], "ports": [{"port": 80, "protocol": "TCP"}]}],
                    "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}]}],
                }
            },
        ),
        ("policy", "v1", "PodDisruptionBudget", {"spec": {"maxUnavailable": 1, "selector": SELECTOR}}),
        ("rbac.authorization.k8s.io", "v1", "ClusterRole", {"rules": _RULES}),
        (
            "rbac.authorization.k8s.io",
            "v1",
            "ClusterRoleBinding",
            {"roleRef": {**_ROLE_REF, "kind": "ClusterRole"}, "subjects": _SUBJECTS},
        ),
        ("rbac.authorization.k8s.io", "v1", "Role", {"rules": _RULES}),
        ("rbac.authorization.k8s.io", "v1", "RoleBinding", {"roleRef": _ROLE_REF, "subjects": _SUBJECTS}),
        ("scheduling.k8s.io", "v1", "PriorityClass", {"value": 5}),
        # Last, so that its parts are looked at in the Deployment.
        ("", "v1", "Pod", {"spec": RESTRICTED}),
    )
)

_INTERNAL = dict.fromkeys(("externalTrafficPolicy", "loadBalancerClass", "loadBalancerSourceRanges"))
"""A Service that nobody reaches from outside."""

_OLD_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"

BAD: tuple[Any, ...] = (
    -1,
    2**40,
    "A B",
    "a b/..",
    "//",
    "10.0.0.1/33",
    ["A B"],
    ["a b/.."],
    {"A B": "c"},
    ["a"] * 40,
    ["a" * 2100],
)
"""Values of which each form refuses one for its content."""


def _failure(**codes: Any) -> Document:
    return {"rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [1], **codes}}]}


CHANGES: Mapping[str, tuple[Document, ...]] = {
    "PodSpec": (
        {"dnsPolicy": "None", "dnsConfig": {}},
        {"schedulingGates": [{"name": "example.org/a"}] * 2},
        {"topologySpreadConstraints": [POD["topologySpreadConstraints"][0]] * 2},
        {"containers": [{**CONTAINER, "ports": [{"containerPort": n, "hostPort": 90} for n in (90, 91)]}]},
        {"hostNetwork": True, "containers": [{**CONTAINER, "ports": [{"containerPort": 90, "hostPort": 91}]}]},
        {"containers": [{**CONTAINER, "lifecycle": {"preStop": {"sleep": {"seconds": 31}}}}]},
        {"containers": [{**CONTAINER, "securityContext": {"procMount": "Unmasked"}}]},
        {"containers": [{**CONTAINER, "volumeDevices": [{"name": "empty", "devicePath": "/dev/a"}]}]},
        {"hostAliases": [{"ip": "10.0.0.1", "hostnames": [name]} for name in "ab"]},
        {"hostUsers": False, "hostPID": True},
        {"hostIPC": True, "securityContext": {"sysctls": [{"name": "kernel.shmmax", "value": "1"}]}},
        {"hostNetwork": True, "setHostnameAsFQDN": True, "hostnameOverride": "a"},
        {"resources": {"limits": {"memory": "1Mi"}}},
        {"resources": {"requests": {"cpu": "1m"}}},
        {"resources": {"limits": {"ephemeral-storage": "1Gi"}}},
    ),
    "PodOS": ({"name": None},),
    "PodResources": ({"requests": {"cpu": "2"}, "limits": {"cpu": "1"}},),
    "PodResourceClaim": ({"resourceClaimName": None},),
    "PodSchedulingGate": ({"name": None},),
    "PodSecurityContext": ({"sysctls": [{"name": "a.b", "value": "1"}] * 2},),
    "PodDNSConfigOption": ({"name": None},),
    "LocalObjectReference": ({"name": None},),
    "HostAlias": ({"ip": None},),
    "SecurityContext": (
        {"privileged": True, "allowPrivilegeEscalation": False},
        {"capabilities": {"add": ["CAP_SYS_ADMIN"]}, "allowPrivilegeEscalation": False},
    ),
    "SeccompProfile": ({"type": "Localhost"}, {"localhostProfile": "a"}, {"type": None}),
    "AppArmorProfile": ({"type": "Localhost"}, {"localhostProfile": "a"}, {"type": None}),
    "Sysctl": ({"name": None},),
    "Toleration": (
        {"key": None},
        {"tolerationSeconds": 5},
        {"operator": "Exists"},
        {"value": "a b"},
    ),
    "TopologySpreadConstraint": (
        {"topologyKey": None},
        {"minDomains": 1, "whenUnsatisfiable": "ScheduleAnyway", "topologyKey": "other"},
        {"matchLabelKeys": ["app"]},
        {"matchLabelKeys": ["a"], "labelSelector": None},
    ),
    "PodAffinityTerm": (
        {"matchLabelKeys": ["a"], "mismatchLabelKeys": ["a"]},
        {"mismatchLabelKeys": ["a"], "labelSelector": None},
        {"matchLabelKeys": ["b"], "labelSelector": None},
        {"mismatchLabelKeys": ["a b"]},
        {"topologyKey": None},
    ),
    "PreferredSchedulingTerm": ({"weight": None},),
    "WeightedPodAffinityTerm": ({"weight": None},),
    "NodeSelector": ({"nodeSelectorTerms": []},),
    "LabelSelectorRequirement": ({"values": None}, {"operator": "Exists"}, {"key": None}),
    "NodeSelectorRequirement": ({"values": None}, {"operator": "Gt", "values": ["1", "2"]}, {"operator": "Exists"}),
    "NodeFieldSelectorRequirement": ({"values": ["a", "b"]}, {"key": None}),
    "Container": (
        {"name": None},
        {"image": None},
        {"restartPolicyRules": [{"action": "Restart", "exitCodes": {"operator": "In", "values": [1]}}]},
        {"ports": [{"name": "a", "containerPort": 1}, {"name": "a", "containerPort": 2}]},
        {"resizePolicy": [{"resourceName": "cpu", "restartPolicy": "NotRequired"}] * 2},
        {"volumeDevices": [{"name": "claim", "devicePath": path} for path in ("/a1", "/a2")]},
        {"volumeDevices": [{"name": name, "devicePath": "/a1"} for name in ("claim", "fresh")]},
        {"volumeDevices": [{"name": "claim", "devicePath": "/a"}]},
        {"volumeMounts": [{"name": "empty", "mountPath": "/a", "mountPropagation": "Bidirectional"}]},
    ),
    "InitContainer": (
        {"lifecycle": {"preStop": {"exec": {"command": ["a"]}}}},
        {"readinessProbe": {"exec": {"command": ["a"]}}},
        {"resizePolicy": [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]},
    ),
    "ContainerPort": ({"containerPort": None},),
    "EnvVar": ({"value": "a"},),
    "EnvVarSource": ({"configMapKeyRef": {"name": "a", "key": "b"}, "secretKeyRef": {"name": "a", "key": "b"}},),
    "KeySelector": ({"key": None},),
    "FieldSelectorOfEnv": ({"fieldPath": "metadata.labels"}, {"fieldPath": "spec.x['a']"}, {"fieldPath": None}),
    "FieldSelectorOfFile": ({"fieldPath": "status.podIP"},),
    "ResourceFieldSelector": ({"resource": "limits.x"}, {"divisor": "7"}, {"resource": None}),
    "ResourceFieldSelectorOfFile": ({"containerName": None},),
    "EnvFromSource": ({"configMapRef": {"name": "a"}, "secretRef": {"name": "b"}},),
    "EnvReference": ({"name": None}, {"name": "A B"}),
    "ResourceRequirements": (
        {"requests": {"cpu": "2"}},
        {"requests": {"cpu": "-1"}},
        {"requests": {"example.org/gpu": "1"}},
        {"requests": {"example.org/gpu": "1"}, "limits": {"example.org/gpu": "2"}},
        {"limits": {"example.org/gpu": "500m"}},
        {"limits": {"gpu": "1"}},
        {"limits": {"requests.example.org/gpu": "1"}},
        {"requests": None, "limits": {"hugepages-2Mi": "2Mi"}},
        {"limits": {"cpu": "1", "memory": "32Mi", "hugepages-2Mi": "3Mi"}},
    ),
    "VolumeMount": ({"mountPath": None}, {"subPathExpr": "a"}, {"recursiveReadOnly": "Enabled", "readOnly": False}),
    "VolumeDevice": ({"devicePath": None},),
    "LivenessProbe": ({"tcpSocket": {"port": 80}}, {"httpGet": None}),
    "LifecycleHandler": ({"tcpSocket": {"port": 80}}, {"exec": None, "httpGet": None}),
    "ExecAction": ({"command": []},),
    "TCPSocketAction": ({"port": None},),
    "HTTPHeader": ({"name": None},),
    "Volume": ({"emptyDir": {}, "hostPath": {"path": "/a"}},),
    "AWSElasticBlockStoreVolumeSource": ({"volumeID": None},),
    "AzureDiskVolumeSource": ({"diskName": None}, {"diskURI": "b"}, {"kind": "Managed"}),
    "AzureFileVolumeSource": ({"shareName": None},),
    "CephFSVolumeSource": ({"monitors": []},),
    "CinderVolumeSource": ({"volumeID": None},),
    "ClaimVolumeSource": ({"claimName": None},),
    "ConfigMapVolumeSource": ({"name": None},),
    "CSIVolumeSource": ({"driver": None},),
    "DownwardAPIVolumeFile": (
        {
            "fieldRef": {"fieldPath": "metadata.name"},
            "resourceFieldRef": {"containerName": "a", "resource": "limits.cpu"},
        },
        {"path": None},
    ),
    "EphemeralVolumeSource": ({"volumeClaimTemplate": None},),
    "ClaimTemplate": ({"spec": None}, {"metadata": {"name": "a"}}),
    "FCVolumeSource": ({"targetWWNs": None}, {"lun": None}, {"wwids": ["a"]}),
    "FlexVolumeSource": ({"driver": None},),
    "GCEPersistentDiskVolumeSource": ({"pdName": None},),
    "GlusterfsVolumeSource": ({"path": None},),
    "HostPathVolumeSource": ({"path": None},),
    "ISCSIVolumeSource": ({"iqn": None}, {"chapAuthSession": True}),
    "VolumeProjection": ({"secret": {"name": "s"}, "configMap": {"name": "c"}},),
    "ImageVolumeSource": ({"reference": None},),
    "KeyToPath": ({"key": None},),
    "NFSVolumeSource": ({"server": None},),
    "PortworxVolumeSource": ({"volumeID": None},),
    "ProjectedVolumeSource": ({"sources": [{"secret": {"name": "s", "items": [{"key": "a", "path": "b"}] * 2}}]},),
    "RBDVolumeSource": ({"image": None},),
    "SecretProjection": ({"name": None},),
    "SecretVolumeSource": ({"secretName": None},),
    "ServiceAccountTokenProjection": ({"path": None},),
    "VsphereVirtualDiskVolumeSource": ({"volumePath": None},),
    "PersistentVolumeClaim": ({"spec": {}},),
    "ClaimSpec": (
        {"accessModes": []},
        {"accessModes": ["ReadWriteOnce", "ReadWriteOncePod"]},
        {"resources": {"requests": {"storage": "0"}}},
        {field: {"kind": "PersistentVolumeClaim", "name": field.lower()} for field in ("dataSource", "dataSourceRef")},
    ),
    "DataSource": ({"kind": "Pod"}, {"name": None}),
    "EndpointSlice": (
        {"addressType": None},
        {"endpoints": [{"addresses": ["10.0.0"]}]},
        {"endpoints": [{"addresses": ["fd00::1"]}]},
        {"endpoints": [{"addresses": ["127.0.0.1"]}]},
        {"endpoints": [{"addresses": ["169.254.0.1"]}]},
        {"ports": [{"name": "a", "port": 80}, {"name": "a", "port": 81}]},
    ),
    "Endpoint": ({"addresses": []},),
    "EndpointSubset": ({"addresses": None},),
    "EndpointAddress": ({"ip": "127.0.0.1"}, {"ip": "a"}),
    "ValidatingAdmissionPolicySpec": (
        {"matchConstraints": None},
        {"matchConstraints": {}},
        {"validations": None, "auditAnnotations": None},
        {"matchConditions": [{"name": "a", "expression": "true"}] * 2},
        {"auditAnnotations": [{"key": "a", "valueExpression": "'b'"}] * 2},
    ),
    "Validation": tuple(
        {"expression": text}
        for text in (
            *(
                "object.spec.replicas = 5",
                "object.a and object.b",
                "(object.a",
                "object.a)",
                "'a",
                "object.a ==",
                "== 5",
            ),
            *("objekt.a", "replicas > 5", "object.a object.b", "object.a & object.b", "object.all(x, y)", " "),
        )
    ),
    "ValidatingAdmissionPolicyBindingSpec": (
        {"validationActions": []},
        {"validationActions": ["Deny", "Deny"]},
        {"validationActions": ["Deny", "Warn"]},
    ),
    "ValidatingWebhook": ({"admissionReviewVersions": ["v2"]},),
    "WebhookClientConfig": (
        {"service": None},
        {"url": "https://example.org"},
        {"service": None, "url": "http://example.org"},
        {"service": None, "url": "https://a:b@example.org"},
    ),
    "WebhookService": ({"name": ""},),
    "RuleWithOperations": ({"resources": []}, {"apiGroups": ["*", "a"]}, {"operations": ["*", "CREATE"]}),
    "CustomResourceDefinition": ({"metadata": {"name": "other.example.org"}},),
    "APIService": ({"metadata": {"name": "v2.a.example.org"}},),
    "FlowRules": ({"subjects": []}, {"resourceRules": None, "nonResourceRules": None}),
    "FlowSubject": ({"kind": "User"}, {"group": None}),
    "FlowPathRule": ({"verbs": []}, {"nonResourceURLs": ["a"]}),
    "FlowResourceRule": ({"apiGroups": []}, {"namespaces": None}),
    "PriorityLevelSpec": ({"limited": None}, {"type": "Exempt"}),
    "ServiceCIDRSpec": ({"cidrs": []},),
    "VolumeAttributesClass": ({"parameters": None},),
    "IngressClassSpec": ({"controller": "a"}, {"controller": None}),
    "LimitRangeItem": ({"type": None}, {"min": {"cpu": "3"}}, {"type": "Pod"}, {"type": "x"}, {"max": {"x": 5}}),
    "PersistentVolumeSpec": ({"nfs": {"server": "a", "path": "/b"}}, {"accessModes": []}, {"capacity": {"storage": 0}}),
    "ResourceQuotaSpec": ({"hard": {"gpu": 1}}, {"hard": {"pods": -1}}, {"hard": {"a b": 1}}),
    "StorageClass": ({"provisioner": ""},),
    "ServiceSpec": (
        {"ports": []},
        {"type": "ClusterIP"},
        {"type": "NodePort"},
        {"type": "ClusterIP", "loadBalancerClass": None, "loadBalancerSourceRanges": None},
        {**_INTERNAL, "type": "ExternalName"},
        {**_INTERNAL, "type": "ExternalName", "externalName": "A B"},
        {"clusterIP": "None"},
        {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 0}}},
        {"clusterIP": "a"},
        {"ipFamilies": ["IPv4", "IPv4"]},
        {"ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "SingleStack"},
        {"ipFamilies": ["IPv6"], "ipFamilyPolicy": "SingleStack", "clusterIP": "10.96.0.77", "clusterIPs": None},
        {"externalIPs": ["127.0.0.1"]},
        {"externalIPs": ["a"]},
        {**_INTERNAL, "type": "ClusterIP", "allocateLoadBalancerNodePorts": False},
        {"ports": [{"name": str(port), "port": port, "nodePort": 30999} for port in (80, 81)]},
        {"healthCheckNodePort": 30998, "externalTrafficPolicy": "Cluster"},
    ),
    "Service": tuple(
        {
            "metadata": {"name": "a", "namespace": NAMESPACE, "annotations": {_OLD_RANGES: ranges}},
            "spec": {"type": kind, "ports": [{"port": 80}]},
        }
        for kind, ranges in (("LoadBalancer", "10.0.0.0/8,10.0.0.0/33"), ("ClusterIP", "10.0.0.0/8"))
    ),
    "ServicePort": ({"port": None},),
    "Ingress": (
        {"metadata": {"name": "a", "namespace": NAMESPACE, "annotations": {"kubernetes.io/ingress.class": "b"}}},
    ),
    "IngressSpec": ({"rules": []},),
    "IngressBackend": ({"service": None}, {"resource": {"apiGroup": "a.b", "kind": "C", "name": "d"}}),
    "IngressServiceBackend": ({"name": None},),
    "ServiceBackendPort": ({"name": "a"},),
    "HTTPIngressRuleValue": ({"paths": []},),
    "HTTPIngressPath": ({"path": "/a//b"}, {"path": "/a/.."}, {"path": "a"}, {"pathType": None}, {"backend": None}),
    "IPBlock": ({"cidr": None}, {"except": ["11.0.0.0/16"]}, {"except": ["10.0.0.0/8"]}, {"except": ["a"]}),
    "NetworkPolicyPeer": ({"ipBlock": None}, {"podSelector": {}}),
    "NetworkPolicyPort": ({"endPort": 79}, {"endPort": 90, "port": "a"}),
    "ReplicaSetSpec": (
        {"template": {**SMALL, "spec": {**SMALL["spec"], "activeDeadlineSeconds": 5}}},
        {"template": {**SMALL, "spec": {**SMALL["spec"], "ephemeralContainers": [{"name": "b", "image": "b"}]}}},
    ),
    "DeploymentSpec": (
        {"selector": None},
        {"minReadySeconds": 600},
        {"template": {**SMALL, "spec": {**SMALL["spec"], "restartPolicy": "Never"}}},
    ),
    "DeploymentStrategy": ({"type": "Recreate"},),
    "StatefulSetUpdateStrategy": ({"type": "OnDelete"},),
    "JobSpec": (
        {"template": SMALL},
        {"selector": {"matchLabels": dict(LABELS)}},
        {"podFailurePolicy": _failure(), "podReplacementPolicy": "TerminatingOrFailed"},
        {"podFailurePolicy": _failure(containerName="other")},
        {"podFailurePolicy": {"rules": [{**_failure()["rules"][0], "action": "FailIndex"}]}},
        {"completionMode": "Indexed", "completions": 1, "backoffLimitPerIndex": 1, "maxFailedIndexes": 2},
        {"completionMode": "Indexed", "completions": 1, "maxFailedIndexes": 1},
        {"completionMode": "Indexed"},
        {"backoffLimitPerIndex": 1},
        {
            "podFailurePolicy": _failure(),
            "template": {**JOB, "spec": {**JOB["spec"], "restartPolicy": "OnFailure"}},
        },
    ),
    "PodFailurePolicyRule": (
        {"action": None},
        {"onExitCodes": None},
        {"onPodConditions": [{"type": "a", "status": "True"}]},
    ),
    "ExitCodes": (
        {"operator": "In", "values": [0]},
        {"values": [2, 1]},
        {"values": [1, 1]},
        {"values": []},
    ),
    "PodConditionsPattern": ({"status": "x"},),
    "SuccessPolicy": ({"rules": []},),
    "SuccessPolicyRule": ({"succeededIndexes": None},),
    "DaemonSetUpdateStrategy": (
        {"rollingUpdate": {"maxUnavailable": 0}},
        {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}},
    ),
    "ResourceMetric": ({"target": {"type": "Utilization"}},),
    "RollingUpdate": ({"maxUnavailable": 0, "maxSurge": 0},),
    "CronJobSpec": ({"schedule": None}, {"schedule": "TZ=Etc/UTC 1 2 * * *"}, {"schedule": "61 * * * *"}),
    "HorizontalPodAutoscalerSpec": (
        {"minReplicas": 3},
        {"maxReplicas": None},
        {"scaleTargetRef": {"apiVersion": "v1", "kind": "Deployment", "name": "a"}},
    ),
    "CrossVersionObjectReference": ({"name": None},),
    "HPAScalingRules": ({"policies": []},),
    "HPAScalingPolicy": ({"value": None},),
    "MetricSpec": ({"type": "Pods"},),
    "PodDisruptionBudgetSpec": ({"minAvailable": 1},),
    "PriorityClass": ({"value": 2_000_000_000}, {"metadata": {"name": "system-a"}}),
    "Role": (
        {"metadata": {"name": "a/b", "namespace": NAMESPACE}},
        {"rules": [{"nonResourceURLs": ["/a"], "verbs": ["get"]}]},
    ),
    "PolicyRule": ({"verbs": []}, {"resources": []}, {"nonResourceURLs": ["/a"]}),
    "RoleBinding": ({"roleRef": None}, {"roleRef": {**_ROLE_REF, "kind": "User"}}),
    "RoleRef": ({"name": None},),
    "Subject": ({"name": None}, {"kind": "Robot"}, {"kind": "User", "apiGroup": "a"}, {"name": "A B"}),
    "ClusterRoleBinding": ({"roleRef": _ROLE_REF}, {"subjects": [{"kind": "ServiceAccount", "name": "a"}]}),
    "ConfigMap": ({"binaryData": {"a": "YQ=="}}, {"binaryData": {"c": "?"}}),
    "Secret": (
        {"data": {"a": "?"}},
        {"type": "kubernetes.io/tls"},
        {"type": "kubernetes.io/basic-auth"},
        {"type": "kubernetes.io/service-account-token"},
        {"type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": "YQ=="}},
    ),
}
"""By type, changes each of which breaks a rule about several fields; None takes a field away."""


class Place(NamedTuple):
    """Where a type is in an object."""

    document: Document
    path: tuple[str | int, ...]
    type: str

    @property
    def node(self) -> Document:
        """What is there."""
        node: Any = self.document
        for step in self.path:
            node = node[step]
        found: Document = node
        return found

    def changed(self, change: Mapping[str, Any]) -> Document:
        """The object with other fields at this place."""
        document = copy.deepcopy(self.document)
        node = self._replace(document=document).node
        node.update(copy.deepcopy(dict(change)))
        for field in [name for name, value in change.items() if value is None]:
            del node[field]
        return document


def places(objects: Iterable[Document] = BASE) -> Iterator[Place]:
    """Every type in every object that rules speak of."""
    for document in objects:
        if (document["apiVersion"].rpartition("/")[0], document["kind"]) not in ROOTS:
            continue
        root = ROOTS[document["apiVersion"].rpartition("/")[0], document["kind"]]
        yield from _places(document, document, (), root)


def _places(document: Document, node: Any, path: tuple[str | int, ...], known: str) -> Iterator[Place]:
    yield Place(document, path, known)
    for field, child in STRUCTURE.get(known, {}).items():
        if field in node:
            if child.endswith(LIST):
                for position, item in enumerate(node[field]):
                    yield from _places(document, item, (*path, field, position), child.removesuffix(LIST))
            else:
                yield from _places(document, node[field], (*path, field), child)
