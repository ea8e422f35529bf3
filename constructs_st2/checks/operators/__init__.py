"""What operators refuse of objects of their own kinds: in their admission webhooks, or later in their logs alone.

The definitions of these kinds (CRDs) say nothing of it. Each rule names the function that it comes from.
"""

from __future__ import annotations

from collections.abc import Iterator

from constructs_st2.checks.index import Index
from constructs_st2.checks.problem import Problem
from constructs_st2.kube.documents import identity

RULE = "operator"


def admitted(index: Index) -> Iterator[Problem]:
    """Operators take the objects of their kinds."""
    if not index.has_custom_kinds:
        return
    # Most releases have none, and need none of the patterns there.
    from constructs_st2.checks.operators.kinds import KINDS

    for kind, rule in KINDS.items():
        for document in index.of_kind(kind):
            for field, message in rule(document, index):
                yield Problem(RULE, identity(document), field, message)


RULES = (admitted,)
