"""A release of Helm, as it is in the cluster: its values, its manifests, and the version of its chart."""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from constructs_st2.errors import UserError
from constructs_st2.kube.documents import Document
from constructs_st2.values.layers import overlay

CHARTS = ("stackstorm-ha", "stackstorm-k8s")
_SECONDS = 60
"""How long kubectl may take for one answer."""


@dataclass(frozen=True)
class HelmRelease:
    """What Helm remembers of a release.

    ``given`` are the user's values, ``values`` those with the chart's defaults below. ``objects`` are those that Helm
    has made, its hooks among them.
    """

    name: str
    namespace: str
    revision: int
    chart: str
    version: str
    app_version: str
    given: Mapping[str, Any]
    values: Mapping[str, Any]
    objects: Sequence[Document]


def release_of(name: str, namespace: str, context: str | None = None) -> HelmRelease:
    """The deployed revision of a release, asked through kubectl.

    Raises:
        UserError: there is none, it is of another chart, or kubectl cannot be run or is refused.
    """
    selector = f"owner=helm,name={name}"
    found = json.loads(kubectl(["get", "secret", "--selector", selector, "--output", "json"], namespace, context))
    revisions = [decoded(item["data"]["release"]) for item in found.get("items", [])]
    if not revisions:
        raise UserError(f"there is no release {name} of Helm in the namespace {namespace}")
    deployed = [each for each in revisions if each.get("info", {}).get("status") == "deployed"] or revisions
    return _release(max(deployed, key=lambda each: int(each.get("version", 0))), name, namespace)


def decoded(data: str) -> dict[str, Any]:
    """A release as Helm stores it in a Secret: JSON in gzip in base64, which the API encodes once more.

    Raises:
        UserError: it is something else.
    """
    try:
        packed = base64.b64decode(base64.b64decode(data))
        found = json.loads(gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else packed)
    except (ValueError, OSError, EOFError):
        found = None
    if not isinstance(found, dict):
        raise UserError("the Secret of the release holds nothing that Helm 3 has written")
    return found


def _release(found: Mapping[str, Any], name: str, namespace: str) -> HelmRelease:
    chart = found.get("chart") or {}
    metadata = chart.get("metadata") or {}
    if metadata.get("name") not in CHARTS:
        raise UserError(f"release {name} is of the chart {metadata.get('name')}, not of {' or '.join(CHARTS)}")
    given = found.get("config") or {}
    return HelmRelease(
        name=name,
        namespace=namespace,
        revision=int(found.get("version", 0)),
        chart=metadata["name"],
        version=str(metadata.get("version", "")),
        app_version=str(metadata.get("appVersion", "")),
        given=given,
        values=overlay(chart.get("values") or {}, given),
        objects=list(_objects([found.get("manifest"), *(hook.get("manifest") for hook in found.get("hooks") or ())])),
    )


def _objects(manifests: Sequence[str | None]) -> Iterator[Document]:
    for manifest in filter(None, manifests):
        yield from (document for document in yaml.safe_load_all(manifest) if isinstance(document, dict))


def kubectl(arguments: Sequence[str], namespace: str, context: str | None = None) -> str:
    """What kubectl answers.

    Raises:
        UserError: it cannot be run, or is refused.
    """
    command = ["kubectl", *(["--context", context] if context else []), "--namespace", namespace, *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS)
    except FileNotFoundError:
        raise UserError("cannot find kubectl; install it, or put it into PATH") from None
    except subprocess.TimeoutExpired:
        raise UserError(f"kubectl does not answer within {_SECONDS} s; is the cluster reachable?") from None
    if done.returncode:
        reason = done.stderr.strip().splitlines() or [f"it ended with status {done.returncode}"]
        raise UserError(f"kubectl: {reason[-1]}")
    return done.stdout
