"""What a plan says of many changes, beside what the pod templates and the objects themselves say."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from support import Objects, Synth

from constructs_st2.changes.findings import Section
from constructs_st2.changes.plan import Plan, plan_of
from constructs_st2.kube.documents import pod_template

from .expected import EXPECTED
from .table import CHANGES
from .telling import told

KEPT_PODS = ("Deployment", "StatefulSet")


Planned = Callable[[str], tuple[Objects, Objects, Plan]]


@pytest.fixture(scope="module")
def planned(synth: Synth) -> Planned:
    """The objects before and after a change of the table, and the plan of it. Do not change them."""

    @cache
    def find(name: str) -> tuple[Objects, Objects, Plan]:
        before, after = (synth(values) for values in CHANGES[name])
        return before, after, plan_of(before, after)

    return find


def test_there_is_an_expectation_for_each_of_many_changes() -> None:
    assert len(CHANGES) >= 60
    assert list(EXPECTED) == list(CHANGES)


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_told(planned: Planned, name: str) -> None:
    assert told(planned(name)[2]) == EXPECTED[name], "say in tests/changes/expected.py what is told"


@pytest.mark.parametrize("name", CHANGES)
def test_it_fits_the_objects(planned: Planned, name: str) -> None:
    before, after, plan = planned(name)
    old, new = by_name(before), by_name(after)
    both = old.keys() & new.keys()
    # Kubernetes replaces pods when, and only when, their template differs.
    rolled = {
        each for each in both if each.split("/")[0] in KEPT_PODS and pod_template(old[each]) != pod_template(new[each])
    }
    components = {component(new[each]) for each in rolled}
    assert set(plan.replaced) == components
    said = {finding.subject for section in (Section.PODS, Section.PAUSES) for finding in plan.of(section)}
    refused = {finding.subject for finding in plan.refused}
    assert components - refused <= said, "each of them is told of"
    jobs = {component(new[each]) for each in new.keys() - old.keys() if each.startswith("Job/")}
    assert {f"job-{finding.subject}" for finding in plan.of(Section.JOBS)} | {"secrets-bootstrap"} >= jobs
    assert len(plan.of(Section.JOBS)) == len(jobs)
    deleted = " ".join(step for finding in plan.findings for step in finding.steps)
    for each in old.keys() - new.keys():
        kind, name = each.split("/")
        stays = f"{kind.lower()}/{name}" in deleted or f"delete {kind.lower()} {name}" in deleted
        assert stays or any(name in finding.subject for finding in plan.findings), f"{each} is left over"


def test_a_priority_class_that_cannot_be_changed_is_made_anew(planned: Planned) -> None:
    plan = planned("pods may displace others")[2]
    data, control = plan.of(Section.HANDS)
    assert data.steps == ("kubectl delete priorityclass stackstorm-st2-data", "kubectl apply -f dist/")
    assert control.subject == "PriorityClass/stackstorm-st2-control"
    assert "preemptionPolicy cannot be changed; its pods keep what they have until they are replaced" in data.text


def test_a_priority_class_stays_until_nobody_names_it(planned: Planned) -> None:
    finding = planned("no priority classes")[2].of(Section.ORPHANS)[0]
    assert "pods that still name stackstorm-st2-data are refused without it: delete it when" in finding.text
    assert "kubectl delete priorityclass/stackstorm-st2-data priorityclass/stackstorm-st2-control" in finding.steps[0]


def by_name(objects: Objects) -> dict[str, dict[str, Any]]:
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in objects}


def component(document: dict[str, Any]) -> str:
    name: str = document["metadata"]["labels"]["app.kubernetes.io/name"]
    return name


def test_nodes_that_leave_are_named_as_they_are_called_in_their_cluster(synth: Synth) -> None:
    values: dict[str, Any] = {"clusterDomain": "k8s.example.org"}
    before, after = (synth({**values, "rabbitmq": {"replicaCount": count}}) for count in (5, 3))
    (refused,) = plan_of(before, after).of(Section.REFUSED)
    nodes = [step.split()[-1] for step in refused.steps if "rabbitmq-queues shrink" in step]
    domain = "st2-rabbitmq-headless.stackstorm.svc.k8s.example.org"
    assert nodes == [f"rabbit@st2-rabbitmq-{ordinal}.{domain}" for ordinal in (4, 3)]
