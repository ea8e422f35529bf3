"""What keeps the data when the manifests are deleted: the API server refuses, until somebody says that it may go.

The policies cannot guard themselves: the API server lets none be about policies. So each has a finalizer, with which it
stays in force after it was deleted. Else `kubectl delete -f dist/`, done twice, would take everything.
"""

from __future__ import annotations

import json

from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.keeping import ALLOWED, COMPONENT, FINALIZER, policy_name
from constructs_st2.facts.release import MANAGED_BY
from constructs_st2.facts.secrets import contract
from constructs_st2.kube.builders import KEPT
from constructs_st2.kube.documents import Document
from constructs_st2.kube.well_known import INSTANCE_LABEL, MANAGED_BY_LABEL, NAMESPACE_LABEL

_API = {"apiVersion": "admissionregistration.k8s.io/v1"}
_ALLOWED = f"has({{0}}.metadata.annotations) && '{ALLOWED}' in {{0}}.metadata.annotations"


def documents(cluster: Cluster) -> list[Document]:
    """The policy, and what puts it in force; nothing where the user wants none."""
    if not cluster.values.namespace.protect_data:
        return []
    release = cluster.release
    metadata: Document = {
        "name": policy_name(release),
        "labels": release.labels(COMPONENT, "operations"),
        "annotations": dict(KEPT),
        "finalizers": [FINALIZER],
    }
    policy = {**_API, "kind": "ValidatingAdmissionPolicy", "metadata": metadata, "spec": _policy(cluster)}
    binding = {
        **_API,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": metadata,
        "spec": {"policyName": metadata["name"], "validationActions": ["Deny"]},
    }
    return [policy, binding]


def _policy(cluster: Cluster) -> Document:
    namespace = cluster.release.namespace
    return {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: namespace}},
            "resourceRules": [
                {
                    "apiGroups": [""],
                    "apiVersions": ["v1"],
                    "operations": ["DELETE"],
                    "resources": ["namespaces", "persistentvolumeclaims", "secrets"],
                }
            ],
        },
        "matchConditions": [{"name": "holds-data", "expression": _holds_data(cluster)}],
        "validations": [
            {
                # Of a Namespace, there is none around it.
                "expression": f"({_ALLOWED.format('oldObject')}) || "
                f"(namespaceObject != null && {_ALLOWED.format('namespaceObject')})",
                "messageExpression": _message(namespace),
                "reason": "Forbidden",
            }
        ],
    }


def _holds_data(cluster: Cluster) -> str:
    """Whether an object holds data. Claims that somebody owns go with that one: the user has said so in the values."""
    values = cluster.values
    secrets = sorted(cluster.secret(spec) for spec in contract.required(values) if spec.data_in)
    labels = {
        INSTANCE_LABEL: cluster.release.name,
        MANAGED_BY_LABEL: MANAGED_BY,
    }
    labelled = " && ".join(
        f"'{key}' in oldObject.metadata.labels && oldObject.metadata.labels['{key}'] == '{value}'"
        for key, value in labels.items()
    )
    claims = f"!has(oldObject.metadata.ownerReferences) && has(oldObject.metadata.labels) && {labelled}"
    return (
        "request.resource.resource == 'namespaces' || "
        f"(request.resource.resource == 'secrets' && request.name in {json.dumps(secrets)}) || "
        f"(request.resource.resource == 'persistentvolumeclaims' && {claims})"
    )


def _message(namespace: str) -> str:
    return (
        "'it holds data of StackStorm, and is kept; to delete it for good, first: kubectl ' + "
        f"(request.resource.resource == 'namespaces' ? '' : '-n {namespace} ') + 'annotate ' + "
        f"request.resource.resource + ' ' + request.name + ' {ALLOWED}=true'"
    )
