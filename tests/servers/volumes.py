"""What the kubelet gives to containers: files from ConfigMaps, Secrets and claims, and the environment."""

from __future__ import annotations

import base64
import itertools
import os
import re
import shlex
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from constructs_st2.kube.documents import Document

OUTSIDE = "/.outside"
"""Where a container that is being made finds the root of the machine."""


class Sources:
    """The ConfigMaps and Secrets of a cluster."""

    def __init__(self, objects: Iterable[Document], secrets: Mapping[str, Mapping[str, str]]) -> None:
        self._config_maps: dict[str, dict[str, bytes]] = {}
        self._secrets = {name: {key: text.encode() for key, text in data.items()} for name, data in secrets.items()}
        for each in objects:
            if each["kind"] == "ConfigMap":
                self._config_maps[each["metadata"]["name"]] = _content(each, "binaryData", "data")
            elif each["kind"] == "Secret":
                self._secrets[each["metadata"]["name"]] = _content(each, "data", "stringData")

    def config_map(self, name: str, *, optional: bool = False) -> Mapping[str, bytes]:
        """The keys of a ConfigMap."""
        return self._config_maps.get(name, {}) if optional else self._config_maps[name]

    def secret(self, name: str, *, optional: bool = False) -> Mapping[str, bytes]:
        """The keys of a Secret."""
        return self._secrets.get(name, {}) if optional else self._secrets[name]


def _content(document: Document, encoded: str, plain: str) -> dict[str, bytes]:
    return {key: base64.b64decode(value) for key, value in document.get(encoded, {}).items()} | {
        key: value.encode() for key, value in document.get(plain, {}).items()
    }


@dataclass(frozen=True)
class File:
    """A file of a volume."""

    content: bytes
    mode: int


def files_of(volume: Document, sources: Sources) -> dict[str, File]:
    """The files of a volume that is made of ConfigMaps and Secrets."""
    match volume:
        case {"configMap": source}:
            data = sources.config_map(source["name"], optional=source.get("optional", False))
        case {"secret": source}:
            data = sources.secret(source["secretName"], optional=source.get("optional", False))
        case {"projected": source}:
            return _projected(source, sources)
        case _:
            raise NotImplementedError(f"volume {volume}")
    return _selected(data, source, source.get("defaultMode", 0o644))


def _projected(projected: Document, sources: Sources) -> dict[str, File]:
    files: dict[str, File] = {}
    for each in projected["sources"]:
        ((kind, source),) = each.items()
        find = {"configMap": sources.config_map, "secret": sources.secret}[kind]
        data = find(source["name"], optional=source.get("optional", False))
        files |= _selected(data, source, projected.get("defaultMode", 0o644))
    return files


def _selected(data: Mapping[str, bytes], source: Document, mode: int) -> dict[str, File]:
    if "items" not in source:
        return {key: File(content, mode) for key, content in data.items()}
    return {
        item["path"]: File(data[item["key"]], item.get("mode", mode))
        for item in source["items"]
        if item["key"] in data or not source.get("optional", False)
    }


_versions = itertools.count(1)


def write_files(folder: Path, files: Mapping[str, File], group: int | None) -> None:
    """Make these the files of a volume: all at once, by the switch of a symbolic link, as the kubelet does."""
    version = folder / f"..{next(_versions)}"
    for path, file in files.items():
        target = version / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content)
        target.chmod(file.mode)
    version.mkdir(exist_ok=True)
    if group is not None:
        give_to_group(version, group, read_only=True)
    data, new = folder / "..data", folder / "..data_tmp"
    old = data.resolve() if data.is_symlink() else None
    new.symlink_to(version.name)
    new.replace(data)
    names = {PurePosixPath(path).parts[0] for path in files}
    for name in names:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    for found in folder.iterdir():
        if not found.name.startswith("..") and found.name not in names:
            found.unlink()
    if old:
        shutil.rmtree(old)


def give_to_group(folder: Path, group: int, *, read_only: bool = False, only_on_mismatch: bool = False) -> None:
    """What the kubelet does with the volumes of a pod that has an `fsGroup`.

    See pkg/volume/volume_linux.go of Kubernetes: modes only gain bits, so that a file which is too open for its
    program stays so, and one which must be closed to the group is opened to it.

    Args:
        folder: the volume.
        group: the group of the pod.
        read_only: whether its files are for reading only, such as those of a Secret.
        only_on_mismatch: the `fsGroupChangePolicy` OnRootMismatch: a folder that is as it should be stands for all.
    """
    extra = 0o440 if read_only else 0o660
    status = folder.stat()
    directory_bits = extra | 0o2110
    if only_on_mismatch and status.st_gid == group and status.st_mode & directory_bits == directory_bits:
        return
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, -1, group, follow_symlinks=False)
        if not path.is_symlink():
            path.chmod((path.stat().st_mode & 0o7777) | (directory_bits if path.is_dir() else extra))


@dataclass(frozen=True)
class Mount:
    """A folder or file of the machine that a container sees at some path."""

    source: Path
    target: str
    read_only: bool

    def script(self) -> str:
        """Mounts it, inside the container that is being made."""
        target = shlex.quote(self.target)
        make = f"mkdir -p {target}"
        if self.source.is_file():
            make = f"mkdir -p {shlex.quote(str(PurePosixPath(self.target).parent))}; [ -e {target} ] || : >{target}"
        bind = shlex.join(["mount", "--bind", f"{OUTSIDE}{self.source}", self.target])
        return f"{make}\n{bind}\n" + (f"mount -o remount,bind,ro {target}\n" if self.read_only else "")


