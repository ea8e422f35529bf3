"""What objects name must exist."""

from __future__ import annotations

import pytest
from checks.sound import (
    API,
    API_MAIN,
    CONFIG,
    MAIN,
    MONGODB,
    NAMESPACE,
    POD,
    Change,
    Finding,
    add,
    both,
    budget,
    document,
    drop,
    findings_after,
    problems_after,
    put,
)

ENV = (*MAIN, "env")
ACCOUNT = document("ServiceAccount", "st2-account", "st2")
ROLE = document("Role", "st2-role", "st2", rules=[])
HTPASSWD = {"name": "st2-st2-auth", "key": "htpasswd"}


def binding(role: str, *subjects: object) -> Change:
    return add(
        ROLE,
        ACCOUNT,
        document("RoleBinding", "b", "st2", roleRef={"kind": "Role", "name": role}, subjects=list(subjects)),
    )


def scaler(kind: str, name: str) -> Change:
    spec = {"scaleTargetRef": {"kind": kind, "name": name}, "minReplicas": 2, "maxReplicas": 3}
    return add(document("HorizontalPodAutoscaler", "a", "a", spec=spec))


def custom(group: str, kind: str, **spec: object) -> Change:
    """An object of a controller that makes the Secret "made"."""
    return add({"apiVersion": group, "kind": kind, "metadata": {"name": "made", "namespace": NAMESPACE}, "spec": spec})


