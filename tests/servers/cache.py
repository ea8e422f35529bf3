"""Where tests keep what takes long to make: outside of the checkout, because all checkouts can use it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def folder(kind: str, name: str, content: object) -> Path:
    """The folder for something that is made of ``content``, which must be plain data. Another one has another name."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    digest = hashlib.sha256(repr(content).encode()).hexdigest()[:8]
    return Path(cache, "constructs-st2", kind, f"{name}-{digest}")
