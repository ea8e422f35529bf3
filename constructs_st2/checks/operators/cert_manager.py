"""cert-manager: ValidateCertificateSpec of internal/apis/certmanager/validation/certificate.go."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal

from constructs_st2.checks.data import at, mapping, strings
from constructs_st2.checks.index import Index
from constructs_st2.checks.operators.findings import Finding, number, seconds_of
from constructs_st2.kube.documents import Document

_SUBJECTS = ("dnsNames", "uris", "emailAddresses", "ipAddresses", "otherNames")
_EMAIL = re.compile(r"[^\s@<>()\[\],;:\"]+@[^\s@<>()\[\],;:\"]+")
_SIZES: Mapping[str, tuple[str, frozenset[int] | range]] = {
    "RSA": ("2048 to 8192", range(2048, 8193)),
    "ECDSA": ("256, 384 or 521", frozenset({256, 384, 521})),
}
_SIGNATURES: Mapping[str, tuple[str, ...]] = {
    "RSA": ("SHA256WithRSA", "SHA384WithRSA", "SHA512WithRSA"),
    "ECDSA": ("ECDSAWithSHA256", "ECDSAWithSHA384", "ECDSAWithSHA512"),
    "Ed25519": ("PureEd25519",),
}
_USAGES = frozenset(
    {
        *("signing", "digital signature", "content commitment", "key encipherment", "key agreement"),
        *("data encipherment", "cert sign", "crl sign", "encipher only", "decipher only", "any", "server auth"),
        *("client auth", "code signing", "email protection", "s/mime", "ipsec end system", "ipsec tunnel"),
        *("ipsec user", "timestamping", "ocsp signing", "microsoft sgc", "netscape sgc"),
    }
)
_HOUR, _MINUTE = Decimal(3600), Decimal(60)
_DEFAULT_DURATION = 90 * 24 * _HOUR
_LONGEST_NAME = 64


def certificate(document: Document, _: Index) -> Iterator[Finding]:
    """What cert-manager refuses of a Certificate."""
    spec = mapping(document.get("spec"))
    if not at(spec, "issuerRef", "name"):
        yield "spec.issuerRef.name", "must be said"
    kind, group = at(spec, "issuerRef", "kind"), at(spec, "issuerRef", "group")
    if group in (None, "", "cert-manager.io") and kind not in (None, "", "Issuer", "ClusterIssuer"):
        hint = "" if group else ", or issuerRef.group must be that of the other issuer"
        yield "spec.issuerRef.kind", f'must be Issuer or ClusterIssuer, not "{kind}"{hint}'
    yield from _subjects(spec)
    yield from _key(spec)
    yield from _times(spec)
    for position, usage in enumerate(strings(spec.get("usages"))):
        if usage not in _USAGES:
            yield f"spec.usages[{position}]", f'"{usage}" is no usage of a key'
    if (limit := number(spec.get("revisionHistoryLimit"))) is not None and limit < 1:
        yield "spec.revisionHistoryLimit", "must be at least 1"
    for key in mapping(at(spec, "secretTemplate", "annotations")):
        if str(key).startswith("cert-manager.io/") and key != "cert-manager.io/allow-direct-injection":
            yield f"spec.secretTemplate.annotations[{key}]", "belongs to cert-manager itself"


def _subjects(spec: Document) -> Iterator[Finding]:
    common = spec.get("commonName")
    if not common and not spec.get("literalSubject") and not any(spec.get(field) for field in _SUBJECTS):
        yield "spec", f"must have at least one of commonName, {', '.join(_SUBJECTS)}"
    if isinstance(common, str) and len(common) > _LONGEST_NAME:
        yield "spec.commonName", f"has {len(common)} characters; at most {_LONGEST_NAME} are possible"
    if common and spec.get("literalSubject"):
        yield "spec.commonName", "cannot stand beside literalSubject"
    for position, address in enumerate(strings(spec.get("ipAddresses"))):
        try:
            ipaddress.ip_address(address)
        except ValueError:
            yield f"spec.ipAddresses[{position}]", f'"{address}" is no IP address'
    for position, address in enumerate(strings(spec.get("emailAddresses"))):
        if not _EMAIL.fullmatch(address):
            yield f"spec.emailAddresses[{position}]", f'"{address}" is no e-mail address alone'


def _key(spec: Document) -> Iterator[Finding]:
    key = mapping(spec.get("privateKey"))
    algorithm = str(key.get("algorithm") or "RSA")
    if algorithm not in _SIGNATURES:
        yield "spec.privateKey.algorithm", f"must be one of {', '.join(_SIGNATURES)}"
        return
    size = number(key.get("size"))
    if size and algorithm in _SIZES and size not in _SIZES[algorithm][1]:
        yield "spec.privateKey.size", f"of {algorithm} must be {_SIZES[algorithm][0]}, not {size}"
    signature = spec.get("signatureAlgorithm")
    if signature and signature not in _SIGNATURES[algorithm]:
        yield "spec.signatureAlgorithm", f"of {algorithm} must be one of {', '.join(_SIGNATURES[algorithm])}"


def _times(spec: Document) -> Iterator[Finding]:
    """ValidateDuration."""
    found: dict[str, Decimal] = {}
    for field in ("duration", "renewBefore"):
        if (given := spec.get(field)) is None:
            continue
        seconds = seconds_of(given)
        if seconds is None:
            yield f"spec.{field}", f'"{given}" is no duration, such as 2160h'
            return
        found[field] = seconds
    duration, before = found.get("duration", _DEFAULT_DURATION), found.get("renewBefore")
    if duration < _HOUR:
        yield "spec.duration", "must be at least 1h"
    percentage = number(spec.get("renewBeforePercentage"))
    if before is not None and percentage is not None:
        yield "spec.renewBeforePercentage", "cannot stand beside renewBefore"
        return
    field = "renewBefore"
    if percentage is not None:
        field, before = "renewBeforePercentage", duration * (100 - percentage) / 100
    if before is not None and before < 5 * _MINUTE:
        yield f"spec.{field}", "is less than 5m before the end"
    elif before is not None and before >= duration:
        yield f"spec.{field}", "is not less than the duration: the certificate would be renewed for ever"
