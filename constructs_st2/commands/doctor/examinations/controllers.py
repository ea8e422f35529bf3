"""Kinds that do not come with Kubernetes, and the programs that act on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from constructs_st2.checks.data import at, name_of
from constructs_st2.commands.doctor.expected import Expected
from constructs_st2.commands.doctor.facts import Condition, Facts
from constructs_st2.commands.doctor.findings import Finding, Level
from constructs_st2.commands.doctor.wording import listed


@dataclass(frozen=True)
class Controller:
    """A program that acts on objects of an API group: by the last words of its images one finds it."""

    name: str
    group: str
    images: frozenset[str]
    installation: str


CONTROLLERS = (
    Controller(
        "cert-manager",
        "cert-manager.io",
        frozenset({"cert-manager-controller"}),
        "https://cert-manager.io/docs/installation/",
    ),
    Controller("KEDA", "keda.sh", frozenset({"keda"}), "https://keda.sh/docs/latest/deploy/"),
    Controller(
        "Prometheus Operator",
        "monitoring.coreos.com",
        frozenset({"prometheus-operator"}),
        "https://prometheus-operator.dev/docs/getting-started/installation/",
    ),
    Controller(
        "External Secrets Operator",
        "external-secrets.io",
        frozenset({"external-secrets"}),
        "https://external-secrets.io/latest/introduction/getting-started/",
    ),
    Controller(
        "sealed-secrets",
        "bitnami.com",
        frozenset({"sealed-secrets-controller"}),
        "https://github.com/bitnami-labs/sealed-secrets#installation",
    ),
    # There are dozens that implement it.
    Controller(
        "Gateway API", "gateway.networking.k8s.io", frozenset(), "https://gateway-api.sigs.k8s.io/implementations/"
    ),
)
_BY_GROUP = {controller.group: controller for controller in CONTROLLERS}


def kinds(expected: Expected, facts: Facts) -> Iterator[Finding]:
    """What the API server does not know, it refuses."""
    defined = {
        (at(each, "spec", "group"), at(each, "spec", "names", "kind"))
        for each in expected.objects
        if each["kind"] == "CustomResourceDefinition"
    }
    unknown: dict[str, list[str]] = {}
    for kind in expected.custom_kinds:
        if kind not in facts.kinds and (kind.group, kind.name) not in defined:
            unknown.setdefault(kind.group, []).append(kind.name)
    for group, names in unknown.items():
        controller = _BY_GROUP.get(group)
        text = f"the cluster does not know {listed(names)}, which the values need: install it"
        step = controller.installation if controller else f"kubectl api-resources --api-group {group}"
        yield Finding(Level.BROKEN, controller.name if controller else group, text, (step,))


def programs(expected: Expected, facts: Facts) -> Iterator[Finding]:
    """A kind without its program is taken by the API server, and nothing comes of it."""
    groups = {kind.group for kind in expected.custom_kinds if kind in facts.kinds}
    for controller in CONTROLLERS:
        if controller.group not in groups or not controller.images:
            continue
        found = [each for each in facts.deployed if each.images & controller.images]
        if not found:
            text = (
                "its kinds are known, and no Deployment runs it in this cluster, as far as images tell "
                f"({', '.join(sorted(controller.images))})"
            )
            yield Finding(Level.WARNING, controller.name, text, (controller.installation,))
        elif not any(each.ready for each in found):
            text = "has no pod that is ready: what it should act on stays as it is"
            steps = tuple(f"kubectl -n {each.namespace} describe deployment {each.name}" for each in found)
            yield Finding(Level.BROKEN, controller.name, text, steps)


def metrics(expected: Expected, facts: Facts) -> Iterator[Finding]:
    """Autoscalers by CPU need somebody who measures it."""
    scalers = [name_of(each) for each in expected.objects if each["kind"] == "HorizontalPodAutoscaler"]
    if scalers and not any(kind.group == "metrics.k8s.io" for kind in facts.kinds):
        text = f"nobody offers metrics.k8s.io, by which autoscalers see CPU and memory: {listed(scalers)}"
        step = "https://github.com/kubernetes-sigs/metrics-server#installation"
        yield Finding(Level.BROKEN, "metrics-server", text, (step,))


def ingress(expected: Expected, facts: Facts) -> Iterator[Finding]:
    """An Ingress belongs to a class, and without one to the default class."""
    for each in expected.index.of_kind("Ingress"):
        name = at(each, "spec", "ingressClassName")
        known = [ingress_class.name for ingress_class in facts.ingress_classes]
        among = f"; there are: {listed(known)}" if known else ", and there is no other"
        if name and name not in known:
            yield Finding(Level.BROKEN, f"IngressClass {name}", f"is not there{among}", ("kubectl get ingressclass",))
        elif not name and not any(ingress_class.default for ingress_class in facts.ingress_classes):
            text = f"names no class, and no class is the default{among}: most controllers ignore it"
            step = "set ingress.ingressClassName; kubectl get ingressclass"
            yield Finding(Level.WARNING, f"Ingress {name_of(each)}", text, (step,))


_HEALTHY: dict[str, Sequence[str]] = {
    "Certificate": ("Ready",),
    "ExternalSecret": ("Ready",),
    "ScaledObject": ("Ready",),
    "HTTPRoute": ("Accepted", "ResolvedRefs"),
    "Gateway": ("Accepted", "Programmed"),
    "SealedSecret": ("Synced",),
}
"""The conditions of a kind that must be true."""
_UNHEALTHY: dict[str, Sequence[str]] = {"ScaledObject": ("Fallback",)}
"""Those that must not."""


def says(expected: Expected, facts: Facts) -> Iterator[Finding]:
    """What controllers say of the objects of the release."""
    for custom in facts.customs:
        bad = [each for each in custom.conditions if _is_bad(custom.kind, each)]
        if bad:
            text = "; ".join(dict.fromkeys(f"{each.type} is {each.status}: {_because(each)}" for each in bad))
            is_broken = any(each.type in _HEALTHY.get(custom.kind, ()) for each in bad)
            step = f"{expected.kubectl} describe {custom.kind.lower()} {custom.name}"
            level = Level.BROKEN if is_broken else Level.WARNING
            yield Finding(level, f"{custom.kind} {custom.name}", text, (step,))


def _is_bad(kind: str, condition: Condition) -> bool:
    return (condition.type in _HEALTHY.get(kind, ()) and condition.status == "False") or (
        condition.type in _UNHEALTHY.get(kind, ()) and condition.status == "True"
    )


def _because(condition: Condition) -> str:
    return condition.message or condition.reason or "no reason is given"
