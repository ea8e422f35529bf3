"""What the profile says goes together with what the user says of the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import Synth

from constructs_st2.errors import UserError
from constructs_st2.values import load


@pytest.mark.parametrize(
    ("component", "given", "expected"),
    [
        ("st2api", {"limits": {"memory": "128Mi"}}, {"requests": {"cpu": "100m", "memory": "128Mi"}}),
        ("st2api", {"limits": {"memory": "2Gi"}}, {"requests": {"cpu": "100m", "memory": "192Mi"}}),
        ("st2api", {"limits": {"cpu": 0.05}}, {"requests": {"cpu": "0.05", "memory": "192Mi"}}),
        ("st2web", {"requests": {"cpu": "3"}}, {"limits": {"cpu": "3", "memory": "256Mi"}}),
        ("st2web", {"requests": {"memory": "1Gi"}}, {"limits": {"cpu": "2", "memory": "1Gi"}}),
        ("st2web", {"requests": {"memory": "64Mi"}}, {"limits": {"cpu": "2", "memory": "256Mi"}}),
        ("mongodb", {"requests": {"memory": "4Gi"}}, {"limits": {"cpu": "4", "memory": "4Gi"}}),
        (
            "mongodb",
            {"requests": {"memory": "1Gi"}, "limits": {"memory": "3Gi"}},
            {"requests": {"cpu": "250m", "memory": "1Gi"}, "limits": {"cpu": "4", "memory": "3Gi"}},
        ),
    ],
)
def test_resources_of_the_profile_give_way(
    synth: Synth, component: str, given: dict[str, Any], expected: dict[str, Any]
) -> None:
    resources = synth({component: {"resources": given}}).container(component)["resources"]
    found = {
        kind: {name: resources[kind][name] for name in ("cpu", "memory") if name in resources[kind]}
        for kind in expected
    }
    assert found == expected


def test_what_is_said_of_all_helpers_wins_over_the_profile(synth: Synth) -> None:
    every = {"limits": {"cpu": "5m", "memory": "16Mi"}}
    own = {"limits": {"memory": "512Mi"}}
    pod = synth({"helperResources": {"every": every, "reconcile": own}}).pod("mongodb")
    resources = {each["name"]: each["resources"] for each in (*pod["containers"], *pod["initContainers"])}
    for name, memory, wanted in (("prepare", "16Mi", "16Mi"), ("reconcile", "512Mi", "384Mi")):
        assert resources[name]["limits"] == {"cpu": "5m", "memory": memory, "ephemeral-storage": "256Mi"}
        assert resources[name]["requests"] == {"cpu": "5m", "memory": wanted, "ephemeral-storage": "16Mi"}


@pytest.mark.parametrize("limit", ["-1Gi", "'1e3'", "'.5'", "+1Gi"])
def test_a_limit_that_is_none_is_told_once(tmp_path: Path, limit: str) -> None:
    (path := tmp_path / "values.yaml").write_text(f"st2api: {{resources: {{limits: {{memory: {limit}}}}}}}\n")
    with pytest.raises(UserError) as caught:
        load([path], [], release_name="st2", release_namespace="stackstorm")
    (problem,) = str(caught.value).splitlines()
    assert "st2api.resources.limits.memory" in problem


def test_a_request_above_a_limit_of_the_user_is_an_error(synth: Synth) -> None:
    with pytest.raises(UserError, match=r"resources\.requests\.memory: is 2Gi; must be at most the limit, 1Gi"):
        synth({"st2api": {"resources": {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}}})


def test_privileged_containers_are_not_kept_from_privileges(synth: Synth) -> None:
    objects = synth({"st2api": {"securityContext": {"privileged": True}}})
    assert objects.container("st2api")["securityContext"]["allowPrivilegeEscalation"] is True


def test_whoever_adds_a_capability_that_is_nearly_all_may_have_more(synth: Synth) -> None:
    objects = synth({"st2api": {"securityContext": {"capabilities": {"add": ["CAP_SYS_ADMIN"]}}}})
    assert objects.container("st2api")["securityContext"]["allowPrivilegeEscalation"] is True


@pytest.mark.parametrize("level", ["podSecurityContext", "securityContext"])
def test_root_may_be_root(synth: Synth, level: str) -> None:
    objects = synth({"st2api": {level: {"runAsUser": 0}}})
    holder = objects.pod("st2api") if level == "podSecurityContext" else objects.container("st2api")
    assert holder["securityContext"]["runAsNonRoot"] is False


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"privileged": True, "allowPrivilegeEscalation": False}, "cannot be false with privileged: true"),
        ({"runAsUser": 0, "runAsNonRoot": True}, "is 0, which is root"),
    ],
)
def test_contradictions_of_the_user_are_errors(synth: Synth, context: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        synth({"st2api": {"securityContext": context}})
