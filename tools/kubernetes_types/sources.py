"""Where Kubernetes' description of its API comes from."""

from __future__ import annotations

import hashlib
import io
import json
import urllib.request
import zipfile
from typing import Any

_ARCHIVE = "https://proxy.golang.org/k8s.io/kubernetes/@v/{version}.zip"
"""The sources of Kubernetes, from the mirror of Go's modules."""
_DOCUMENT = "k8s.io/kubernetes@{version}/api/openapi-spec/swagger.json"
_SECONDS = 300


def document(version: str, checksum: str | None = None) -> tuple[Any, dict[str, str]]:
    """The description of a version, such as v1.35.0, and what pins it.

    Args:
        version: the version.
        checksum: the SHA-256 that it must have, if that is known.

    Raises:
        SystemExit: it has another one.
    """
    with urllib.request.urlopen(_ARCHIVE.format(version=version), timeout=_SECONDS) as answer:
        archive = zipfile.ZipFile(io.BytesIO(answer.read()))
    content = archive.read(_DOCUMENT.format(version=version))
    found = hashlib.sha256(content).hexdigest()
    if checksum not in (None, found):
        raise SystemExit(f"the document of {version} has the checksum {found}, not {checksum}")
    return json.loads(content), {"version": version, "sha256": found}
