"""What judges objects before the API server takes them: policies and webhooks."""

from __future__ import annotations

from urllib.parse import urlsplit

from constructs_st2.checks.api import cel, forms, judges
from constructs_st2.checks.api.judges import given
from constructs_st2.checks.api.rules.table import Field, Whole
from constructs_st2.checks.api.walk import Faults, Judge
from constructs_st2.checks.data import at, mappings, strings
from constructs_st2.kube.documents import Document

_HOOKS = "MutatingWebhook ValidatingWebhook"
_POLICIES = "MutatingAdmissionPolicySpec ValidatingAdmissionPolicySpec"
_BINDINGS = "MutatingAdmissionPolicyBindingSpec ValidatingAdmissionPolicyBindingSpec"
_RULES = "NamedRuleWithOperations RuleWithOperations"
_OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")


def expression(value: object) -> str | None:
    """An expression about an object that is let in or not."""
    return cel.fault(value, cel.OF_ADMISSION)


@Judge
def validated(node: Document) -> Faults:
    """A policy says something."""
    if not node.get("validations") and not node.get("auditAnnotations"):
        yield (), "must have one of validations, auditAnnotations"


@Judge
def resource_rules(node: Document) -> Faults:
    """A policy says which objects it is about."""
    if not at(node, "matchConstraints", "resourceRules"):
        yield ("matchConstraints", "resourceRules"), "is required"


@Judge
def wildcards(node: Document) -> Faults:
    """What is about everything names nothing besides."""
    for field in ("apiGroups", "apiVersions", "operations"):
        values = strings(node.get(field))
        if len(values) > 1 and "*" in values:
            yield field, '"*" is all of them; remove the others'


def hook_name(value: object) -> str | None:
    """A name of at least three parts."""
    if message := forms.dns_subdomain(value):
        return message
    return None if str(value).count(".") >= 2 else f'"{value}" must have at least three parts: name.example.org'


def hook_url(value: object) -> str | None:
    """Where a webhook is outside of the cluster."""
    parts = urlsplit(value if isinstance(value, str) else "")
    if parts.scheme != "https" or not parts.hostname:
        return f"must be a URL such as https://example.org/path, not {value!r}"
    if parts.username is not None or parts.query or parts.fragment:
        return "must have neither user, query nor fragment"
    return None


@given("validationActions")
def actions(node: Document) -> Faults:
    """What a policy leads to."""
    named = strings(node.get("validationActions"))
    if len(named) != len(set(named)):
        yield "validationActions", "must not name an action twice"
    if {"Deny", "Warn"} <= set(named):
        yield "validationActions", "Deny and Warn cannot be used together"


@given("admissionReviewVersions")
def review_versions(node: Document) -> Faults:
    """A webhook understands what it is sent."""
    versions = strings(node.get("admissionReviewVersions"))
    if versions and not {"v1", "v1beta1"} & set(versions):
        yield "admissionReviewVersions", "must have v1"


@given("auditAnnotations")
def audit_keys(node: Document) -> Faults:
    """Annotations of an audit have a key each."""
    seen: set[str] = set()
    for position, annotation in enumerate(mappings(node.get("auditAnnotations"))):
        key = str(annotation.get("key"))
        if key in seen:
            yield ("auditAnnotations", position, "key"), f"{key} is there twice"
        seen.add(key)


FIELDS: tuple[Field, ...] = (
    Field(
        f"{_POLICIES} {_HOOKS}", "failurePolicy", forms.one_of("Fail", "Ignore"), "admissionregistration.validateHook"
    ),
    Field(
        f"{_HOOKS} MatchResources",
        "matchPolicy",
        forms.one_of("Equivalent", "Exact"),
        "admissionregistration.validateHook",
    ),
    Field(_HOOKS, "name", hook_name, "admissionregistration.validateValidatingWebhook"),
    Field(
        _HOOKS, "sideEffects", forms.one_of("None", "NoneOnDryRun"), "admissionregistration.validateValidatingWebhook"
    ),
    Field(_HOOKS, "timeoutSeconds", forms.number(1, 30), "admissionregistration.validateValidatingWebhook"),
    Field(
        "MutatingWebhook MutatingAdmissionPolicySpec",
        "reinvocationPolicy",
        forms.one_of("IfNeeded", "Never"),
        "admissionregistration.validateMutatingWebhook",
    ),
    Field("WebhookClientConfig", "url", hook_url, "webhook.ValidateWebhookURL"),
    Field("WebhookService", "port", forms.port_number, "webhook.ValidateWebhookService"),
    Field("WebhookService", "path", forms.absolute, "webhook.ValidateWebhookService"),
    Field(
        _RULES,
        "operations",
        forms.every(forms.one_of(*_OPERATIONS)),
        "admissionregistration.validateRuleWithOperations",
    ),
    Field(_RULES, "scope", forms.one_of("*", "Cluster", "Namespaced"), "admissionregistration.validateRule"),
    Field("MatchCondition", "name", forms.label_key, "admissionregistration.validateMatchCondition"),
    Field("MatchCondition", "expression", expression, "admissionregistration.validateMatchCondition"),
    Field("Validation", "expression", expression, "admissionregistration.validateValidation"),
    Field("Validation", "messageExpression", expression, "admissionregistration.validateMessageExpression"),
    Field(
        "Validation",
        "reason",
        forms.one_of("Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized"),
        "admissionregistration.validateValidation",
    ),
    Field("AdmissionVariable", "name", forms.identifier_text, "admissionregistration.validateVariable"),
    Field("AdmissionVariable", "expression", expression, "admissionregistration.validateVariable"),
    Field("AuditAnnotation", "valueExpression", expression, "admissionregistration.validateAuditAnnotation"),
    Field(
        _BINDINGS,
        "policyName",
        forms.dns_subdomain,
        "admissionregistration.validateValidatingAdmissionPolicyBindingSpec",
    ),
    Field(
        _BINDINGS,
        "validationActions",
        forms.every(forms.one_of("Audit", "Deny", "Warn")),
        "admissionregistration.validateValidationActions",
    ),
)

WHOLES: tuple[Whole, ...] = (
    Whole(
        _POLICIES, judges.required("matchConstraints"), "admissionregistration.validateValidatingAdmissionPolicySpec"
    ),
    Whole(_POLICIES, resource_rules, "admissionregistration.validateValidatingAdmissionPolicySpec"),
    Whole(_POLICIES, judges.unique("matchConditions", "name"), "admissionregistration.validateMatchConditions"),
    Whole(_HOOKS, review_versions, "admissionregistration.validateAdmissionReviewVersions"),
    Whole("ValidatingAdmissionPolicySpec", validated, "admissionregistration.validateValidatingAdmissionPolicySpec"),
    Whole("ValidatingAdmissionPolicySpec", audit_keys, "admissionregistration.validateValidatingAdmissionPolicySpec"),
    Whole(
        "ValidatingAdmissionPolicyBindingSpec",
        judges.required("validationActions"),
        "admissionregistration.validateValidationActions",
    ),
    Whole("ValidatingAdmissionPolicyBindingSpec", actions, "admissionregistration.validateValidationActions"),
    Whole(
        "WebhookClientConfig", judges.exactly_one("url", "service"), "admissionregistration.validateValidatingWebhook"
    ),
    Whole("WebhookService", judges.required("name", "namespace"), "webhook.ValidateWebhookService"),
    Whole(
        _RULES,
        judges.required("apiGroups", "apiVersions", "operations", "resources"),
        "admissionregistration.validateRule",
    ),
    Whole(_RULES, wildcards, "admissionregistration.validateRule"),
)