class Volumes:
    """The volumes of one pod: folders, which its containers share.

    Args:
        spec: the spec of the pod.
        folder: for the volumes that live as long as the pod.
        claims: the folders of claims that are made for it.
        sources: the ConfigMaps and Secrets.
        claim_named: finds the folder of a claim that the pod shares with others.
        images: the folders that stand for images, by reference.
    """

    def __init__(
        self,
        spec: Document,
        folder: Path,
        claims: Mapping[str, Path],
        sources: Sources,
        claim_named: Callable[[str], Path],
        images: Mapping[str, Path],
    ) -> None:
        context = spec.get("securityContext", {})
        self._group: int | None = context.get("fsGroup")
        volumes: list[Document] = spec.get("volumes", [])
        shared = {each["name"]: each["persistentVolumeClaim"] for each in volumes if "persistentVolumeClaim" in each}
        claims = {**claims, **{name: claim_named(source["claimName"]) for name, source in shared.items()}}
        self._images = {each["name"]: images[each["image"]["reference"]] for each in volumes if "image" in each}
        self._volumes = [each for each in volumes if each["name"] not in {*claims, *self._images}]
        made = {volume["name"]: folder / volume["name"] for volume in self._volumes}
        self._folders = {**claims, **self._images, **made}
        for path in claims.values():
            path.mkdir(parents=True, exist_ok=True)
            if self._group is not None:
                lazy = context.get("fsGroupChangePolicy") == "OnRootMismatch"
                give_to_group(path, self._group, only_on_mismatch=lazy)
        for volume in self._volumes:
            path = self._folders[volume["name"]]
            path.mkdir(parents=True)
            path.chmod(0o777)
            if self._group is not None:
                give_to_group(path, self._group, read_only="emptyDir" not in volume)
        self.refresh(sources)

    def refresh(self, sources: Sources) -> None:
        """Bring the files of ConfigMaps and Secrets up to date."""
        for volume in self._volumes:
            if "emptyDir" not in volume:
                write_files(self._folders[volume["name"]], files_of(volume, sources), self._group)

    def in_memory(self) -> Iterator[list[str]]:
        """Commands that mount those which are in memory, to be run where all containers of the pod see it."""
        for volume in self._volumes:
            if volume.get("emptyDir", {}).get("medium") == "Memory":
                path = self._folders[volume["name"]]
                status = path.stat()
                options = f"mode={status.st_mode & 0o7777:o},gid={status.st_gid}"
                yield ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)]

    def mounts(self, container: Document) -> list[Mount]:
        """The mounts of a container: outer paths before those inside them, as container runtimes order them."""
        # Nobody can write to what comes from ConfigMaps, Secrets and images.
        content = {*self._images, *(volume["name"] for volume in self._volumes if "emptyDir" not in volume)}
        mounts = []
        for each in container.get("volumeMounts", ()):
            if "subPathExpr" in each or each.get("mountPropagation", "None") != "None":
                raise NotImplementedError(f"volumeMounts: {each}")
            source = self._folders[each["name"]]
            if path := each.get("subPath"):
                if not (source / path).exists():
                    (source / path).mkdir(parents=True)
                    (source / path).chmod(source.stat().st_mode & 0o7777)
                source /= path
            mounts.append(Mount(source, each["mountPath"], each.get("readOnly", False) or each["name"] in content))
        return sorted(mounts, key=lambda mount: len(PurePosixPath(mount.target).parts))


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """Replace `$(NAME)` by the value of a variable. `$$` stands for one dollar; unknown names stay as they are."""

    def replacement(found: re.Match[str]) -> str:
        return "$" if found[1] == "$" else variables.get(found[2], found[0])

    return re.sub(r"\$(\$|\(([^)]*)\))", replacement, text)


def environment_of(container: Document, facts: Mapping[str, str], sources: Sources) -> dict[str, str]:
    """The variables that the manifest gives to a container.

    Args:
        container: from the manifest.
        facts: what is known of the pod, by field path.
        sources: the ConfigMaps and Secrets.
    """
    variables: dict[str, str] = {}
    for each in container.get("envFrom", ()):
        prefix = each.get("prefix", "")
        variables |= {f"{prefix}{name}": value.decode() for name, value in _all_keys(each, sources).items()}
    for each in container.get("env", ()):
        value = _value(each, facts, sources)
        if value is not None:
            variables[each["name"]] = value if "valueFrom" in each else expanded(value, variables)
    return variables


def _all_keys(entry: Document, sources: Sources) -> Mapping[str, bytes]:
    match entry:
        case {"configMapRef": source}:
            return sources.config_map(source["name"], optional=source.get("optional", False))
        case {"secretRef": source}:
            return sources.secret(source["name"], optional=source.get("optional", False))
    raise NotImplementedError(f"envFrom: {entry}")


def _value(entry: Document, facts: Mapping[str, str], sources: Sources) -> str | None:
    match entry.get("valueFrom"):
        case None:
            return str(entry.get("value", ""))
        case {"fieldRef": source}:
            return facts[source["fieldPath"]]
        case {"configMapKeyRef": source}:
            data = sources.config_map(source["name"], optional=source.get("optional", False))
        case {"secretKeyRef": source}:
            data = sources.secret(source["name"], optional=source.get("optional", False))
        case source:
            raise NotImplementedError(f"env: {source}")
    if source.get("optional", False) and source["key"] not in data:
        return None
    return data[source["key"]].decode()
