"""SealedSecrets: Secrets encrypted for the controller in the cluster, which may lie in a repository.

https://github.com/bitnami-labs/sealed-secrets/blob/main/docs/developer/crypto.md
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from datetime import datetime, timezone

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from constructs_st2.errors import UserError
from constructs_st2.kube.documents import Document
from constructs_st2.kube.well_known import INSTANCE_LABEL
from constructs_st2.parts.secrets.scope import Scope

_SESSION_KEY_BYTES = 32
_NONCE = bytes(12)
"""Each session key encrypts one value only, so the nonce need not change."""

_FETCH = "use what `kubeseal --fetch-cert` prints"


def controller_key(certificate: bytes) -> rsa.RSAPublicKey:
    """The public key of the controller, from its certificate in PEM format.

    Raises:
        UserError: it is none, or has expired.
    """
    try:
        loaded = x509.load_pem_x509_certificate(certificate)
        key = loaded.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise UserError(f"the controller's certificate is not one in PEM format; {_FETCH}") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise UserError(f"the controller's certificate has no RSA key, and so is not that of sealed-secrets; {_FETCH}")
    if loaded.not_valid_after_utc < datetime.now(timezone.utc):
        raise UserError(f"the controller's certificate expired on {loaded.not_valid_after_utc:%Y-%m-%d}; {_FETCH}")
    return key


def sealed(secret: Document, key: rsa.RSAPublicKey, release: str, scope: Scope = "strict") -> Document:
    """A Secret with ``stringData``, encrypted.

    Unlike the Secret that the controller makes of it, it is one of the manifests of the release, and labelled so.
    """
    metadata = secret["metadata"]
    marks = {} if scope == "strict" else {f"sealedsecrets.bitnami.com/{scope}": "true"}
    place = {"name": metadata["name"], "namespace": metadata["namespace"]}
    return {
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": {
            **place,
            "labels": {**metadata["labels"], INSTANCE_LABEL: release},
            **({"annotations": marks} if marks else {}),
        },
        "spec": {
            "encryptedData": _encrypted(secret["stringData"], key, _label(**place, scope=scope)),
            "template": {
                "type": secret["type"],
                "metadata": {
                    **place,
                    "labels": metadata["labels"],
                    "annotations": {**metadata["annotations"], **marks},
                },
            },
        },
    }


def _label(name: str, namespace: str, scope: Scope) -> bytes:
    labels: Mapping[Scope, str] = {
        "strict": f"{namespace}/{name}",
        "namespace-wide": namespace,
        "cluster-wide": "",
    }
    return labels[scope].encode()


def _encrypted(values: Mapping[str, str], key: rsa.RSAPublicKey, label: bytes) -> dict[str, str]:
    return {name: base64.b64encode(_hybrid(value.encode(), key, label)).decode() for name, value in values.items()}


def _hybrid(value: bytes, key: rsa.RSAPublicKey, label: bytes) -> bytes:
    session_key = os.urandom(_SESSION_KEY_BYTES)
    oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=label)
    encrypted_key = key.encrypt(session_key, oaep)
    return len(encrypted_key).to_bytes(2, "big") + encrypted_key + AESGCM(session_key).encrypt(_NONCE, value, None)
