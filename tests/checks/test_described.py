"""Objects of users have the fields that Kubernetes knows, of the types that it says."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from api.others import OTHERS
from api.rich import BASE
from support import MakeCluster, Synth, each_of

from constructs_st2.checks import check
from constructs_st2.checks.api.described import not_everywhere, table, undescribed
from constructs_st2.construct.build import build
from constructs_st2.construct.stackstorm import StackStorm
from constructs_st2.construct.writing import App
from constructs_st2.errors import UserError
from constructs_st2.kube.documents import Document, scope_of
from constructs_st2.kube.reading import read_folder
from constructs_st2.values import load_values

POD: Document = {"containers": [{"name": "a", "image": "b"}]}
WORKLOAD: Document = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "x"},
    "spec": {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": POD},
    },
}


def changed(value: Any, *path: str | int, of: Document = WORKLOAD) -> Document:
    """The workload with another value at a path."""
    step, *rest = path
    old: Any = of
    new = list(old) if isinstance(old, list) else dict(old)
    inner = old[step] if isinstance(step, int) else old.get(step, {})
    new[step] = changed(value, *rest, of=inner) if rest else value  # type: ignore[index]
    return new  # type: ignore[return-value]


def told(document: Document) -> list[tuple[str, str]]:
    return [(problem.field, problem.message) for problem in undescribed(document)]


SPEC = ("spec", "template", "spec")
MAIN = "spec.template.spec.containers[a]"


@each_of("document", [*BASE, *OTHERS])
def test_what_is_right_is_described(document: Document) -> None:
    assert told(document) == []


@each_of(
    ("document", "field", "message"),
    [
        (
            changed([], *SPEC, "container"),
            "spec.template.spec.container",
            'there is no field "container" in PodSpec; did you mean containers?',
        ),
        (
            changed(1, "spec", "Replicas"),
            "spec.Replicas",
            'there is no field "Replicas" in DeploymentSpec; did you mean replicas?',
        ),
        (changed({}, "metadata", "lables"), "metadata.lables", "did you mean labels?"),
        (changed("3", "spec", "replicas"), "spec.replicas", "must be a whole number, not '3'"),
        (changed(3.5, "spec", "replicas"), "spec.replicas", "must be a whole number, not 3.5"),
        (changed(2**31, "spec", "replicas"), "spec.replicas", "must be at most 2147483647"),
        (changed(80, "metadata", "labels", "a"), "metadata.labels.a", "is 80; expected a text: put it in quotes"),
        (changed("yes", *SPEC, "hostNetwork"), "spec.template.spec.hostNetwork", "must be true or false, not 'yes'"),
        (changed({}, *SPEC, "containers", 0, "args"), f"{MAIN}.args", "must be a list"),
        (changed([], *SPEC, "securityContext"), "spec.template.spec.securityContext", "must be a mapping"),
        (
            changed({"limits": {"cpu": "lots"}}, *SPEC, "containers", 0, "resources"),
            f"{MAIN}.resources.limits.cpu",
            "must be a quantity",
        ),
        (changed(None, *SPEC, "containers", 0, "name"), "spec.template.spec.containers[0].name", "is required"),
        (changed(None, "spec", "selector"), "spec.selector", "is required"),
        (
            changed([{"apiVersion": "v1", "kind": "Pod", "name": "a"}], "metadata", "ownerReferences"),
            "metadata.ownerReferences[0].uid",
            "is required",
        ),
        (
            changed("Deploymnt", "kind"),
            "kind",
            "there is no Deploymnt in apps/v1; did you mean Deployment?",
        ),
        (
            changed("apps/v1beta1", "apiVersion"),
            "apiVersion",
            "apps/v1beta1 of Deployment is not served by any supported Kubernetes; use apps/v1",
        ),
        (changed("v1", "apiVersion"), "apiVersion", "use apps/v1"),
        (changed("app/v1", "apiVersion"), "apiVersion", 'there is no API group "app"; Deployment is of apps/v1'),
        (
            {"apiVersion": "batch/v2", "kind": "Work", "metadata": {"name": "x"}},
            "apiVersion",
            "there is no batch/v2; did you mean batch/v1?",
        ),
    ],
)
def test_what_is_wrong_is_told(document: Document, field: str, message: str) -> None:
    ((found, text),) = told(document)
    assert (found, message in text) == (field, True), text


@pytest.mark.parametrize(
    "document",
    [
        changed(None, *SPEC, "volumes"),
        changed(date(2026, 1, 2), "metadata", "annotations", "since"),
        changed({"conditions": [{}]}, "status"),
        changed("25%", "spec", "strategy", "rollingUpdate", "maxSurge"),
        changed(
            0.5,
            *SPEC,
            "containers",
            0,
            "resources",
            "limits",
            "cpu",
            of=changed({}, *SPEC, "containers", 0, "resources"),
        ),
        {"apiVersion": "example.org/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": {"any": 1}},
        {"apiVersion": "storage.k8s.io/v1beta1", "kind": "VolumeAttributesClass", "metadata": {"name": "x"}},
    ],
)
def test_what_the_server_takes_is_not_told(document: Document) -> None:
    assert told(document) == []


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (changed("a", *SPEC, "hostnameOverride"), "spec.template.spec.hostnameOverride"),
        ({"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": {"name": "x"}}, "kind"),
        (
            {"apiVersion": "storage.k8s.io/v1beta1", "kind": "VolumeAttributesClass", "metadata": {"name": "x"}},
            "apiVersion",
        ),
    ],
)
def test_what_only_some_clusters_know_is_warned_of(document: Document, field: str) -> None:
    assert [problem.field for problem in not_everywhere(document)] == [field]
    assert list(not_everywhere(WORKLOAD)) == []


def test_every_kind_lives_where_the_description_says() -> None:
    for key, known in table().kinds.items():
        api_version, kind = key.split()
        assert scope_of({"apiVersion": api_version, "kind": kind}) == known["scope"], key


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ({"finalizers": ["cleanup"]}, "metadata.finalizers[0]"),
        ({"finalizers": ["kubernetes", "example.org/cleanup"]}, None),
        ({"resourceVersion": "5"}, "metadata.resourceVersion"),
        ({"uid": "5"}, "metadata.uid"),
        (
            {
                "ownerReferences": [
                    {"apiVersion": "v1", "kind": "Pod", "name": name, "uid": "b", "controller": True} for name in "ab"
                ]
            },
            "metadata.ownerReferences",
        ),
    ],
)
def test_what_metadata_cannot_say(metadata: Document, field: str | None) -> None:
    document = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x", **metadata}}
    assert [problem.field for problem in check([document])] == ([field] if field else [])


class TestSynth:
    """Users' own objects and patched ones are looked at, at the file, line and key that is to blame."""

    @pytest.fixture
    def complaint(self, tmp_path: Path) -> Callable[[Document], str]:
        def complain(values: Document) -> str:
            path = tmp_path / "values.yaml"
            path.write_text(yaml.safe_dump(values))
            cluster = StackStorm(App(outdir=tmp_path / "dist"), "Default", values=load_values([path]))
            (line,) = cluster.complaints()
            return line.removeprefix(f"{tmp_path}/")

        return complain

    def test_an_object_of_the_user(self, complaint: Callable[[Document], str]) -> None:
        other = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "y"}}
        line = complaint({"extraObjects": [other, changed([], *SPEC, "container")]})
        key = "extraObjects[1].spec.template.spec.container"
        assert line.startswith(f'values.yaml:19: {key}: there is no field "container" in PodSpec')

    def test_a_patched_object(self, complaint: Callable[[Document], str]) -> None:
        operation = {"op": "add", "path": "/spec/template/spec/priority_class", "value": "x"}
        patch = {"target": {"kind": "Deployment", "name": "st2-st2api"}, "patch": [operation]}
        line = complaint({"patches": [patch]})
        assert line.startswith("values.yaml:3: patches[0].patch[0]: there is no field")
        assert 'there is no field "priority_class" in PodSpec; did you mean priorityClassName?' in line

    def test_a_volume_that_values_have_no_types_for(self, complaint: Callable[[Document], str]) -> None:
        source = {"awsElasticBlockStore": {"volumeID": "b", "fsTyp": "ext4"}}
        volume = {"name": "a", "mount": {"mountPath": "/a"}, "volume": source}
        line = complaint({"st2api": {"extra_volumes": [volume]}})
        assert line.startswith("values.yaml:8: st2api.extra_volumes[0].volume.awsElasticBlockStore.fsTyp: there is no")

    def test_what_is_made_of_values_alone_is_not_looked_up(
        self, cluster: MakeCluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delitem(sys.modules, "constructs_st2.checks.api.described")
        build(cluster({}))
        assert "constructs_st2.checks.api.described" not in sys.modules

    def test_what_the_program_makes_is_described(self, synth: Synth) -> None:
        assert [told(document) for document in synth() if told(document)] == []


def test_a_folder_is_read_as_kubectl_reads_it(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  labels: {b: c}\n  labels: {d: e}\n"
    )
    with pytest.raises(UserError) as caught:
        read_folder(tmp_path)
    assert list(caught.value.problems) == [f"{tmp_path}/a.yaml:6: labels is there twice, which kubectl refuses"]
