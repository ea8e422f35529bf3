"""What the API server refuses by its form: names, sizes, and what must be unique within a pod."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence

from constructs_st2.checks.api import forms
from constructs_st2.checks.api.walk import Form
from constructs_st2.checks.data import annotations_of, content_of, mapping, mappings, name_of, scalar
from constructs_st2.checks.index import Index
from constructs_st2.checks.problem import Problem
from constructs_st2.kube.documents import Document, identity, is_built_in
from constructs_st2.kube.parted import applied_size

_NAMES: Mapping[str, Form] = {
    "Namespace": forms.dns_label,
    "Service": forms.service_name,
    "Deployment": forms.dns_label,
    "DaemonSet": forms.dns_label,
    # The name, a "-" and a hash of up to ten characters become the label controller-revision-hash.
    "StatefulSet": forms.longer_name,
    "Job": forms.dns_label,
    # The Jobs of a CronJob are called by its name, a "-" and ten digits.
    "CronJob": forms.longer_name,
}
_FREE_NAME_GROUPS = ("rbac.authorization.k8s.io",)

DATA_LIMIT = 1024 * 1024
"""Bytes that the values of a ConfigMap or a Secret may have together."""
ANNOTATIONS_LIMIT = 256 * 1024
"""Bytes that the annotations of an object may have together. `kubectl apply` puts the whole object into one of them."""


def object_names(index: Index) -> Iterator[Problem]:
    """Names have the form and length of their kind."""
    for document in index.objects:
        name, kind = name_of(document), document["kind"]
        if document["apiVersion"].startswith(_FREE_NAME_GROUPS):
            continue
        form = _NAMES.get(kind, forms.dns_subdomain) if is_built_in(document) else forms.dns_subdomain
        if message := form(name):
            yield Problem("name", identity(document), "metadata.name", message)


def file_keys(index: Index) -> Iterator[Problem]:
    """Keys of ConfigMaps and Secrets can be file names, and their values are texts."""
    for document in index.of_kind("ConfigMap", "Secret"):
        for field in ("data", "binaryData", "stringData"):
            for key, value in mapping(document.get(field)).items():
                where = f"{field}[{key}]"
                if message := forms.config_key(str(key)):
                    yield Problem("name", identity(document), where, message)
                if not isinstance(value, str):
                    yield Problem("text", identity(document), where, f"is {value!r}; expected a text: put it in quotes")


def sizes(index: Index) -> Iterator[Problem]:
    """Objects fit into the API server, and into the annotation that `kubectl apply` makes of them."""
    for document in filter(_may_be_large, index.objects):
        annotations = sum(len(str(key)) + _bytes(str(value)) for key, value in annotations_of(document).items())
        if annotations > ANNOTATIONS_LIMIT:
            message = f"the annotations have {annotations} bytes; at most {ANNOTATIONS_LIMIT} are possible"
            yield Problem("size", identity(document), "metadata.annotations", message)
        elif (size := applied_size(document)) > ANNOTATIONS_LIMIT:
            message = f"the object has {size} bytes; `kubectl apply` takes at most {ANNOTATIONS_LIMIT}: split it"
            yield Problem("size", identity(document), "metadata", message)
    for document in index.of_kind("ConfigMap", "Secret"):
        for field in ("data", "binaryData", "stringData"):
            total = sum(_bytes(value) for value in mapping(document.get(field)).values() if isinstance(value, str))
            if total > DATA_LIMIT:
                message = f"the values have {total} bytes; at most {DATA_LIMIT} are possible"
                yield Problem("size", identity(document), field, message)


_BECOME_SIX = bytes({*range(32)} - {*b"\b\t\n\f\r"}) + b"<>&" + b"NTF"
"""What may become six bytes in JSON, such as ``\\u0000`` and ``false,``.

