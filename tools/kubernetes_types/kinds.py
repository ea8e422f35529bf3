"""Makes the table of all kinds that are part of Kubernetes, of its own description of its API.

The table is for objects that this program has not made: `constructs_st2/checks/api/described.py` reads it. Run by
`make kubernetes-kinds`, without arguments from the versions that are pinned, or with the oldest and the newest one that
the program is for, such as v1.30.14 and v1.36.3, which are pinned then.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from kubernetes_types import sources

HERE = Path(__file__).parent
PINS = HERE / "kinds_pins.json"
TABLE = HERE.parents[1] / "constructs_st2" / "checks" / "api" / "kinds.json"

Document = Mapping[str, Any]

_STABLE = re.compile(r"v[0-9]+")
_PREFIX = "#/definitions/"
_KINDS = "x-kubernetes-group-version-kind"

_SPECIAL: Mapping[str, str] = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": "any",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "micro-time",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "time",
    "io.k8s.apimachinery.pkg.runtime.RawExtension": "any",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "int-or-string",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON": "any",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray": "any",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool": "any",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray": "any",
}
"""Definitions that are single values, or whatever there is."""

NOT_ASKED_FOR = frozenset(
    {
        "CSIDriver.spec",
        "ControllerRevision.revision",
        "CustomResourceDefinitionVersion.served",
        "DeviceClass.spec",
        "HTTPHeader.value",
        "ISCSIPersistentVolumeSource.lun",
        "ISCSIVolumeSource.lun",
        "LimitRangeSpec.limits",
        "PodFailurePolicy.rules",
        "PreferredSchedulingTerm.preference",
        "ResourceClaimTemplate.spec",
        "ResourceClaimTemplateSpec.spec",
        "Sysctl.value",
        "resource.v1.ResourceClaim.spec",
    }
)
"""Fields that the description calls required, and without which an API server takes an object all the same."""

GATED = frozenset(
    {
        "CSIDriverSpec.preventPodSchedulingIfMissing",
        "LeaseSpec.preferredHolder",
        "LeaseSpec.strategy",
        "Lifecycle.stopSignal",
        "PodSpec.schedulingGroup",
        "RollingUpdateStatefulSetStrategy.maxUnavailable",
        "TypedObjectReference.namespace",
        "VolumeProjection.clusterTrustBundle",
        "VolumeProjection.podCertificate",
    }
)
"""Fields that the newest version drops in silence, unless a cluster turns on what they are of."""

_STATUS = "status"
"""What the cluster itself writes into an object."""


class Kind(NamedTuple):
    """A kind of a version of an API group."""

    api_version: str
    name: str
    type: str
    scope: str

    @property
    def is_stable(self) -> bool:
        """Whether clusters serve it without being told to."""
        return bool(_STABLE.fullmatch(self.api_version.rpartition("/")[2]))


def table(oldest: Document, newest: Document, versions: tuple[str, str]) -> dict[str, Any]:
    """All kinds of stable versions, what they are made of, and the kinds of other versions.

    Args:
        oldest: the description of the oldest version that the program is for.
        newest: that of the newest one.
        versions: how both are called.
    """
    kinds = [kind for kind in _kinds(newest) if kind.is_stable]
    roots = frozenset(kind.type for kind in kinds)
    types = dict(sorted(_types(newest, roots).items()))
    names = _short(types)
    before = oldest["definitions"]
    shortened = {}
    for name, definition in types.items():
        fields = {
            field: "any" if name in roots and field == _STATUS else _type(schema, names)
            for field, schema in sorted(definition.get("properties", {}).items())
        }
        entry: dict[str, Any] = {"fields": fields}
        required = [
            field for field in sorted(definition.get("required", ())) if f"{names[name]}.{field}" not in NOT_ASKED_FOR
        ]
        if required:
            entry["required"] = required
        if name in before and (newer := sorted(fields.keys() - before[name].get("properties", {}).keys())):
            entry["newer"] = newer
        if gated := [field for field in fields if f"{names[name]}.{field}" in GATED]:
            entry["gated"] = gated
        shortened[names[name]] = entry
    known = {(kind.api_version, kind.name) for kind in _kinds(oldest)}
    unstable = {f"{kind.api_version} {kind.name}" for kind in (*_kinds(oldest), *_kinds(newest)) if not kind.is_stable}
    return {
        "oldest": versions[0],
        "newest": versions[1],
        "kinds": {
            f"{kind.api_version} {kind.name}": {
                "type": names[kind.type],
                "scope": kind.scope,
                **({} if (kind.api_version, kind.name) in known else {"newer": True}),
            }
            for kind in sorted(kinds)
        },
        "types": dict(sorted(shortened.items())),
        "unstable": sorted(unstable),
    }


def text(kinds: Mapping[str, Any]) -> str:
    """A table as JSON, with a line for each kind and type, so that differences can be read."""
    parts = [f' "{key}": {json.dumps(kinds[key])}' for key in ("oldest", "newest")]
    parts.append(f' "unstable": {json.dumps(kinds["unstable"], indent=2)[:-1]} ]')
    for key in ("kinds", "types"):
        lines = ",\n".join(f'  "{name}": {json.dumps(entry)}' for name, entry in kinds[key].items())
        parts.append(f' "{key}": {{\n{lines}\n }}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _kinds(document: Document) -> Iterator[Kind]:
    """The kinds that can be created."""
    for path, operations in document["paths"].items():
        made = operations.get("post", {})
        # What is below an object, such as its eviction, is asked for by programs.
        if _KINDS not in made or "/{name}" in path:
            continue
        group, version, kind = (made[_KINDS][key] for key in ("group", "version", "kind"))
        body = next((each for each in made.get("parameters", ()) if each["name"] == "body"), None)
        if body is None:
            continue
        scope = "Namespaced" if "/{namespace}/" in path else "Cluster"
        api_version = f"{group}/{version}" if group else version
        yield Kind(api_version, kind, body["schema"]["$ref"].removeprefix(_PREFIX), scope)


def _types(document: Document, roots: Collection[str]) -> dict[str, Any]:
    """The definitions that kinds are made of, without what only the cluster itself writes."""
    found: dict[str, Any] = {}
    waiting = [*roots]
    while waiting:
        name = waiting.pop()
        if name in found or name in _SPECIAL:
            continue
        found[name] = document["definitions"][name]
        for field, schema in found[name].get("properties", {}).items():
            if name not in roots or field != _STATUS:
                waiting += _referred(schema)
    return found


def _referred(schema: Document) -> Iterator[str]:
    if "$ref" in schema:
        yield schema["$ref"].removeprefix(_PREFIX)
    for key in ("items", "additionalProperties"):
        if key in schema:
            yield from _referred(schema[key])


def _short(names: Mapping[str, Any]) -> dict[str, str]:
    """Definitions by their short names; those that share one also have the group and version."""
    count = Counter(name.rpartition(".")[2] for name in names)
    return {name: name.rpartition(".")[2] if count[name.rpartition(".")[2]] == 1 else _long(name) for name in names}


def _long(name: str) -> str:
    return ".".join(name.split(".")[-3:])


def _type(schema: Document, names: Mapping[str, str]) -> str:
    """The type of a field: ``[]`` behind it stands for a list, ``{}`` for a mapping with free keys."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_PREFIX)
        return _SPECIAL.get(name) or names[name]
    match schema.get("type"):
        case "array":
            return f"{_type(schema['items'], names)}[]"
        case "object":
            return f"{_type(schema['additionalProperties'], names)}{{}}" if "additionalProperties" in schema else "any"
        case "string":
            return {"byte": "base64", "date-time": "time"}.get(schema.get("format", ""), "string")
        case "integer":
            return str(schema.get("format", "int64"))
        case "number" | "boolean" as kind:
            return str(kind)
        case _:
            return "any"


def main(arguments: list[str]) -> None:
    """Write the pins and the table.

    Raises:
        SystemExit: a document is not the one that is pinned.
    """
    pins = json.loads(PINS.read_text(encoding="utf-8"))
    wanted = [(version, None) for version in arguments] or [(pin["version"], pin["sha256"]) for pin in pins]
    (oldest, first), (newest, last) = (sources.document(*each) for each in wanted)
    PINS.write_text(json.dumps([first, last], indent=2) + "\n", encoding="utf-8")
    TABLE.write_text(text(table(oldest, newest, (_minor(first), _minor(last)))), encoding="utf-8")


def _minor(pin: Mapping[str, str]) -> str:
    """A version as people call it: 1.36."""
    return ".".join(pin["version"].removeprefix("v").split(".")[:2])


if __name__ == "__main__":
    main(sys.argv[1:])
