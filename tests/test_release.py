"""Names and labels."""

from __future__ import annotations

from typing import Any

import pytest

from constructs_st2.errors import UserError
from constructs_st2.facts.catalogue import CATALOGUE
from constructs_st2.facts.jobs import SKIPPABLE
from constructs_st2.facts.release import LONGEST_COMPONENT, Release
from constructs_st2.facts.secrets.contract import CONTRACT


def test_names_begin_with_the_release() -> None:
    assert Release("blue").named("st2api") == "blue-st2api"


def test_hosts_are_full_names_in_the_clusters_domain() -> None:
    release = Release("blue", "automation", "corp.internal")
    assert release.host("mongodb") == "blue-mongodb.automation.svc.corp.internal"


def test_labels_are_the_standard_ones_and_those_of_the_documentation() -> None:
    assert Release().labels("st2sensorcontainer-0", "backend", app="st2sensorcontainer", version="3.9") == {
        "app.kubernetes.io/name": "st2sensorcontainer-0",
        "app.kubernetes.io/instance": "st2",
        "app.kubernetes.io/component": "backend",
        "app.kubernetes.io/part-of": "stackstorm",
        "app.kubernetes.io/managed-by": "constructs-st2",
        "app.kubernetes.io/version": "3.9",
        "app": "st2sensorcontainer",
        "release": "st2",
        "tier": "backend",
        "support": "community",
        "vendor": "stackstorm",
    }


def test_the_data_tier_has_no_tier_label() -> None:
    assert "tier" not in Release().labels("mongodb", "database")


def test_selectors_hold_nothing_that_changes_with_a_version() -> None:
    assert Release().selector("st2api") == {"app.kubernetes.io/name": "st2api", "app.kubernetes.io/instance": "st2"}


def test_the_longest_component_is_the_longest() -> None:
    jobs = [f"job-{name}-0123456789" for name in SKIPPABLE.values()]
    components = [entry.name for entry in CATALOGUE] + [secret.component for secret in CONTRACT] + jobs
    assert max(map(len, components)) == len(LONGEST_COMPONENT)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"name": "St2"},
            'release name "St2" must consist of small letters, digits and "-", '
            "and begin and end with a letter or digit",
        ),
        (
            {"namespace": "a_b"},
            'namespace "a_b" must consist of small letters, digits and "-", and begin and end with a letter or digit',
        ),
        (
            {"name": "a" * 39},
            f'release name "{"a" * 39}" has 39 characters; at most 31 keep '
            f'"{"a" * 39}-job-register-content-0123456789" within 63',
        ),
        ({"namespace": "n" * 64}, f'namespace "{"n" * 64}" has more than 63 characters'),
    ],
)
def test_names_that_cannot_be_used(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        Release(**arguments)
    assert caught.value.problems == (message,)