`content_of` has a letter for null and booleans. All else becomes three at most.
"""


def _may_be_large(document: Document) -> bool:
    """Whether it is worth while to write the object as JSON: by far the most are small, whatever has to be escaped."""
    content = content_of(document)
    if content is None:
        return True
    if 6 * len(content) <= ANNOTATIONS_LIMIT:
        return False
    rest = content.translate(None, _BECOME_SIX)
    return 3 * len(rest) + 6 * (len(content) - len(rest)) > ANNOTATIONS_LIMIT


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="replace"))


def names_in_pods(index: Index) -> Iterator[Problem]:
    """Names of containers, volumes, ports and variables have the form that each of them needs."""
    for pod in index.pods:
        for field, volume in pod.volumes:
            if message := forms.dns_label(volume.get("name")):
                yield Problem("name", pod.identity, field, message)
        for container in pod.containers:
            if message := forms.dns_label(container.spec.get("name")):
                yield Problem("name", pod.identity, container.field, message)
            for position, port in enumerate(container.ports):
                if "name" in port and (message := forms.port_name(port["name"])):
                    yield Problem("name", pod.identity, container.field_of("ports", position, port), message)
            for position, variable in enumerate(container.variables):
                if message := forms.variable_name(variable.get("name")):
                    yield Problem("name", pod.identity, container.field_of("env", position, variable), message)


def values_of_variables(index: Index) -> Iterator[Problem]:
    """Values of environment variables are texts."""
    for pod in index.pods:
        for container in pod.containers:
            for position, variable in enumerate(container.variables):
                value = variable.get("value", "")
                if not isinstance(value, str):
                    field = container.field_of("env", position, variable)
                    yield Problem("text", pod.identity, field, f"is {value!r}; expected a text: put it in quotes")


def duplicates_in_pods(index: Index) -> Iterator[Problem]:
    """Containers, volumes, and the variables of a container, have different names; ports are used once in a pod."""
    for pod in index.pods:
        # Whoever adds an init container names it, and so they come last.
        ordered = sorted(pod.containers, key=lambda container: container.init)
        for at in _repeated([container.name for container in ordered]):
            # By position, as two of one name could not be told apart.
            kind = ordered[at].field.rpartition("[")[0]
            position = sum(each.init == ordered[at].init for each in ordered[:at])
            message = "two containers have this name; rename one"
            yield Problem("duplicate", pod.identity, f"{kind}[{position}]", message)
        # Kubernetes itself would take the claim in silence, and leave the other volume out.
        volumes = [(f"spec.volumeClaimTemplates[{name}]", name) for name in pod.claim_templates]
        volumes += [(field, str(volume.get("name"))) for field, volume in pod.volumes]
        for at in _repeated([name for _, name in volumes]):
            yield Problem("duplicate", pod.identity, volumes[at][0], "two volumes have this name; rename one")
        for container in pod.containers:
            for at in _repeated([str(variable.get("name")) for variable in container.variables]):
                field = container.field_of("env", at, container.variables[at])
                message = "the variable is set twice, and only the last counts; remove one"
                yield Problem("duplicate", pod.identity, field, message)
        ports = [
            (container, position, port)
            for container in pod.containers
            if not container.init
            for position, port in enumerate(container.ports)
        ]
        for at in _repeated([(scalar(p.get("containerPort")), str(p.get("protocol", "TCP"))) for _, _, p in ports]):
            container, position, port = ports[at]
            message = "the port is declared twice in this pod; containers share their ports"
            yield Problem("duplicate", pod.identity, container.field_of("ports", position, port), message)


def ports_of_services(index: Index) -> Iterator[Problem]:
    """The ports of a Service differ in name and number."""
    for service in index.of_kind("Service"):
        ports = mappings(mapping(service.get("spec")).get("ports"))
        seen: set[Hashable] = set()
        for position, port in enumerate(ports):
            number = (scalar(port.get("port")), str(port.get("protocol", "TCP")))
            field = f"spec.ports[{position}]"
            if len(ports) > 1 and not port.get("name"):
                yield Problem("duplicate", identity(service), field, "has no name, which it needs beside other ports")
            for key in (number, scalar(port.get("name"))):
                if key is not None and key in seen:
                    yield Problem("duplicate", identity(service), field, "another port has this name or number")
                seen.add(key)


def _repeated(keys: Sequence[Hashable]) -> Sequence[int]:
    """The positions at which a key is that was there before."""
    if len(set(keys)) == len(keys):
        return ()
    first = {key: position for position, key in reversed(list(enumerate(keys)))}
    return [position for position, key in enumerate(keys) if first[key] != position]


RULES = (
    object_names,
    file_keys,
    sizes,
    names_in_pods,
    values_of_variables,
    duplicates_in_pods,
    ports_of_services,
)
