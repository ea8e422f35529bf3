"""Files of roles, assignments and mappings, by the rules of st2, and the assignments that a release adds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from support import each_of

from constructs_st2.facts.content.rbac import (
    ALL_PERMISSIONS,
    GLOBAL_PERMISSIONS,
    assignments_of,
    default_assignments,
    permissions_on,
    rbac_problems,
    roles_of,
)
from constructs_st2.values import Values, from_mapping

OPERATOR = """\
---
name: operator
description: Runs things.
permission_grants:
  - resource_uid: pack:core
    permission_types: [action_execute, pack_view]
  - resource_uid: "key_value_pair:st2kv.system:color"
    permission_types:
      - key_value_pair_all
  - permission_types: [pack_install, rule_list, stream_view]
"""
EVA = "username: eva\nroles: [operator, observer]\n"
CHAT = "group: CN=chat\nroles: [operator]\n"


def found(
    roles: Mapping[str, str] | None = None,
    assignments: Mapping[str, str] | None = None,
    mappings: Mapping[str, str] | None = None,
) -> list[str]:
    problems = rbac_problems(dict(roles or {}), dict(assignments or {}), dict(mappings or {}))
    return [f"{each.key}:{each.line}: {each.message}" for each in problems]


def role(**keys: Any) -> str:
    return str(yaml.safe_dump({"name": "operator", "description": "Runs things.", **keys}, sort_keys=False))


def values(rbac: Mapping[str, Any], **st2: Any) -> Values:
    return from_mapping({"st2": {**st2, "rbac": {"enabled": True, **rbac}}})


def test_what_st2_takes_is_fine() -> None:
    assert found({"operator.yaml": OPERATOR}, {"eva.yaml": EVA}, {"chat.yaml": CHAT}) == []
    assert found({"gone.yml": ""}, {"gone.yaml": ""}, {"gone": ""}) == []


def test_permissions_are_those_of_st2() -> None:
    """Counted in st2common/rbac/types.py of 3.8.1 and 3.9.0."""
    assert len(ALL_PERMISSIONS) == len(set(ALL_PERMISSIONS)) == 89
    assert len(set(GLOBAL_PERMISSIONS)) == 32
    assert len(permissions_on("pack")) == 31
    assert {"sensor_type_view", "action_execute", "rule_all"} <= set(permissions_on("pack"))
    assert not {"action_list", "action_alias_match", "policy_create"} & set(permissions_on("pack"))
    assert permissions_on("rule_enforcement") == ("rule_enforcement_list", "rule_enforcement_view")


@each_of(
    ("text", "problem"),
    [
        (
            "# nothing\n",
            "1: must be a mapping with keys such as name, description, enabled, permission_grants, but is empty",
        ),
        (
            "- x\n",
            "1: must be a mapping with keys such as name, description, enabled, permission_grants, but is a list",
        ),
        ("description: x\n", "1: name: is required"),
        ("name: x\n", "1: description is required: st2-apply-rbac-definitions fails without one"),
        (role(enabeld=True), '3: enabeld: unknown key; did you mean "enabled"?'),
        (role(enabled="yes"), '3: enabled: must be true or false, not the text "yes"'),
        (role(permission_grants=None), "3: permission_grants: must be a list, not null"),
        (role(name="admin"), '1: name: "admin" is a role that st2 has built in; choose another name'),
        (role(permission_grants=[{"resource_uid": "pack:x"}]), "4: permission_grants[0].permission_types: is required"),
    ],
)
def test_a_role_must_be_as_st2_wants_it(text: str, problem: str) -> None:
    assert found({"a.yaml": text}) == [f'st2.rbac.roles["a.yaml"]:{problem}']


def test_a_role_that_is_off_needs_no_description() -> None:
    assert found({"a.yaml": "name: a\nenabled: false\n"}) == []


@pytest.mark.parametrize(
    ("grant", "problem"),
    [
        ({"permission_types": ["pack_instal"]}, 'there is no permission "pack_instal"; did you mean "pack_install"?'),
        ({"permission_types": ["fly"]}, 'there is no permission "fly"'),
        (
            {"permission_types": ["rule_create"]},
            '"rule_create" can be granted only on a resource; give its resource_uid',
        ),
        (
            {"resource_uid": "rule:core:x", "permission_types": ["rule_veiw"]},
            'there is no permission "rule_veiw"; did you mean "rule_view"?',
        ),
        (
            {"resource_uid": "rule:core:x", "permission_types": ["action_execute"]},
            '"action_execute" cannot be granted on a resource of type rule; '
            "valid: rule_list, rule_view, rule_create, rule_modify, rule_delete, rule_all",
        ),
    ],
)
def test_a_permission_must_exist_and_fit_its_resource(grant: Mapping[str, Any], problem: str) -> None:
    (message,) = found({"a.yaml": role(permission_grants=[grant])})
    assert message.endswith(f": permission_grants[0].permission_types[0]: {problem}")


@pytest.mark.parametrize(
    ("uid", "advice"),
    [
        ("core", "such as action:core:local or pack:core"),
        ("pack:", "such as action:core:local or pack:core"),
        ("acton:core:local", 'did you mean "action:"?'),
        ("stream:x", "such as action:core:local or pack:core"),
    ],
)
def test_a_resource_must_have_a_known_type(uid: str, advice: str) -> None:
    (message,) = found({"a.yaml": role(permission_grants=[{"resource_uid": uid, "permission_types": []}])})
    wanted = f'must be a type of resource, ":" and the resource, not "{uid}"; {advice}'
    assert message.endswith(f": permission_grants[0].resource_uid: {wanted}")


def test_a_permission_is_granted_once() -> None:
    grant = {"permission_types": ["rule_list", "pack_list", "rule_list"]}
    (message,) = found({"a.yaml": role(permission_grants=[grant])})
    assert message.endswith('permission_grants[0].permission_types: has "rule_list" twice')


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("roles: [admin]\n", "1: username: is required"),
        ("username: eva\n", "1: roles: is required"),
        ("username: eva\nroles: admin\n", '2: roles: must be a list, not the text "admin"'),
        ("username: eva\nroles: [admin, admin]\n", '2: roles: has "admin" twice'),
        ("username: eva\nroles:\n  - admni\n", '3: roles[0]: there is no role "admni"; did you mean "admin"?'),
        ("username: eva\nroles: [pilot]\n", '2: roles[0]: there is no role "pilot"; define it in st2.rbac.roles'),
        ("username: eva\nrole: [admin]\nroles: []\n", '2: role: unknown key; did you mean "roles"?'),
    ],
)
def test_an_assignment_must_be_as_st2_wants_it(text: str, problem: str) -> None:
    assert found({}, {"a.yaml": text}) == [f'st2.rbac.assignments["a.yaml"]:{problem}']


def test_a_mapping_must_be_as_st2_wants_it() -> None:
    assert found({}, {}, {"a.yaml": "grup: x\nroles: [pilot]\n", "b.yaml": "group: y\nroles: [pilot]\n"}) == [
        'st2.rbac.mappings["a.yaml"]:1: group: is required',
        'st2.rbac.mappings["a.yaml"]:1: grup: unknown key; did you mean "group"?',
        'st2.rbac.mappings["b.yaml"]:2: roles[0]: there is no role "pilot"; define it in st2.rbac.roles',
    ]


def test_a_role_that_is_off_cannot_be_given_but_in_what_is_off_too() -> None:
    roles = {"operator.yaml": role(enabled=False)}
    assert found(roles, {"eva.yaml": f"{EVA}enabled: false\n"}, {"chat.yaml": f"{CHAT}enabled: false\n"}) == []
    assert found(roles, {"eva.yaml": EVA}) == [
        'st2.rbac.assignments["eva.yaml"]:2: roles[0]: there is no role "operator"; define it in st2.rbac.roles'
    ]


def test_roles_are_not_missed_while_a_file_of_roles_is_broken() -> None:
    assert found({"operator.yaml": "name: operator\n"}, {"eva.yaml": EVA}) == [
        'st2.rbac.roles["operator.yaml"]:1: description is required: st2-apply-rbac-definitions fails without one'
    ]


@pytest.mark.parametrize("second", ["", "enabled: false\n"])
def test_a_role_user_or_group_is_in_one_file(second: str) -> None:
    def twice(text: str) -> dict[str, str]:
        return {"a.yaml": text, "b.yaml": text + second}

    assert found(twice(OPERATOR), twice(EVA), twice(CHAT)) == [
        'st2.rbac.roles["b.yaml"]:2: name: the role "operator" is already in a.yaml; use one file',
        'st2.rbac.assignments["b.yaml"]:1: username: the user "eva" is already in a.yaml; use one file',
        'st2.rbac.mappings["b.yaml"]:1: group: the group "CN=chat" is already in a.yaml; use one file',
    ]


def test_files_that_st2_does_not_look_for_are_told() -> None:
    assert found({"a.yml": OPERATOR}) == ['st2.rbac.roles["a.yml"]:None: would be ignored by st2; name it a.yaml']


def test_users_that_st2_needs_have_roles_by_default() -> None:
    files = default_assignments(values({}))
    assert {name: yaml.safe_load(text)["roles"] for name, text in files.items()} == {
        "st2admin.yaml": ["system_admin"],
        "stanley.yaml": ["admin"],
        "sensor_service.yaml": ["admin"],
    }
    assert found({}, files) == []
    assert default_assignments(from_mapping({})) == {}


def test_defaults_follow_the_names_of_the_users() -> None:
    files = default_assignments(values({}, username="Eva@example.org", system_user={"user": "runner"}))
    assert {name: yaml.safe_load(text)["username"] for name, text in files.items()} == {
        "Eva-example.org.yaml": "Eva@example.org",
        "runner.yaml": "runner",
        "sensor_service.yaml": "sensor_service",
    }
    assert roles_of("stanley", default_assignments(values({}, username="stanley"))) == ("system_admin",)


def test_an_assignment_of_the_user_wins_in_whatever_file() -> None:
    own = {"mine.yaml": "username: stanley\nroles: [observer]\n"}
    files = assignments_of(values({"assignments": own}))
    assert sorted(files) == ["mine.yaml", "sensor_service.yaml", "st2admin.yaml"]
    assert roles_of("stanley", files) == ("observer",)
    assert found({}, files) == []


def test_an_empty_file_removes_a_default() -> None:
    files = assignments_of(values({"assignments": {"stanley.yaml": "", "sensor_service.yaml": ""}}))
    assert sorted(files) == ["st2admin.yaml"]


def test_a_default_does_not_replace_a_file_for_another_user() -> None:
    files = assignments_of(values({"assignments": {"stanley.yaml": "username: eva\nroles: [observer]\n"}}))
    assert roles_of("eva", files) == ("observer",)
    assert roles_of("stanley", files) == ("admin",)


def test_the_roles_of_a_user_are_those_of_what_is_enabled() -> None:
    files = {"a.yaml": EVA, "b.yaml": "username: tom\nroles: [admin]\nenabled: false\n", "c.yaml": ": broken"}
    assert roles_of("eva", files) == ("operator", "observer")
    assert roles_of("tom", files) == roles_of("nobody", files) == ()
