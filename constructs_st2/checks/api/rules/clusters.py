"""What administrators of a cluster make: custom kinds, other API servers, priorities of requests, runtimes."""

from __future__ import annotations

from constructs_st2.checks.api import forms, judges
from constructs_st2.checks.api.judges import given
from constructs_st2.checks.api.rules.table import Field, Whole
from constructs_st2.checks.api.walk import Faults, Judge
from constructs_st2.checks.data import at, mappings
from constructs_st2.kube.documents import Document


@Judge
def definition(node: Document) -> Faults:
    """A definition is named after what it defines, of which one version is stored."""
    group, plural = at(node, "spec", "group"), at(node, "spec", "names", "plural")
    if group and plural and at(node, "metadata", "name") != f"{plural}.{group}":
        yield ("metadata", "name"), f"must be {plural}.{group}: spec.names.plural and spec.group"
    versions = mappings(at(node, "spec", "versions"))
    if versions and [each.get("storage") for each in versions].count(True) != 1:
        yield ("spec", "versions"), "must have exactly one version with storage: true"
    for position, each in enumerate(versions):
        if at(each, "schema", "openAPIV3Schema", "type") != "object":
            yield ("spec", "versions", position, "schema", "openAPIV3Schema", "type"), "must be object"


def group_with_domain(value: object) -> str | None:
    """The group of custom kinds."""
    if message := forms.dns_subdomain(value):
        return message
    return None if "." in str(value) else f'"{value}" must be a domain, such as {value}.example.org'


def json_path(value: object) -> str | None:
    """A path that begins with a dot."""
    return (
        None if isinstance(value, str) and value.startswith(".") else f"must be a path such as .spec.a, not {value!r}"
    )


@Judge
def api_service(node: Document) -> Faults:
    """An API is named after what it serves."""
    group, version = at(node, "spec", "group"), at(node, "spec", "version")
    if group and version and at(node, "metadata", "name") != f"{version}.{group}":
        yield ("metadata", "name"), f"must be {version}.{group}: spec.version and spec.group"
    if at(node, "spec", "insecureSkipTLSVerify") and at(node, "spec", "caBundle"):
        yield ("spec", "caBundle"), "cannot be used together with insecureSkipTLSVerify"


_VERBS = ("*", "create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch")
_OF_PATHS = ("*", "delete", "get", "head", "options", "patch", "post", "put")
_SUBJECTS = {"Group": "group", "ServiceAccount": "serviceAccount", "User": "user"}


@Judge
def subject(node: Document) -> Faults:
    """Whose requests are meant."""
    kind = str(node.get("kind"))
    for name, field in _SUBJECTS.items():
        if (node.get(field) is None) == (name == kind):
            yield field, f"{'is required' if name == kind else 'cannot be used'} with kind: {kind}"


@Judge
def requests(node: Document) -> Faults:
    """Requests are about resources or paths."""
    if not node.get("resourceRules") and not node.get("nonResourceRules"):
        yield (), "must have one of resourceRules, nonResourceRules"


@Judge
def resource_requests(node: Document) -> Faults:
    """Requests are about the whole cluster or some namespaces."""
    if not node.get("clusterScope") and not node.get("namespaces"):
        yield "namespaces", "is required without clusterScope"


@given("type")
def priority_level(node: Document) -> Faults:
    """A level is limited or not."""
    if node.get("type") == "Limited" and node.get("limited") is None:
        yield "limited", "is required with type: Limited"
    if node.get("type") == "Exempt" and node.get("limited") is not None:
        yield "limited", "cannot be used with type: Exempt"


