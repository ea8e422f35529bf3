"""The picture of a cluster as SVG."""

from __future__ import annotations

from constructs_st2.commands.diagram.layout import layout
from constructs_st2.commands.diagram.parts import parts_of
from constructs_st2.commands.diagram.svg import drawing
from constructs_st2.facts.cluster import Cluster


def diagram(cluster: Cluster) -> str:
    """The picture: the same for the same values, readable on light and on dark pages."""
    parts = parts_of(cluster)
    return drawing(parts, layout(parts))
