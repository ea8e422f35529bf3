"""ConfigMaps and Secrets."""

from __future__ import annotations

import base64
import json

from constructs_st2.checks.api import forms
from constructs_st2.checks.api.judges import given
from constructs_st2.checks.api.rules.table import Field, Whole
from constructs_st2.checks.api.walk import Faults, Judge
from constructs_st2.checks.data import at, mapping
from constructs_st2.kube.documents import Document
from constructs_st2.kube.well_known import REGISTRY_CREDENTIALS, REGISTRY_SECRET, TLS_CERTIFICATE, TLS_KEY, TLS_SECRET

_TYPED_SECRETS = {
    "kubernetes.io/basic-auth": (),
    "kubernetes.io/dockercfg": (".dockercfg",),
    REGISTRY_SECRET: (REGISTRY_CREDENTIALS,),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    TLS_SECRET: (TLS_CERTIFICATE, TLS_KEY),
}


_OF_ACCOUNT = "kubernetes.io/service-account-token"
_ACCOUNT = "kubernetes.io/service-account.name"


@Judge
def typed_secret(node: Document) -> Faults:
    """A Secret of a type of Kubernetes has the keys of that type."""
    keys = {*mapping(node.get("data")), *mapping(node.get("stringData"))}
    kind = str(node.get("type"))
    for key in _TYPED_SECRETS.get(kind, ()):
        if key not in keys:
            yield ("data", key), f"is required with type: {kind}"
    if kind == _OF_ACCOUNT and not at(node, "metadata", "annotations", _ACCOUNT):
        yield ("metadata", "annotations", _ACCOUNT), f"is required with type: {kind}"
    if kind == "kubernetes.io/basic-auth" and not keys & {"username", "password"}:
        yield "data", f"must have username or password with type: {kind}"


_OF_REGISTRIES = {"kubernetes.io/dockercfg": ".dockercfg", REGISTRY_SECRET: REGISTRY_CREDENTIALS}


@given("type")
def registries(node: Document) -> Faults:
    """What logs in to registries is JSON."""
    key = _OF_REGISTRIES.get(str(node.get("type")), "")
    plain, coded = at(node, "stringData", key), at(node, "data", key)
    if isinstance(plain, str):
        text, field = plain, "stringData"
    elif isinstance(coded, str) and not forms.base64_text(coded):
        text, field = base64.b64decode(coded).decode(errors="replace"), "data"
    else:
        return
    try:
        json.loads(text)
    except ValueError:
        yield (field, key), f"must be JSON with type: {node['type']}"


def encoded(field: str) -> Judge:
    """Values that are in Base64."""

    @given(field)
    def judge(node: Document) -> Faults:
        for key, value in mapping(node.get(field)).items():
            if isinstance(value, str) and (message := forms.base64_text(value)):
                yield (field, key), message

    return judge


def keys_once(first: str, second: str) -> Judge:
    """Keys that are in one of two fields only."""

    @given(second)
    def judge(node: Document) -> Faults:
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
    Whole("Secret", registries, "ValidateSecret"),
)