FIELDS: tuple[Field, ...] = (
    Field("DefinitionSpec", "group", group_with_domain, "apiextensions.validateCustomResourceDefinitionSpec"),
    Field(
        "DefinitionSpec",
        "scope",
        forms.one_of("Cluster", "Namespaced"),
        "apiextensions.validateEnumStrings",
    ),
    Field("DefinitionNames", "plural", forms.dns_label, "apiextensions.ValidateCustomResourceDefinitionNames"),
    Field("DefinitionNames", "singular", forms.dns_label, "apiextensions.ValidateCustomResourceDefinitionNames"),
    Field(
        "DefinitionNames",
        "shortNames",
        forms.every(forms.dns_label),
        "apiextensions.ValidateCustomResourceDefinitionNames",
    ),
    Field("DefinitionVersion", "name", forms.dns_label, "apiextensions.validateCustomResourceDefinitionVersion"),
    Field("PrinterColumn", "jsonPath", json_path, "apiextensions.ValidateCustomResourceColumnDefinition"),
    Field(
        "PrinterColumn",
        "type",
        forms.one_of("boolean", "date", "integer", "number", "string"),
        "apiextensions.ValidateCustomResourceColumnDefinition",
    ),
    Field("APIServiceSpec", "groupPriorityMinimum", forms.number(1, 20_000), "apiregistration.ValidateAPIService"),
    Field("APIServiceSpec", "versionPriority", forms.number(1, 1000), "apiregistration.ValidateAPIService"),
    Field("FlowSchemaSpec", "matchingPrecedence", forms.number(1, 10_000), "flowcontrol.ValidateFlowSchemaSpec"),
    Field(
        "FlowDistinguisherMethod",
        "type",
        forms.one_of("ByNamespace", "ByUser"),
        "flowcontrol.ValidateFlowSchemaSpec",
    ),
    Field(
        "FlowPathRule",
        "verbs",
        forms.every(forms.one_of(*_OF_PATHS)),
        "flowcontrol.ValidateFlowSchemaNonResourcePolicyRule",
    ),
    Field(
        "FlowResourceRule",
        "verbs",
        forms.every(forms.one_of(*_VERBS)),
        "flowcontrol.ValidateFlowSchemaResourcePolicyRule",
    ),
    Field("FlowPathRule", "nonResourceURLs", forms.every(forms.url_path), "flowcontrol.ValidateNonResourceURLPath"),
    Field(
        "PriorityLevelSpec",
        "type",
        forms.one_of("Exempt", "Limited"),
        "flowcontrol.ValidatePriorityLevelConfigurationSpec",
    ),
    Field(
        "LimitedPriorityLevel",
        "nominalConcurrencyShares",
        forms.not_negative,
        "flowcontrol.ValidateLimitedPriorityLevelConfiguration",
    ),
    Field(
        "LimitedPriorityLevel",
        "lendablePercent",
        forms.number(0, 100),
        "flowcontrol.ValidateLimitedPriorityLevelConfiguration",
    ),
    Field("LimitResponse", "type", forms.one_of("Queue", "Reject"), "flowcontrol.ValidateLimitResponse"),
    Field("RuntimeClass", "handler", forms.dns_label, "node.ValidateRuntimeClass"),
    Field("ServiceCIDRSpec", "cidrs", forms.every(forms.cidr), "networking.validateServiceCIDRSpec"),
    Field("ServiceCIDRSpec", "cidrs", forms.at_most(2), "networking.validateServiceCIDRSpec"),
    Field(
        "CSIDriverSpec",
        "fsGroupPolicy",
        forms.one_of("File", "None", "ReadWriteOnceWithFSType"),
        "storage.validateFSGroupPolicy",
    ),
    Field(
        "CSIDriverSpec",
        "volumeLifecycleModes",
        forms.every(forms.one_of("Ephemeral", "Persistent")),
        "storage.validateVolumeLifecycleModes",
    ),
    Field("VolumeAttributesClass", "driverName", forms.csi_driver, "storage.ValidateVolumeAttributesClass"),
    Field("NamespaceSpec", "finalizers", forms.every(forms.finalizer), "validateFinalizerName"),
)

WHOLES: tuple[Whole, ...] = (
    Whole("CustomResourceDefinition", definition, "apiextensions.ValidateCustomResourceDefinition"),
    Whole("APIService", api_service, "apiregistration.ValidateAPIService"),
    Whole("FlowSubject", subject, "flowcontrol.ValidateFlowSchemaSubject"),
    Whole("FlowRules", judges.required("subjects"), "flowcontrol.ValidateFlowSchemaPolicyRulesWithSubjects"),
    Whole("FlowRules", requests, "flowcontrol.ValidateFlowSchemaPolicyRulesWithSubjects"),
    Whole(
        "FlowPathRule",
        judges.required("nonResourceURLs", "verbs"),
        "flowcontrol.ValidateFlowSchemaNonResourcePolicyRule",
    ),
    Whole(
        "FlowResourceRule",
        judges.required("apiGroups", "resources", "verbs"),
        "flowcontrol.ValidateFlowSchemaResourcePolicyRule",
    ),
    Whole("FlowResourceRule", resource_requests, "flowcontrol.ValidateFlowSchemaResourcePolicyRule"),
    Whole("PriorityLevelSpec", priority_level, "flowcontrol.ValidatePriorityLevelConfigurationSpec"),
    Whole("ServiceCIDRSpec", judges.required("cidrs"), "networking.validateServiceCIDRSpec"),
    Whole("VolumeAttributesClass", judges.required("parameters"), "storage.ValidateVolumeAttributesClass"),
)
