"""The command `constructs-st2 adopt`."""

from __future__ import annotations

from pathlib import Path

import click

from constructs_st2.errors import UserError


@click.command()
@click.option(
    "--values",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Convert this values file of the chart, and print it.",
)
@click.option(
    "--release", metavar="NAME", help="Read this release of Helm through kubectl, and write all for its move."
)
@click.option("--namespace", default="default", show_default=True, help="Namespace of the release.")
@click.option("--context", metavar="NAME", help="Context of kubectl. Default: the current one.")
@click.option(
    "--output",
    metavar="DIR",
    default="adopted",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder for what is written about a release.",
)
def adopt(file: Path | None, release: str | None, namespace: str, context: str | None, output: Path) -> None:
    """Come from the Helm chart: convert its values, and write the steps of the move.

    Nothing in the cluster is changed: the steps are for you to read, and to run.
    """
    if (file is None) == (release is None):
        raise UserError("say either --values FILE or --release NAME")
    if file is not None:
        _print_converted(file)
    elif release is not None:
        _write_move(release, namespace, context, output)


def _print_converted(file: Path) -> None:
    from constructs_st2.commands.adopt.conversion import convert
    from constructs_st2.values.yaml_source import read, text_of

    converted = convert(text_of(file), read(file))
    click.echo(converted.text, nl=False)
    click.echo(f"{len(converted.notes)} changes, each with the reason behind #:", err=True)
    for problem in converted.problems:
        click.echo(f"for you to change: {problem}", err=True)


def _write_move(name: str, namespace: str, context: str | None, output: Path) -> None:
    from constructs_st2.commands.adopt.helm import release_of
    from constructs_st2.commands.adopt.writing import write_move

    found = release_of(name, namespace, context)
    for line in write_move(found, output):
        click.echo(line, err=True)
