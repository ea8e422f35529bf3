"""How parts say what somebody who is on call wants to be told, and how Prometheus sees it.

Each alert has a section in docs/how-to/runbooks.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from constructs_st2.parts.queries import Facts

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Alert(NamedTuple):
    """One alert.

    ``source`` is what must serve metrics for it; ``minutes`` is how long ``expr`` must have results. It makes no sense
    for a backend with fewer members than ``members``, or, of Kubernetes, where no backend has as many. The texts may
    use Prometheus' templates.
    """

    name: str
    source: str
    severity: Literal["critical", "warning"]
    minutes: int
    expr: Callable[[Facts], str]
    summary: str
    description: str
    members: int = 1

    def concerns(self, facts: Facts) -> bool:
        """Whether it can ever fire in a cluster."""
        return (
            self.source in facts.kinds and facts.members.get(self.source, max(facts.members.values())) >= self.members
        )
