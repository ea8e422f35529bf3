"""Certificates for TLS within a cluster, as cert-manager makes them with an issuer that is a CA."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.secrets import contract
from constructs_st2.parts.internal_tls import documents

_BEGIN = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
_DAY = datetime.timedelta(days=1)


class Authority:
    """Signs certificates."""

    def __init__(self, name: str = "internal") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        certificate = self._builder(self._name, self._key).add_extension(constraints, critical=True)
        self.pem = _pem(certificate.sign(self._key, hashes.SHA256()))

    def secret(self, dns_names: Sequence[str], addresses: Sequence[str] = ()) -> dict[str, str]:
        """The content of a Secret with a certificate that has these names, for servers and clients."""
        key = ec.generate_private_key(ec.SECP256R1())
        names: list[x509.GeneralName] = [x509.DNSName(name) for name in dns_names]
        names += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        certificate = (
            self._builder(_name(dns_names[0]), key)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(usages, critical=False)
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {
            contract.TLS_KEY: private.decode(),
            contract.TLS_CERTIFICATE: _pem(certificate.sign(self._key, hashes.SHA256())),
            contract.TLS_AUTHORITY: self.pem,
        }

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(_BEGIN)
            .not_valid_after(_BEGIN + _DAY)
        )


def certificates_of(cluster: Cluster, authority: Authority | None = None) -> dict[str, dict[str, str]]:
    """The Secrets that cert-manager would make of the cluster's Certificates: name to keys and values."""
    signer = authority or Authority()
    return {
        each["spec"]["secretName"]: signer.secret(each["spec"]["dnsNames"], each["spec"]["ipAddresses"])
        for each in documents(cluster)
    }


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
