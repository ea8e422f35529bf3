"""The command line.

Commands import what they need when they run, so that none pays for another.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from constructs_st2.errors import InvalidValues, UserError

if TYPE_CHECKING:
    from constructs_st2.cluster import Cluster

DEFAULT_VALUES = Path("values.yaml")


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


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="constructs-st2")
def cli() -> None:
    """StackStorm on Kubernetes, from a values file to manifests."""


def values_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say which cluster is meant."""
    options = (
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
    for option in reversed(options):
        command = option(command)
    return command


@cli.command()
@values_options
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
def synth(
    files: tuple[Path, ...], sets: tuple[str, ...], release: str, namespace: str, output: Path, quiet: bool
) -> None:
    """Write the manifests of a cluster."""
    from constructs_st2.synth import synthesize

    with _cluster(files, sets, release, namespace) as cluster:
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
@values_options
def images(files: tuple[Path, ...], sets: tuple[str, ...], release: str, namespace: str) -> None:
    """List the images that a cluster pulls, e.g. to mirror them."""
    from constructs_st2.images import pulled_by
    from constructs_st2.synth import build

    with _cluster(files, sets, release, namespace) as cluster:
        objects = build(cluster).objects
    for reference in pulled_by(objects):
        click.echo(reference)


@contextlib.contextmanager
def _cluster(files: tuple[Path, ...], sets: tuple[str, ...], release: str, namespace: str) -> Iterator[Cluster]:
    """The cluster that the options describe. What turns out to be wrong with its values is told by file and line."""
    from constructs_st2.cluster import Cluster
    from constructs_st2.release import Release
    from constructs_st2.values import load

    Release(release, namespace)
    found = files or ((DEFAULT_VALUES,) if DEFAULT_VALUES.exists() else ())
    loaded = load(found, sets, release_name=release, release_namespace=namespace)
    try:
        yield Cluster.of(loaded.values, release, namespace)
    except InvalidValues as error:
        raise UserError(loaded.report(error.problems)) from error
