"""Whether the Secrets of a running cluster are what they should be."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

from constructs_st2.errors import UserError
from constructs_st2.facts.cluster import Cluster
from constructs_st2.parts.secrets import forms
from constructs_st2.parts.secrets.plan import PlannedSecret, expected

_SECONDS = 60
"""How long kubectl may take for one answer."""


def problems_in(cluster: Cluster, context: str | None = None) -> list[str]:
    """What is wrong with the Secrets of a cluster, asked through kubectl; it reads these Secrets and nothing else.

    Raises:
        UserError: kubectl cannot be run, or is refused.
    """
    return [
        problem
        for secret in expected(cluster)
        for problem in _problems(secret, _data(secret.name, cluster.release.namespace, context))
    ]


def _problems(secret: PlannedSecret, data: Mapping[str, str] | None) -> Iterator[str]:
    if data is None:
        yield f"there is no Secret {secret.name}: {secret.spec.purpose}"
        return
    for key, spec in secret.spec.keys.items():
        if key not in data:
            yield f"Secret {secret.name} has no key {key}: {spec.meaning}"
            continue
        try:
            value = base64.b64decode(data[key], validate=True).decode("utf-8")
        except ValueError:
            yield f"Secret {secret.name}, key {key}: is no text"
            continue
        if problem := forms.problem(spec.format, value):
            yield f"Secret {secret.name}, key {key}: {problem}"


def _data(name: str, namespace: str, context: str | None) -> Mapping[str, str] | None:
    command = ["kubectl", *(["--context", context] if context else []), "--namespace", namespace]
    command += ["get", "secret", name, "--ignore-not-found", "--output", "json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS)
    except FileNotFoundError:
        raise UserError("cannot find kubectl; install it, or put it into PATH") from None
    except OSError as error:
        raise UserError(f"cannot run kubectl: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise UserError(f"kubectl does not answer within {_SECONDS} s; is the cluster reachable?") from None
    if done.returncode:
        # The lines before the last one repeat each attempt.
        reason = done.stderr.strip().splitlines() or [f"it ended with status {done.returncode}"]
        raise UserError(f"kubectl: {reason[-1]}")
    if not done.stdout.strip():
        return None
    if (data := _data_in(done.stdout)) is None:
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
