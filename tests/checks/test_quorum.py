"""Members that vote."""

from __future__ import annotations

import pytest
from checks.sound import MONGODB, findings_after, problems_after, put


@pytest.mark.parametrize("replicas", [2, 4, 6])
def test_even_numbers_of_members_are_found(replicas: int) -> None:
    assert ("quorum", MONGODB, "spec.replicas") in findings_after(put(MONGODB, "spec", "replicas", value=replicas))


@pytest.mark.parametrize("replicas", [3, 5, 7])
def test_odd_numbers_of_members_are_accepted(replicas: int) -> None:
    assert findings_after(put(MONGODB, "spec", "replicas", value=replicas)) == []


def test_a_smaller_number_is_proposed() -> None:
    (problem,) = problems_after(put(MONGODB, "spec", "replicas", value=4))
    assert problem.message == "4 members cannot keep a majority better than 3; use an odd number"


def test_workloads_that_do_not_vote_may_be_even() -> None:
    role = ("metadata", "labels", "app.kubernetes.io/component")
    objects = put(MONGODB, *role, value="operations")
    assert "quorum" not in {rule for rule, _, _ in findings_after(objects)}
