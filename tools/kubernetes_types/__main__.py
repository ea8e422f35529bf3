"""Makes the types of Kubernetes' fields. Run by `make kubernetes-types`.

Without an argument, from the version that is pinned; with one, such as v1.35.0, from that, which is pinned then.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from kubernetes_types import sources
from kubernetes_types.generate import module, used

HERE = Path(__file__).parent
PIN = HERE / "pin.json"
DEFINITIONS = HERE / "definitions.json"
MODULE = HERE.parents[1] / "constructs_st2" / "values" / "model" / "kubernetes.py"


def main(arguments: list[str]) -> None:
    """Write the pin, the definitions in use, and the module.

    Raises:
        SystemExit: the document is not the one that is pinned.
    """
    pin = json.loads(PIN.read_text(encoding="utf-8"))
    version = arguments[0] if arguments else pin["version"]
    described, found = sources.document(version, None if arguments else pin["sha256"])
    definitions = used(described["definitions"])
    PIN.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    DEFINITIONS.write_text(json.dumps(definitions, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    MODULE.write_text(module(definitions, version), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
