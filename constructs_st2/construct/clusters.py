"""The cluster that values describe, if they can be honoured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from constructs_st2.errors import InvalidValues, ValueProblem
from constructs_st2.facts import backends
from constructs_st2.facts.chat_adapters import chatops_problems
from constructs_st2.facts.clear_text import secret_problems
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.content.problems import content_problems
from constructs_st2.facts.release import DEFAULT_NAMESPACE, DEFAULT_RELEASE
from constructs_st2.facts.secrets.given import misplaced_secrets
from constructs_st2.facts.timing import impossible_timings
from constructs_st2.parts import optional
from constructs_st2.parts.backends.in_cluster import member_set
from constructs_st2.parts.combinations import impossible_combinations
from constructs_st2.values.model import Values


def cluster_of(values: Values, release: str = DEFAULT_RELEASE, namespace: str = DEFAULT_NAMESPACE) -> Cluster:
    """The cluster that values describe, under a name and in a namespace.

    Raises:
        UserError: the name or the namespace cannot be used.
        InvalidValues: the values contradict each other; with all problems.
    """
    cluster = Cluster.of(values, release, namespace)
    problems = [
        *impossible_timings(cluster.values),
        *impossible_combinations(cluster.values, cluster.release),
        *optional.problems(cluster.values, cluster.release),
        *misplaced_secrets(cluster.values),
        *secret_problems(cluster.values),
        *content_problems(cluster.values),
    ]
    # These raise for values that cannot be honoured; better here than in the midst of building.
    problems += _raised(lambda: problems.extend(chatops_problems(cluster.values, cluster.version)))
    problems += _raised(lambda: cluster.settings)
    if problems:
        raise InvalidValues(*dict.fromkeys([*problems, *_of_backends(cluster)]))
    return cluster


def _raised(attempt: Callable[[], object]) -> Sequence[ValueProblem]:
    try:
        attempt()
    except InvalidValues as error:
        return error.problems
    return ()


def further_problems(values: Values, release: str, namespace: str) -> Sequence[ValueProblem]:
    """What is wrong with what remains of values of which something is left out already."""
    try:
        return list(_of_backends(cluster_of(values, release, namespace)))
    except InvalidValues as error:
        return error.problems


def _of_backends(cluster: Cluster) -> Iterator[ValueProblem]:
    """What they would raise when they are built: told beside what is wrong already."""
    for role in backends.in_cluster(cluster.values):
        yield from _raised(lambda role=role: member_set(role, cluster))  # type: ignore[misc]
