"""What Kubernetes and its tools call things, where more than one module speaks of them.

https://kubernetes.io/docs/reference/labels-annotations-taints/
"""

from __future__ import annotations

NAME_LABEL = "app.kubernetes.io/name"
INSTANCE_LABEL = "app.kubernetes.io/instance"
COMPONENT_LABEL = "app.kubernetes.io/component"
PART_OF_LABEL = "app.kubernetes.io/part-of"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
VERSION_LABEL = "app.kubernetes.io/version"
"""The labels that are recommended for all objects of an application."""

ARCHITECTURE_LABEL = "kubernetes.io/arch"
HOST_LABEL = "kubernetes.io/hostname"
ZONE_LABEL = "topology.kubernetes.io/zone"
"""Labels of nodes."""

NAMESPACE_LABEL = "kubernetes.io/metadata.name"
"""On each namespace: its name."""

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""The annotation in which `kubectl apply` keeps what it was given."""

ROOT_AUTHORITIES = "kube-root-ca.crt"
"""The ConfigMap in each namespace with the authorities of the API server."""

TLS_SECRET = "kubernetes.io/tls"
REGISTRY_SECRET = "kubernetes.io/dockerconfigjson"
"""Types of Secrets."""

TLS_CERTIFICATE = "tls.crt"
TLS_KEY = "tls.key"
REGISTRY_CREDENTIALS = ".dockerconfigjson"
"""The keys that Secrets of these types must have."""

AUTHORITIES = "ca.crt"
"""The key of certificates of authorities, in `ROOT_AUTHORITIES` and in Secrets of cert-manager."""

CLUSTER_DOMAIN = "cluster.local"
"""The DNS domain of a cluster that was made with no other."""

KEDA_AUTOSCALER = "keda-hpa-"
"""What KEDA puts before the name of a ScaledObject, for the HorizontalPodAutoscaler that it makes of it."""

MANIFESTS = "dist"
MANIFESTS_VARIABLE = "CDK8S_OUTDIR"
"""The folder that an app of cdk8s writes, and the variable by which the program `cdk8s` asks for another one."""
