"""Our own app writes without Node.js what nobody has changed: the same objects that cdk8s makes of it."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from construct.lean import LEAN, Lean
from support import LONG
from test_blocks import BLOCKS, together

from constructs_st2 import node
from constructs_st2.commands.synth import Arguments, synth_command
from constructs_st2.errors import UserError
from constructs_st2.kube.documents import Document, identity
from constructs_st2.kube.reading import read_text

node.start()

import cdk8s  # noqa: E402
import jsii  # noqa: E402
from constructs import Construct, IValidation  # noqa: E402

from constructs_st2.construct.stackstorm import StackStorm  # noqa: E402
from constructs_st2.construct.writing import App  # noqa: E402

ODD: dict[str, Any] = {
    "extraObjects": [
        {
            "apiVersion": "example.org/v1",
            "kind": "Odd",
            "metadata": {
                "name": "odd",
                "namespace": "elsewhere",
                "labels": {"a": "yes", "b": "1e3"},
                "annotations": {"c": "0755", "d": "~", "e": "=", "f": "1:30", "g": "two\nlines\n"},
                "finalizers": ["example.org/f"],
                "generation": 3,
            },
            "spec": {"empty": {}, "none": [], "list": [[1, 2.5], {"a": True}], "text": " x\n  y\n\n", "big": 2**40},
            "a/b~c": "x",
        },
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "elsewhere"}},
    ]
}
EACH = {"default": {}, **BLOCKS, "dev": {"profile": "dev"}}
CLUSTERS = {**(EACH if LONG else {}), "all": together(BLOCKS), "odd": ODD}
"""What is in single ones is in the one with all, too, and the default in the odd one; each takes seconds."""


def read(folder: Path) -> dict[str, list[Document]]:
    return {path.name.removesuffix(".k8s.yaml"): read_text(path.read_bytes(), path.name) for path in folder.iterdir()}


@pytest.mark.parametrize("values", CLUSTERS.values(), ids=CLUSTERS)
def test_both_ways_are_equal(tmp_path: Path, values: dict[str, Any]) -> None:
    app = App(outdir=tmp_path / "dist")
    stack = StackStorm(app, "Default", values=values)
    app.synth()
    assert not stack.seen
    fast = read(tmp_path / "dist")
    for manifest in list(stack.objects.values())[::5]:
        # What is given to Node.js for a patch is the same as well.
        manifest.add_json_patch(cdk8s.JsonPatch.test("/kind", manifest.kind))
        assert manifest.to_json() == manifest.document
    # Now cdk8s makes all of it.
    app.synth()
    assert read(tmp_path / "dist") == fast


def test_files_are_named_by_paths(tmp_path: Path) -> None:
    app = App(outdir=tmp_path / "dist")
    Lean(app, "Default", values=LEAN)
    Lean(app, "net", values=LEAN, namespace="net")
    app.synth()
    names = set(read(tmp_path / "dist"))
    assert {"40-api", "net-40-api"} <= names
    Lean(Construct(app, "team"), "sto", values=LEAN, namespace="sto")
    cdk8s.Chart(app, "web").add_dependency(app.node.find_child("net").node.find_child("40-api"))
    app.synth()
    # A dependency on what comes earlier in the alphabet changes no name.
    assert set(read(tmp_path / "dist")) == names | {"web"} | {f"team-sto-{name}" for name in names if name[0].isdigit()}


def test_files_are_in_the_order_of_dependencies(tmp_path: Path) -> None:
    app = App(outdir=tmp_path / "dist")
    first, last = cdk8s.Chart(app, "z-first"), cdk8s.Chart(app, "a-last")
    for chart in (first, last):
        cdk8s.ApiObject(chart, "own", api_version="v1", kind="ConfigMap", metadata={"name": "own"})
    stack = Lean(app, "st2", values=LEAN)
    stack.tiers["namespace"].add_dependency(first)
    last.add_dependency(stack.api)
    app.synth()
    tiers = [f"st2-{tier.node.id}" for tier in stack.tiers.values()]
    after_api = tiers.index("st2-40-api") + 1
    names = ["z-first", *tiers[:after_api], "a-last", *tiers[after_api:]]
    assert sorted(read(tmp_path / "dist")) == [f"{number:04}-{name}" for number, name in enumerate(names)]


@pytest.mark.parametrize("way", ["fast", "seen"])
def test_odd_names_in_the_tree(tmp_path: Path, way: str) -> None:
    app = App(outdir=tmp_path / "dist")
    stack = Lean(app, "a/b c", values=LEAN)
    if way == "seen":
        stack.look()
    app.synth()
    assert "a--b-c-40-api" in read(tmp_path / "dist")


def test_what_an_app_tells_of_itself_has_clusters_in_it(tmp_path: Path) -> None:
    app = App(outdir=tmp_path / "dist")
    stack = Lean(app, "Default", values=LEAN)
    assert stack.client in app.charts
    app = App(outdir=tmp_path / "dist")
    stack = Lean(app, "Default", values=LEAN)
    assert len(read_text(app.synth_yaml(), "the app")) == len(stack.planned)


def test_clusters_that_nobody_has_looked_at_are_checked_and_found(tmp_path: Path) -> None:
    app = App(outdir=tmp_path / "dist")
    patch = {"op": "remove", "path": "/spec/selector"}
    target = {"kind": "Deployment", "name": "st2-st2api"}
    first = Lean(app, "first", values={**LEAN, "patches": [{"target": target, "patch": [patch]}]})
    assert first.problems()
    assert first.current() == first.planned
    assert not first.seen
    assert len(app.node.find_all()) > len(first.planned)
    Lean(app, "second", values=LEAN, release="second")
    assert len(app.node.find_child("second").node.find_all()) > len(first.planned)


def test_two_charts_of_one_name(tmp_path: Path) -> None:
    app = App(outdir=tmp_path / "dist")
    cdk8s.Chart(app, "net-40-api")
    Lean(app, "net", values=LEAN)
    with pytest.raises(UserError, match=r"two charts would be written to net-40-api\.k8s\.yaml; give one of them"):
        app.synth()


@pytest.mark.parametrize("way", ["patch", "metadata", "own object", "own chart", "search"])
def test_every_change_is_written(tmp_path: Path, way: str) -> None:
    app = App(outdir=tmp_path / "dist")
    stack = Lean(app, "Default", values=LEAN)
    deployment = "Deployment/st2-st2api"
    match way:
        case "patch":
            stack.api["st2api"]["Deployment"].add_json_patch(cdk8s.JsonPatch.add("/metadata/labels/x", "y"))
        case "metadata":
            stack.api["st2api"]["Deployment"].metadata.add_label("x", "y")
        case "own object":
            labels = {"x": "y"}
            cdk8s.ApiObject(
                stack.api, "own", api_version="v1", kind="ConfigMap", metadata={"name": "a", "labels": labels}
            )
            deployment = "ConfigMap/a"
        case "own chart":
            chart = cdk8s.Chart(app, "web", labels={"x": "y"})
            cdk8s.ApiObject(chart, "own", api_version="v1", kind="ConfigMap", metadata={"name": "a"})
            deployment = "ConfigMap/a"
        case "search":
            for each in app.node.find_all():
                if isinstance(each, cdk8s.ApiObject):
                    each.metadata.add_label("x", "y")
    app.synth()
    objects = {identity(each): each for file in read(tmp_path / "dist").values() for each in file}
    assert objects[deployment]["metadata"]["labels"]["x"] == "y"
    assert len(objects) >= len(stack.planned)


@pytest.mark.parametrize("is_seen", [True, False])
def test_nothing_is_written_when_objects_do_not_hold_together(tmp_path: Path, is_seen: bool) -> None:
    app = App(outdir=tmp_path / "dist")
    patch = {"op": "remove", "path": "/spec/selector"}
    target = {"kind": "Deployment", "name": "st2-st2api"}
    stack = Lean(app, "Default", values={**LEAN, "patches": [{"target": target, "patch": [patch]}]})
    if is_seen:
        stack.look()
    with pytest.raises(UserError, match=r"^patches\[0\]\.patch\[0\]: .*\(Deployment/st2-st2api: spec\.selector\)"):
        app.synth()
    assert list(tmp_path.iterdir()) == []


@jsii.implements(IValidation)
class Refusing:
    """A validation as a user writes one."""

    def validate(self) -> list[str]:
        """What is wrong."""
        return ["no owner", "no budget\n    of this year"]


def test_validations_of_the_user_are_told_like_those_of_ours(tmp_path: Path) -> None:
    app = App(outdir=tmp_path / "dist")
    stack = StackStorm(app, "st2", values={"profile": "dev"})
    stack.api.node.add_validation(Refusing())
    with pytest.raises(UserError) as caught:
        app.synth()
    assert caught.value.problems == ("[st2/40-api] no owner", "[st2/40-api] no budget\n    of this year")
    assert list(tmp_path.iterdir()) == []


def test_one_text_in_place_of_a_list() -> None:
    with pytest.raises(UserError, match=r"accept must be a list: \['mongodb-volumes'\]"):
        App(accept="mongodb-volumes")


def test_dependencies_that_go_round(tmp_path: Path) -> None:
    app = App(outdir=tmp_path / "dist")
    one, two = cdk8s.Chart(app, "one"), cdk8s.Chart(app, "two")
    one.add_dependency(two)
    two.add_dependency(one)
    with pytest.raises(UserError, match=r"^Dependency cycle detected: one => two => one"):
        app.synth()


@pytest.mark.parametrize("way", ["clusters", "objects"])
def test_clusters_that_depend_on_each_other(tmp_path: Path, way: str) -> None:
    app = App(outdir=tmp_path / "dist")
    one, two = (Lean(app, name, namespace=name, values=LEAN) for name in ("one", "two"))
    if way == "clusters":
        one.add_dependency(two)
        two.add_dependency(one)
    else:
        (first, *_, last), (other, *_) = (list(stack.api.objects.values()) for stack in (one, two))
        first.add_dependency(other)
        two.api.add_dependency(two.client)
        two.client["st2client"]["Deployment"].add_dependency(last)
    with pytest.raises(UserError, match=r"^Dependency cycle detected: (one/\S+) => two/.* => \1$"):
        app.synth()
    assert list(tmp_path.iterdir()) == []


def chart(scope: Construct, name: str) -> cdk8s.Chart:
    made = cdk8s.Chart(scope, name)
    cdk8s.ApiObject(made, "own", api_version="v1", kind="ConfigMap", metadata={"name": name})
    return made


def test_names_are_sorted_as_those_of_files(tmp_path: Path) -> None:
    app = App(outdir=tmp_path / "dist")
    web, more = chart(app, "web"), chart(app, "web-more")
    more.add_dependency(web)
    app.synth()
    assert [path.name for path in sorted((tmp_path / "dist").iterdir())] == [
        "0000-web.k8s.yaml",
        "0001-web-more.k8s.yaml",
    ]


@pytest.mark.parametrize("side", ["first", "last", "around"])
def test_charts_with_clusters_in_them(tmp_path: Path, side: str) -> None:
    app = App(outdir=tmp_path / "dist")
    other, around = chart(app, "z-other"), chart(app, "platform")
    stack = Lean(around, "st2", values=LEAN)
    if side != "last":
        other.add_dependency(around)
    if side != "first":
        (around if side == "last" else stack).add_dependency(other)
    app.synth()
    files = sorted(path.name for path in (tmp_path / "dist").iterdir())
    order = [re.sub(r"^\d{4}-|(-\d\d-.*)?\.k8s\.yaml$", "", name) for name in files]
    assert [name for name, _ in itertools.groupby(order)] == {
        "first": ["platform-st2", "platform", "z-other"],
        "last": ["z-other", "platform-st2", "platform"],
        "around": ["platform", "z-other", "platform-st2"],
    }[side]


def test_clusters_that_come_after_others(tmp_path: Path) -> None:
    app = App(outdir=tmp_path / "dist")
    last, first = (Lean(app, name, namespace=name, values=LEAN) for name in ("a-last", "z-first"))
    last.add_dependency(first)
    app.synth()
    made = [f"{stack.node.path}-{tier.node.id}" for stack in (first, last) for tier in stack.tiers.values()]
    assert [name.partition("-")[2] for name in sorted(read(tmp_path / "dist"))] == made


def test_what_validations_of_the_program_want_to_know(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDK8S_RECORD_CONSTRUCT_METADATA", "true")
    app = App(outdir=tmp_path / "dist")
    Lean(app, "net", values=LEAN)
    for _ in ("first", "again"):
        app.synth()
    told = json.loads((tmp_path / "dist" / "construct-metadata.json").read_text())
    assert told["version"] == "1.0.0"
    assert told["resources"]["st2-st2-urls"] == {"path": "net/10-config/ConfigMap-st2-st2-urls"}


def test_the_folder_is_the_one_that_the_program_wants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDK8S_OUTDIR", str(tmp_path / "wanted"))
    app = App()
    Lean(app, "Default", values=LEAN)
    app.synth()
    assert (tmp_path / "wanted" / "40-api.k8s.yaml").exists()


@pytest.mark.parametrize("kind", [App, cdk8s.App])
def test_dependencies_on_what_was_removed(tmp_path: Path, kind: type[Any]) -> None:
    app = kind(outdir=str(tmp_path / "dist"))
    stack = StackStorm(app, "st2", values=LEAN)
    gone, before, after = (StackStorm(app, name, namespace=name, values=LEAN) for name in ("gone", "zz", "aa"))
    after.add_dependency(stack, gone)
    stack.add_dependency(gone, before)
    stack.api["st2api"]["Deployment"].add_dependency(stack.client["st2client"]["Deployment"])
    app.node.try_remove_child("gone")
    # What all of the cluster depends on holds for the tier that is its first one now.
    stack.node.try_remove_child("00-namespace")
    stack.node.try_remove_child(stack.client.node.id)
    app.synth()
    order = [path.name.split("-")[1] for path in sorted((tmp_path / "dist").iterdir())]
    assert list(dict.fromkeys(order)) == ["zz", "st2", "aa"]
    assert order == sorted(order, key=["zz", "st2", "aa"].index)


@pytest.mark.parametrize("is_seen", [False, True])
def test_what_is_wrong_is_told_with_its_cluster_where_there_are_several(tmp_path: Path, is_seen: bool) -> None:
    for names in ("one", "two"), ("one",):
        app = App(outdir=tmp_path / "dist")
        wrong = {"extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "dat": {}}]}
        for name in names:
            stack = StackStorm(app, name, namespace=name, values={**LEAN, **wrong})
            assert not is_seen or stack.tiers
        with pytest.raises(UserError) as caught:
            app.synth()
        places = [line.partition(" ")[0] for line in caught.value.problems]
        assert {place for place in places if place.startswith("[")} == ({"[one]", "[two]"} if len(names) > 1 else set())


@pytest.mark.parametrize("kind", [App, cdk8s.App])
def test_a_program_tells_of_all_that_it_writes(tmp_path: Path, kind: type[Any]) -> None:
    def make(arguments: Arguments) -> StackStorm:
        """Write two clusters."""
        app = kind(outdir=str(arguments.output))
        plain = {**LEAN, "secrets": {"mode": "plain", "seed": "0123456789abcdef0123456789abcdef"}}
        one, _ = (StackStorm(app, name, namespace=name, values=plain) for name in ("one", "two"))
        app.synth()
        return one

    done = CliRunner().invoke(synth_command(make), ["--output", str(tmp_path / "dist")], catch_exceptions=False)
    told = done.stderr.splitlines()
    warnings = [line for line in told if line.startswith("warning: ")]
    assert {line.split()[1] for line in warnings} == {"[one]", "[two]"}
    assert [line.split(", st2")[0] for line in told if line.startswith("release")] == [
        f"release st2, namespace {name}" for name in ("one", "two")
    ]
    objects = read(tmp_path / "dist")
    count = sum(map(len, objects.values()))
    assert f"{len(objects)} files, {count} objects" in done.stderr
