"""ConfigMaps and Secrets."""

from __future__ import annotations

from itertools import combinations

from constructs_st2.checks.api import forms
from constructs_st2.checks.api.judges import Faults
from constructs_st2.checks.api.rules.table import Field, Whole
from constructs_st2.checks.api.walk import Judge
from constructs_st2.checks.data import mapping
from constructs_st2.kube.documents import Document

_TYPED_SECRETS = {
    "kubernetes.io/basic-auth": (),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}


def typed_secret(node: Document) -> Faults:
    """A Secret of a type of Kubernetes has the keys of that type."""
    keys = {*mapping(node.get("data")), *mapping(node.get("stringData"))}
    kind = str(node.get("type"))
    for key in _TYPED_SECRETS.get(kind, ()):
        if key not in keys:
            yield ("data", key), f"is required with type: {kind}"
    if kind == "kubernetes.io/basic-auth" and not keys & {"username", "password"}:
        yield "data", f"must have username or password with type: {kind}"


def encoded(field: str) -> Judge:
    """Values that are in Base64."""

    def judge(node: Document) -> Faults:
        for key, value in mapping(node.get(field)).items():
            if isinstance(value, str) and (message := forms.base64_text(value)):
                yield (field, key), message

    return judge


def keys_once(*fields: str) -> Judge:
    """Keys that are in one of several fields only."""

    def judge(node: Document) -> Faults:
        for first, second in combinations(fields, 2):
            for key in sorted(mapping(node.get(first)).keys() & mapping(node.get(second)).keys()):
                yield (second, key), f"is in {first}, too; remove one of them"

    return judge


FIELDS: tuple[Field, ...] = (
    Field("ConfigMap Secret", "data", forms.a_mapping, "ValidateConfigMap"),
    Field("ConfigMap", "binaryData", forms.a_mapping, "ValidateConfigMap"),
    Field("Secret", "stringData", forms.a_mapping, "ValidateSecret"),
)

WHOLES: tuple[Whole, ...] = (
    Whole("ConfigMap", keys_once("data", "binaryData"), "ValidateConfigMap"),
    Whole("ConfigMap", encoded("binaryData"), "ValidateConfigMap"),
    Whole("Secret", encoded("data"), "ValidateSecret"),
    Whole("Secret", typed_secret, "ValidateSecret"),
)
