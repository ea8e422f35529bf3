"""Makes the types of Kubernetes' fields. Run by `make kubernetes-types`.

Without an argument, from the version that is pinned; with one, such as v1.35.0, from that, which is pinned then.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import urllib.request
import zipfile
from pathlib import Path

from kubernetes_types.generate import module, used

HERE = Path(__file__).parent
PIN = HERE / "pin.json"
DEFINITIONS = HERE / "definitions.json"
MODULE = HERE.parents[1] / "constructs_st2" / "values" / "model" / "kubernetes.py"

_ARCHIVE = "https://proxy.golang.org/k8s.io/kubernetes/@v/{version}.zip"
"""The sources of Kubernetes, from the mirror of Go's modules."""
_DOCUMENT = "k8s.io/kubernetes@{version}/api/openapi-spec/swagger.json"
_SECONDS = 300


def document(version: str) -> bytes:
    """Kubernetes' description of its API."""
    with urllib.request.urlopen(_ARCHIVE.format(version=version), timeout=_SECONDS) as answer:
        archive = zipfile.ZipFile(io.BytesIO(answer.read()))
    return archive.read(_DOCUMENT.format(version=version))


def main(arguments: list[str]) -> None:
    """Write the pin, the definitions in use, and the module.

    Raises:
        SystemExit: the document is not the one that is pinned.
    """
    pin = json.loads(PIN.read_text(encoding="utf-8"))
    version = arguments[0] if arguments else pin["version"]
    content = document(version)
    found = {"version": version, "sha256": hashlib.sha256(content).hexdigest()}
    if not arguments and found != pin:
        raise SystemExit(f"the document of {version} has the checksum {found['sha256']}, not {pin['sha256']}")
    definitions = used(json.loads(content)["definitions"])
    PIN.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    DEFINITIONS.write_text(json.dumps(definitions, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    MODULE.write_text(module(definitions, version), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
