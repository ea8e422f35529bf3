"""What services that share work have to do, as the database knows it: by that KEDA tells how many pods there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from constructs_st2.facts.catalogue import ST2ACTIONRUNNER, ST2SCHEDULER, ST2WORKFLOWENGINE

POOL_SIZES: Mapping[str, int] = {"actions_pool_size": 60, "workflows_pool_size": 40}
"""Actions and workflows that a runner works on at the same time: options of `[actionrunner]` (st2common/config.py)."""
ACTIONS_POOL, WORKFLOWS_POOL = POOL_SIZES
_USED_OF_POOL = 0.6
"""The part of a runner's threads that may be busy: what comes while a new pod starts must find room."""

_OF_ENGINE = "context.workflow_execution"
"""What a workflow of Orquesta has from the moment at which a runner has handed it to the workflow engines, and an
action-chain never (contrib/runners/orquesta_runner/orquesta_runner/orquesta_runner.py)."""


class Work(NamedTuple):
    """What a service has to do: the documents of a collection that match a query, and how many a pod may have.

    Collections are named after the classes of st2common/models/db, as mongoengine does it. Where ``pool`` names a pool
    of runners, the number follows its size.
    """

    collection: str
    query: Mapping[str, Any]
    target: int
    pool: str = ""


def _of_pool(pool: str, query: Mapping[str, Any]) -> Work:
    # The field status has an index.
    taken = {"status": {"$in": ["scheduled", "running"]}, **query}
    return Work("live_action_d_b", taken, used(POOL_SIZES[pool]), pool)


def used(size: int) -> int:
    """How many of a pool of some size a pod may use, before there are more pods."""
    return max(1, int(size * _USED_OF_POOL))


WORK: Mapping[str, tuple[Work, ...]] = {
    ST2ACTIONRUNNER.name: (
        _of_pool(ACTIONS_POOL, {"action_is_workflow": False}),
        # An action-chain keeps a thread busy until its last action has ended. Workflows of Orquesta do so only until
        # they have begun.
        _of_pool(WORKFLOWS_POOL, {"action_is_workflow": True, _OF_ENGINE: {"$exists": False}}),
    ),
    ST2WORKFLOWENGINE.name: (
        # Not workflow_execution_d_b, whose status has no index: every look would read all of it.
        Work("live_action_d_b", {"status": "running", "action_is_workflow": True, _OF_ENGINE: {"$exists": True}}, 40),
    ),
    ST2SCHEDULER.name: (
        # A scheduler takes ten executions in a second at best ([scheduler] sleep_interval).
        Work("action_execution_scheduling_queue_item_d_b", {"handling": False}, 50),
    ),
}
"""For each service its work, of which the first is what ``targetBusy`` is about."""

COUNTED_COLLECTIONS = tuple(sorted({work.collection for works in WORK.values() for work in works}))
"""The collections that KEDA reads, and all that it may read."""
