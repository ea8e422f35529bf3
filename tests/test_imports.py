"""The typed bindings of custom kinds, and that every custom object goes with the definitions behind them."""

from __future__ import annotations

import functools
import inspect
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from support import Synth

from constructs_st2 import node
from constructs_st2.errors import UserError
from constructs_st2.kube.custom import BINDINGS, bindings, custom_object
from constructs_st2.kube.documents import Document, identity, is_built_in
from constructs_st2.kube.reading import read_text
from constructs_st2.values import Values
from constructs_st2.values.shape import models_in

ROOT = Path(__file__).parent.parent


@functools.cache
def definitions() -> dict[str, tuple[str, Document]]:
    """The API version and the schema of each kind in imports/crds."""
    found = {}
    for path in sorted((ROOT / "imports" / "crds").glob("*.yaml")):
        for crd in read_text(path.read_bytes(), path.name):
            (version,) = crd["spec"]["versions"]
            schema = version["schema"]["openAPIV3Schema"]
            found[crd["spec"]["names"]["kind"]] = (f"{crd['spec']['group']}/{version['name']}", schema)
    return found


@pytest.fixture(scope="module", autouse=True)
def _node() -> None:
    """The bindings need it."""
    node.start()


class TestBindings:
    """They are what the definitions say."""

    def test_every_kind_has_one(self) -> None:
        assert sorted(BINDINGS) == sorted(definitions())

    @pytest.mark.parametrize("kind", BINDINGS)
    def test_they_are_fresh(self, kind: str) -> None:
        module = bindings(BINDINGS[kind].module)
        _, schema = definitions()[kind]
        name = f"{BINDINGS[kind].name}Spec"
        expected = dict(fields_of_schema(name, schema["properties"]["spec"]))
        assert expected == {struct: fields_of_struct(getattr(module, struct)) for struct in expected}


def fields_of_schema(name: str, schema: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, bool]]]:
    """The classes that `cdk8s import` makes of a schema: their fields, and whether these are required."""
    if "properties" not in schema:
        return
    yield name, {field: field in schema.get("required", ()) for field in schema["properties"]}
    for field, below in schema["properties"].items():
        item = below.get("items", below)
        yield from fields_of_schema(f"{name}{field[0].upper()}{field[1:]}", item)


def fields_of_struct(struct: Any) -> dict[str, bool]:
    parameters = inspect.signature(struct.__init__).parameters
    names: Mapping[str, str] = struct.__jsii_name_mapping__
    return {name: parameters[argument].default is inspect.Parameter.empty for argument, name in names.items()}


METADATA: Document = {"name": "st2-x", "namespace": "stackstorm", "labels": {"app": "x"}}
SPEC: Document = {
    "target": {"template": {"data": {"b.conf": "$x", "a_b": ""}}, "name": "st2-x"},
    "secretStoreRef": {"name": "vault", "kind": "SecretStore"},
    "data": [{"secretKey": "a_b", "remoteRef": {"key": "k"}}],
}


class TestCustomObject:
    """Plain data goes through the bindings and comes back as it was."""

    def test_nothing_of_it_is_changed(self) -> None:
        made = custom_object("ExternalSecret", METADATA, SPEC)
        assert made["spec"] == SPEC
        assert yaml.safe_dump(made["spec"], sort_keys=False) == yaml.safe_dump(SPEC, sort_keys=False)
        assert {**made["metadata"], "annotations": {}} == {**METADATA, "annotations": {}}
        assert (made["apiVersion"], made["kind"]) == ("external-secrets.io/v1", "ExternalSecret")

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ({}, "SkipDryRunOnMissingResource=true"),
            (
                {"argocd.argoproj.io/sync-options": "Prune=false,Delete=false"},
                "Prune=false,Delete=false,SkipDryRunOnMissingResource=true",
            ),
            (
                {"argocd.argoproj.io/sync-options": "SkipDryRunOnMissingResource=true"},
                "SkipDryRunOnMissingResource=true",
            ),
        ],
    )
    def test_argo_cd_does_not_look_for_the_definition_first(self, given: dict[str, str], expected: str) -> None:
        annotations = {"example.org/a": "b", **given}
        made = custom_object("ExternalSecret", {**METADATA, "annotations": annotations}, SPEC)["metadata"]
        assert made["annotations"] == {"example.org/a": "b", "argocd.argoproj.io/sync-options": expected}

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            ({"refresh": "1h"}, r"spec\.refresh: there is no such field"),
            ({"target": {"nam": "x"}}, r"spec\.target\.nam: there is no such field"),
            (
                {"data": [{"secretKey": "a", "remoteRef": {"kee": "k"}}]},
                r"spec\.data\[0\]\.remoteRef\.kee: there is no",
            ),
            ({"data": [{"secretKey": 1, "remoteRef": {"key": "k"}}]}, r"spec\.data\[0\]: .* secret_key must be str"),
            ({"data": [{"secretKey": "a"}]}, r"spec\.data\[0\]: .* 'remote_ref'"),
            ({"target": ["x"]}, r"spec: .* target must be"),
            ({"refreshInterval": None}, "cdk8s makes something else of it"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, change: Document, problem: str) -> None:
        with pytest.raises(UserError, match=rf"^ExternalSecret/st2-x: {problem}"):
            custom_object("ExternalSecret", METADATA, {**SPEC, **change})


