"""Services, Ingresses and network policies."""

from __future__ import annotations

from constructs_st2.checks.api import forms, judges
from constructs_st2.checks.api.judges import given
from constructs_st2.checks.api.rules.table import Field, Whole
from constructs_st2.checks.api.walk import Faults, Judge
from constructs_st2.checks.data import at, mappings, strings
from constructs_st2.kube.documents import Document


def is_headless(node: Document) -> bool:
    """Whether a Service is only a name."""
    return node.get("clusterIP") == "None"


@Judge
def service(node: Document) -> Faults:
    """The fields of a Service are for its type."""
    kind = node.get("type") or "ClusterIP"
    if kind == "ExternalName":
        name = node.get("externalName")
        if not name:
            yield "type", "ExternalName needs externalName, the name of a host"
        elif message := forms.external_name(name):
            yield "externalName", message
        for field in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            if node.get(field):
                yield field, "cannot be used with type: ExternalName"
    elif not node.get("ports") and not is_headless(node):
        yield "ports", "is required"
    if is_headless(node) and kind in ("LoadBalancer", "NodePort"):
        yield "clusterIP", f"cannot be None with type: {kind}"
    if kind not in ("LoadBalancer", "NodePort"):
        if node.get("externalTrafficPolicy") and not node.get("externalIPs"):
            yield "externalTrafficPolicy", "can only be used with type: LoadBalancer or NodePort"
        for position, port in enumerate(mappings(node.get("ports"))):
            if port.get("nodePort") and kind == "ClusterIP":
                yield ("ports", position, "nodePort"), "can only be used with type: LoadBalancer or NodePort"
    if node.get("healthCheckNodePort") and (kind, node.get("externalTrafficPolicy")) != ("LoadBalancer", "Local"):
        yield "healthCheckNodePort", "can only be used with type: LoadBalancer and externalTrafficPolicy: Local"


@given("sessionAffinity")
def session_affinity(node: Document) -> Faults:
    """Clients stay with a pod for some time, a day at most."""
    seconds = at(node, "sessionAffinityConfig", "clientIP", "timeoutSeconds")
    if node.get("sessionAffinity") == "ClientIP" and seconds is not None and (message := forms.of_a_day(seconds)):
        yield ("sessionAffinityConfig", "clientIP", "timeoutSeconds"), message


_FAMILIES = {"IPv4": 4, "IPv6": 6}


@Judge
def cluster_addresses(node: Document) -> Faults:
    """Addresses of a Service within the cluster."""
    first, several = node.get("clusterIP"), strings(node.get("clusterIPs"))
    if several and first != several[0]:
        yield "clusterIPs", "must begin with clusterIP"
    for path, value in ((("clusterIP",), first), *((("clusterIPs", n), value) for n, value in enumerate(several))):
        if value not in (None, "", "None") and (message := forms.address(value)):
            yield path, message
    families = strings(node.get("ipFamilies"))
    if len(families) != len(set(families)):
        yield "ipFamilies", "must not name a family twice"
    for field, values in (("ipFamilies", families), ("clusterIPs", several)):
        if len(values) > 1 and node.get("ipFamilyPolicy") == "SingleStack":
            yield "ipFamilyPolicy", f"SingleStack is for one family, but {field} has {len(values)}"
            break


@given("ipFamilies")
def families_of_addresses(node: Document) -> Faults:
    """Addresses of a Service are of its families, in their order."""
    from ipaddress import ip_address

    families, several = strings(node.get("ipFamilies")), strings(node.get("clusterIPs"))
    addresses = several or strings([node.get("clusterIP")])
    for position, (family, value) in enumerate(zip(families, addresses, strict=False)):
        known = _FAMILIES.get(family)
        if known and value != "None" and not forms.address(value) and ip_address(value).version != known:
            path = ("clusterIPs", position) if several else ("clusterIP",)
            yield path, f"must be an address of {family}, the family at its place of ipFamilies, not {value}"


_RESERVED = (("unspecified", "is_unspecified"), ("loopback", "is_loopback"), ("link-local", "is_link_local"))


@given("externalIPs")
def external_addresses(node: Document) -> Faults:
    """Addresses of a Service outside of the cluster can be reached from there."""
    for position, value in enumerate(strings(node.get("externalIPs"))):
        if message := forms.address(value) or _reserved(value):
            yield ("externalIPs", position), message


