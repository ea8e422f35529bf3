"""Whether the Secrets of a running cluster are what they should be."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from constructs_st2.commands.kubectl import Kubectl
from constructs_st2.commands.secrets.needed import NeededSecret
from constructs_st2.errors import UserError
from constructs_st2.parts.secrets import forms


def problems_in(secrets: Iterable[NeededSecret], namespace: str, kubectl: Kubectl) -> list[str]:
    """What is wrong with the Secrets of a cluster, asked through kubectl; it reads these Secrets and nothing else.

    Raises:
        UserError: kubectl cannot be run, or is refused.
    """
    return [problem for secret in secrets for problem in _problems(secret, data_of(secret.name, namespace, kubectl))]


def _problems(secret: NeededSecret, data: Mapping[str, str] | None) -> Iterator[str]:
    if data is None:
        if not secret.optional:
            yield f"there is no Secret {secret.name}: {secret.description}"
        return
    for key, spec in secret.keys.items():
        if key not in data:
            meaning = f": {spec.meaning}" if spec.meaning else f": {secret.description}"
            yield f"Secret {secret.name} has no key {key}{meaning}"
            continue
        if spec.format is None:
            continue
        try:
            value = base64.b64decode(data[key], validate=True).decode("utf-8")
        except ValueError:
            yield f"Secret {secret.name}, key {key}: is no text"
            continue
        if problem := forms.problem(spec.format, value):
            yield f"Secret {secret.name}, key {key}: {problem}"


def data_of(name: str, namespace: str, kubectl: Kubectl) -> Mapping[str, str] | None:
    """The data of a Secret in base64; None where there is no such Secret.

    Raises:
        UserError: kubectl cannot be run, or is refused.
    """
    output = kubectl.must("--namespace", namespace, "get", "secret", name, "--ignore-not-found", "--output", "json")
    if not output.strip():
        return None
    if (data := _data_in(output)) is None:
        # What it said may be a secret.
        raise UserError(f"kubectl did not answer with Secret {name} in JSON")
    return data


def _data_in(text: str) -> Mapping[str, str] | None:
    try:
        found: Any = json.loads(text)
    except ValueError:
        return None
    data = found.get("data") or {} if isinstance(found, dict) else None
    return data if isinstance(data, dict) else None
