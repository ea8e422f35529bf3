"""How SIGTERM reaches the program of a container that wants another signal.

Not by a preStop hook: one that stays until the program has ended is killed with it, and the kubelet then warns of a
failed hook at every stop.
"""

from __future__ import annotations

from collections.abc import Sequence

from constructs_st2.facts.catalogue import CatalogueEntry, Stop
from constructs_st2.facts.timing import stop_timing
from constructs_st2.parts.pods.scripts import command
from constructs_st2.parts.services.scripts import ON_TERM
from constructs_st2.values.model import Values


def stoppable(program: Sequence[str], stop: Stop, entry: CatalogueEntry, values: Values) -> list[str]:
    """The command that runs a program in the pod of a service, and ends it when the kubelet asks for it.

    Args:
        program: the program with its arguments.
        stop: the signal that ends it.
        entry: the service, which says how long requests still come in.
        values: those of the cluster.
    """
    if stop == "TERM":
        return [*program]
    return command(ON_TERM, stop, stop_timing(entry, getattr(values, entry.name)).drain, *program)
