"""What works, but lowers security or will surprise: told in every synth, and an error with `--strict`.

`WARNINGS` is the one list; docs/explanation/security.md tells of each.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from constructs_st2.checks.data import annotations_of, at, label, mapping, mappings, name_of, namespace_of, strings
from constructs_st2.checks.index import Index, Surroundings
from constructs_st2.checks.pod_security import ENFORCE_LABEL, violations
from constructs_st2.checks.pods import PodTemplate, Use
from constructs_st2.checks.problem import Problem
from constructs_st2.checks.templates import left_to_others
from constructs_st2.facts.release import SECRETS_MODE_LABEL
from constructs_st2.facts.secrets import PLAN
from constructs_st2.kube.documents import Document, identity, is_built_in, scope_of, scopes_defined_by

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
    for service in index.own_of_kind("Service"):
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


def namespaces_unknown(index: Index) -> Iterator[Problem]:
    """An object of a custom kind goes to whatever namespace kubectl looks at."""
    defined = scopes_defined_by(index.objects)
    for document in index.objects:
        kind = (str(document["apiVersion"]).rpartition("/")[0], document["kind"])
        if not namespace_of(document) and kind not in defined and scope_of(document) is None:
            message = "is not said, and whether the kind has one is not known: kubectl then takes that of its context"
            yield Problem("", identity(document), "metadata.namespace", message)


_NODE_PORTS = range(30000, 32768)


def node_ports_out_of_range(index: Index) -> Iterator[Problem]:
    """A port of nodes is none that clusters give unless their administrators say so."""
    for service in index.of_kind("Service"):
        for position, port in enumerate(mappings(at(service, "spec", "ports"))):
            number = port.get("nodePort")
            if isinstance(number, int) and number and number not in _NODE_PORTS:
                message = (
                    f"is {number}; clusters give {_NODE_PORTS[0]} to {_NODE_PORTS[-1]} unless they are told otherwise"
                )
                yield Problem("", identity(service), f"spec.ports[{port.get('name', position)}].nodePort", message)


_CAPABILITIES = frozenset(
    {
        *("AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE", "BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE", "CHOWN"),
        *("DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE"),
        *("LINUX_IMMUTABLE", "MAC_ADMIN", "MAC_OVERRIDE", "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE", "NET_BROADCAST"),
        *("NET_RAW", "PERFMON", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYSLOG", "SYS_ADMIN", "SYS_BOOT"),
        *("SYS_CHROOT", "SYS_MODULE", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO", "SYS_RESOURCE"),
        *("SYS_TIME", "SYS_TTY_CONFIG", "WAKE_ALARM", "ALL"),
    }
)
"""Those of Linux (include/uapi/linux/capability.h), without CAP_, as Kubernetes names them; and all of them."""


def unknown_capabilities(index: Index) -> Iterator[Problem]:
    """A container has or drops a capability that Linux does not know: no container runtime starts it."""
    for pod in index.pods:
        for container in pod.containers:
            for what in ("add", "drop"):
                field = f"{container.field}.securityContext.capabilities.{what}"
                for position, name in enumerate(strings(at(container.spec, "securityContext", "capabilities", what))):
                    if name.upper() not in _CAPABILITIES:
                        bare = name.upper().removeprefix("CAP_")
                        hint = f"; did you mean {bare}?" if bare in _CAPABILITIES else ""
                        message = f'"{name}" is no capability of Linux: the container would not start{hint}'
                        yield Problem("", pod.identity, f"{field}[{position}]", message)


def secrets_to_make(index: Index) -> Iterator[Problem]:
    """Pods wait for Secrets that nothing here makes."""
    made = _made_by_jobs(index) | {
        (pod.namespace, name) for pod in index.pods for name in index.surroundings.made_secrets
    }
    first: dict[tuple[str, str], tuple[PodTemplate, Use]] = {}
    for pod in index.pods:
        for use in pod.uses:
            place = (pod.namespace, use.name)
            is_made = (
                place in made
                or use.name in index.surroundings.made_secrets
                or index.provider("Secret", *place) is not None
            )
            if use.kind == "Secret" and not use.optional and not is_made:
                first.setdefault(place, (pod, use))
    for (namespace, name), (pod, use) in first.items():
        message = f'the Secret "{name}" must be made by you in the namespace {namespace}: nothing here makes it'
        yield Problem("", pod.identity, use.field, message)


def _made_by_jobs(index: Index) -> frozenset[tuple[str, str]]:
    """The Secrets that the bootstrap Job makes, by its plan."""
    found: set[tuple[str, str]] = set()
    for document in index.own_of_kind("ConfigMap"):
        if isinstance(text := at(document, "data", PLAN), str):
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


def unpinned_images(index: Index) -> Iterator[Problem]:
    """An image is named by its tag alone, where others have got digests by `image.digests`."""
    images = [(pod, each) for pod in index.pods for each in pod.containers if isinstance(each.spec.get("image"), str)]
    if not any(_PINNED.search(container.spec["image"]) for _, container in images):
        return
    first: dict[str, tuple[PodTemplate, str]] = {}
    for pod, container in images:
        if "@" not in container.spec["image"]:
            first.setdefault(container.spec["image"], (pod, f"{container.field}.image"))
    if first:
        image, (pod, field) = next(iter(first.items()))
        more = f", and {len(first) - 1} more have none" if len(first) > 1 else ""
        yield Problem("", pod.identity, field, f'"{image}" has no digest, as other images have{more}; make them anew')


_PINNED = re.compile(r":[\w.-]+@sha256:")
"""A tag with a digest, as `image.digests` makes them; where a digest is given by hand there is no tag."""


def open_to_the_world(index: Index) -> Iterator[Problem]:
    """An Ingress passes on texts that its controller executes."""
    for ingress in index.of_kind("Ingress"):
        for key in annotations_of(ingress):
            if str(key).endswith(("-snippet", "/server-snippets", "/location-snippets")):
                message = "is written into the controller's own configuration; most controllers refuse it by default"
                yield Problem("", identity(ingress), f"metadata.annotations[{key}]", message)


def not_everywhere(index: Index) -> Iterator[Problem]:
    """Only some of the clusters that this program is for serve a version, or know a kind or a field."""
    if index.foreign:
        from constructs_st2.checks.api import described

        for document in index.foreign:
            yield from described.not_everywhere(document)


def dropped(index: Index) -> Iterator[Problem]:
    """The server takes something, and forgets it."""
    if index.foreign:
        from constructs_st2.checks.api import described

        for document in index.foreign:
            yield from described.dropped(document)


WARNINGS: Mapping[str, Callable[[Index], Iterator[Problem]]] = {
    "pod-security-level": pods_below_restricted,
    "idle-capability": idle_capabilities,
    "namespace-level": namespaces_below_restricted,
    "no-login": no_login,
    "plain-http": plain_http,
    "custom-kind": custom_kinds,
    "secret-to-make": secrets_to_make,
    "plain-secrets": plain_secrets,
    "namespace-unknown": namespaces_unknown,
    "node-port-range": node_ports_out_of_range,
    "unknown-capability": unknown_capabilities,
    "unpinned-image": unpinned_images,
    "snippet": open_to_the_world,
    "not-everywhere": not_everywhere,
    "dropped": dropped,
    "helm-template": left_to_others,
}
"""What is warned of, by the name that ends each warning."""


def warnings(
    objects: Sequence[Document],
    surroundings: Surroundings | None = None,
    foreign: Sequence[Document] | None = None,
) -> list[Problem]:
    """What of some objects works and yet should be known, ordered by object and field.

    Args:
        objects: objects that hold together; see `constructs_st2.checks.check`.
        surroundings: what exists in the cluster besides.
        foreign: those that this program has not made, or not alone. Default: all of them.
    """
    index = Index(objects, surroundings or Surroundings(), objects if foreign is None else foreign)
    found = {
        Problem(name, problem.object, problem.field, problem.message)
        for name, rule in WARNINGS.items()
        for problem in rule(index)
    }
    return sorted(found, key=lambda problem: (problem.object, problem.field, problem.rule, problem.message))
