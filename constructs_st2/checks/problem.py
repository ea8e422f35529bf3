"""What a check finds."""

from __future__ import annotations

from typing import NamedTuple


class Problem(NamedTuple):
    """Something about one object that would not work in a cluster.

    ``rule`` names the rule that it breaks, ``object`` is like ``Deployment/st2-st2api``, and ``field`` like
    ``spec.template.spec.containers[st2api].envFrom[0]``.
    """

    rule: str
    object: str
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.object}: {self.field}: {self.message} [{self.rule}]"
