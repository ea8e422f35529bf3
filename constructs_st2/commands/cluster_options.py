"""The options of the command line that say which cluster is meant."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from constructs_st2.commands.completion import complete_key
from constructs_st2.construct.output import ACCEPT_VARIABLE
from constructs_st2.errors import InvalidValues, UserError
from constructs_st2.facts.release import DEFAULT_NAMESPACE, DEFAULT_RELEASE

if TYPE_CHECKING:
    from constructs_st2.facts.cluster import Cluster
    from constructs_st2.values import Loaded, Values

DEFAULT_VALUES = Path("values.yaml")


@dataclass(frozen=True)
class ClusterOptions:
    """Which cluster is meant: values files, single values, the name of the release and its namespace."""

    files: tuple[Path, ...]
    sets: tuple[str, ...]
    release: str
    namespace: str

    @contextlib.contextmanager
    def cluster(self, of: Callable[[Values], Values] = lambda values: values) -> Iterator[Cluster]:
        """The cluster. What turns out to be wrong with its values inside the block is told by file and line.

        Args:
            of: what is made of the values before.

        Raises:
            UserError: the values cannot be used.
        """
        from constructs_st2.construct.build import UnsoundObjects
        from constructs_st2.construct.clusters import cluster_of

        loaded = self.loaded()
        try:
            yield cluster_of(of(loaded.values), self.release, self.namespace)
        except InvalidValues as error:
            raise UserError(loaded.report(error.problems)) from error
        except UnsoundObjects as error:
            from constructs_st2.construct.explaining import explained

            raise UserError(explained(error.found, error.objects, loaded)) from error

    def loaded(self) -> Loaded[Values]:
        """The values of the cluster, and where each was written.

        Raises:
            UserError: the values cannot be used.
        """
        from constructs_st2.construct.clusters import further_problems
        from constructs_st2.facts.release import Release
        from constructs_st2.values import load_values

        Release(self.release, self.namespace)
        return load_values(or_default(self.files), self.sets).resolve(
            self.release, self.namespace, lambda given: further_problems(given, self.release, self.namespace)
        )


def or_default(files: tuple[Path, ...]) -> tuple[Path, ...]:
    """The values files: those given, or the usual one where there is one."""
    return files or ((DEFAULT_VALUES,) if DEFAULT_VALUES.exists() else ())


_OPTIONS = (
    click.option(
        "-f",
        "--values",
        "files",
        multiple=True,
        metavar="FILE",
        envvar="ST2_VALUES",
        type=click.Path(path_type=Path),
        help="Values file; may be given several times, later ones win. Default: values.yaml, where there is one.",
    ),
    click.option(
        "--set",
        "sets",
        multiple=True,
        metavar="PATH=VALUE",
        shell_complete=complete_key,
        help="Set one value, e.g. st2api.replicas=3; wins over all files.",
    ),
    click.option(
        "--release", default=DEFAULT_RELEASE, envvar="ST2_RELEASE", show_default=True, help="Name of the release."
    ),
    click.option(
        "--namespace",
        default=DEFAULT_NAMESPACE,
        envvar="ST2_NAMESPACE",
        show_default=True,
        help="Namespace of the release.",
    ),
)


STRICT = click.option(
    "--strict",
    is_flag=True,
    envvar="ST2_STRICT",
    help="Take warnings for errors: write nothing, and end with status 1.",
)
"""Whether warnings are errors."""


def tell_warnings(warnings: Iterable[str]) -> None:
    """Print warnings for people."""
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)


def with_cluster_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options, as its first argument."""

    @functools.wraps(command)
    def run(files: tuple[Path, ...], sets: tuple[str, ...], release: str, namespace: str, **others: Any) -> None:
        command(ClusterOptions(files, sets, release, namespace), **others)

    wrapped: Callable[..., None] = run
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


with_accept = click.option(
    "--accept",
    multiple=True,
    metavar="STEP",
    envvar=ACCEPT_VARIABLE,
    help="Take a step that is refused, by the name that its error gives it; may be given several times.",
)
