"""What differs in an object, in the words of the values and of st2.conf. Nothing secret is ever among them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import yaml

from constructs_st2.changes.difference import Difference, Leaf
from constructs_st2.checks.data import mapping
from constructs_st2.facts import ini
from constructs_st2.facts.backends import BACKENDS
from constructs_st2.facts.backends.upgrades import (
    ACCEPTED_ANNOTATION,
    COMPATIBILITY_ANNOTATION,
    REPLICA_SET_ANNOTATION,
    VERSION_ANNOTATION,
)
from constructs_st2.facts.catalogue import CATALOGUE
from constructs_st2.facts.release import CHECKSUM_ANNOTATION
from constructs_st2.facts.st2_conf.settings import DOCKER_CONF, USER_CONF
from constructs_st2.kube.well_known import VERSION_LABEL
from constructs_st2.kube.yaml_text import LOADER
from constructs_st2.parts.backends.data_guard.guard import NAME as GUARD
from constructs_st2.values import secret_looks

LONGEST = 70
"""Characters of a value that are shown."""
HIDDEN = "(hidden)"

_BACKENDS = frozenset(backend.component for backend in BACKENDS)
_SERVICES = frozenset(entry.name for entry in CATALOGUE)
_SECRET_KINDS = frozenset({"Secret", "SealedSecret"})

_POD = ("spec", "template", "spec")
_VALUES_KEYS: Mapping[tuple[str, str], str] = {
    ("Deployment", "spec.replicas"): "replicas",
    ("StatefulSet", "spec.replicas"): "replicaCount",
    ("StatefulSet", "spec.volumeClaimTemplates.[data].spec.resources.requests.storage"): "persistence.size",
    ("StatefulSet", "spec.volumeClaimTemplates.[data].spec.storageClassName"): "persistence.storageClass",
    ("StatefulSet", "spec.volumeClaimTemplates.[data].spec.accessModes"): "persistence.accessModes",
    ("StatefulSet", "spec.volumeClaimTemplates"): "persistence.enabled",
    ("StatefulSet", "spec.persistentVolumeClaimRetentionPolicy.whenDeleted"): "persistence.retention.whenDeleted",
    ("StatefulSet", "spec.persistentVolumeClaimRetentionPolicy.whenScaled"): "persistence.retention.whenScaled",
}
"""What a place in a workload is called in the section of its component."""
_NOTES = {
    VERSION_ANNOTATION: "version",
    COMPATIBILITY_ANNOTATION: "mongodb.featureCompatibilityVersion",
    REPLICA_SET_ANNOTATION: "mongodb.replicaSetName",
    ACCEPTED_ANNOTATION: "persistence.acceptDataOf",
}
_POD_KEYS = ("terminationGracePeriodSeconds", "nodeSelector", "tolerations", "affinity", "topologySpreadConstraints")


def words(difference: Difference) -> list[str]:
    """What differs, a line for each."""
    if difference.action != "changed":
        return []
    if difference.kind in _SECRET_KINDS:
        return list(_of_secret(difference))
    lines = list(_of_config_map(difference)) if difference.kind == "ConfigMap" else []
    data = {"data", "binaryData"} if difference.kind == "ConfigMap" else set()
    read = {leaf.path[-1].removeprefix(CHECKSUM_ANNOTATION) for leaf in difference.leaves if _is_checksum(leaf.path)}
    lines += [
        _line(difference, leaf)
        for leaf in difference.leaves
        if leaf.path[0] not in data and not is_noise(leaf) and not _is_mount(leaf, read) and not _is_guard(leaf)
    ]
    return list(dict.fromkeys(lines))


def _is_checksum(path: tuple[str, ...]) -> bool:
    return path[:4] == ("spec", "template", "metadata", "annotations") and path[-1].startswith(CHECKSUM_ANNOTATION)


def _is_mount(leaf: Leaf, read: AbstractSet[str]) -> bool:
    """Whether it is about where a pod has what is told of already."""
    return "volumeMounts" in leaf.path or (leaf.path[-2:-1] == ("volumes",) and leaf.path[-1].strip("[]") in read)


def _is_guard(leaf: Leaf) -> bool:
    """Whether it is about the guard of the data, which follows from the version of the server."""
    return f"[{GUARD}]" in leaf.path


def is_noise(leaf: Leaf) -> bool:
    """Whether a difference is about labels that only tell what is told elsewhere."""
    return leaf.path[-1] == VERSION_LABEL


def shown(value: Any) -> str:
    """A value as people read it, cut short."""
    if value is None:
        return "(none)"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if not secret_looks.is_shown("", text):
        return HIDDEN
    text = " ".join(text.split())
    return (text or '""') if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def arrow(name: str, old: Any, new: Any) -> str:
    """One value and the other. What is called like a secret is not shown."""
    last = re.split(r"[.\s\]]", name.rstrip("]"))[-1]
    if secret_looks.is_secret_name(last):
        old, new = (None if value is None else HIDDEN for value in (old, new))
        return f"{name} {old or '(none)'} -> {new or '(none)'}"
    if isinstance(old, list | None) and isinstance(new, list | None):
        return f"{name} {_items(old or [], new or [])}"
    before, after = shown(old), shown(new)
    if "…" in before + after and isinstance(old, dict | str) and isinstance(new, dict | str):
        return f"{name} changes"
    return f"{name} {before} -> {after}"


def _items(old: list[Any], new: list[Any]) -> str:
    """What comes to a list, and what goes; long ones only as numbers."""
    more, fewer = ([shown(item) for item in one if item not in other] for one, other in ((new, old), (old, new)))
    told = " ".join([*(f"+{item}" for item in more), *(f"-{item}" for item in fewer)])
    if told and len(told) <= 2 * LONGEST and "…" not in told:
        return told
    return f"changes ({len(more)} items more, {len(fewer)} fewer)" if len(more) != len(fewer) else "changes"


def _of_secret(difference: Difference) -> Iterator[str]:
    for leaf in difference.leaves:
        # Neither values nor what was encrypted of them.
        if leaf.path[0] in ("data", "stringData") or leaf.path[:2] == ("spec", "encryptedData"):
            becomes = "is new" if leaf.old is None else "is gone" if leaf.new is None else "has another value"
            yield f"key {leaf.path[-1]} {becomes}"
        elif not is_noise(leaf):
            yield _path(leaf.path)


def _line(difference: Difference, leaf: Leaf) -> str:
    path = leaf.path
    if _is_checksum(path):
        return f"reads {path[-1].removeprefix(CHECKSUM_ANNOTATION)}, which changes"
    if path[-1] in _NOTES:
        return arrow(_NOTES[path[-1]], leaf.old, leaf.new)
    if path[-1] == "image" and isinstance(leaf.old, str) and isinstance(leaf.new, str):
        return _image(leaf.old, leaf.new)
    if key := _values_key(difference, path):
        return arrow(key, leaf.old, leaf.new)
    name = _place(path, difference.component)
    if isinstance(leaf.old or leaf.new, dict):
        became = "is new" if leaf.old is None else "is gone" if leaf.new is None else ""
        if became:
            return f"{name} {became}"
    # A variable's name, rather than the `value` in which it is.
    if len(path) > 1 and path[-1] == "value" and "env" in path:
        return arrow(_place(path[:-1], difference.component), leaf.old, leaf.new)
    return arrow(name, leaf.old, leaf.new)


def _image(old: str, new: str) -> str:
    """The part of an image that differs, which is the same for many of them."""
    (repository, _, tag), (other, _, other_tag) = old.rpartition(":"), new.rpartition(":")
    if repository != other or "@" in old + new:
        return f"image {old} -> {new}"
    name = repository.rpartition("/")[2]
    return f"image tag {tag} -> {other_tag}" if name in _SERVICES else f"image {name} {tag} -> {other_tag}"


def _place(path: tuple[str, ...], component: str) -> str:
    """A place, without the way to where most of them are: the pod, and its main container."""
    if path[:3] == _POD:
        path = path[3:]
    if path[:2] == ("containers", f"[{component}]") and len(path) > 2:
        path = path[2:]
    return _path(path)


def _path(path: tuple[str, ...]) -> str:
    return ".".join(path).replace(".[", "[")


def _values_key(difference: Difference, path: tuple[str, ...]) -> str | None:
    component = difference.component
    if component not in _SERVICES | _BACKENDS:
        return None
    key = _VALUES_KEYS.get((difference.kind, ".".join(path)))
    if key is None and path[:3] == _POD:
        if path[3:4] and path[3] in _POD_KEYS:
            key = ".".join(path[3:])
        elif path[3:6:2] == ("containers", "resources") and path[4] == f"[{component}]":
            key = ".".join(path[5:])
    return f"{component}.{key}" if key else None


# --- ConfigMaps


def _of_config_map(difference: Difference) -> Iterator[str]:
    assert difference.old is not None
    assert difference.new is not None
    old, new = mapping(difference.old.get("data")), mapping(difference.new.get("data"))
    if DOCKER_CONF in new and DOCKER_CONF in old:
        before, after = _options(old), _options(new)
        for place in [*after, *(place for place in before if place not in after)]:
            if before.get(place) != after.get(place):
                section, option = place
                # Without it, st2 has a default of its own.
                values = (before.get(place, "(default)"), after.get(place, "(default)"))
                yield arrow(f"[{section}] {option}", *values)
        old, new = ({key: text for key, text in each.items() if key not in _ST2_CONF} for each in (old, new))
    for key in [*new, *(key for key in old if key not in new)]:
        if old.get(key) != new.get(key):
            yield from _of_text(key, old.get(key), new.get(key))
    for leaf in difference.at("binaryData"):
        yield f"{leaf.path[-1]} changes"


_ST2_CONF = (DOCKER_CONF, USER_CONF)


def _options(data: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """The options that are in force: those of the second file win."""
    text = [str(data.get(name, "")) for name in _ST2_CONF]
    try:
        return {(entry.section, entry.option): entry.value for each in text for entry in ini.parse(each)}
    except ini.IniError:
        return {}


def _of_text(name: str, old: str | None, new: str | None) -> Iterator[str]:
    if old is None or new is None:
        yield f"{name} {'is new' if old is None else 'is gone'}"
        return
    before, after = _settings(name, old), _settings(name, new)
    if before is None or after is None:
        yield f"{name} changes ({_lines(old, new)})"
        return
    changed = [
        key for key in [*after, *(key for key in before if key not in after)] if before.get(key) != after.get(key)
    ]
    if not changed:
        yield f"{name} changes ({_lines(old, new)})"
    for key in changed:
        yield arrow(f"{name} {key}", before.get(key), after.get(key))


def _lines(old: str, new: str) -> str:
    before, after = old.splitlines(), new.splitlines()
    more = sum(line not in set(before) for line in after)
    fewer = sum(line not in set(after) for line in before)
    return f"{more} lines more, {fewer} fewer" if more or fewer else "in the order of its lines"


def _settings(name: str, text: str) -> dict[str, Any] | None:
    """A file of settings as keys and values; None for what is none, such as a program."""
    suffix = name.rpartition(".")[2]
    if suffix in ("json", "yaml", "yml") or name == "mongod.conf":
        try:
            return _flat(json.loads(text) if suffix == "json" else yaml.load(text, LOADER))
        except (yaml.YAMLError, ValueError):
            return None
    if suffix != "conf" or name.startswith(("nginx", "st2")):
        return {} if name == "members" else None
    found: dict[str, Any] = {}
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith(("#", "[")):
            key, _, value = re.sub(r"\s*=\s*|\s+", " ", line.strip(), count=1).partition(" ")
            found[key] = f"{found[key]}, {value}" if key in found else value
    return found


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict) and value:
        below = (_flat(item, f"{path}.{key}" if path else str(key)) for key, item in value.items())
        return {key: item for each in below for key, item in each.items()}
    return {path: value}
