"""`constructs-st2 diagram`: a picture of a cluster."""

from __future__ import annotations

from pathlib import Path

import click

from constructs_st2.commands.cluster_options import ClusterOptions, with_cluster_options
from constructs_st2.errors import UserError


@click.command()
@with_cluster_options
@click.option(
    "-o",
    "--output",
    metavar="FILE.svg",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write. Default: standard output.",
)
def diagram(options: ClusterOptions, output: Path | None) -> None:
    """Draw a cluster: its components, and who connects to whom on which port (SVG)."""
    from constructs_st2.commands.diagram.picture import diagram as drawn

    with options.cluster() as cluster:
        picture = drawn(cluster)
    if output is None:
        click.echo(picture, nl=False)
        return
    try:
        output.write_text(picture, encoding="utf-8")
    except OSError as error:
        raise UserError([f"{output} cannot be written: {error.strerror}"]) from error
