"""The types of Kubernetes' fields are what the description of the API makes, and say what it does not."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from kubernetes_types import __main__ as command
from kubernetes_types import choices, sources
from kubernetes_types.generate import module, used

from constructs_st2.errors import UserError
from constructs_st2.values import GivenValues
from constructs_st2.values.model import kubernetes
from constructs_st2.values.shape import keys

PINNED = json.loads(command.PIN.read_text(encoding="utf-8"))
DEFINITIONS = json.loads(command.DEFINITIONS.read_text(encoding="utf-8"))


def test_the_module_is_what_the_definitions_make_and_nobody_has_edited_it() -> None:
    expected = module(DEFINITIONS, PINNED["version"])
    assert command.MODULE.read_text(encoding="utf-8") == expected, "run make kubernetes-types"


def test_all_definitions_are_in_use() -> None:
    assert DEFINITIONS.keys() == used({f"io.k8s.api.core.v1.{name}": each for name, each in DEFINITIONS.items()}).keys()


@pytest.mark.parametrize("table", ["TYPES", "CHOICES", "LEFT_OUT"])
def test_a_choice_about_what_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch, table: str) -> None:
    monkeypatch.setitem(getattr(choices, table), "Container.imagePullPolcy", "x")
    with pytest.raises(ValueError, match=r"no definition has Container\.imagePullPolcy; correct .*choices\.py"):
        module(DEFINITIONS, "v1")


def definition(*required: str, **properties: Any) -> dict[str, Any]:
    return {"description": "Something (e.g. a thing). More of it.", "required": required, "properties": properties}


TEXT = {"type": "string", "description": "A text."}
API = {
    "io.k8s.api.core.v1.Probe": definition(
        "name",
        **{
            "list": {"type": "array", "items": {"$ref": "#/definitions/io.k8s.api.core.v1.Part"}},
            "map": {"type": "object", "additionalProperties": {"$ref": "#/x/io.k8s.apimachinery.resource.Quantity"}},
            "name": TEXT,
            "number": {"type": "integer"},
            "from": TEXT,
            "either": {"$ref": "#/definitions/io.k8s.apimachinery.pkg.util.intstr.IntOrString"},
            "rare": {"$ref": "#/definitions/io.k8s.api.core.v1.Rare"},
        },
    ),
    "io.k8s.api.core.v1.Part": definition(kind=TEXT, gone=TEXT),
    "io.k8s.api.core.v1.Rare": definition(x=TEXT),
    "io.k8s.api.other.v1.Unused": definition(x=TEXT),
}
MADE = '''
@deferred(STRICT)
class Part(TypedDict, total=False):
    """Something (e.g. a thing)."""

    kind: Literal["a", "b"]


_ProbeKeywords = TypedDict("_ProbeKeywords", {"from": str}, total=False)


@deferred(STRICT)
class Probe(_ProbeKeywords, total=False):
    """Something (e.g. a thing)."""

    number: int
    map: dict[str, Quantity]
    name: Required[DnsLabel]
    either: int | str
    list: list[Part]
    rare: KubernetesFields
'''


def test_each_kind_of_field_becomes_the_type_that_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: dict[str, Any] = {
        "ROOTS": ("Probe",),
        "VARIANTS": {},
        "_ONLY_VARIED": set(),
        "REQUIRED": frozenset(),
        "FIRST": {"Probe": ("number", "map")},
        "OPAQUE": frozenset({"Rare"}),
        "TYPES": {"Probe.name": "DnsLabel"},
        "CHOICES": {".kind": ("a", "b")},
        "LEFT_OUT": {"Part.gone": "it is gone"},
    }
    for name, value in chosen.items():
        monkeypatch.setattr(f"kubernetes_types.generate.{name}", value)
    assert module(used(API), "v1").endswith(f"\n\n{MADE}")


class TestCommand:
    """It takes no other document than the one that is pinned."""

    @pytest.fixture
    def folder(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
        full = {f"io.k8s.api.core.v1.{name}": each for name, each in DEFINITIONS.items()}
        text = json.dumps({"definitions": full})
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as content:
            content.writestr("k8s.io/kubernetes@v9/api/openapi-spec/swagger.json", text)
        (tmp_path / "archive").write_bytes(archive.getvalue())
        (tmp_path / "pin.json").write_text(json.dumps({"version": "v9", "sha256": _sum(text)}))
        monkeypatch.setattr(sources, "_ARCHIVE", f"file://{tmp_path}/archive#{{version}}")
        for name, file in (("PIN", "pin.json"), ("DEFINITIONS", "definitions.json"), ("MODULE", "made.py")):
            monkeypatch.setattr(command, name, tmp_path / file)
        return tmp_path

    def test_it_writes_the_module(self, folder: Path) -> None:
        command.main([])
        assert (folder / "made.py").read_text() == module(DEFINITIONS, "v9")

    def test_another_document_is_refused(self, folder: Path) -> None:
        (folder / "pin.json").write_text(json.dumps({"version": "v9", "sha256": "0" * 64}))
        with pytest.raises(SystemExit, match="the document of v9 has the checksum"):
            command.main([])
        assert not (folder / "made.py").exists()

    def test_a_version_that_is_asked_for_is_pinned(self, folder: Path) -> None:
        (folder / "pin.json").write_text(json.dumps({"version": "v8", "sha256": "0" * 64}))
        command.main(["v9"])
        assert json.loads((folder / "pin.json").read_text())["version"] == "v9"


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


CONTAINER = {"name": "x", "image": "x:1"}


@pytest.mark.parametrize(
    ("service", "problem"),
    [
        ({"resources": {"limits": {"memory": "1Gib"}}}, "memory: must be a Kubernetes quantity, such as 250m"),
        ({"livenessProbe": {"httpGet": {"path": "/"}}}, "livenessProbe.httpGet.port: is required"),
        ({"livenessProbe": {"grpc": {"port": "x"}}}, "livenessProbe.grpc.port: must be a whole number"),
        ({"tolerations": [{"operator": "Exist"}]}, 'operator: must be one of Exists, Equal; did you mean "Exists"?'),
        ({"securityContext": {"runAsUser": -1}}, "runAsUser: must be at least 0, not -1"),
        ({"sidecars": [{**CONTAINER, "envFrom": [{"secretRef": {}}]}]}, "envFrom[0].secretRef.name: is required"),
        ({"sidecars": [{**CONTAINER, "lifecycle": {"stopSignal": "TERM"}}]}, "lifecycle.stopSignal: unknown key"),
        ({"affinity": {"podAffinty": {}}}, 'affinity.podAffinty: unknown key; did you mean "podAffinity"?'),
    ],
)
def test_what_is_wrong_is_told_in_the_words_of_the_model(service: dict[str, Any], problem: str) -> None:
    with pytest.raises(UserError) as caught:
        GivenValues.of({"st2api": service}).resolve("st2", "stackstorm")
    (told,) = caught.value.problems
    assert problem in told


@pytest.mark.parametrize("port", [8080, "http"])
def test_ports_are_numbers_or_names(port: Any) -> None:
    GivenValues.of({"st2api": {"livenessProbe": {"tcpSocket": {"port": port}}}}).resolve("st2", "stackstorm")


def test_a_volume_has_no_name_where_the_chart_has_it_elsewhere() -> None:
    assert "name" not in (keys(kubernetes.VolumeSource) or {})
    assert {"name", "mountPath"} <= (keys(kubernetes.VolumeMountOfVolume) or {}).keys()