def use_made(key: str) -> Change:
    return put(API, *ENV, -1, value={"name": "X", "valueFrom": {"secretKeyRef": {"name": "made", "key": key}}})


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        pytest.param(
            drop(CONFIG),
            ("reference", API, "spec.template.spec.volumes[config].configMap"),
            id="the ConfigMap of a volume",
        ),
        pytest.param(
            put(API, *POD, "volumes", 0, "configMap", value={"name": "st2-st2-config", "items": [{"key": "no"}]}),
            ("reference", API, "spec.template.spec.volumes[config].configMap"),
            id="a key of a volume's ConfigMap",
        ),
        pytest.param(
            put(API, *POD, "volumes", 1, "secret", "items", 0, "key", value="users"),
            ("reference", API, "spec.template.spec.volumes[auth].secret"),
            id="a key of a Secret",
        ),
        pytest.param(
            put(API, *POD, "volumes", 2, "persistentVolumeClaim", "claimName", value="st2-configs"),
            ("reference", API, "spec.template.spec.volumes[packs].persistentVolumeClaim"),
            id="a claim",
        ),
        pytest.param(
            put(API, *ENV, 1, "valueFrom", "secretKeyRef", "key", value="users"),
            ("reference", API, f"{API_MAIN}.env[HTPASSWD].valueFrom.secretKeyRef"),
            id="a key in a variable",
        ),
        pytest.param(
            put(API, *ENV, 1, "valueFrom", value={"configMapKeyRef": {"name": "st2-st2-config", "key": "no"}}),
            ("reference", API, f"{API_MAIN}.env[HTPASSWD].valueFrom.configMapKeyRef"),
            id="a key of a ConfigMap in a variable",
        ),
        pytest.param(
            put(API, *MAIN, "envFrom", 1, "secretRef", "name", value="st2-no"),
            ("reference", API, f"{API_MAIN}.envFrom[1]"),
            id="all variables of a Secret",
        ),
        pytest.param(
            put(API, *POD, "volumes", 1, value={"name": "auth", "projected": {"sources": [{"secret": {"name": "x"}}]}}),
            ("reference", API, "spec.template.spec.volumes[auth].projected.sources[0].secret"),
            id="a projected Secret",
        ),
        pytest.param(
            put(API, *POD, "initContainers", 0, "envFrom", value=[{"configMapRef": {"name": "x"}}]),
            ("reference", API, "spec.template.spec.initContainers[wait-for-mongodb].envFrom[0]"),
            id="variables of an init container",
        ),
        pytest.param(
            put(API, *POD, "serviceAccountName", value="robot"),
            ("reference", API, "spec.template.spec.serviceAccountName"),
            id="a ServiceAccount",
        ),
        pytest.param(
            put(API, *POD, "imagePullSecrets", value=[{"name": "registry"}]),
            ("reference", API, "spec.template.spec.imagePullSecrets[0]"),
            id="a pull secret",
        ),
        pytest.param(
            add({**ACCOUNT, "imagePullSecrets": [{"name": "registry"}]}),
            ("reference", "ServiceAccount/st2-account", "imagePullSecrets[0]"),
            id="a pull secret of a ServiceAccount",
        ),
        pytest.param(
            add(document("Ingress", "web", "web", spec={"tls": [{"secretName": "certificate"}]})),
            ("reference", "Ingress/web", "spec.tls[0].secretName"),
            id="the certificate of an Ingress",
        ),
        pytest.param(binding("other"), ("binding", "RoleBinding/b", "roleRef"), id="a Role"),
        pytest.param(
            binding(
                "st2-role", {"kind": "ServiceAccount", "name": "st2-account"}, {"kind": "ServiceAccount", "name": "x"}
            ),
            ("reference", "RoleBinding/b", "subjects[1]"),
            id="the account of a binding",
        ),
        pytest.param(
            scaler("Deployment", "st2-st2web"),
            ("target", "HorizontalPodAutoscaler/a", "spec.scaleTargetRef"),
            id="what an autoscaler scales",
        ),
        pytest.param(
            add(budget("st2web")),
            ("target", "PodDisruptionBudget/st2-st2web", "spec.selector"),
            id="what a budget protects",
        ),
        pytest.param(
            put(MONGODB, "spec", "serviceName", value="st2-mongo"),
            ("governing-service", MONGODB, "spec.serviceName"),
            id="the Service of a StatefulSet",
        ),
        pytest.param(
            drop("Service/st2-mongodb-headless", "spec", "clusterIP"),
            ("governing-service", MONGODB, "spec.serviceName"),
            id="a Service of a StatefulSet that gives pods no names",
        ),
        pytest.param(
            both(
                custom("bitnami.com/v1alpha1", "SealedSecret", encryptedData={"a": "x"}, template={"data": {"b": "y"}}),
                use_made("c"),
            ),
            ("reference", API, f"{API_MAIN}.env[X].valueFrom.secretKeyRef"),
            id="a key that a SealedSecret does not have",
        ),
        pytest.param(
            both(custom("external-secrets.io/v1", "ExternalSecret", data=[{"secretKey": "a"}]), use_made("c")),
            ("reference", API, f"{API_MAIN}.env[X].valueFrom.secretKeyRef"),
            id="a key that an ExternalSecret does not have",
        ),
    ],
)
def test_what_is_missing_is_found(change: Change, finding: Finding) -> None:
    assert finding in findings_after(change)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            put(API, *MAIN, "envFrom", 1, "secretRef", value={"name": "x", "optional": True}), id="optional variables"
        ),
        pytest.param(
            put(API, *POD, "volumes", 2, value={"name": "packs", "secret": {"secretName": "x", "optional": True}}),
            id="an optional volume",
        ),
        pytest.param(put(API, *POD, "serviceAccountName", value="default"), id="the account of every namespace"),
        pytest.param(
            put(API, *POD, "volumes", 2, value={"name": "packs", "configMap": {"name": "kube-root-ca.crt"}}),
            id="the certificate of the cluster",
        ),
        pytest.param(
            both(binding("st2-role", {"kind": "ServiceAccount", "name": "st2-account"}, {"kind": "User", "name": "x"})),
            id="a binding of all that exists",
        ),
        pytest.param(
            binding("st2-role", {"kind": "ServiceAccount", "name": "x", "namespace": "other"}),
            id="an account of a namespace that somebody else fills",
        ),
        pytest.param(scaler("Deployment", "st2-st2api"), id="an autoscaler"),
        pytest.param(
            both(
                custom("bitnami.com/v1alpha1", "SealedSecret", encryptedData={"a": "x"}, template={"data": {"b": "y"}}),
                use_made("a"),
            ),
            id="an encrypted key of a SealedSecret",
        ),
        pytest.param(
            both(
                custom("bitnami.com/v1alpha1", "SealedSecret", encryptedData={"a": "x"}, template={"data": {"b": "y"}}),
                use_made("b"),
            ),
            id="a templated key of a SealedSecret",
        ),
        pytest.param(
            both(
                custom("external-secrets.io/v1", "ExternalSecret", dataFrom=[{"extract": {"key": "a"}}]),
                use_made("any"),
            ),
            id="whatever an ExternalSecret extracts",
        ),
        pytest.param(
            both(
                custom(
                    "external-secrets.io/v1",
                    "ExternalSecret",
                    target={"template": {"data": {"conf": "x"}}},
                    secretStoreRef={"name": "store"},
                    data=[{"secretKey": "a"}],
                ),
                use_made("conf"),
            ),
            id="a templated key of an ExternalSecret",
        ),
        pytest.param(
            both(
                custom(
                    "cert-manager.io/v1",
                    "Certificate",
                    secretName="made",
                    issuerRef={"name": "ca"},
                    dnsNames=["a.example.org"],
                ),
                use_made("tls.crt"),
            ),
            id="the Secret of a Certificate",
        ),
        pytest.param(
            add(
                {
                    **document("Ingress", "web", "web", spec={"tls": [{"secretName": "certificate"}]}),
                    "metadata": {
                        "name": "web",
                        "namespace": NAMESPACE,
                        "annotations": {"cert-manager.io/cluster-issuer": "x"},
                    },
                }
            ),
            id="the certificate that cert-manager makes of an Ingress",
        ),
    ],
)
def test_what_exists_somewhere_is_not_missed(change: Change) -> None:
    assert findings_after(change) == []


def test_the_keys_that_exist_are_told() -> None:
    (problem,) = problems_after(put(API, *ENV, 1, "valueFrom", "secretKeyRef", "key", value="users"))
    assert problem.message == 'Secret "st2-st2-auth" has no key "users"; its keys are: htpasswd'