def _reserved(value: str) -> str | None:
    """What is wrong with an address at which nobody else can be."""
    from ipaddress import ip_address

    found = ip_address(value)
    for name, is_so in (*_RESERVED, ("multicast", "is_multicast")):
        if getattr(found, is_so):
            return f"{value} is a {name} address"
    return None


_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"


@Judge
def ranges_in_annotation(node: Document) -> Faults:
    """What was written into an annotation before there was a field for it is looked at, too."""
    value = at(node, "metadata", "annotations", _RANGES)
    path = ("metadata", "annotations", _RANGES)
    if at(node, "spec", "loadBalancerSourceRanges") or not isinstance(value, str):
        return
    if at(node, "spec", "type") != "LoadBalancer":
        yield path, "can only be used with type: LoadBalancer"
    elif value.strip():
        for part in value.strip().split(","):
            if message := forms.padded_cidr(part):
                yield path, message


@given("endpoints")
def endpoints(node: Document) -> Faults:
    """Endpoints have addresses of the type that is said of all."""
    from ipaddress import ip_address

    kind = str(node.get("addressType"))
    for position, endpoint in enumerate(mappings(node.get("endpoints"))):
        for number, value in enumerate(strings(endpoint.get("addresses"))):
            path = ("endpoints", position, "addresses", number)
            if kind == "FQDN":
                message = forms.dns_subdomain(value)
            else:
                message = forms.address(value)
                if message is None and ip_address(value).version != _FAMILIES.get(kind, 0):
                    message = f"must be an address of {kind}, not {value}"
                message = message or _reserved(value)
            if message:
                yield path, message


_NOT_IN_PATHS = ("//", "/./", "/../", "%2f", "%2F")
_NOT_AT_ENDS = ("/..", "/.")


@Judge
def http_path(node: Document) -> Faults:
    """A path of an Ingress is absolute, and in its shortest form."""
    path, kind = node.get("path"), node.get("pathType")
    if kind is None:
        yield "pathType", "is required"
        return
    if not path and kind == "ImplementationSpecific":
        return
    if not isinstance(path, str) or not path.startswith("/"):
        yield "path", f"must be an absolute path, not {path!r}"
        return
    if kind in ("Exact", "Prefix"):
        for part in _NOT_IN_PATHS:
            if part in path:
                yield "path", f'"{path}" must not contain "{part}"'
        for part in _NOT_AT_ENDS:
            if path.endswith(part):
                yield "path", f'"{path}" must not end in "{part}"'


@Judge
def ingress(node: Document) -> Faults:
    """An Ingress leads somewhere."""
    if not node.get("rules") and node.get("defaultBackend") is None:
        yield (), "must have one of rules, defaultBackend"


_CLASS = "kubernetes.io/ingress.class"


@Judge
def ingress_class(node: Document) -> Faults:
    """An Ingress has one class."""
    old, new = at(node, "metadata", "annotations", _CLASS), at(node, "spec", "ingressClassName")
    if None not in (old, new) and old != new:
        yield ("metadata", "annotations", _CLASS), f"must be spec.ingressClassName, {new}, or left out"


@given("cidr")
def address_block(node: Document) -> Faults:
    """Exceptions lie within the range that they are taken from."""
    from ipaddress import ip_network

    if forms.cidr(node.get("cidr")):
        return
    whole = ip_network(node["cidr"])
    for position, value in enumerate(strings(node.get("except"))):
        if message := forms.cidr(value):
            yield ("except", position), message
            continue
        part = ip_network(value)
        if (
            part.version != whole.version or part.prefixlen <= whole.prefixlen or not whole.supernet_of(part)  # type: ignore[arg-type]
        ):
            yield ("except", position), f"{value} must be a part of {whole}, and not all of it"


@Judge
def peer(node: Document) -> Faults:
    """A peer is a range of addresses or pods, not both."""
    found = [field for field in ("ipBlock", "namespaceSelector", "podSelector") if node.get(field) is not None]
    if not found:
        yield (), "must have one of ipBlock, namespaceSelector, podSelector"
    elif found[0] == "ipBlock" and len(found) > 1:
        yield "ipBlock", "cannot be used together with a selector; make two entries of it"


