"""A release of Helm, as it is in the cluster: its values, its manifests, and the version of its chart."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from constructs_st2.checks.data import at, labels_of, mapping, mappings
from constructs_st2.commands.kubectl import Kubectl
from constructs_st2.errors import UserError
from constructs_st2.kube.documents import Document
from constructs_st2.values.layers import overlay

CHARTS = ("stackstorm-ha", "stackstorm-k8s")


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
    found = Kubectl(context).objects("--namespace", namespace, "get", "secret", "--selector", selector)
    if not found:
        raise UserError(f"there is no release {name} of Helm in the namespace {namespace}")
    # The labels tell it, too: a revision from before that is damaged need not be read.
    deployed = [each for each in found if labels_of(each).get("status") == "deployed"] or found
    revisions = [decoded(str(at(each, "data", "release") or "")) for each in deployed]
    return _release(max(revisions, key=_revision), name, namespace)


def _revision(found: Mapping[str, Any]) -> int:
    version = found.get("version")
    return version if isinstance(version, int) else 0


def decoded(data: str) -> dict[str, Any]:
    """A release as Helm stores it in a Secret: JSON in gzip in base64, which the API encodes once more.

    Raises:
        UserError: it is something else.
    """
    try:
        packed = base64.b64decode(base64.b64decode(data))
        found = json.loads(gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else packed)
    except (ValueError, OSError, EOFError, zlib.error, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UserError("the Secret of the release holds nothing that Helm 3 has written")
    return found


def _release(found: Mapping[str, Any], name: str, namespace: str) -> HelmRelease:
    chart = mapping(found.get("chart"))
    metadata = mapping(chart.get("metadata"))
    if metadata.get("name") not in CHARTS:
        raise UserError(f"release {name} is of the chart {metadata.get('name')}, not of {' or '.join(CHARTS)}")
    given = mapping(found.get("config"))
    hooks = mappings(found.get("hooks"))
    return HelmRelease(
        name=name,
        namespace=namespace,
        revision=_revision(found),
        chart=metadata["name"],
        version=str(metadata.get("version", "")),
        app_version=str(metadata.get("appVersion", "")),
        given=given,
        values=overlay(mapping(chart.get("values")), given),
        objects=list(_objects([found.get("manifest"), *(hook.get("manifest") for hook in hooks)])),
    )


def _objects(manifests: Sequence[object]) -> Iterator[Document]:
    for manifest in manifests:
        if not isinstance(manifest, str):
            continue
        try:
            yield from (document for document in yaml.safe_load_all(manifest) if isinstance(document, dict))
        except yaml.YAMLError:
            raise UserError("the manifests that Helm has stored of the release are no YAML") from None
