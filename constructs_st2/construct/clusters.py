"""The cluster that values describe, if they can be honoured."""

from __future__ import annotations

from constructs_st2.errors import InvalidValues
from constructs_st2.facts.chat_adapters import chatops_problems
from constructs_st2.facts.clear_text import secret_problems
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.content.problems import content_problems
from constructs_st2.facts.secrets.given import misplaced_secrets
from constructs_st2.facts.timing import impossible_timings
from constructs_st2.parts import optional
from constructs_st2.parts.combinations import impossible_combinations
from constructs_st2.values.model import Values


def cluster_of(values: Values, release: str = "st2", namespace: str = "stackstorm") -> Cluster:
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
    try:
        problems += chatops_problems(cluster.values, cluster.version)
    except InvalidValues as error:
        problems += error.problems
    if problems:
        raise InvalidValues(*problems)
    # It raises for values that cannot be honoured; better here than in the midst of building.
    _ = cluster.settings
    return cluster
