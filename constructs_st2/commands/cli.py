"""The command line.

Commands import what they need when they run, so that none pays for another.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from constructs_st2 import __version__
from constructs_st2.commands.adopt.cli import adopt
from constructs_st2.commands.cluster_options import (
    Arguments,
    ClusterOptions,
    synth_command,
    with_cluster_options,
)
from constructs_st2.commands.diagram.cli import diagram
from constructs_st2.commands.program import run
from constructs_st2.commands.restore import restore
from constructs_st2.commands.secrets.cli import secrets
from constructs_st2.errors import UserError

if TYPE_CHECKING:
    from constructs_st2.construct.stackstorm import StackStorm


class Program(click.Group):
    """A program with commands, whose output need not be read to its end: `… | head` is no failure."""

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        """Read the arguments, and print the help."""
        with _until_nobody_reads():
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with _until_nobody_reads():
            return super().invoke(ctx)


@contextmanager
def _until_nobody_reads() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        # It could also be the pipe to Node.js.
        output = select.poll()
        output.register(sys.stdout.fileno(), select.POLLOUT)
        if not any(event & select.POLLERR for _, event in output.poll(0)):
            raise
        # Else Python complains when it writes the rest at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def main() -> None:
    """The program `constructs-st2`."""
    run(cli)


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="constructs-st2")
def cli() -> None:
    """StackStorm on Kubernetes, from a values file to manifests."""


@synth_command
def synth(arguments: Arguments) -> StackStorm:
    """Write the manifests of a cluster."""
    from constructs_st2.construct.stackstorm import StackStorm
    from constructs_st2.construct.writing import App
    from constructs_st2.values import load_values

    app = App(outdir=arguments.output)
    values = load_values(arguments.files, arguments.sets)
    cluster = StackStorm(app, "Default", values=values, release=arguments.release, namespace=arguments.namespace)
    app.synth()
    return cluster


cli.add_command(synth)


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def check(folder: Path) -> None:
    """Check the manifests in a folder as a synth does."""
    from constructs_st2.checks import check as problems_of
    from constructs_st2.checks.surroundings import surroundings_of_unknown
    from constructs_st2.kube.reading import read_folder

    objects = read_folder(folder)
    problems = problems_of(objects, surroundings_of_unknown(objects))
    if problems:
        raise UserError(map(str, problems))
    click.echo(f"{folder}: {len(objects)} objects hold together")


@cli.command()
def schema() -> None:
    """Print the JSON Schema of values files, for editors."""
    import json

    from constructs_st2.values.model import Values
    from constructs_st2.values.reference import json_schema

    click.echo(json.dumps(json_schema(Values), indent=2))


@cli.command()
@with_cluster_options
def images(options: ClusterOptions) -> None:
    """List the images that a cluster pulls, e.g. to mirror them."""
    from constructs_st2.construct.build import build
    from constructs_st2.facts.images import pulled_by

    with options.cluster() as cluster:
        objects = build(cluster).objects
    for reference in pulled_by(objects):
        click.echo(reference)


cli.add_command(adopt)
cli.add_command(restore)
cli.add_command(secrets)
cli.add_command(diagram)
