"""`constructs-st2 explain KEY`: what a key of the values means, and what it does to the objects of a cluster."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from constructs_st2.commands.cluster_options import ClusterOptions, with_cluster_options
from constructs_st2.commands.completion import complete_key
from constructs_st2.errors import InvalidValues, UserError

if TYPE_CHECKING:
    from constructs_st2.changes.difference import Difference
    from constructs_st2.kube.documents import Document
    from constructs_st2.values import Loaded, Values
    from constructs_st2.values.paths import KeyPath
    from constructs_st2.values.schema import Schema

_WIDTH = 110
_MOST_TRIED = 6
_MOST_OBJECTS = 8
_MOST_PLACES = 4


class _Trial(NamedTuple):
    """What another value does: the objects that it changes, or why it cannot be."""

    value: Any
    differences: Sequence[Difference] = ()
    problems: Sequence[str] = ()


@click.command()
@click.argument("key", metavar="KEY[=VALUE]", default="", shell_complete=complete_key)
@with_cluster_options
def explain(options: ClusterOptions, key: str) -> None:
    """Tell what a key of the values means: its type, default and an example, and which objects it changes.

    With KEY=VALUE, what the cluster would be with that value; without KEY, all keys at the top.
    """
    name, assigned, text = key.partition("=")
    if assigned and not name.strip("."):
        raise UserError(f"{key}: a key is missing before the value; write KEY=VALUE, e.g. st2api.replicas=3")
    loaded = options.loaded()
    path = _known(name, loaded)
    trial = None
    if assigned:
        trial = _tried(path, _parsed(text), loaded, options)
        if trial.problems:
            raise UserError(trial.problems)
    elif path and not _has_keys(path):
        trial = _first_that_can_be(path, loaded, options)
    lines = [*_meaning(path, loaded, trial), *(_effect(trial, name) if trial else ())]
    click.echo("\n".join(lines))


def _known(name: str, loaded: Loaded[Values]) -> KeyPath:
    from constructs_st2.values.model import Values
    from constructs_st2.values.paths import dotted, is_dotted, resolve
    from constructs_st2.values.problems import unknown_key
    from constructs_st2.values.shape import types_at

    if not is_dotted(name):
        raise UserError(f'{name}: a bracket or a quote has no other; write list items as name[0], keys as env["a.b"]')
    path = resolve(loaded.layered.data, name) if name else ()
    for length in range(1, len(path) + 1):
        if not types_at(Values, path[:length]):
            if (known := _by_the_chart(path)) is not None:
                return known
            raise UserError([f"{dotted(path[:length])}: {unknown_key(path[:length], Values)}"])
    return path


def _by_the_chart(path: KeyPath) -> KeyPath | None:
    """The key of ours that a key of the Helm chart means, which is told; None where it means none.

    Raises:
        UserError: it means something else than a key of ours.
    """
    from constructs_st2.values import chart
    from constructs_st2.values.layers import Layered
    from constructs_st2.values.model import Values
    from constructs_st2.values.paths import dotted

    value: Any = True
    translated = chart.translate(Layered(_put({}, path, value)), chart.RULES, Values)
    told = {found.path: found.message for found in translated.findings}
    told |= {note.path: note.message for note in translated.notes}
    if path not in told:
        return None
    targets = [target for note in translated.notes if note.path == path for target in note.sets]
    if len(targets) != 1:
        raise UserError(f"{dotted(path)}: a key of the Helm chart: {told[path]}")
    click.echo(f"note: {dotted(path)} is a key of the Helm chart: {told[path]}", err=True)
    return targets[0]


def _has_keys(path: KeyPath) -> bool:
    from constructs_st2.values.model import Values
    from constructs_st2.values.shape import keys_at

    return bool(keys_at(Values, path))


def _parsed(text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError([f"{text}: this is not YAML"]) from error


# --- what it means


def _meaning(path: KeyPath, loaded: Loaded[Values], trial: _Trial | None) -> Iterator[str]:
    from constructs_st2.values.model import Values
    from constructs_st2.values.model.base import MEANINGS
    from constructs_st2.values.paths import dotted
    from constructs_st2.values.reference_words import type_in_words
    from constructs_st2.values.schema import described_at, plain_schema

    schema = described_at(plain_schema(Values), path)
    keys = schema.get("properties", {})
    if path:
        yield dotted(path)
        yield from _wrapped(str(schema.get("description", "")), "  ")
        yield ""
        yield f"  type     {type_in_words(schema, lambda _: 'mapping', MEANINGS)}"
        for default, profile in [] if keys else _defaults(path):
            yield f"  default  {default}{profile}"
        if loaded.layered.is_given(path):
            yield f"  here     {_at(loaded.layered.data, path)}, set at {loaded.where(path)}"
        if trial:
            yield from _example(path, trial.value)
    if keys:
        yield from ("", "  keys") if path else ()
        width = max(map(len, keys))
        for key, inner in keys.items():
            yield f"    {key:{width}}  {_first_sentence(inner)}".rstrip()


def _first_sentence(schema: Schema) -> str:
    return textwrap.shorten(str(schema.get("description", "")).partition(". ")[0], 80, placeholder=" ...")


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False)


def _defaults(path: KeyPath) -> Sequence[tuple[str, str]]:
    """The default, with the profile where profiles differ."""
    found = {profile: _at(_whole({"profile": profile}), path) for profile in ("ha", "dev")}
    if found["ha"] == found["dev"]:
        return [(found["ha"], "")] if found["ha"] is not None else []
    return [(str(default), f" with profile {profile}") for profile, default in found.items()]


def _whole(data: Mapping[str, Any]) -> Any:
    """All values of a cluster, those that nobody has set as well."""
    from constructs_st2.values import from_mapping

    return from_mapping(data).model_dump(by_alias=True, warnings=False)


def _at(data: Any, path: KeyPath) -> str | None:
    """The value at a path, on one line."""
    from constructs_st2.values.paths import get
    from constructs_st2.values.reference_words import in_yaml

    try:
        value = get(data, path)
    except KeyError:
        return None
    return None if value is None else in_yaml(value)


def _example(path: KeyPath, value: Any) -> Iterator[str]:
    import yaml

    for segment in reversed(path):
        value = [value] if isinstance(segment, int) else {segment: value}
    yield "  example"
    yield from (f"    {line}" for line in yaml.safe_dump(value, sort_keys=False).splitlines())


# --- what it does


def _effect(trial: _Trial, name: str) -> Iterator[str]:
    from constructs_st2.values.reference_words import in_yaml

    yield ""
    if trial.problems:
        yield f"  what it changes: constructs-st2 explain {name}=VALUE"
        yield from _wrapped(f"It cannot be {in_yaml(trial.value)} alone: {trial.problems[0]}", "  ")
    elif trial.differences:
        yield f"  with {in_yaml(trial.value)} it changes"
        yield from _listed(trial.differences)
    else:
        yield f"  with {in_yaml(trial.value)} it changes no object: it has that value, or what it is for is off"


def _first_that_can_be(path: KeyPath, loaded: Loaded[Values], options: ClusterOptions) -> _Trial | None:
    """What another value of its type does; where none can be, the first of them; None where there are none."""
    first = None
    for value in _others(path, loaded):
        trial = _tried(path, value, loaded, options)
        if not trial.problems:
            return trial
        first = first or trial
    return first


def _tried(path: KeyPath, value: Any, loaded: Loaded[Values], options: ClusterOptions) -> _Trial:
    try:
        return _Trial(value, _differences(loaded, _put(loaded.layered.data, path, value), options))
    except InvalidValues as error:
        return _Trial(value, problems=[f"{problem.key}: {problem.message}" for problem in error.problems])
    except UserError as error:
        return _Trial(value, problems=error.problems)


def _others(path: KeyPath, loaded: Loaded[Values]) -> Iterator[Any]:
    from constructs_st2.values.model import Values
    from constructs_st2.values.paths import get
    from constructs_st2.values.samples import others
    from constructs_st2.values.shape import declared_at

    try:
        current = get(loaded.values.model_dump(by_alias=True, warnings=False), path)
    except KeyError:
        current = None
    return itertools.islice(
        (value for each in declared_at(Values, path) for value in others(each, current)), _MOST_TRIED
    )


def _put(data: Any, path: KeyPath, value: Any) -> Any:
    """Data with another value at a path."""
    if not path:
        return value
    segment, *below = path
    if isinstance(segment, int):
        items = [*data] if isinstance(data, list) else []
        return [*items[:segment], _put(items[segment] if segment < len(items) else {}, tuple(below), value)]
    known = data if isinstance(data, dict) else {}
    return {**known, segment: _put(known.get(segment, {}), tuple(below), value)}


def _differences(loaded: Loaded[Values], data: Mapping[str, Any], options: ClusterOptions) -> list[Difference]:
    from constructs_st2.changes.difference import differences
    from constructs_st2.values import GivenValues

    # First what may be refused: the cluster as it is need not be built for that.
    changed = _objects(GivenValues.of(data).resolve(options.release, options.namespace).values, options)
    return differences(_objects(loaded.values, options), changed)


def _objects(values: Values, options: ClusterOptions) -> list[Document]:
    from constructs_st2.construct.build import build
    from constructs_st2.construct.clusters import cluster_of

    return build(cluster_of(values, options.release, options.namespace)).objects


def _listed(found: Sequence[Difference]) -> Iterator[str]:
    from constructs_st2.changes.words import words

    for difference in found[:_MOST_OBJECTS]:
        told = words(difference) if difference.action == "changed" else [difference.action]
        first, *rest = told[:_MOST_PLACES] or ["a label that tells the version"]
        yield f"    {difference.identity}: {first}"
        yield from (f"    {'':{len(difference.identity)}}  {line}" for line in rest)
        if len(told) > _MOST_PLACES:
            yield f"    {'':{len(difference.identity)}}  and {len(told) - _MOST_PLACES} more"
    if len(found) > _MOST_OBJECTS:
        yield f"    and {len(found) - _MOST_OBJECTS} more objects"
