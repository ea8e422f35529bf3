"""A picture of a cluster: its components by tier, and who connects to whom on which port."""

from __future__ import annotations

from constructs_st2.cluster import Cluster
from constructs_st2.diagram.layout import layout
from constructs_st2.diagram.parts import parts_of
from constructs_st2.diagram.svg import drawing


def diagram(cluster: Cluster) -> str:
    """The picture as SVG: the same for the same values, readable on light and on dark pages."""
    parts = parts_of(cluster)
    return drawing(parts, layout(parts))
