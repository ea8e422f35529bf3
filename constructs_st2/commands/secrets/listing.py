"""The Secrets of one cluster, for people."""

from __future__ import annotations

from collections.abc import Sequence

from constructs_st2.commands.secrets.needed import NeededKey, NeededSecret, needed
from constructs_st2.facts.cluster import Cluster
from constructs_st2.kube.documents import Document


def listing(cluster: Cluster, objects: Sequence[Document]) -> str:
    """The Secrets that a cluster needs, with their keys and readers."""
    return "\n\n".join(_block(secret) for secret in needed(cluster, objects))


def _block(secret: NeededSecret) -> str:
    purpose = f": {secret.purpose}" if secret.purpose else ""
    lines = [f"{secret.name}{_owner(secret)}{purpose}"]
    lines += [_key(key, spec) for key, spec in secret.keys.items()]
    lines += ["  keys of your choice"] if secret.any_keys else []
    lines.append(f"  read by {', '.join(secret.readers) or 'nobody yet'}")
    return "\n".join(lines)


def _key(name: str, key: NeededKey) -> str:
    return f"  {name}: {key.meaning}" if key.meaning else f"  {name}"


def _owner(secret: NeededSecret) -> str:
    if not secret.own:
        places = f": {', '.join(secret.places)}" if secret.places else ""
        return f" (yours{', optional' if secret.optional else ''}{places})"
    return f" (made by {secret.maker})" if secret.maker else ""
