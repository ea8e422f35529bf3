"""Configurations of packs, and overrides of what packs hold."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from constructs_st2.errors import ValueProblem
from constructs_st2.facts.content import present
from constructs_st2.facts.content.texts import TextError, YamlText, file_key, located
from constructs_st2.values.model.base import StrictModel, key, section
from constructs_st2.values.model.content import Files
from constructs_st2.values.problems import nearest

CONFIGS = "st2.packs.configs"
OVERRIDES = "st2.overrides"
GLOBAL_OVERRIDES = "_global.yaml"

_PACK = re.compile(r"[a-z0-9_]+")
"""Names of packs (PACK_REF_WHITELIST_REGEX in st2common/constants/pack.py)."""


class Switch(StrictModel):
    """What an override can set (ALLOWED_OVERRIDE_NAMES in st2common/content/loader.py)."""

    enabled: bool = key("Whether it is enabled.", True)


class GlobalOverride(StrictModel):
    """The overrides of one type of content, for all packs."""

    defaults: Switch = section("What holds for all.")


class PackOverride(GlobalOverride):
    """The overrides of one type of content in a pack."""

    exceptions: dict[str, Switch] = key("What holds for one of that name.", {})


class GlobalOverrides(StrictModel):
    """The file _global.yaml."""

    sensors: GlobalOverride = section("Sensors.")
    actions: GlobalOverride = section("Actions.")
    rules: GlobalOverride = section("Rules.")
    aliases: GlobalOverride = section("Aliases.")


class PackOverrides(StrictModel):
    """The file of a pack."""

    sensors: PackOverride = section("Sensors, by class.")
    actions: PackOverride = section("Actions, by name.")
    rules: PackOverride = section("Rules, by name.")
    aliases: PackOverride = section("Aliases, by name.")


def config_problems(files: Files) -> Iterator[ValueProblem]:
    """What is wrong with configurations of packs."""
    for name, text in present(files).items():
        yield from _name_problems(CONFIGS, name)
        try:
            parsed = YamlText.parse(text)
        except TextError as error:
            yield from located(CONFIGS, name, error)
            continue
        if not isinstance(parsed.data, dict | None):
            line, message = parsed.problem((), "must be a mapping of settings to values")
            yield ValueProblem(file_key(CONFIGS, name), message, line)


def override_problems(files: Files) -> Iterator[ValueProblem]:
    """What st2 would refuse, or ignore without a word, in overrides."""
    for name, text in present(files).items():
        is_global = name == GLOBAL_OVERRIDES
        if not is_global:
            yield from _name_problems(OVERRIDES, name)
        try:
            parsed = YamlText.parse(text)
            misplaced = list(_misplaced(parsed.data, GlobalOverride if is_global else PackOverride))
            found = (parsed.problem(path, _instead(path, is_global=is_global)) for path in misplaced)
            yield from located(OVERRIDES, name, TextError(*found))
            _without(parsed, misplaced).as_model(GlobalOverrides if is_global else PackOverrides)
        except TextError as error:
            yield from located(OVERRIDES, name, error)


def _name_problems(folder: str, name: str) -> Iterator[ValueProblem]:
    stem, dot, ending = name.rpartition(".")
    pack = stem if dot else name
    if ending != "yaml" or not _PACK.fullmatch(pack):
        right = re.sub(r"[^a-z0-9_]", "_", pack.lower()) or "PACK"
        message = f"must be <pack>.yaml, and a pack's name has small letters, digits and _; name it {right}.yaml"
        yield ValueProblem(file_key(folder, name), message)


def _misplaced(data: object, model: type[GlobalOverride]) -> Iterator[tuple[str, str]]:
    """Names beside ``defaults`` and ``exceptions``, where the example in the Helm chart has them."""
    for kind, content in _kinds(data).items():
        for name, value in content.items():
            if isinstance(value, dict) and not nearest(str(name), model.model_fields):
                yield kind, str(name)


def _kinds(data: object) -> Mapping[str, dict[Any, Any]]:
    known = PackOverrides.model_fields
    return {k: v for k, v in data.items() if k in known and isinstance(v, dict)} if isinstance(data, dict) else {}


def _without(parsed: YamlText, places: Collection[tuple[str, str]]) -> YamlText:
    if not places:
        return parsed
    cleaned = {
        kind: {name: value for name, value in content.items() if (kind, str(name)) not in places}
        for kind, content in _kinds(parsed.data).items()
    }
    return parsed._replace(data={**parsed.data, **cleaned})


def _instead(path: tuple[str, str], *, is_global: bool) -> str:
    kind, name = path
    if is_global:
        return f"would be ignored by st2: {GLOBAL_OVERRIDES} has defaults only; use the file of the pack"
    return f"would be ignored by st2; write {kind}: {{exceptions: {{{name}: {{enabled: …}}}}}}"
