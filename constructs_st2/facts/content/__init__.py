"""What makes an empty StackStorm the user's: packs, their configuration, roles, and the datastore's items."""

from __future__ import annotations

from collections.abc import Mapping


def present(files: Mapping[str, str]) -> dict[str, str]:
    """Those files that are not left out: an empty text takes a file away, as in the Helm chart."""
    return {name: text for name, text in files.items() if text}