POLICY = {"type": "Pods", "value": 1, "periodSeconds": 60}
SCALING = {"scaleUp": {"stabilizationWindowSeconds": 60, "selectPolicy": "Max"}, "scaleDown": {"policies": [POLICY]}}
VALUES: dict[str, dict[str, Any]] = {
    "Certificate": {"st2web": {"tls": {"certManager": {"issuerRef": {"name": "ca"}}}}},
    "ExternalSecret": {
        "secrets": {"mode": "external-secrets"},
        "enterprise": {"enabled": True},
        "st2chatops": {"enabled": True},
    },
    "ScaledObject": {"st2actionrunner": {"autoscaling": {"enabled": True, "maxReplicas": 9, "behavior": SCALING}}},
    "PodMonitor": {"monitoring": {"enabled": True, "podMonitors": {"enabled": True}}},
    "PrometheusRule": {"monitoring": {"enabled": True, "rules": {"enabled": True}}},
    "HTTPRoute": {
        "st2web": {"tls": {"enabled": False}, "service": {"hostname": "st2.example.org"}},
        "gateway": {"enabled": True, "parentRefs": [{"name": "web", "namespace": "gateways", "sectionName": "https"}]},
    },
}
"""Values that bring a kind about."""


@pytest.mark.parametrize("kind", VALUES)
def test_custom_objects_have_the_fields_of_their_definitions_and_no_others(synth: Synth, kind: str) -> None:
    custom = [document for document in synth(VALUES[kind]) if not is_built_in(document)]
    assert kind in {document["kind"] for document in custom}
    for document in custom:
        api_version, schema = definitions()[document["kind"]]
        assert document["apiVersion"] == api_version, identity(document)
        # The definitions are those of others: to validate them as well would take most of the time.
        jsonschema.Draft202012Validator(strict(schema)).validate({"spec": document["spec"]})


def strict(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema that allows only the fields that it has."""
    closed = {key: strict(value) if isinstance(value, dict) else value for key, value in schema.items()}
    return (
        {**closed, "additionalProperties": False}
        if schema.get("type") == "object" and "properties" in schema
        else closed
    )


OPTIONAL = (
    "imports",
    "cdk8s",
    "jsii",
    "constructs_st2.parts.internal_tls",
    "constructs_st2.facts.content.configs",
    "constructs_st2.facts.content.datastore",
    "constructs_st2.facts.content.rbac",
    "constructs_st2.kube.custom",
    "constructs_st2.commands.diagram",
    "constructs_st2.parts.exposure",
    "constructs_st2.parts.jobs.extra",
    "constructs_st2.parts.jobs.load_datastore",
    "constructs_st2.parts.jobs.smoke_test",
    "constructs_st2.parts.autoscaling",
    "constructs_st2.parts.backup",
    "constructs_st2.parts.monitoring",
    "constructs_st2.parts.registry",
)
"""What the objects of a default cluster have no use for."""


def test_the_objects_of_a_default_cluster_load_none_of_it() -> None:
    program = (
        "import sys\n"
        "from constructs_st2.construct.clusters import cluster_of\n"
        "from constructs_st2.construct.build import build\n"
        "from constructs_st2.values import from_mapping\n"
        "build(cluster_of(from_mapping({})))\n"
        f"unwanted = {OPTIONAL!r}\n"
        "print([name for name in sys.modules if name.startswith(unwanted)])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"


def test_types_of_keys_are_compiled_with_their_module() -> None:
    texts = [
        f"{model.__name__}.{name}"
        for model in models_in(Values)
        for name, declared in vars(model).get("__annotations__", {}).items()
        if isinstance(declared, str)
    ]
    assert texts == []


NOT_FOR_A_SYNTH = (
    *("asyncio", "cdk8s_plus_27", "cryptography", "difflib", "importlib.metadata", "jsonschema", "ssl", "typeguard"),
    *("constructs_st2.changes.plan", "constructs_st2.commands.adopt", "constructs_st2.commands.doctor"),
    *("constructs_st2.facts.secrets.programs.bootstrap", "constructs_st2.facts.secrets.programs.generate"),
    *("constructs_st2.checks.operators.", "constructs_st2.values.schema"),
)
"""What takes long to load, and what a plain synth has no use for."""


def test_a_plain_synth_loads_nothing_that_others_need(tmp_path: Path) -> None:
    command = [sys.executable, "-X", "importtime", str(ROOT / "main.py"), "--quiet", "--output", str(tmp_path / "dist")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "constructs_st2.construct.stackstorm" in loaded
    assert sorted(name for name in loaded if name.startswith(NOT_FOR_A_SYNTH)) == []
