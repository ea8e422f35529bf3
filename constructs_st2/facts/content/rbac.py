"""Role based access control: the files of roles, assignments and mappings, by st2's own rules.

st2 reads them with st2common/models/api/rbac.py and loader.py and syncer.py of st2-rbac-backend. What they refuse only
when the Job runs, or ignore, is an error here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Annotated, Generic, TypeAlias, TypeVar

import yaml
from pydantic import AfterValidator, Field, model_validator

from constructs_st2.errors import ValueProblem
from constructs_st2.facts.content import present
from constructs_st2.facts.content.texts import TextError, YamlText, file_key, located, name_problems
from constructs_st2.values.model import Values
from constructs_st2.values.model.base import StrictModel, key, same
from constructs_st2.values.model.content import Files
from constructs_st2.values.paths import KeyPath
from constructs_st2.values.problems import nearest, there_is_no

ROLES = "st2.rbac.roles"
ASSIGNMENTS = "st2.rbac.assignments"
MAPPINGS = "st2.rbac.mappings"

SYSTEM_ROLES = ("system_admin", "admin", "observer")
"""The roles that st2 has built in."""

SENSOR_USER = "sensor_service"
"""The user as whom sensors use the datastore (st2reactor/container/sensor_wrapper.py)."""

_NOT_IN_FILE_NAMES = re.compile(r"[^-._a-zA-Z0-9]")

_PERMISSIONS: Mapping[str, str] = {
    "runner_type": "list view modify all",
    "pack": "list view create modify delete install uninstall register config search views_index_health all",
    "sensor_type": "list view modify all",
    "action": "list view create modify delete execute all",
    "action_alias": "list view create modify match help delete all",
    "rule": "list view create modify delete all",
    "rule_enforcement": "list view",
    "execution": "list view rerun stop all views_filters_list",
    "key_value_pair": "list view set delete all",
    "webhook": "list view create send delete all",
    "timer": "list view all",
    "api_key": "list view create modify delete all",
    "trace": "list view all",
    "trigger": "list view all",
    "policy_type": "list view all",
    "policy": "list view create modify delete all",
    "inquiry": "list view respond all",
    "stream": "view",
}
"""The permissions on each type of resource, without the type before them (st2common/rbac/types.py)."""

_IN_A_PACK: Mapping[str, str] = {
    "sensor_type": "view modify all",
    "action": "view create modify delete execute all",
    "action_alias": "view create modify delete all",
    "rule": "view create modify delete all",
}
"""What a grant on a pack can allow with what is in the pack."""

_GLOBAL: Mapping[str, str] = {
    "pack": "install uninstall create register config search views_index_health",
    "action_alias": "match help",
    "api_key": "create",
    "policy": "create",
    "execution": "views_filters_list",
    "stream": "view",
    "inquiry": "respond view",
}
"""What can be granted without a resource, besides all `list` permissions."""


def _names(permissions: Mapping[str, str]) -> list[str]:
    return [f"{resource}_{name}" for resource, names in permissions.items() for name in names.split()]


ALL_PERMISSIONS = tuple(_names(_PERMISSIONS))
GLOBAL_PERMISSIONS = tuple(_names(_GLOBAL)) + tuple(name for name in ALL_PERMISSIONS if name.endswith("_list"))
_RESOURCE_TYPES = tuple(resource for resource in _PERMISSIONS if resource != "stream")


def permissions_on(resource_type: str) -> tuple[str, ...]:
    """The permissions that can be granted on a resource of a type."""
    own = {resource_type: _PERMISSIONS[resource_type]}
    return tuple(_names(own) + (_names(_IN_A_PACK) if resource_type == "pack" else []))


def _each_once(names: list[str]) -> list[str]:
    twice = next((name for index, name in enumerate(names) if name in names[:index]), None)
    if twice is not None:
        raise ValueError(f'has "{twice}" twice')
    return names


Name: TypeAlias = Annotated[str, Field(min_length=1)]
Names: TypeAlias = Annotated[list[Name], AfterValidator(_each_once)]


class Grant(StrictModel):
    """What a role allows, with one resource or in general."""

    resource_uid: str | None = same("resource_uid", "The resource; left out for permissions of no certain resource.")
    permission_types: Names = same("permission_types", "What is allowed.", ...)


class Role(StrictModel):
    """A file of roles/."""

    name: Name = key("Name of the role.", ...)
    description: str | None = key("What the role is for.")
    enabled: bool = key("Whether st2 reads the file.", True)
    permission_grants: list[Grant] = same("permission_grants", "What the role allows.", [])

    @model_validator(mode="after")
    def _is_described(self) -> Role:
        # syncer.py reads the attribute, which the file format does not ask for: AttributeError, and no role is synced.
        if self.enabled and "description" not in self.model_fields_set:
            raise ValueError("description is required: st2-apply-rbac-definitions fails without one")
        return self


class Assignment(StrictModel):
    """A file of assignments/."""

    username: Name = key("Name of the user.", ...)
    description: str | None = key("Why the user has the roles.")
    enabled: bool = key("Whether st2 reads the file.", True)
    roles: Names = key("Roles of the user.", ...)


class GroupMapping(StrictModel):
    """A file of mappings/."""

    group: Name = key("Name of the group, as the authentication backend gives it.", ...)
    description: str | None = key("Why the group has the roles.")
    enabled: bool = key("Whether the mapping counts.", True)
    roles: Names = key("Roles of the group's members.", ...)


D = TypeVar("D", Role, Assignment, GroupMapping)


@dataclass(frozen=True)
class _Definition(Generic[D]):
    """A file that could be read."""

    folder: str
    file: str
    yaml: YamlText
    content: D

    def problem(self, path: KeyPath, message: str) -> ValueProblem:
        line, text = self.yaml.problem(path, message)
        return ValueProblem(file_key(self.folder, self.file), text, line)


def rbac_problems(roles: Files, assignments: Files, mappings: Files) -> Iterator[ValueProblem]:
    """What st2 would refuse, or ignore without a word, in the files of roles, assignments and mappings."""
    problems: list[ValueProblem] = []
    defined = _read(ROLES, roles, Role, problems)
    all_roles_are_known = not problems
    assigned = _read(ASSIGNMENTS, assignments, Assignment, problems)
    mapped = _read(MAPPINGS, mappings, GroupMapping, problems)
    yield from problems
    yield from _twice(defined, "name", "role")
    yield from _twice(assigned, "username", "user")
    yield from _twice(mapped, "group", "group")
    for role in defined:
        yield from _of_role(role)
    if all_roles_are_known:
        known = {*SYSTEM_ROLES, *(role.content.name for role in defined if role.content.enabled)}
        for assignment in assigned:
            yield from _unknown_roles(assignment, known)
        for mapping in mapped:
            yield from _unknown_roles(mapping, known)


def assignments_of(values: Values) -> dict[str, str]:
    """The user's files of assignments, with what `default_assignments` adds to them."""
    own = values.st2.rbac.assignments
    return {**default_assignments(values), **present(own)}