@given("endPort")
def port_range(node: Document) -> Faults:
    """A range of ports has two ends."""
    last, first = node.get("endPort"), node.get("port")
    if last is None:
        return
    if not isinstance(first, int):
        yield "endPort", "can only be used with a port that is a number"
    elif isinstance(last, int) and last < first:
        yield "endPort", f"must be at least port, {first}, not {last}"


def reachable(value: object) -> str | None:
    """An address at which others can be."""
    return forms.address(value) or _reserved(str(value))


@Judge
def subset(node: Document) -> Faults:
    """Endpoints are somewhere."""
    if not node.get("addresses") and not node.get("notReadyAddresses"):
        yield (), "must have one of addresses, notReadyAddresses"


FIELDS: tuple[Field, ...] = (
    Field("Endpoint", "addresses", forms.at_most(100), "discovery.validateEndpoints"),
    Field("Endpoint", "hostname", forms.dns_label, "discovery.validateEndpoints"),
    Field("Endpoint", "nodeName", forms.dns_subdomain, "discovery.validateEndpoints"),
    Field("EndpointPort", "name", forms.unless_empty(forms.dns_label), "discovery.validatePorts"),
    Field("EndpointPort", "appProtocol", forms.label_key, "discovery.validatePorts"),
    Field("EndpointAddress", "hostname", forms.dns_label, "validateEndpointAddress"),
    Field(
        "IngressClassParameters",
        "scope",
        forms.one_of("Cluster", "Namespace"),
        "networking.validateIngressClassParametersReference",
    ),
    Field("EndpointAddress", "ip", reachable, "ValidateEndpointIP"),
    Field("SubsetPort", "port", forms.port_number, "validateEndpointPort"),
    Field("SubsetPort", "protocol", forms.protocol, "validateEndpointPort"),
    Field("EndpointSlice", "addressType", forms.one_of("IPv4", "IPv6", "FQDN"), "discovery.validateAddressType"),
    Field("EndpointPort", "protocol", forms.protocol, "discovery.validatePorts"),
    Field(
        "ServiceSpec", "type", forms.one_of("ClusterIP", "ExternalName", "LoadBalancer", "NodePort"), "validateService"
    ),
    Field("ServiceSpec", "selector", forms.labels, "validateService"),
    Field("ServiceSpec", "sessionAffinity", forms.one_of("ClientIP", "None"), "validateService"),
    Field("ServiceSpec", "loadBalancerSourceRanges", forms.every(forms.padded_cidr), "validateService"),
    Field("ServiceSpec", "loadBalancerClass", forms.label_key, "validateLoadBalancerClassField"),
    Field(
        "ServiceSpec", "externalTrafficPolicy", forms.one_of("Cluster", "Local"), "validateServiceExternalTrafficPolicy"
    ),
    Field(
        "ServiceSpec",
        "internalTrafficPolicy",
        forms.one_of("Cluster", "Local"),
        "validateServiceInternalTrafficFieldsValue",
    ),
    Field(
        "ServiceSpec",
        "trafficDistribution",
        forms.one_of("PreferClose", "PreferSameNode", "PreferSameZone"),
        "validateServiceTrafficDistribution",
    ),
    Field(
        "ServiceSpec", "ipFamilies", forms.every(forms.one_of("IPv4", "IPv6")), "ValidateServiceClusterIPsRelatedFields"
    ),
    Field(
        "ServiceSpec",
        "ipFamilyPolicy",
        forms.one_of("PreferDualStack", "RequireDualStack", "SingleStack"),
        "ValidateServiceClusterIPsRelatedFields",
    ),
    Field("ServiceSpec", "clusterIPs", forms.at_most(2), "ValidateServiceClusterIPsRelatedFields"),
    Field("ServicePort", "name", forms.dns_label, "validateServicePort"),
    Field("ServicePort", "port", forms.port_number, "validateServicePort"),
    Field("ServicePort", "nodePort", forms.number(0, 65535), "validateServicePort"),
    Field("ServicePort", "protocol", forms.protocol, "validateServicePort"),
    Field("ServicePort", "targetPort", forms.port, "validateServicePort"),
    Field("ServicePort", "appProtocol", forms.label_key, "validateServicePort"),
    Field("IngressSpec", "ingressClassName", forms.dns_subdomain, "networking.ValidateIngressSpec"),
    Field("IngressClassSpec", "controller", forms.controller, "networking.validateIngressClassSpec"),
    Field("IngressRule", "host", forms.host, "networking.validateIngressRules"),
    Field("IngressTLS", "hosts", forms.every(forms.tls_host), "networking.validateIngressTLS"),
    Field(
        "IngressTLS",
        "secretName",
        forms.unless_empty(forms.dns_subdomain),
        "networking.validateTLSSecretName",
    ),
    Field(
        "HTTPIngressPath",
        "pathType",
        forms.one_of("Exact", "ImplementationSpecific", "Prefix"),
        "networking.validateHTTPIngressPath",
    ),
    Field("IngressServiceBackend", "name", forms.dns_label, "networking.validateIngressBackend"),
    Field("ServiceBackendPort", "name", forms.port_name, "networking.validateIngressBackend"),
    Field("ServiceBackendPort", "number", forms.port_number, "networking.validateIngressBackend"),
    Field("IPBlock", "cidr", forms.cidr, "networking.ValidateIPBlock"),
    Field("NetworkPolicyPort", "port", forms.port, "networking.ValidateNetworkPolicyPort"),
    Field("NetworkPolicyPort", "endPort", forms.port_number, "networking.ValidateNetworkPolicyPort"),
    Field("NetworkPolicyPort", "protocol", forms.protocol, "networking.ValidateNetworkPolicyPort"),
    Field(
        "NetworkPolicySpec",
        "policyTypes",
        forms.every(forms.one_of("Ingress", "Egress")),
        "networking.ValidateNetworkPolicySpec",
    ),
)

