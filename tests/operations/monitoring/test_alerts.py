"""The alerts as objects, and their runbook. What makes each fire is tested with Prometheus itself."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from operations.monitoring.queries import FUNCTIONS, METRICS, selected, words
from support import MakeCluster

from constructs_st2.errors import InvalidValues
from constructs_st2.facts.cluster import Cluster
from constructs_st2.kube.documents import Document
from constructs_st2.parts.monitoring import documents
from constructs_st2.parts.monitoring.alerts import alerts, names
from constructs_st2.parts.optional import OPTIONAL_PARTS

RUNBOOK = Path(__file__).parents[3] / "docs/how-to/runbooks.md"
HEADING = re.compile(r"^## (StackStorm\w+)$", re.MULTILINE)
ALERTS = [alert for group in alerts(part.load() for part in OPTIONAL_PARTS).values() for alert in group]
ETCD = {"coordination": {"backend": "etcd"}}


def rules_of(made: Cluster) -> dict[str, Document]:
    """The alerts of a cluster, by their names."""
    (document,) = (each for each in documents(made) if each["kind"] == "PrometheusRule")
    return {rule["alert"]: rule for group in document["spec"]["groups"] for rule in group["rules"]}


@pytest.fixture
def rules(cluster: MakeCluster) -> Any:
    """The alerts of a cluster with some values."""

    def make(values: dict[str, Any] | None = None, **settings: Any) -> dict[str, Document]:
        monitoring = {"enabled": True, "rules": {"enabled": True, **settings}}
        return rules_of(cluster({"monitoring": monitoring, **(values or {})}))

    return make


def test_every_alert_has_a_section_in_the_runbook() -> None:
    sections = HEADING.findall(RUNBOOK.read_text(encoding="utf-8"))
    missing, others = sorted({*names()} - {*sections}), sorted({*sections} - {*names()})
    assert missing == [], f"add a section of its name to {RUNBOOK.name}"
    assert others == [], f"{RUNBOOK.name} has sections of alerts that are not there"
    assert len(sections) == len(set(sections))


def test_every_section_of_the_runbook_says_something() -> None:
    _, *parts = re.split(r"^#+ (.+)$", RUNBOOK.read_text(encoding="utf-8"), flags=re.MULTILINE)
    short = [title for title, text in zip(parts[::2], parts[1::2], strict=True) if len(text.split()) < 20]
    assert short == [], "say what it means, how to look, and what to do"


def test_names_are_unique() -> None:
    assert len(list(names())) == len(set(names()))


def test_an_alert_leads_to_its_section(rules: Any) -> None:
    made = rules()["StackStormRedisNoMaster"]["annotations"]["runbook_url"]
    assert made == "docs/how-to/runbooks.md#stackstormredisnomaster"
    made = rules(runbook="https://wiki.example.org/stackstorm")["StackStormRedisNoMaster"]["annotations"]["runbook_url"]
    assert made == "https://wiki.example.org/stackstorm#stackstormredisnomaster"


def test_every_alert_says_what_somebody_on_call_needs(rules: Any) -> None:
    for rule in (*rules().values(), *rules(ETCD).values()):
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert re.fullmatch(r"\d+m", rule["for"])
        assert rule["annotations"]["summary"].endswith("(stackstorm/st2)")
        assert rule["annotations"]["description"].endswith(".")


def test_queries_use_only_metrics_that_exist(rules: Any) -> None:
    for name, rule in {**rules(), **rules(ETCD)}.items():
        unknown = {metric for metric, _ in selected(rule["expr"])} - METRICS
        assert unknown == set(), name
        assert words(rule["expr"]) <= FUNCTIONS, name


def test_queries_see_only_the_release(cluster: MakeCluster) -> None:
    values = {"monitoring": {"enabled": True, "rules": {"enabled": True}}}
    made = rules_of(cluster(values, release="blue", namespace="automation"))
    for name, rule in made.items():
        for metric, selector in selected(rule["expr"]):
            assert 'namespace="automation"' in selector, (name, metric)
            assert "blue-" in selector, (name, metric)


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ({"mongodb": {"metrics": {"enabled": False}}}, "Mongodb"),
        ({"mongodb": {"enabled": False, "external": {"uri": "mongodb://db"}}}, "Mongodb"),
        ({"rabbitmq": {"metrics": {"enabled": False}}}, "Rabbitmq|Queue"),
        ({"redis": {"metrics": {"enabled": False}}}, "Redis"),
        (ETCD, "Redis"),
        ({}, "Etcd"),
    ],
)
def test_there_are_no_alerts_about_what_is_not_there(rules: Any, values: dict[str, Any], missing: str) -> None:
    made = rules(values)
    assert [name for name in made if re.match(f"StackStorm({missing})", name)] == []
    assert "StackStormServiceDown" in made


def test_a_single_member_misses_no_other(rules: Any) -> None:
    made = rules({"profile": "dev"})
    assert "StackStormMongodbNoPrimary" in made
    assert {alert.name for alert in ALERTS if alert.members > 1} & set(made) == set()


def test_the_number_of_members_counts(rules: Any) -> None:
    made = rules({"rabbitmq": {"replicaCount": 5}})
    assert made["StackStormRabbitmqNodeDown"]["expr"].endswith("< 5")
    assert made["StackStormRabbitmqNoQuorum"]["expr"].endswith("< 3")


def test_alerts_can_be_left_out(rules: Any) -> None:
    unwanted = "StackStormExecutionsFailing"
    assert set(rules()) - set(rules(disabled=[unwanted])) == {unwanted}


def test_an_unknown_alert_cannot_be_left_out(rules: Any) -> None:
    with pytest.raises(InvalidValues, match='did you mean "StackStormRedisNoMaster"') as caught:
        rules(disabled=["StackStormRedisNoMasters"])
    assert caught.value.problems[0].key == "monitoring.rules.disabled[0]"


def test_limits_are_as_the_user_says(rules: Any) -> None:
    backup = {"enabled": True, "destination": {"claim": {"create": {"size": "50Gi"}}}}
    made = rules({"backup": backup}, backupMaxAgeHours=50, certificateDays=30)
    assert made["StackStormBackupTooOld"]["expr"].endswith(f"> {50 * 3600}")
    assert made["StackStormCertificateExpiring"]["expr"].endswith(f"< {30 * 86400}")
