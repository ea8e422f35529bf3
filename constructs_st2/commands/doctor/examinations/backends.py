"""Members of backends: majorities, where they are, and those that the guard of the data has stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from constructs_st2.commands.doctor.expected import Expected
from constructs_st2.commands.doctor.facts import Facts, Workload
from constructs_st2.commands.doctor.findings import Finding, Level
from constructs_st2.commands.doctor.wording import listed
from constructs_st2.facts.backends.upgrades import UPGRADES
from constructs_st2.facts.release import Role
from constructs_st2.kube.well_known import NAME_LABEL
from constructs_st2.parts.backends.data_guard.guard import NAME as GUARD

_STANDS_STILL: dict[Role, str] = {
    "database": "nothing can be written, and StackStorm stands still",
    "messaging": "queues stand still, and with them all executions",
    "coordination": "no lock can be taken; schedulers and workflows stand still",
}
"""What becomes of a backend without its majority."""


def name_of(component: str) -> str:
    """A backend as people call it."""
    return UPGRADES[component].name if component in UPGRADES else component


def guarded(expected: Expected, facts: Facts) -> Iterator[Finding]:
    """Members that would harm their data. The guard says why, in a sentence."""
    for pod in facts.pods:
        for container in pod.containers:
            if container.name != GUARD or (container.exit_code in (None, 0) and container.last_exit_code in (None, 0)):
                continue
            said = container.message if container.state == "terminated" else container.last_message
            text = f"the guard of the data has stopped it: {said or facts.words.get((pod.name, GUARD), 'see its log')}"
            steps = (f"{expected.kubectl} logs {pod.name} -c {GUARD}", "constructs-st2 plan --against cluster")
            yield Finding(Level.BROKEN, pod.name, text, steps)


def _members(expected: Expected, facts: Facts) -> Iterator[tuple[Role, Workload]]:
    by_component = {each.component: each for each in facts.workloads if each.kind == "StatefulSet"}
    for role, backend in expected.cluster.backends.items():
        if found := by_component.get(backend.component):
            yield role, found


def majority_of(members: int) -> int:
    """How many members decide."""
    return members // 2 + 1


def quorums(expected: Expected, facts: Facts) -> Iterator[Finding]:
    """Ready members, against the majority of all."""
    for role, members in _members(expected, facts):
        step = f"{expected.kubectl} get pods -l {NAME_LABEL}={members.component} -o wide"
        are_ready = f"{members.ready} of {members.wanted} members are ready"
        if not members.wanted:
            yield Finding(Level.BROKEN, name_of(members.component), "is scaled to no members", (step,))
        elif members.ready < majority_of(members.wanted):
            text = f"{are_ready}, and {majority_of(members.wanted)} are a majority: {_STANDS_STILL[role]}"
            level = Level.WARNING if facts.is_starting else Level.BROKEN
            yield Finding(level, name_of(members.component), text, (step,))
        elif members.ready < members.wanted:
            spare = members.ready - majority_of(members.wanted)
            text = f"{are_ready}: it works, and {f'{spare} more' if spare else 'none more'} may be lost"
            yield Finding(Level.WARNING, name_of(members.component), text, (step,))


def apart(expected: Expected, facts: Facts) -> Iterator[Finding]:
    """Whether the loss of one node would take the majority."""
    for _, members in _members(expected, facts):
        if members.wanted < 2:
            continue
        nodes = Counter(pod.node for pod in facts.pods_of(members.component) if pod.node)
        for node, count in nodes.most_common(1):
            if members.wanted - count < majority_of(members.wanted):
                pods = [pod.name for pod in facts.pods_of(members.component) if pod.node == node]
                text = (
                    f"{count} of {members.wanted} members are on {node}, which could take the majority: {listed(pods)}"
                )
                # A deleted pod is scheduled anew; one at a time keeps the majority.
                step = f"{expected.kubectl} delete pod {pods[-1]}   # once another node has room"
                yield Finding(Level.WARNING, name_of(members.component), text, ("kubectl get nodes", step))
