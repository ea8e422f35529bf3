"""The command that writes a cluster."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from constructs_st2.commands.cluster_options import (
    STRICT,
    ClusterOptions,
    or_default,
    tell_warnings,
    with_accept,
    with_cluster_options,
)
from constructs_st2.commands.pipes import Command
from constructs_st2.kube.well_known import MANIFESTS, MANIFESTS_VARIABLE

if TYPE_CHECKING:
    from constructs_st2.construct.stackstorm import StackStorm


class Arguments(NamedTuple):
    """What the command line of a program asks for: which cluster, where to write it, and which steps to take there."""

    files: tuple[Path, ...]
    sets: tuple[str, ...]
    release: str
    namespace: str
    output: Path
    strict: bool = False
    accept: tuple[str, ...] = ()


def synth_command(make: Callable[[Arguments], StackStorm]) -> click.Command:
    """A command that writes the cluster which a function makes, and prints a summary of it."""

    @click.command("synth", cls=Command, help=make.__doc__, context_settings={"help_option_names": ["-h", "--help"]})
    @with_cluster_options
    @click.option(
        "--output",
        metavar="DIR",
        envvar=MANIFESTS_VARIABLE,
        default=MANIFESTS,
        show_default=True,
        type=click.Path(path_type=Path),
        help="Folder to write; it is replaced as a whole.",
    )
    @with_accept
    @click.option("--quiet", is_flag=True, help="Do not print the summary. Warnings are printed nevertheless.")
    @STRICT
    @click.option("--watch", is_flag=True, help="Write again when a file changes, and tell what an apply would do.")
    def synth(
        options: ClusterOptions, output: Path, accept: tuple[str, ...], quiet: bool, strict: bool, watch: bool
    ) -> None:
        files = or_default(options.files)
        if watch:
            from constructs_st2.commands.watching import watch as write_at_changes

            write_at_changes(files, output)
        made = make(Arguments(files, options.sets, options.release, options.namespace, output, strict, accept))
        from constructs_st2.construct.stackstorm import of_each
        from constructs_st2.construct.writing import App

        clusters = made.clusters_of_app()
        tell_warnings(of_each(clusters, lambda cluster: cluster.warnings()))
        if not quiet:
            from constructs_st2.commands.summary import summary

            planned = {path: objects for each in clusters for path, objects in each.planned_files.items()}
            written = made.app.written if isinstance(made.app, App) else planned
            objects = [each for documents in written.values() for each in documents]
            others = [each.cluster for each in clusters if each is not made]
            click.echo(summary(made.cluster, objects, len(written), output, others), err=True)
            if made.step is not None and made.step.changes:
                from constructs_st2.commands.plan.text import brief

                click.echo(f"\n{brief(made.step, output)}", err=True)

    return synth
