"""What objects name must exist."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_st2.checks.data import annotations_of, at, mapping, mappings, namespace_of
from constructs_st2.checks.index import Index
from constructs_st2.checks.pods import Use
from constructs_st2.checks.problem import Problem
from constructs_st2.kube.documents import identity

_BINDINGS = ("RoleBinding", "ClusterRoleBinding")


def what_pods_use(index: Index) -> Iterator[Problem]:
    """ConfigMaps, Secrets and their keys, ServiceAccounts and claims that pods name."""
    for pod in index.pods:
        for use in pod.uses:
            yield from _missing(index, use, pod.identity, pod.namespace)


def what_accounts_use(index: Index) -> Iterator[Problem]:
    """Secrets that ServiceAccounts name to pull images."""
    for account in index.of_kind("ServiceAccount"):
        for position, secret in enumerate(mappings(account.get("imagePullSecrets"))):
            use = Use("Secret", str(secret.get("name")), f"imagePullSecrets[{position}]")
            yield from _missing(index, use, identity(account), namespace_of(account))


def what_ingresses_use(index: Index) -> Iterator[Problem]:
    """Secrets that Ingresses name for TLS; cert-manager makes those of an annotated Ingress."""
    for ingress in index.of_kind("Ingress"):
        if any(str(key).startswith("cert-manager.io/") for key in annotations_of(ingress)):
            continue
        for position, tls in enumerate(mappings(at(ingress, "spec", "tls"))):
            if isinstance(tls.get("secretName"), str):
                use = Use("Secret", tls["secretName"], f"spec.tls[{position}].secretName")
                yield from _missing(index, use, identity(ingress), namespace_of(ingress))


def _missing(index: Index, use: Use, subject: str, namespace: str) -> Iterator[Problem]:
    if use.optional:
        return
    found = index.lookup(use.kind, namespace, use.name)
    if found is None:
        message = f'there is no {use.kind} "{use.name}" in namespace "{namespace}"; add it, or correct the name'
        yield Problem("reference", subject, use.field, message)
        return
    for key in use.keys:
        if not found.has(key):
            known = ", ".join(sorted(found.keys or ())) or "none"
            message = f'{use.kind} "{use.name}" has no key "{key}"; its keys are: {known}'
            yield Problem("reference", subject, use.field, message)


def bindings(index: Index) -> Iterator[Problem]:
    """Bindings name a Role and ServiceAccounts that exist. ClusterRoles may come with the cluster."""
    for binding in index.of_kind(*_BINDINGS):
        namespace = namespace_of(binding)
        role = mapping(binding.get("roleRef"))
        if role.get("kind") == "Role" and index.find("Role", namespace, str(role.get("name"))) is None:
            message = f'there is no Role "{role.get("name")}" in namespace "{namespace}"; add it, or correct the name'
            yield Problem("binding", identity(binding), "roleRef", message)
        for position, subject in enumerate(mappings(binding.get("subjects"))):
            home = str(subject.get("namespace") or namespace)
            if subject.get("kind") == "ServiceAccount" and home in index.namespaces:
                use = Use("ServiceAccount", str(subject.get("name")), f"subjects[{position}]")
                yield from _missing(index, use, identity(binding), home)


def targets(index: Index) -> Iterator[Problem]:
    """Autoscalers and disruption budgets of ours have something to act upon."""
    for scaler in index.own_of_kind("HorizontalPodAutoscaler", "ScaledObject.keda.sh"):
        target = mapping(at(scaler, "spec", "scaleTargetRef"))
        kind, name = str(target.get("kind") or "Deployment"), str(target.get("name"))
        if index.find(kind, namespace_of(scaler), name) is None:
            message = f'there is no {kind} "{name}" to scale; correct the target'
            yield Problem("target", identity(scaler), "spec.scaleTargetRef", message)
    for budget in index.own_of_kind("PodDisruptionBudget"):
        selector = index.selector_of(budget)
        if not index.pods_of(namespace_of(budget), selector):
            message = f"selects no pods ({selector}); use the selector of the workload that it protects"
            yield Problem("target", identity(budget), "spec.selector", message)


def governing_services(index: Index) -> Iterator[Problem]:
    """The headless Service of a StatefulSet, which gives its pods their names in DNS."""
    for workload in index.of_kind("StatefulSet"):
        name = at(workload, "spec", "serviceName")
        if not isinstance(name, str):
            continue
        service = index.find("Service", namespace_of(workload), name)
        if service is None:
            message = f'there is no Service "{name}", so the pods have no names in DNS; add a headless Service'
        elif at(service, "spec", "clusterIP") != "None":
            message = f'Service "{name}" is not headless, so the pods have no names in DNS; set its clusterIP to None'
        else:
            continue
        yield Problem("governing-service", identity(workload), "spec.serviceName", message)


RULES = (what_pods_use, what_accounts_use, what_ingresses_use, bindings, targets, governing_services)
