"""Environment variables of containers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from constructs_st2.kube.documents import Document

SEARCH_PATH = "PYTHONPATH"
"""Where Python looks for modules besides its own."""


def env_text(name: str, value: str) -> Document:
    """An environment variable with a value; ``$(NAME)`` in it stands for one that comes before."""
    return {"name": name, "value": value}


def env_field(name: str, value: str | Mapping[str, Any]) -> Document:
    """An environment variable of the user: a value, or where it is (``{valueFrom: …}``)."""
    return env_text(name, value) if isinstance(value, str) else {"name": name, **value}


def environment(own: Mapping[str, Any], users: Mapping[str, Any]) -> list[Document]:
    """The variables of a container: ours, and those of the user, who may give another value to one of ours.

    Except for PYTHONPATH, to which the user adds: without what ours names, st2 cannot coordinate and does not start.
    """
    kept = {name: value for name, value in own.items() if name not in users}
    added = users.get(SEARCH_PATH)
    if SEARCH_PATH in own and isinstance(added, str):
        users = {**users, SEARCH_PATH: f"{own[SEARCH_PATH]}:{added}"}
    return [env_field(name, value) for name, value in {**kept, **users}.items()]


def env_of_secrets(names: Iterable[str]) -> list[Document]:
    """All keys of some Secrets as environment variables."""
    return [{"secretRef": {"name": name}} for name in names]


def env_of_pod(name: str, field_path: str) -> Document:
    """An environment variable with what is known of the pod only when it runs, such as ``metadata.name``."""
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": field_path}}}


POD_NAME = env_of_pod("POD_NAME", "metadata.name")
"""For what tells pods apart of which there are several."""
OWN_POD_NAME = f"$({POD_NAME['name']})"
"""What it says, in variables that come after it, and in arguments."""


def env_of_secret(name: str, secret: str, key: str) -> Document:
    """An environment variable with the key of a Secret."""
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
