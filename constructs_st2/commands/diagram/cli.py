"""`constructs-st2 diagram`: a picture of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from constructs_st2.commands.cluster_options import ClusterOptions, with_cluster_options
from constructs_st2.errors import UserError

if TYPE_CHECKING:
    from constructs_st2.facts.cluster import Cluster


@click.command()
@with_cluster_options
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write: .svg, .png (with the extra constructs-st2[png]), or .mmd for Mermaid. "
    "Default: SVG, to standard output.",
)
def diagram(options: ClusterOptions, output: Path | None) -> None:
    """Draw a cluster: its components, and who connects to whom on which port."""
    suffix = output.suffix.lower() if output else ".svg"
    if suffix not in _FORMATS:
        raise UserError(f"{output}: what to draw is told by the file's ending: {', '.join(_FORMATS)}")
    with options.cluster() as cluster:
        picture = _FORMATS[suffix](cluster)
    if output is None:
        click.echo(picture, nl=False)
        return
    try:
        output.write_bytes(picture)
    except OSError as error:
        raise UserError([f"{output} cannot be written: {error.strerror}"]) from error


def _svg(cluster: Cluster) -> bytes:
    from constructs_st2.commands.diagram.picture import diagram as drawn

    return drawn(cluster).encode()


def _png(cluster: Cluster) -> bytes:
    # Without the library of Python, or the Cairo of the machine that it draws with.
    try:
        from cairosvg import svg2png
    except (ImportError, OSError) as error:
        raise UserError(f"a PNG needs Cairo, and pip install 'constructs-st2[png]': {error}") from None
    return bytes(svg2png(bytestring=_svg(cluster), scale=2))


def _mermaid(cluster: Cluster) -> bytes:
    from constructs_st2.commands.diagram.mermaid import flowchart
    from constructs_st2.commands.diagram.parts import parts_of

    return flowchart(parts_of(cluster)).encode()


_FORMATS: Mapping[str, Callable[[Cluster], bytes]] = {".svg": _svg, ".png": _png, ".mmd": _mermaid}