WHOLES: tuple[Whole, ...] = (
    Whole("EndpointSlice", judges.required("addressType"), "discovery.validateAddressType"),
    Whole("EndpointSlice", endpoints, "discovery.validateEndpoints"),
    Whole("EndpointSlice", judges.unique("ports", "name"), "discovery.validatePorts"),
    Whole("Endpoint", judges.required("addresses"), "discovery.validateEndpoints"),
    Whole("EndpointSubset", subset, "validateEndpointSubsets"),
    Whole("ServiceSpec", service, "validateService"),
    Whole("ServiceSpec", session_affinity, "validateClientIPAffinityConfig"),
    Whole("ServiceSpec", cluster_addresses, "ValidateServiceClusterIPsRelatedFields"),
    Whole("ServiceSpec", families_of_addresses, "ValidateServiceClusterIPsRelatedFields"),
    Whole("ServiceSpec", external_addresses, "ValidateEndpointIP"),
    Whole("Service", ranges_in_annotation, "validateService"),
    Whole(
        "ServiceSpec", judges.only_with("loadBalancerClass", "type", "LoadBalancer"), "validateLoadBalancerClassField"
    ),
    Whole("ServiceSpec", judges.only_with("loadBalancerSourceRanges", "type", "LoadBalancer"), "validateService"),
    Whole("ServiceSpec", judges.only_with("allocateLoadBalancerNodePorts", "type", "LoadBalancer"), "validateService"),
    Whole("ServiceSpec", judges.unique("ports", "nodePort", "protocol", defaults=(None, "TCP")), "validateService"),
    Whole("ServicePort", judges.required("port"), "validateServicePort"),
    Whole("IngressClassSpec", judges.required("controller"), "networking.validateIngressClassSpec"),
    Whole("Ingress", ingress_class, "networking.ValidateIngressCreate"),
    Whole("IngressSpec", ingress, "networking.ValidateIngressSpec"),
    Whole("IngressBackend", judges.exactly_one("resource", "service"), "networking.validateIngressBackend"),
    Whole("IngressServiceBackend", judges.required("name", "port"), "networking.validateIngressBackend"),
    Whole("ServiceBackendPort", judges.exactly_one("name", "number"), "networking.validateIngressBackend"),
    Whole("HTTPIngressRuleValue", judges.required("paths"), "networking.validateHTTPIngressRuleValue"),
    Whole("HTTPIngressPath", http_path, "networking.validateHTTPIngressPath"),
    Whole("HTTPIngressPath", judges.required("backend"), "networking.validateIngressBackend"),
    Whole("IPBlock", judges.required("cidr"), "networking.ValidateIPBlock"),
    Whole("IPBlock", address_block, "networking.ValidateIPBlock"),
    Whole("NetworkPolicyPeer", peer, "networking.ValidateNetworkPolicyPeer"),
    Whole("NetworkPolicyPort", port_range, "networking.ValidateNetworkPolicyPort"),
)
