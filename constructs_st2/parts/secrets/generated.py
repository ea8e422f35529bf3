"""Secrets as manifests: newly made for a cluster, or following from a seed."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from constructs_st2.errors import UserError
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.images import ENTERPRISE_REGISTRY
from constructs_st2.facts.release import Release
from constructs_st2.facts.secrets.contract import LICENSE
from constructs_st2.facts.secrets.programs.bootstrap import DERIVED, fingerprint
from constructs_st2.facts.secrets.programs.encodings import docker_config
from constructs_st2.facts.secrets.programs.generate import (
    NotGiven,
    RandomBytes,
    from_system,
    inputs,
    make,
    own_part,
)
from constructs_st2.facts.secrets.spec import Recipe
from constructs_st2.kube.documents import Document
from constructs_st2.parts.secrets import forms
from constructs_st2.parts.secrets.plan import (
    ANNOTATIONS,
    PlannedSecret,
    planned,
    secret_labels,
)

LeftOut = Callable[[str, str], object]
"""Is told the name of a Secret that cannot be made, and why."""


def secret_manifests(
    cluster: Cluster,
    random_bytes: RandomBytes = from_system,
    *,
    labels: Mapping[str, str] | None = None,
    license_key: str | None = None,
    left_out: LeftOut = lambda *_: None,
    remembered: bool = False,
) -> Iterator[Document]:
    """The Secrets of a cluster that are not the user's own. Those that only the user can make are left out.

    Args:
        cluster: the cluster that they are for.
        random_bytes: where the random bytes in them come from.
        labels: further labels.
        license_key: the license of the enterprise images.
        left_out: is told what is left out.
        remembered: whether the bootstrap Job may make values anew that follow from others, when these change.

    Raises:
        UserError: a value that was given cannot be used.
    """
    values: dict[str, dict[str, str]] = {}
    for secret in planned(cluster):
        if not secret.own:
            continue
        data = values.setdefault(secret.name, {})
        try:
            # One after the other: a key can be made of those before it.
            for key, value in _made_keys(secret, values, random_bytes, license_key):
                data[key] = value
        except NotGiven as reason:
            left_out(secret.name, str(reason))
            continue
        manifest = _manifest(secret, data, cluster.release, labels or {})
        if remembered and (derived := _derived(secret, values)):
            manifest["metadata"]["annotations"][DERIVED] = json.dumps(derived, sort_keys=True)
        yield manifest


def _made_keys(
    secret: PlannedSecret,
    values: Mapping[str, Mapping[str, str]],
    random_bytes: RandomBytes,
    license_key: str | None,
) -> Iterator[tuple[str, str]]:
    """The keys of a Secret, and their values.

    Raises:
        NotGiven: only the user can make them.
    """
    if not secret.recipes:
        raise NotGiven("its keys are yours to choose")
    for key, recipe in secret.recipes.items():
        if license_key is not None and secret.spec is LICENSE:
            yield key, docker_config(ENTERPRISE_REGISTRY, license_key)
        else:
            yield key, _made(secret, key, recipe, values, random_bytes)


def _made(
    secret: PlannedSecret,
    key: str,
    recipe: Recipe,
    values: Mapping[str, Mapping[str, str]],
    random_bytes: RandomBytes,
) -> str:
    def read(name: str, inner: str) -> str:
        if inner not in values.get(name, {}):
            raise NotGiven(f"needs {inner} of Secret {name}, which is not made here")
        return values[name][inner]

    try:
        value = make(recipe, read, f"{secret.name}/{key}", random_bytes)
    except ValueError as error:
        raise UserError(f"Secret {secret.name}, key {key}: {error}") from None
    if problem := forms.problem(secret.spec.keys[key].format, value):
        raise UserError(f"Secret {secret.name}, key {key}: {problem}")
    return value


def _derived(secret: PlannedSecret, values: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """What the bootstrap Job notes of values that follow from others."""

    def part(key: str, recipe: Recipe) -> str:
        return own_part(recipe, values[secret.name][key], lambda name, inner: values[name][inner])

    return {
        key: fingerprint(part(key, recipe), f"{secret.name}/{key}")
        for key, recipe in secret.recipes.items()
        if any(True for _ in inputs(recipe))
    }


def chosen(
    manifests: Iterable[Document], only: Collection[str], cluster: Cluster, left_out: Mapping[str, str]
) -> list[Document]:
    """The Secrets of some components; all if none is named.

    Args:
        manifests: those that can be made.
        only: the components.
        cluster: the cluster that they are for.
        left_out: the names of those that cannot be made, and why.

    Raises:
        UserError: a named one is not among them, or of no use without others.
    """
    found = {manifest["metadata"]["name"]: manifest for manifest in manifests}
    if not only:
        return list(found.values())
    secrets = {secret.spec.component: secret for secret in planned(cluster)}
    made = {component: secret for component, secret in secrets.items() if secret.name in found}
    problems = []
    for component in dict.fromkeys(only):
        if component not in made:
            problems.append(_why_absent(component, secrets.get(component), made, left_out))
        elif others := [other for other in _made_of(made[component], made) if other not in only]:
            problems.append(
                f"Secret {made[component].name} is made of others, and does not fit to those that there are: "
                f"make them with it ({' '.join(f'--only {other}' for other in others)})"
            )
    if problems:
        raise UserError(problems)
    return [found[secret.name] for component, secret in made.items() if component in only]


def _why_absent(
    component: str, secret: PlannedSecret | None, made: Collection[str], left_out: Mapping[str, str]
) -> str:
    if secret is None:
        return f'there is no Secret "{component}" to make; there are: {", ".join(made)}'
    if not secret.own:
        return f"Secret {secret.name} is yours ({secret.named_in}), and not made here"
    return f"Secret {secret.name} cannot be made: {left_out[secret.name]}"


def _made_of(secret: PlannedSecret, made: Mapping[str, PlannedSecret]) -> Iterator[str]:
    """The components whose Secrets another one is made of."""
    names = {name for recipe in secret.recipes.values() for name, _ in inputs(recipe)}
    return (component for component, other in made.items() if other.name in names and other != secret)


def _manifest(secret: PlannedSecret, data: Mapping[str, str], release: Release, labels: Mapping[str, str]) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": secret.name,
            "namespace": release.namespace,
            "labels": {**secret_labels(secret, release), **labels},
            "annotations": dict(ANNOTATIONS),
        },
        "type": secret.spec.type,
        "stringData": dict(data),
    }