def default_assignments(values: Values) -> dict[str, str]:
    """Files of assignments for users that st2 needs and the user has not assigned anything to.

    * ``st2.username`` is system_admin, as in the Helm chart.
    * The system user (stanley) is admin, as in the Helm chart: the rules engine reads the datastore as this user.
    * ``sensor_service`` is admin: as this user sensors read and write items of /v1/keys, whose names nobody knows
      beforehand. No role of ours would do. A grant holds for exactly the item that it names
      (key_value_pair:st2kv.system:<name>), and none for all items: get_all_permission_grants_for_user in service.py of
      st2-rbac-backend compares the whole resource_uid. Without a system role, a list is made of items with a grant of
      their own (st2api/controllers/v1/keyvalue.py).

    A file of the user's with the same name and no content removes one of these.
    """
    if not values.st2.rbac.enabled:
        return {}
    own = values.st2.rbac.assignments
    assigned = {assignment.username for assignment in _assignments(own)}
    wanted = {SENSOR_USER: "admin", values.st2.system_user.user: "admin", values.st2.username: "system_admin"}
    files: dict[str, str] = {}
    for username, role in wanted.items():
        name = _NOT_IN_FILE_NAMES.sub("-", username)
        if username in assigned or own.get(f"{name}.yaml") == "":
            continue
        while f"{name}.yaml" in own or f"{name}.yaml" in files:
            name += "-default"
        content = {"username": username, "description": "Default of the release.", "roles": [role]}
        files[f"{name}.yaml"] = "---\n" + yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    return files


