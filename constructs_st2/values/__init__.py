"""Values: what users set, in files or in Python, and checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from constructs_st2.errors import UserError, ValueProblem
from constructs_st2.values import chart
from constructs_st2.values.below import below
from constructs_st2.values.layers import merge
from constructs_st2.values.loading import Format, Loaded, check, read_all
from constructs_st2.values.model import Values
from constructs_st2.values.model.base import MEANINGS
from constructs_st2.values.model.images import DEFAULT_TAG
from constructs_st2.values.plain import plain, source_of, wrong_keys
from constructs_st2.values.profiled import with_profile
from constructs_st2.values.yaml_source import Source

__all__ = ["GivenValues", "Loaded", "Values", "ValuesLike", "from_mapping", "load", "load_values"]


class GivenValues(NamedTuple):
    """Values as they were given. They can be checked once the release has a name, which templates in them may use."""

    sources: tuple[Source, ...] = ()
    sets: tuple[str, ...] = ()

    @classmethod
    def of(cls, values: ValuesLike) -> GivenValues:
        """Values in any of the forms in which they can be given.

        Raises:
            UserError: they have none of these forms, or keys that are no texts.
        """
        if isinstance(values, GivenValues):
            return values
        if values is not None and not isinstance(values, Values | Mapping):
            raise UserError(
                f"values must be Values, a mapping, or what load_values has read, not {type(values).__name__}"
                f"{f'; for a file: load_values([{str(values)!r}])' if isinstance(values, str | Path) else ''}"
            )
        data = {} if values is None else plain(values)
        if wrong := [*wrong_keys(data)]:
            raise UserError(wrong)
        return cls((source_of(data),))

    def resolve(
        self, release: str, namespace: str, further: Callable[[Values], Iterable[ValueProblem]] = lambda _: ()
    ) -> Loaded[Values]:
        """The values of a release.

        Args:
            release: its name.
            namespace: its namespace.
            further: tells what else is wrong with values that fit the model. It is asked about what remains of those
                that do not.

        Raises:
            UserError: with all problems, each with its file and line if it has one.
        """
        constants = {
            ".Release.Name": release,
            ".Release.Namespace": namespace,
            ".Chart.AppVersion": DEFAULT_TAG,
        }
        return check(_FORMAT, self.sources, self.sets, constants=constants, further=further)


_FORMAT = Format(
    Values,
    raw_paths=chart.RAW_PATHS,
    meanings=MEANINGS,
    base=below,
    translate=partial(chart.translate, rules=chart.RULES, model=Values),
)

ValuesLike: TypeAlias = Values | Mapping[str, Any] | GivenValues | None
"""Values in Python, a mapping with the keys of a values file, or what `load_values` has read."""


def load_values(files: Sequence[Path | str] = (), sets: Sequence[str] = ()) -> GivenValues:
    """Read values files, the last one on top, and assignments (``st2api.replicas=3``) that lie over them.

    Raises:
        UserError: a file cannot be read, or is not YAML; or there is one text or path in place of several.
    """
    for what, given in (("files", files), ("sets", sets)):
        if isinstance(given, str | Path):
            raise UserError(f"{what} must be a list: [{str(given)!r}]")
        if not isinstance(given, Sequence) or not all(isinstance(each, str | Path) for each in given):
            raise UserError(f"{what} must be a list of texts, not {given!r}")
    return GivenValues(tuple(read_all([Path(file) for file in files])), tuple(sets))


def load(files: Sequence[Path], sets: Sequence[str], *, release_name: str, release_namespace: str) -> Loaded[Values]:
    """Read values files, the last one on top, lay ``--set`` assignments over them, and check all of it.

    Raises:
        UserError: with all problems, each with its file and line.
    """
    return GivenValues(tuple(read_all(files)), tuple(sets)).resolve(release_name, release_namespace)


def from_mapping(values: Mapping[str, Any]) -> Values:
    """Typed values from plain data, for what knows neither release nor user: templates in them mean nothing.

    Raises:
        pydantic.ValidationError: the data does not fit.
    """
    source = source_of(values)
    return Values.model_validate(with_profile(Values, merge([*below(merge([source])), source])))
