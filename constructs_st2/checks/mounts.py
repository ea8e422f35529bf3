"""Volumes and where containers mount them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from constructs_st2.checks.data import at, mapping, mappings
from constructs_st2.checks.index import Index
from constructs_st2.checks.pods import Container, PodTemplate
from constructs_st2.checks.problem import Problem
from constructs_st2.kube.documents import Document


def mounts(index: Index) -> Iterator[Problem]:
    """Every mount names a volume of its pod, at a path of its own, and a file that is in it."""
    for pod in index.pods:
        volumes = {str(volume.get("name")): volume for _, volume in pod.volumes}
        known = {*volumes, *pod.claim_templates}
        for container in pod.containers:
            paths: set[str] = set()
            for position, mount in enumerate(container.mounts):
                name, path = str(mount.get("name")), str(mount.get("mountPath"))
                if path in paths:
                    message = f"{path} is mounted twice in this container; give each mount a path of its own"
                    yield Problem("mount", pod.identity, _field(container, position), message)
                paths.add(path)
                if name not in known:
                    yield _unknown(pod, _field(container, position), name, known)
                elif name in volumes and "subPath" in mount:
                    yield from _sub_path(index, pod, mount, volumes[name], _field(container, position))
            for position, device in enumerate(container.devices):
                if (name := str(device.get("name"))) not in known:
                    yield _unknown(pod, f"{container.field}.volumeDevices[{position}].name", name, known)


def _field(container: Container, position: int) -> str:
    return f"{container.field}.volumeMounts[{position}]"


def _unknown(pod: PodTemplate, field: str, name: str, known: Collection[str]) -> Problem:
    message = f'the pod has no volume "{name}"; its volumes are: {", ".join(sorted(known))}'
    return Problem("mount", pod.identity, field, message)


def _sub_path(index: Index, pod: PodTemplate, mount: Document, volume: Document, field: str) -> Iterator[Problem]:
    """A subPath of files must be one of them: the kubelet makes an empty directory of any other."""
    path = mount.get("subPath")
    files = _files(index, pod, volume) if isinstance(path, str) else None
    if files is not None and not any(file == path or file.startswith(f"{path}/") for file in files):
        message = f'volume "{mount["name"]}" has no file "{path}"; its files are: {", ".join(sorted(files)) or "none"}'
        yield Problem("mount", pod.identity, f"{field}.subPath", message)


def _files(index: Index, pod: PodTemplate, volume: Document) -> frozenset[str] | None:
    """The files of a volume; None where they cannot be known."""
    for kind, source, name in (("ConfigMap", "configMap", "name"), ("Secret", "secret", "secretName")):
        if source in volume:
            items = mappings(at(volume, source, "items"))
            if items:
                return frozenset(str(item.get("path")) for item in items)
            found = index.lookup(kind, pod.namespace, str(mapping(volume[source]).get(name)))
            return found.keys if found else None
    return None


def unused_volumes(index: Index) -> Iterator[Problem]:
    """Every volume is mounted by some container."""
    for pod in index.pods:
        used = {str(mount.get("name")) for container in pod.containers for mount in container.mounts}
        used |= {str(device.get("name")) for container in pod.containers for device in container.devices}
        fields = [(str(volume.get("name")), field) for field, volume in pod.volumes]
        fields += [(name, f"spec.volumeClaimTemplates[{name}]") for name in pod.claim_templates]
        for name, field in fields:
            if name not in used:
                message = "no container mounts this volume; mount it, or remove it"
                yield Problem("unused-volume", pod.identity, field, message)


def content(index: Index) -> Iterator[Problem]:
    """Every service finds what it reads."""
    for pod in index.own_pods:
        expected = index.surroundings.content.get(pod.labels.get("app", ""), frozenset())
        main = pod.main_container
        for path in sorted(expected - {str(mount.get("mountPath")) for mount in main.mounts}):
            message = f"nothing is mounted at {path}, where the service looks for it"
            yield Problem("content", pod.identity, f"{main.field}.volumeMounts", message)


RULES = (mounts, unused_volumes, content)
