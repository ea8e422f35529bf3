"""The command line.

Commands import what they need when they run, so that none pays for another.
"""

from __future__ import annotations

import gc
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from constructs_st2 import node
from constructs_st2.diagram.cli import diagram
from constructs_st2.errors import UserError
from constructs_st2.operations.backup.cli import restore
from constructs_st2.options import ClusterOptions, with_cluster_options
from constructs_st2.secrets.cli import secrets


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


def run(command: click.Command) -> None:
    """Run a command; what the user can put right is printed without a traceback, with exit status 1."""
    # Looking for garbage takes a tenth of the time of a program that ends before there is any; looking for plugins of
    # pydantic, a fiftieth.
    gc.disable()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        command.main(standalone_mode=True)
    except UserError as error:
        for problem in error.problems:
            click.echo(f"error: {problem}", err=True)
        sys.exit(1)


def main() -> None:
    """The program `constructs-st2`."""
    run(cli)


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="constructs-st2")
def cli() -> None:
    """StackStorm on Kubernetes, from a values file to manifests."""


@cli.command()
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
    """Write the manifests of a cluster."""
    node.start_cdk8s_beside()
    from constructs_st2.synth import synthesize

    with options.cluster() as cluster:
        written = synthesize(cluster, output)
    if not quiet:
        from constructs_st2.summary import summary

        click.echo(summary(cluster, written.objects, written.files, output), err=True)


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def check(folder: Path) -> None:
    """Check the manifests in a folder as a synth does."""
    from constructs_st2.checks import check as problems_of
    from constructs_st2.manifests import read_folder
    from constructs_st2.surroundings import surroundings_of_unknown

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
    from constructs_st2.images import pulled_by
    from constructs_st2.synth import build

    with options.cluster() as cluster:
        objects = build(cluster).objects
    for reference in pulled_by(objects):
        click.echo(reference)


cli.add_command(restore)
cli.add_command(secrets)
cli.add_command(diagram)
