"""What works, but lowers security or will surprise: told in every synth, and an error with `--strict`.

`WARNINGS` is the one list; docs/security.md tells of each.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence

from constructs_st2.checks.data import annotations_of, at, label, mapping, mappings, name_of, namespace_of, strings
from constructs_st2.checks.index import Index, Surroundings, is_ours
from constructs_st2.checks.pod_security import ENFORCE_LABEL, violations
from constructs_st2.checks.pods import PodTemplate, Use
from constructs_st2.checks.problem import Problem
from constructs_st2.facts.release import SECRETS_MODE_LABEL
from constructs_st2.kube.documents import Document, identity, is_built_in

_SHOWN = 3
"""Fields of a pod that one warning names."""
_PUBLIC = ("NodePort", "LoadBalancer")


def pods_below_restricted(index: Index) -> Iterator[Problem]:
    """A pod needs a namespace whose Pod Security level is lower than `restricted`."""
    for pod in index.pods:
        for level, admits in (("baseline", "privileged"), ("restricted", "baseline")):
            found = violations(pod.document, level)  # type: ignore[arg-type]
            if not found:
                continue
            others = len(found) - _SHOWN
            fields = ", ".join(dict.fromkeys(f"{pod.prefix}{each.field}" for each in found[:_SHOWN]))
            more = f" and {others} more" if others > 0 else ""
            message = f"is why the namespace {pod.namespace} can only be {admits} ({found[0].control}): {fields}{more}"
            yield pod.problem("", found[0].field, message)
            break


def idle_capabilities(index: Index) -> Iterator[Problem]:
    """A capability is added to processes that cannot get it: those of root have it, and others by a program only."""
    for pod in index.pods:
        of_pod = mapping(pod.spec.get("securityContext"))
        for container in pod.containers:
            context = mapping(container.spec.get("securityContext"))
            added = strings(at(context, "capabilities", "add"))
            user = context.get("runAsUser", of_pod.get("runAsUser"))
            if added and user and context.get("allowPrivilegeEscalation") is False:
                message = (
                    f"adds {', '.join(added)}, which gains nothing: the user {user} is not root, and with "
                    "allowPrivilegeEscalation: false no program gives it to others"
                )
                field = f"{container.field}.securityContext.capabilities.add"
                yield Problem("", pod.identity, field, message)


def namespaces_below_restricted(index: Index) -> Iterator[Problem]:
    """A namespace enforces a lower Pod Security level than its pods need, or none."""
    for namespace in index.of_kind("Namespace"):
        level = label(namespace, ENFORCE_LABEL)
        pods = [pod for pod in index.pods if pod.namespace == name_of(namespace)]
        if level is None and pods:
            message = "is not set: pods of anybody in this namespace may do what they like to the nodes"
            yield Problem("", identity(namespace), f"metadata.labels[{ENFORCE_LABEL}]", message)
        elif level in ("baseline", "privileged") and not any(_violates(pod, level) for pod in pods):
            message = f"is {level}, lower than the pods of this release need"
            yield Problem("", identity(namespace), f"metadata.labels[{ENFORCE_LABEL}]", message)


def _violates(pod: PodTemplate, level: str) -> bool:
    """Whether a pod needs a level."""
    return bool(violations(pod.document, "restricted" if level == "baseline" else "baseline"))


def no_login(index: Index) -> Iterator[Problem]:
    """StackStorm asks nobody to log in."""
    for document in index.of_kind("ConfigMap"):
        for name, text in mapping(document.get("data")).items():
            if str(name).endswith(".conf") and isinstance(text, str) and "[auth]" in text and _turns_login_off(text):
                message = "has [auth] enable = False: whoever reaches the API or the web UI may do anything"
                yield Problem("", identity(document), f"data[{name}]", message)


def _turns_login_off(text: str) -> bool:
    from constructs_st2.facts import ini
    from constructs_st2.facts.st2_conf.contradictions import is_true

    try:
        options = {(entry.section, entry.option): entry.value for entry in ini.parse(text)}
    except ini.IniError:
        return False
    return not is_true(options, "auth", "enable", default=True)


def plain_http(index: Index) -> Iterator[Problem]:
    """Passwords and tokens come from outside in clear text."""
    for service in filter(is_ours, index.of_kind("Service")):
        kind = at(service, "spec", "type")
        ports = [str(port.get("name")) for port in mappings(at(service, "spec", "ports"))]
        if kind in _PUBLIC and "https" not in ports:
            message = f"is {kind}, and the port has plain HTTP: passwords and tokens go over the network in clear text"
            yield Problem("", identity(service), "spec.type", message)
    for ingress in index.of_kind("Ingress"):
        if not at(ingress, "spec", "tls"):
            message = "is empty: unless something before the controller ends TLS, passwords come in clear text"
            yield Problem("", identity(ingress), "spec.tls", message)


def custom_kinds(index: Index) -> Iterator[Problem]:
    """Objects have kinds that must have been defined in the cluster before."""
    defined = {
        (at(document, "spec", "group"), at(document, "spec", "names", "kind"))
        for document in index.of_kind("CustomResourceDefinition")
    }
    first: dict[tuple[str, str], Document] = {}
    for document in index.objects:
        kind = (str(document["apiVersion"]).rpartition("/")[0], document["kind"])
        if not is_built_in(document) and kind not in defined:
            first.setdefault(kind, document)
    for (group, name), document in first.items():
        message = f"{name} of {group} is no kind of Kubernetes: what defines it must be in the cluster before"
        yield Problem("", identity(document), "kind", message)


def secrets_to_make(index: Index) -> Iterator[Problem]:
    """Pods wait for Secrets that nothing here makes."""
    made = _made_by_jobs(index)
    first: dict[tuple[str, str], tuple[PodTemplate, Use]] = {}
    for pod in index.pods:
        for use in pod.uses:
            place = (pod.namespace, use.name)
            is_made = place in made or index.provider("Secret", *place) is not None
            if use.kind == "Secret" and not use.optional and not is_made:
                first.setdefault(place, (pod, use))
    for (namespace, name), (pod, use) in first.items():
        message = f'the Secret "{name}" must be made by you in the namespace {namespace}: nothing here makes it'
        yield Problem("", pod.identity, use.field, message)


def _made_by_jobs(index: Index) -> frozenset[tuple[str, str]]:
    """The Secrets that the bootstrap Job makes, by its plan."""
    found: set[tuple[str, str]] = set()
    for document in filter(is_ours, index.of_kind("ConfigMap")):
        if isinstance(text := at(document, "data", "plan.json"), str):
            try:
                secrets = mappings(mapping(json.loads(text)).get("secrets"))
            except ValueError:
                continue
            found |= {(namespace_of(document), str(secret.get("name"))) for secret in secrets if secret.get("own")}
    return frozenset(found)


def plain_secrets(index: Index) -> Iterator[Problem]:
    """Secrets stand in the manifests."""
    for secret in index.of_kind("Secret"):
        if label(secret, SECRETS_MODE_LABEL) == "plain" and (secret.get("data") or secret.get("stringData")):
            message = "is in clear text, as secrets.mode plain has it: for development only, never commit it"
            yield Problem("", identity(secret), "data", message)
            return


def open_to_the_world(index: Index) -> Iterator[Problem]:
    """An Ingress passes on texts that its controller executes."""
    for ingress in index.of_kind("Ingress"):
        for key in annotations_of(ingress):
            if str(key).endswith(("-snippet", "/server-snippets", "/location-snippets")):
                message = "is written into the controller's own configuration; most controllers refuse it by default"
                yield Problem("", identity(ingress), f"metadata.annotations[{key}]", message)


WARNINGS: Mapping[str, Callable[[Index], Iterator[Problem]]] = {
    "pod-security-level": pods_below_restricted,
    "idle-capability": idle_capabilities,
    "namespace-level": namespaces_below_restricted,
    "no-login": no_login,
    "plain-http": plain_http,
    "custom-kind": custom_kinds,
    "secret-to-make": secrets_to_make,
    "plain-secrets": plain_secrets,
    "snippet": open_to_the_world,
}
"""What is warned of, by the name that ends each warning."""


def warnings(objects: Sequence[Document], surroundings: Surroundings | None = None) -> list[Problem]:
    """What of some objects works and yet should be known, ordered by object and field.

    Args:
        objects: objects that hold together; see `constructs_st2.checks.check`.
        surroundings: what exists in the cluster besides.
    """
    index = Index(objects, surroundings or Surroundings())
    found = {
        Problem(name, problem.object, problem.field, problem.message)
        for name, rule in WARNINGS.items()
        for problem in rule(index)
    }
    return sorted(found, key=lambda problem: (problem.object, problem.field, problem.rule, problem.message))
