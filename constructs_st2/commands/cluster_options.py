"""The options of the command line that say which cluster is meant."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from constructs_st2.errors import InvalidValues, UserError

if TYPE_CHECKING:
    from constructs_st2.construct.stackstorm import StackStorm
    from constructs_st2.facts.cluster import Cluster

DEFAULT_VALUES = Path("values.yaml")


@dataclass(frozen=True)
class ClusterOptions:
    """Which cluster is meant: values files, single values, the name of the release and its namespace."""

    files: tuple[Path, ...]
    sets: tuple[str, ...]
    release: str
    namespace: str

    @contextlib.contextmanager
    def cluster(self) -> Iterator[Cluster]:
        """The cluster. What turns out to be wrong with its values inside the block is told by file and line.

        Raises:
            UserError: the values cannot be used.
        """
        from constructs_st2.construct.build import UnsoundObjects
        from constructs_st2.construct.clusters import cluster_of
        from constructs_st2.facts.release import Release
        from constructs_st2.values import load

        Release(self.release, self.namespace)
        loaded = load(_or_default(self.files), self.sets, release_name=self.release, release_namespace=self.namespace)
        try:
            yield cluster_of(loaded.values, self.release, self.namespace)
        except InvalidValues as error:
            raise UserError(loaded.report(error.problems)) from error
        except UnsoundObjects as error:
            from constructs_st2.construct.explaining import explained

            raise UserError(explained(error.found, error.objects, loaded)) from error


def _or_default(files: tuple[Path, ...]) -> tuple[Path, ...]:
    return files or ((DEFAULT_VALUES,) if DEFAULT_VALUES.exists() else ())


class Arguments(NamedTuple):
    """What the command line of a program asks for: which cluster, and where to write it."""

    files: tuple[Path, ...]
    sets: tuple[str, ...]
    release: str
    namespace: str
    output: Path


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
        help="Set one value, e.g. st2api.replicas=3; wins over all files.",
    ),
    click.option("--release", default="st2", envvar="ST2_RELEASE", show_default=True, help="Name of the release."),
    click.option(
        "--namespace",
        default="stackstorm",
        envvar="ST2_NAMESPACE",
        show_default=True,
        help="Namespace of the release.",
    ),
)


def with_cluster_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options, as its first argument."""

    @functools.wraps(command)
    def run(files: tuple[Path, ...], sets: tuple[str, ...], release: str, namespace: str, **others: Any) -> None:
        command(ClusterOptions(files, sets, release, namespace), **others)

    wrapped: Callable[..., None] = run
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def synth_command(make: Callable[[Arguments], StackStorm]) -> click.Command:
    """A command that writes the cluster which a function makes, and prints a summary of it."""

    @click.command("synth", help=make.__doc__, context_settings={"help_option_names": ["-h", "--help"]})
    @with_cluster_options
    @click.option(
        "--output",
        metavar="DIR",
        envvar="CDK8S_OUTDIR",
        default="dist",
        show_default=True,
        type=click.Path(path_type=Path),
        help="Folder to write; it is replaced as a whole.",
    )
    @click.option("--quiet", is_flag=True, help="Do not print the summary.")
    def synth(options: ClusterOptions, output: Path, quiet: bool) -> None:
        files = _or_default(options.files)
        made = make(Arguments(files, options.sets, options.release, options.namespace, output))
        if not quiet:
            from constructs_st2.commands.summary import summary

            click.echo(summary(made.cluster, made.current(), len(made.planned_files), output), err=True)

    return synth