def roles_of(username: str, assignments: Files) -> tuple[str, ...]:
    """The roles that a user has by files of assignments. Files that cannot be read count as none."""
    enabled = (assignment for assignment in _assignments(assignments) if assignment.enabled)
    return next((tuple(assignment.roles) for assignment in enabled if assignment.username == username), ())


def _assignments(files: Files) -> list[Assignment]:
    return [definition.content for definition in _read(ASSIGNMENTS, files, Assignment, [])]


def _read(folder: str, files: Files, model: type[D], problems: list[ValueProblem]) -> list[_Definition[D]]:
    """The files that can be read; the problems of the others are added to ``problems``."""
    problems += name_problems(folder, files)
    found: list[_Definition[D]] = []
    for name, text in present(files).items():
        try:
            parsed = YamlText.parse(text)
            found.append(_Definition(folder, name, parsed, parsed.as_model(model)))
        except TextError as error:
            problems += located(folder, name, error)
    return found


def _twice(definitions: Sequence[_Definition[D]], identity: str, what: str) -> Iterator[ValueProblem]:
    # st2 overlooks some pairs, of which one is disabled, depending on the names of the files.
    first: dict[str, str] = {}
    for definition in definitions:
        name = getattr(definition.content, identity)
        if name in first:
            yield definition.problem((identity,), f'the {what} "{name}" is already in {first[name]}; use one file')
        first.setdefault(name, definition.file)


def _of_role(role: _Definition[Role]) -> Iterator[ValueProblem]:
    if role.content.name in SYSTEM_ROLES:
        yield role.problem(("name",), f'"{role.content.name}" is a role that st2 has built in; choose another name')
    for index, grant in enumerate(role.content.permission_grants):
        place: KeyPath = ("permission_grants", index)
        kind, _, rest = (grant.resource_uid or "").partition(":")
        if grant.resource_uid and (not rest or kind not in _RESOURCE_TYPES):
            yield role.problem((*place, "resource_uid"), _wrong_uid(grant.resource_uid, kind))
            continue
        allowed = permissions_on(kind) if kind else GLOBAL_PERMISSIONS
        for position, permission in enumerate(grant.permission_types):
            if permission not in allowed:
                path = (*place, "permission_types", position)
                yield role.problem(path, _wrong_permission(permission, allowed, kind))


def _wrong_uid(uid: str, kind: str) -> str:
    near = nearest(kind, _RESOURCE_TYPES)
    meant = f'did you mean "{near}:"?' if near and near != kind else "such as action:core:local or pack:core"
    return f'must be a type of resource, ":" and the resource, not "{uid}"; {meant}'


def _wrong_permission(permission: str, allowed: Sequence[str], kind: str) -> str:
    if permission not in ALL_PERMISSIONS:
        near = nearest(permission, allowed) or nearest(permission, ALL_PERMISSIONS)
        return f'there is no permission "{permission}"' + (f'; did you mean "{near}"?' if near else "")
    if kind:
        return f'"{permission}" cannot be granted on a resource of type {kind}; valid: {", ".join(allowed)}'
    return f'"{permission}" can be granted only on a resource; give its resource_uid'


def _unknown_roles(
    definition: _Definition[Assignment] | _Definition[GroupMapping], known: Set[str]
) -> Iterator[ValueProblem]:
    content = definition.content
    for index, role in enumerate(content.roles if content.enabled else ()):
        if role not in known:
            message = there_is_no("role", role, sorted(known), "define it in st2.rbac.roles")
            yield definition.problem(("roles", index), message)
