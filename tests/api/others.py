"""An object of each further kind of Kubernetes, about whose values no rules are told, but whose fields are known."""

from __future__ import annotations

from api.rich import JOB, LABELS, NAMESPACE, SMALL

from constructs_st2.kube.documents import Document

_LABELED: Document = {"matchLabels": dict(LABELS)}
_MATCHED: Document = {
    "resourceRules": [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["*"]}]
}
_HOOK: Document = {
    "name": "a.example.org",
    "admissionReviewVersions": ["v1"],
    "clientConfig": {"service": {"name": "a", "namespace": "b", "path": "/c", "port": 443}, "caBundle": ""},
    "failurePolicy": "Fail",
    "matchConditions": [{"name": "a", "expression": "true"}],
    "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
    "sideEffects": "None",
    "timeoutSeconds": 5,
}
_SCHEMA: Document = {
    "type": "object",
    "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
}
_INDEXED: Document = {
    "completionMode": "Indexed",
    "completions": 3,
    "backoffLimitPerIndex": 1,
    "maxFailedIndexes": 1,
    "podFailurePolicy": {
        "rules": [
            {"action": "FailJob", "onExitCodes": {"containerName": "a", "operator": "In", "values": [1, 2]}},
            {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        ]
    },
    "podReplacementPolicy": "Failed",
    "successPolicy": {"rules": [{"succeededIndexes": "0,1-2"}]},
    "template": JOB,
}
_REQUEST: Document = {"name": "a", "exactly": {"deviceClassName": "a.example.org", "count": 1}}

OTHERS: tuple[Document, ...] = tuple(
    {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name or kind.lower(), "namespace": NAMESPACE},
        **fields,
    }
    for api_version, kind, name, fields in (
        ("v1", "Namespace", "", {"spec": {"finalizers": ["kubernetes"]}}),
        ("v1", "PodTemplate", "", {"template": SMALL}),
        ("v1", "ReplicationController", "", {"spec": {"replicas": 1, "selector": dict(LABELS), "template": SMALL}}),
        ("v1", "ServiceAccount", "", {"automountServiceAccountToken": False, "imagePullSecrets": [{"name": "a"}]}),
        (
            "v1",
            "Endpoints",
            "",
            {
                "subsets": [
                    {
                        "addresses": [{"ip": "10.0.0.1", "targetRef": {"kind": "Pod", "name": "a"}}],
                        "ports": [{"name": "a", "port": 80}],
                    }
                ]
            },
        ),
        ("batch/v1", "Job", "indexed", {"spec": _INDEXED}),
        ("apps/v1", "ControllerRevision", "", {"revision": 1, "data": {"a": "b"}}),
        (
            "admissionregistration.k8s.io/v1",
            "ValidatingAdmissionPolicy",
            "",
            {
                "spec": {
                    "auditAnnotations": [{"key": "a", "valueExpression": "'b'"}],
                    "failurePolicy": "Fail",
                    "matchConditions": [{"name": "a", "expression": "true"}],
                    "matchConstraints": _MATCHED,
                    "validations": [{"expression": "object.spec.replicas <= 5", "message": "a", "reason": "Invalid"}],
                    "variables": [{"name": "a", "expression": "1"}],
                }
            },
        ),
        (
            "admissionregistration.k8s.io/v1",
            "ValidatingAdmissionPolicyBinding",
            "",
            {
                "spec": {
                    "matchResources": {"namespaceSelector": _LABELED},
                    "policyName": "a",
                    "validationActions": ["Deny"],
                }
            },
        ),
        ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "", {"webhooks": [_HOOK]}),
        (
            "admissionregistration.k8s.io/v1",
            "MutatingWebhookConfiguration",
            "",
            {"webhooks": [{**_HOOK, "reinvocationPolicy": "Never"}]},
        ),
        (
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            "dbs.example.org",
            {
                "spec": {
                    "group": "example.org",
                    "names": {"kind": "Db", "plural": "dbs", "shortNames": ["d"]},
                    "scope": "Namespaced",
                    "versions": [
                        {
                            "name": "v1",
                            "served": True,
                            "storage": True,
                            "schema": {"openAPIV3Schema": _SCHEMA},
                            "subresources": {"status": {}},
                            "additionalPrinterColumns": [{"name": "a", "type": "string", "jsonPath": ".spec.a"}],
                        }
                    ],
                }
            },
        ),
        (
            "apiregistration.k8s.io/v1",
            "APIService",
            "v1.a.example.org",
            {
                "spec": {
                    "group": "a.example.org",
                    "version": "v1",
                    "groupPriorityMinimum": 100,
                    "versionPriority": 100,
                    "insecureSkipTLSVerify": True,
                    "service": {"name": "a", "namespace": "b", "port": 443},
                }
            },
        ),
        (
            "autoscaling/v1",
            "HorizontalPodAutoscaler",
            "old",
            {
                "spec": {
                    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"},
                    "maxReplicas": 2,
                    "targetCPUUtilizationPercentage": 50,
                }
            },
        ),
        (
            "flowcontrol.apiserver.k8s.io/v1",
            "FlowSchema",
            "",
            {
                "spec": {
                    "priorityLevelConfiguration": {"name": "a"},
                    "matchingPrecedence": 5,
                    "distinguisherMethod": {"type": "ByUser"},
                    "rules": [
                        {
                            "subjects": [
                                {"kind": "Group", "group": {"name": "a"}},
                                {"kind": "ServiceAccount", "serviceAccount": {"name": "a", "namespace": "b"}},
                            ],
                            "nonResourceRules": [{"nonResourceURLs": ["/a"], "verbs": ["get"]}],
                            "resourceRules": [
                                {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"], "namespaces": ["a"]}
                            ],
                        }
                    ],
                }
            },
        ),
        (
            "flowcontrol.apiserver.k8s.io/v1",
            "PriorityLevelConfiguration",
            "",
            {
                "spec": {
                    "type": "Limited",
                    "limited": {"nominalConcurrencyShares": 5, "limitResponse": {"type": "Reject"}},
                }
            },
        ),
        (
            "node.k8s.io/v1",
            "RuntimeClass",
            "",
            {"handler": "a", "overhead": {"podFixed": {"cpu": "1m"}}, "scheduling": {"nodeSelector": {"a": "b"}}},
        ),
        ("networking.k8s.io/v1", "ServiceCIDR", "", {"spec": {"cidrs": ["10.97.0.0/24"]}}),
        ("storage.k8s.io/v1", "CSIDriver", "", {"spec": {"attachRequired": False, "fsGroupPolicy": "File"}}),
        ("storage.k8s.io/v1", "VolumeAttributesClass", "", {"driverName": "a.example.org", "parameters": {"a": "b"}}),
        (
            "resource.k8s.io/v1",
            "ResourceClaimTemplate",
            "",
            {"spec": {"spec": {"devices": {"requests": [_REQUEST]}}}},
        ),
        (
            "resource.k8s.io/v1",
            "DeviceClass",
            "",
            {"spec": {"selectors": [{"cel": {"expression": "device.driver == 'a'"}}]}},
        ),
    )
)
