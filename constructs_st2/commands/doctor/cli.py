"""`constructs-st2 doctor`: what a release lacks, before an apply and at any time."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from constructs_st2.commands.cluster_options import ClusterOptions, with_cluster_options
from constructs_st2.commands.rows import has_colours


@click.command()
@with_cluster_options
@click.option("--context", metavar="NAME", help="Context of kubectl. Default: the current one.")
@click.option(
    "--output",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
    help="For a terminal, a comment or a chat, or programs.",
)
@click.option(
    "--support",
    metavar="FOLDER",
    type=click.Path(path_type=Path, file_okay=False),
    help="Gather logs, objects, events and the findings in a new folder, without secrets, to be passed on.",
)
def doctor(options: ClusterOptions, context: str | None, output: str, support: Path | None) -> None:
    """Tell what is wrong with a release in a cluster, or would be after an apply.

    It reads through kubectl and changes nothing: what the values need of the cluster, what of it is missing, which pods
    wait for what, and the next command for each. What it may not look at, it says. Exit status: 0 nothing is wrong, 2
    there are warnings, 3 something is broken, 1 errors.
    """
    from constructs_st2.commands.doctor import text
    from constructs_st2.commands.doctor.examining import examine
    from constructs_st2.commands.doctor.expected import Expected
    from constructs_st2.commands.doctor.reading import read
    from constructs_st2.commands.kubectl import Kubectl
    from constructs_st2.construct.build import build

    if support is not None:
        from constructs_st2.commands.doctor.support import prepare

        prepare(support)
    with options.cluster() as cluster:
        expected = Expected(cluster, build(cluster).objects)
    kubectl = Kubectl(context)
    reading = read(expected, kubectl)
    report = examine(expected, reading.facts)
    if support is not None:
        from constructs_st2.commands.doctor.support import gather

        gather(support, expected, reading, report, kubectl)
        click.echo(f"{support}/: gathered for support; look it over before you pass it on", err=True)
    if output == "text":
        colours = has_colours()
        click.echo(text.terminal(report, colours=colours), color=colours)
    else:
        click.echo(text.OUTPUTS[output](report))
    sys.exit(report.status)
