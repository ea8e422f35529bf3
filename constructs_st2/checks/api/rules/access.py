"""Who may do what."""

from __future__ import annotations

from typing import NamedTuple

from constructs_st2.checks.api import forms, judges
from constructs_st2.checks.api.judges import given
from constructs_st2.checks.api.rules.table import Field, Whole
from constructs_st2.checks.api.walk import Faults, Judge
from constructs_st2.checks.data import at, mappings
from constructs_st2.kube.documents import Document

_BINDINGS = "ClusterRoleBinding RoleBinding"


class _SubjectKind(NamedTuple):
    group: str
    namespaced: bool


_SUBJECTS = {
    "Group": _SubjectKind("rbac.authorization.k8s.io", namespaced=False),
    "ServiceAccount": _SubjectKind("", namespaced=True),
    "User": _SubjectKind("rbac.authorization.k8s.io", namespaced=False),
}


@Judge
def subject(node: Document) -> Faults:
    """Who is meant."""
    known = _SUBJECTS.get(str(node.get("kind")))
    if known is None:
        yield "kind", f"must be one of {', '.join(_SUBJECTS)}, not {node.get('kind')}"
    elif "apiGroup" in node and node["apiGroup"] != known.group:
        yield "apiGroup", f'must be "{known.group}" with kind: {node["kind"]}'
    elif known.namespaced and (message := forms.dns_subdomain(node.get("name"))):
        yield "name", message


@given("subjects")
def namespaces_of_subjects(node: Document) -> Faults:
    """Accounts that are bound in the whole cluster have a namespace."""
    for position, each in enumerate(mappings(node.get("subjects"))):
        if each.get("kind") == "ServiceAccount" and not each.get("namespace"):
            yield ("subjects", position, "namespace"), "is required in a ClusterRoleBinding"


def kind_of_role(*kinds: str) -> Judge:
    """What a binding gives."""

    @given("roleRef")
    def judge(node: Document) -> Faults:
        kind = at(node, "roleRef", "kind")
        if kind and kind not in kinds:
            yield ("roleRef", "kind"), f"must be {' or '.join(kinds)}, not {kind}"

    return judge


@Judge
def policy_rule(node: Document) -> Faults:
    """What is allowed."""
    if not node.get("verbs"):
        yield "verbs", "is required"
    if node.get("nonResourceURLs"):
        for field in ("apiGroups", "resources", "resourceNames"):
            if node.get(field):
                yield field, "cannot be used together with nonResourceURLs"
        return
    for field in ("apiGroups", "resources"):
        if not node.get(field):
            yield field, "is required"


@given("rules")
def namespaced_urls(node: Document) -> Faults:
    """Only the whole cluster has paths that are no resources."""
    for position, rule in enumerate(mappings(node.get("rules"))):
        if rule.get("nonResourceURLs"):
            yield ("rules", position, "nonResourceURLs"), "can only be used in a ClusterRole"


@Judge
def role_name(node: Document) -> Faults:
    """Names of roles are parts of paths."""
    if message := forms.object_name(at(node, "metadata", "name")):
        yield ("metadata", "name"), message


FIELDS: tuple[Field, ...] = (
    Field("RoleRef", "name", forms.object_name, "rbac.ValidateRoleBinding"),
    Field("RoleRef", "apiGroup", forms.one_of("rbac.authorization.k8s.io"), "rbac.ValidateRoleBinding"),
)

WHOLES: tuple[Whole, ...] = (
    Whole("Role", namespaced_urls, "rbac.ValidatePolicyRule"),
    Whole(f"{_BINDINGS} ClusterRole Role", role_name, "rbac.ValidateRBACName"),
    Whole("ClusterRoleBinding", kind_of_role("ClusterRole"), "rbac.ValidateClusterRoleBinding"),
    Whole("RoleBinding", kind_of_role("ClusterRole", "Role"), "rbac.ValidateRoleBinding"),
    Whole("PolicyRule", policy_rule, "rbac.ValidatePolicyRule"),
    Whole(_BINDINGS, judges.required("roleRef"), "rbac.ValidateRoleBinding"),
    Whole("RoleRef", judges.required("kind", "name"), "rbac.ValidateRoleBinding"),
    Whole("Subject", judges.required("kind", "name"), "rbac.ValidateRoleBindingSubject"),
    Whole("Subject", subject, "rbac.ValidateRoleBindingSubject"),
    Whole("ClusterRoleBinding", namespaces_of_subjects, "rbac.ValidateRoleBindingSubject"),
)
