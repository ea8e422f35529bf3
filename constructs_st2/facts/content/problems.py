"""What is wrong with the content that the user gives: found here, not in the cluster."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_st2.errors import ValueProblem
from constructs_st2.values.model import Values


def content_problems(values: Values) -> Iterator[ValueProblem]:
    """All problems of roles, items, pack configurations and overrides. What nobody uses is not even imported."""
    st2 = values.st2
    if st2.rbac.roles or st2.rbac.assignments or st2.rbac.mappings:
        from constructs_st2.facts.content.rbac import rbac_problems

        yield from rbac_problems(st2.rbac.roles, st2.rbac.assignments, st2.rbac.mappings)
    if st2.packs.configs or st2.overrides:
        from constructs_st2.facts.content.configs import config_problems, override_problems

        yield from config_problems(st2.packs.configs)
        yield from override_problems(st2.overrides)
    if st2.has_items:
        from constructs_st2.facts.content.datastore import problems

        yield from problems(values)
