"""Settings of the ways from outside to the web UI and the APIs: Ingress, Gateway API, cert-manager."""

import re
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, StringConstraints, model_validator
from typing_extensions import Self

from constructs_st2.kube.names import SUBDOMAIN_LENGTH
from constructs_st2.values.model.base import (
    GATEWAY_DURATION,
    HOST_NAME,
    HOURS,
    KIND,
    PATH_PATTERN,
    URL_PATH,
    Annotations,
    DnsLabel,
    ObjectName,
    PortNumber,
    StrictModel,
    key,
    section,
)
from constructs_st2.values.model.names import GatewayName, IngressClassName, IssuerName, SecretName, ServiceName

HostName: TypeAlias = Annotated[str, StringConstraints(pattern=HOST_NAME, max_length=SUBDOMAIN_LENGTH)]
Hours: TypeAlias = Annotated[str, StringConstraints(pattern=HOURS)]
Timeout: TypeAlias = Annotated[str, StringConstraints(pattern=GATEWAY_DURATION)]

_URL_PATH = re.compile(URL_PATH)

ReachableService: TypeAlias = Literal["st2web", "st2auth", "st2api", "st2stream"]


class IngressPath(StrictModel):
    """A path of a host, and the Service that it leads to. Controllers write it into their configuration."""

    path: Annotated[str, StringConstraints(pattern=PATH_PATTERN)] = key(
        "The path; with `ImplementationSpecific` what the controller takes, such as a regular expression.", "/"
    )
    path_type: Literal["Prefix", "Exact", "ImplementationSpecific"] = key(
        "How the path is compared: `Prefix` name by name, or as the controller likes.", "Prefix"
    )
    service: ReachableService | None = key(
        "The service of this release. Default: st2web, which passes requests on to the others."
    )
    service_name: ServiceName | None = key("The full name of a Service instead.")
    service_port: PortNumber | None = key(
        "Port of the Service. Required for Services that are not of this release, and for st2web while it serves HTTPS."
    )

    @model_validator(mode="after")
    def _path_fits_its_type(self) -> Self:
        if self.path_type != "ImplementationSpecific" and not _URL_PATH.fullmatch(self.path):
            raise ValueError(
                f"path must be the path of a URL with pathType {self.path_type}; "
                "patterns need ImplementationSpecific, and a controller that knows them"
            )
        return self


class IngressHost(StrictModel):
    """A host name, and where its paths lead."""

    host: HostName | None = key("Host name; `*.` in front stands for one label. Default: every host.")
    paths: Annotated[list[IngressPath], Field(min_length=1)] = key(
        "Paths of the host. Default: everything to st2web.", [{}], validate_default=True
    )


class IngressTls(StrictModel):
    """A certificate with which the Ingress controller serves HTTPS."""

    secret_name: SecretName | None = key("TLS Secret. Default: the controller's own certificate.")
    hosts: list[HostName] = key("Hosts that it is for.", [])


class Ingress(StrictModel):
    """An Ingress in front of st2web."""

    enabled: bool = key("Make an Ingress.", False)
    annotations: Annotations = key("Annotations, by which controllers are set up.", {})
    ingress_class_name: IngressClassName | None = key("Class of the Ingress. Default: the cluster's default class.")
    hosts: list[IngressHost] = key("Hosts. Default: st2web.service.hostname.", [])
    tls: list[IngressTls] = key("Certificates.", [])


class ParentRef(StrictModel):
    """A Gateway."""

    name: GatewayName = key("Name of the Gateway.", ...)
    namespace: DnsLabel | None = key("Its namespace. Default: that of the release.")
    section_name: ObjectName | None = key("Name of one of its listeners. Default: all.")


class GatewayTimeouts(StrictModel):
    """How long the Gateway lets requests take; `0s` is without limit."""

    enabled: bool = key("Set timeouts. Turn off where the Gateway knows none and refuses routes that have some.", True)
    request: Timeout = key("Requests to the web UI and the APIs. st2web itself waits for 300 s.", "330s")
    stream: Timeout = key("Event streams and the output of running actions.", "0s")


class Gateway(StrictModel):
    """A route of the Gateway API to st2web."""

    enabled: bool = key("Make an HTTPRoute. It needs `st2web.tls.enabled: false`.", False)
    parent_refs: list[ParentRef] = key("The Gateways that requests come from.", [])
    hostnames: Annotated[list[HostName], Field(max_length=16)] = key(
        "Host names. Default: st2web.service.hostname, or else all of the listener.", []
    )
    annotations: Annotations = key("Annotations.", {})
    timeouts: GatewayTimeouts = section("How long the Gateway lets requests take.")


class IssuerRef(StrictModel):
    """Who issues certificates."""

    name: IssuerName = key("Name of the issuer.", ...)
    kind: Annotated[str, StringConstraints(pattern=KIND)] = key("Kind of the issuer.", "Issuer")
    group: ObjectName = key("API group of the kind.", "cert-manager.io")


class CertManager(StrictModel):
    """The certificate of st2web, made and renewed by cert-manager."""

    issuer_ref: IssuerRef = key("Who issues the certificate.", ...)
    dns_names: list[HostName] = key("Host names under which st2web is reached, besides st2web.service.hostname.", [])
    service_names: bool = key(
        "Include the names of the Service. Public authorities, such as Let's Encrypt, refuse them: then set to false.",
        True,
    )
    duration: Hours = key("How long a certificate is good for, in hours.", "2160h")
    renew_before: Hours = key("How long before its end it is renewed, in hours.", "720h")
