"""The construct in somebody's own app: whatever cdk8s promises of its objects holds for these."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from construct.lean import LEAN, Lean

from constructs_st2 import node
from constructs_st2.errors import UserError
from constructs_st2.facts.cluster import Cluster
from constructs_st2.kube.documents import Document, identity, pod_template
from constructs_st2.kube.reading import read_folder
from constructs_st2.parts.tiers import Part
from constructs_st2.values import Values, ValuesLike, load_values
from constructs_st2.values.model import ActionRunner

node.start()

import cdk8s  # noqa: E402
import jsii  # noqa: E402
from constructs import Construct, Node, RootConstruct  # noqa: E402

from constructs_st2.construct.stackstorm import StackStorm, TierAttribute  # noqa: E402
from constructs_st2.construct.tiers import Api, Client, Runners, Tier  # noqa: E402
from constructs_st2.construct.writing import App  # noqa: E402

API = "Deployment/st2-st2api"


@pytest.fixture
def app(tmp_path: Path) -> cdk8s.App:
    return cdk8s.App(outdir=str(tmp_path / "dist"))


def written(app: cdk8s.App) -> dict[str, Document]:
    """What an app writes, by namespace, kind and name."""
    app.synth()
    objects = read_folder(Path(app.outdir))
    found = {f"{each['metadata'].get('namespace', '')}/{identity(each)}": each for each in objects}
    assert len(found) == len(objects)
    return found


def test_objects_are_found_by_the_names_of_tier_and_service(app: cdk8s.App) -> None:
    stack = StackStorm(app, "st2")
    assert stack.api["st2api"]["Deployment"] is stack.objects[API] is stack.tiers["api"].objects[API]
    assert stack.runners["st2actionrunner"]["PodDisruptionBudget"].name == "st2-st2actionrunner"
    assert stack.coordination["redis"]["Service/st2-redis-headless"].kind == "Service"
    assert stack.config.objects["ConfigMap/st2-st2-urls"].api_version == "v1"


def test_all_objects_of_a_tier(app: cdk8s.App) -> None:
    tier = Lean(app, "st2", values=LEAN).api
    cdk8s.ApiObject(tier, "own", api_version="v1", kind="ConfigMap", metadata={"name": "own"})
    assert [each.name for each in tier.api_objects] == [*(each.name for each in tier.objects.values()), "own"]


def test_what_there_is_can_be_asked(app: cdk8s.App) -> None:
    stack = StackStorm(app, "st2", values={"profile": "dev"})
    assert list(stack.api) == ["st2auth", "st2api", "st2stream"]
    assert ("st2api" in stack.api, "st2web" in stack.api) == (True, False)
    assert list(stack.api["st2api"]) == ["Service/st2-st2api", API]
    assert all(name in stack.api["st2api"] for name in (API, "Deployment"))
    assert not any(name in stack.mongodb["mongodb"] for name in ("Deployment", "Service", 1))
    assert [repr(each) for each in (stack, stack.api, stack.api["st2api"], stack.objects[API])] == [
        "<StackStorm st2: st2 in stackstorm>",
        "<Api st2/40-api>",
        "<Component st2/40-api/st2api>",
        f"<Manifest {API}>",
    ]


def test_names_of_secrets(app: cdk8s.App) -> None:
    values = {"profile": "dev", "secrets": {"mode": "existing"}, "st2": {"existingAuthSecret": "ours"}}
    stack = StackStorm(app, "st2", values=values)
    assert (stack.secret_names["st2-auth"], stack.secret_names["mongodb"]) == ("ours", "st2-mongodb")
    assert "st2-apikeys" not in stack.secret_names


def test_each_tier_but_the_namespace_is_an_attribute() -> None:
    attributes = {name for name, each in vars(StackStorm).items() if isinstance(each, TierAttribute)}
    assert attributes == StackStorm.TIERS.keys() - {"namespace"}


def test_what_there_is_not_is_said(app: cdk8s.App) -> None:
    stack = StackStorm(app, "st2", values={"mongodb": {"enabled": True}})
    with pytest.raises(LookupError, match="there is no tier chatops in this cluster; there are: namespace, config,"):
        _ = stack.chatops
    with pytest.raises(KeyError, match="there is no st2apii; there are: st2auth, st2api, st2stream"):
        stack.api["st2apii"]
    with pytest.raises(KeyError, match="there is more than one Service; there are: ConfigMap/"):
        stack.mongodb["mongodb"]["Service"]
    with pytest.raises(KeyError, match="there is no Job; there are: "):
        stack.mongodb["mongodb"]["Job"]


def test_several_clusters_beside_other_charts_and_below_any_construct(app: cdk8s.App) -> None:
    chart = cdk8s.Chart(app, "web", namespace="web")
    cdk8s.ApiObject(chart, "own", api_version="v1", kind="ConfigMap", metadata={"name": "own"})
    Lean(app, "one", namespace="one", values={**LEAN, "st2api": {"replicas": 3}})
    Lean(Construct(app, "team"), "two", namespace="two", values=LEAN)
    objects = written(app)
    assert objects["web/ConfigMap/own"]
    assert [objects[f"{name}/{API}"]["spec"]["replicas"] for name in ("one", "two")] == [3, 1]


def test_a_cluster_within_another(app: cdk8s.App) -> None:
    outer = Lean(app, "outer", values=LEAN)
    values = {**LEAN, "namespace": {"create": False}}
    inner = [
        StackStorm(scope, "in", values=values, release=release)
        for scope, release in ((outer, "blue"), (outer.client, "green"))
    ]
    # Each is checked by itself: what one brings is not in the other.
    assert [stack.problems() for stack in (outer, *inner)] == [[], [], []]
    assert len(outer.current()) == len(outer.planned)


@pytest.mark.parametrize("kind", [cdk8s.App, App])
def test_two_clusters_of_one_name(tmp_path: Path, kind: type[Any]) -> None:
    app = kind(outdir=str(tmp_path / "dist"))
    Lean(app, "one", values=LEAN)
    Lean(app, "two", values=LEAN)
    with pytest.raises(
        (RuntimeError, UserError), match=r'Release/st2: namespace stackstorm: .* the cluster "one"; give'
    ):
        app.synth()


def test_two_clusters_in_one_namespace(app: cdk8s.App) -> None:
    Lean(app, "one", values=LEAN)
    two = Lean(app, "two", release="two", values=LEAN)
    (problem,) = two.problems()
    assert str(problem).startswith(
        'Namespace/stackstorm: metadata.name: is also an object of the cluster "one"; set namespace.create to false'
    )
    three = Lean(app, "three", release="three", values={**LEAN, "namespace": {"create": False}})
    assert three.problems() == []


def test_an_object_that_a_chart_has_too(app: cdk8s.App) -> None:
    chart = cdk8s.Chart(app, "platform")
    for kind, name in (("Namespace", "stackstorm"), ("Namespace", "other"), ("ConfigMap", "stackstorm")):
        metadata = {"name": name, **({"namespace": "default"} if kind == "ConfigMap" else {})}
        cdk8s.ApiObject(chart, f"{kind}-{name}", api_version="v1", kind=kind, metadata=metadata)
    stack = Lean(app, "st2", values=LEAN)
    assert [str(problem) for problem in stack.problems()] == [
        'Namespace/stackstorm: metadata.name: is also an object of the chart "platform"; '
        "set namespace.create to false [unique]"
    ]
    without = {**LEAN, "namespace": {"create": False}}
    assert Lean(app, "without", release="without", values=without).problems() == []


CLASH = "metadata.name: is also an object of the"


def problems_of(stack: StackStorm) -> list[str]:
    return [str(problem).partition(";")[0] for problem in stack.problems()]


def test_what_two_clusters_share_is_what_they_have_now(app: cdk8s.App) -> None:
    one = StackStorm(app, "one", values=LEAN)
    two = StackStorm(app, "two", release="two", values=LEAN)
    namespace = one.objects["Namespace/stackstorm"]
    one.tiers["namespace"].node.try_remove_child(namespace.node.id)
    two.objects["ServiceAccount/two-st2"].add_json_patch(cdk8s.JsonPatch.replace("/metadata/name", "st2-st2"))
    three = StackStorm(app, "three", release="three", values={**LEAN, "namespace": {"create": False}})
    three.objects["ServiceAccount/three-st2"].add_json_patch(cdk8s.JsonPatch.remove("/metadata/name"))
    assert [each for each in problems_of(two) if CLASH in each] == [f'ServiceAccount/st2-st2: {CLASH} cluster "one"']
    assert not [each for each in problems_of(three) if CLASH in each]


def test_what_a_chart_shares_with_a_cluster_is_what_that_has_now(app: cdk8s.App) -> None:
    chart = cdk8s.Chart(app, "platform", namespace="stackstorm")
    for name in ("st2-st2", "moved"):
        cdk8s.ApiObject(chart, name, api_version="v1", kind="ServiceAccount", metadata={"name": name})
    stack = StackStorm(app, "st2", values={**LEAN, "serviceAccount": {"create": True}})
    assert f'ServiceAccount/st2-st2: {CLASH} chart "platform"' in problems_of(stack)
    stack.objects["ServiceAccount/st2-st2"].add_json_patch(cdk8s.JsonPatch.replace("/metadata/name", "moved"))
    assert [each for each in problems_of(stack) if CLASH in each] == [f'ServiceAccount/moved: {CLASH} chart "platform"']


def test_what_is_added_elsewhere_after_a_look_is_found(app: cdk8s.App) -> None:
    stack = StackStorm(app, "st2", values=LEAN)
    assert (stack.problems(), stack.complaints()) == ([], [])
    chart = cdk8s.Chart(app, "platform")
    clash = cdk8s.ApiObject(chart, "ns", api_version="v1", kind="Namespace", metadata={"name": "stackstorm"})
    for _ in range(2):
        with pytest.raises(RuntimeError, match=f"Namespace/stackstorm: {CLASH}"):
            app.synth()
    chart.node.try_remove_child(clash.node.id)
    assert written(app)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"release": None}, "release name must be text, not None"),
        ({"release": 5, "namespace": 7}, "release name must be text, not 5\nnamespace must be text, not 7"),
        ({"scope": None}, "scope must be the app, or a construct in it, not NoneType"),
        ({"scope": "app"}, "scope must be the app, or a construct in it, not str"),
    ],
)
def test_arguments_that_cannot_be(app: cdk8s.App, arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(UserError) as caught:
        StackStorm(**{"scope": app, "id": "st2", **arguments})
    assert str(caught.value) == problem


def test_an_empty_namespace_is_not_the_default(app: cdk8s.App) -> None:
    with pytest.raises(UserError, match='namespace "" must consist of'):
        StackStorm(app, "st2", namespace="")


def test_patches_and_metadata(app: cdk8s.App) -> None:
    stack = Lean(app, "st2", values={**LEAN, "st2api": {"replicas": 2}})
    deployment = stack.api["st2api"]["Deployment"]
    deployment.add_json_patch(cdk8s.JsonPatch.replace("/spec/replicas", 7))
    deployment.add_json_patch(cdk8s.JsonPatch.add("/metadata/annotations/example.org~1a", "b"))
    deployment.metadata.add_label("team", "network")
    deployment.metadata.add_annotation("example.org/c", "d")
    stack.objects["Namespace/stackstorm"].add_json_patch(cdk8s.JsonPatch.add("/metadata/labels/team", "network"))
    assert deployment.metadata.get_label("app") == "st2api"
    assert deployment.metadata.name == deployment.name == "st2-st2api"
    objects = written(app)
    planned = {identity(each): each for each in stack.planned}
    changed = objects.pop(f"stackstorm/{API}")
    assert changed["spec"] == {**planned[API]["spec"], "replicas": 7}
    assert changed["metadata"]["labels"] == {**planned[API]["metadata"]["labels"], "team": "network"}
    assert changed["metadata"]["annotations"] == {
        **planned[API]["metadata"]["annotations"],
        "example.org/a": "b",
        "example.org/c": "d",
    }
    namespace = objects.pop("/Namespace/stackstorm")
    assert namespace["metadata"]["labels"]["team"] == "network"
    assert "namespace" not in namespace["metadata"]
    assert all(each == planned[identity(each)] for each in objects.values())


def test_to_json_is_the_whole_object(app: cdk8s.App) -> None:
    stack = Lean(app, "st2", values=LEAN)
    for manifest in (stack.objects[API], stack.objects["Namespace/stackstorm"]):
        assert manifest.to_json() == manifest.document
    stack.objects[API].add_json_patch(cdk8s.JsonPatch.remove("/spec/revisionHistoryLimit"))
    patched, limit = stack.objects[API].to_json(), stack.objects[API].document["spec"]["revisionHistoryLimit"]
    assert "revisionHistoryLimit" not in patched["spec"]
    assert {**patched["spec"], "revisionHistoryLimit": limit} == stack.objects[API].document["spec"]
    assert cdk8s.Testing.synth(stack.client) == stack.client.to_json()
    assert [each["kind"] for each in stack.client.to_json()] == ["Deployment"]


def test_what_is_done_to_the_json_of_an_object_is_not_written(app: cdk8s.App) -> None:
    deployment = Lean(app, "st2", values=LEAN).objects[API]
    deployment.to_json()["spec"]["replicas"] = 77
    assert written(app)[f"stackstorm/{API}"]["spec"]["replicas"] == deployment.document["spec"]["replicas"] == 1


def test_changes_of_the_document_hold_before_and_after_patches(app: cdk8s.App) -> None:
    deployment = Lean(app, "st2", values=LEAN).objects[API]
    for replicas in (3, 4):
        deployment.document["spec"]["replicas"] = replicas
        deployment.add_json_patch(cdk8s.JsonPatch.add("/metadata/labels/team", "network"))
        assert deployment.to_json()["spec"]["replicas"] == replicas
    deployment.document["metadata"]["labels"]["support"] = "ours"
    deployment.metadata.add_label("tier", "first")
    labels = deployment.to_json()["metadata"]["labels"]
    assert {"support": "ours", "tier": "first", "team": "network", "app": "st2api"}.items() <= labels.items()


def test_a_patch_that_is_none(app: cdk8s.App) -> None:
    manifest = StackStorm(app, "st2", values=LEAN).objects[API]
    remove = cdk8s.JsonPatch.remove("/spec/replicas")
    for given, position, name in ([[remove]], 0, "list"), ([remove, {"op": "remove", "path": "/spec"}], 1, "dict"):
        with pytest.raises(TypeError, match=rf"argument ops\[{position}\] must be cdk8s.JsonPatch; got {name} instead"):
            manifest.add_json_patch(*given)
    assert "replicas" in manifest.to_json()["spec"]


def test_owners_and_finalizers_are_added_to_those_of_the_values(app: cdk8s.App) -> None:
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "first", "uid": "1"}
    metadata = {"name": "own", "ownerReferences": [owner], "finalizers": ["example.org/first"]}
    own = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    manifest = StackStorm(app, "st2", values={**LEAN, "extraObjects": [own]}).objects["ConfigMap/own"]
    manifest.metadata.add_owner_reference(api_version="v1", kind="ConfigMap", name="second", uid="2")
    manifest.metadata.add_finalizers("example.org/second")
    made = written(app)["stackstorm/ConfigMap/own"]["metadata"]
    assert made["ownerReferences"] == [owner, {**owner, "name": "second", "uid": "2"}]
    assert made["finalizers"] == ["example.org/first", "example.org/second"]


def test_a_patch_that_cannot_be_applied(app: cdk8s.App) -> None:
    deployment = Lean(app, "st2", values=LEAN).objects[API]
    deployment.add_json_patch(cdk8s.JsonPatch.replace("/spec/absent/field", 1))
    with pytest.raises(RuntimeError, match=rf"the JSON patch cannot be applied to {API}: "):
        app.synth()
    another = Lean(app, "another", namespace="another", values={**LEAN, "st2api": {"replicas": 2}}).objects[API]
    another.add_json_patch(*(cdk8s.JsonPatch.test("/spec/replicas", replicas) for replicas in (2, 3, 4)))
    with pytest.raises(UserError, match=rf"^the JSON patch 2 of 3 cannot be applied to {API}: TEST_.* 3 }}$"):
        another.to_json()


@jsii.implements(cdk8s.IResolver)
class Mirror:
    """Takes all images of StackStorm from elsewhere."""

    def resolve(self, context: cdk8s.ResolutionContext) -> None:
        """Replace the name of an image."""
        if context.key[-1:] == ["image"] and context.obj.kind == "Deployment":
            repository, _, tag = context.value.rpartition("/")
            if repository != "mirror.example.org":
                context.replace_value(f"mirror.example.org/{tag}")


@pytest.mark.parametrize("kind", [cdk8s.App, App], ids=["any app", "ours"])
def test_resolvers_are_asked_about_all(tmp_path: Path, kind: type[Any]) -> None:
    app = kind(outdir=str(tmp_path / "dist"), resolvers=[Mirror()])
    Lean(app, "st2", values=LEAN)
    deployments = [each for each in written(app).values() if each["kind"] == "Deployment"]
    images = {each["spec"]["template"]["spec"]["containers"][0]["image"].partition("/")[0] for each in deployments}
    assert images == {"mirror.example.org"}


def test_resolvers_of_the_app_come_before_patches(tmp_path: Path) -> None:
    app = cdk8s.App(outdir=str(tmp_path / "dist"), resolvers=[Mirror()])
    client = Lean(app, "st2", values=LEAN).client["st2client"]["Deployment"]
    container = client.to_json()["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "mirror.example.org/st2actionrunner:3.9"
    client.add_json_patch(cdk8s.JsonPatch.replace("/spec/template/spec/containers/0/image", "other:1"))
    assert client.current()["spec"]["template"]["spec"]["containers"][0]["image"] == "other:1"


@jsii.implements(cdk8s.IResolver)
class Counting:
    """Replaces nothing, and counts how often it is asked."""

    asked = 0

    def resolve(self, context: cdk8s.ResolutionContext) -> None:
        """Count."""
        if context.key == ["spec", "replicas"]:
            self.asked += 1


def test_resolvers_are_not_asked_anew_for_each_chart(tmp_path: Path) -> None:
    resolver = Counting()
    app = cdk8s.App(outdir=str(tmp_path / "dist"), resolvers=[resolver])
    client = Lean(app, "st2", values=LEAN).client["st2client"]["Deployment"]
    for asked in (1, 1):
        client.current()
        assert resolver.asked == asked
    client.metadata.add_label("team", "network")
    assert client.current()["metadata"]["labels"]["team"] == "network"
    assert resolver.asked == 2
    client.to_json()
    assert resolver.asked == 3


def test_patches_are_not_applied_anew_for_each_chart(app: cdk8s.App, monkeypatch: pytest.MonkeyPatch) -> None:
    applied = []
    apply = cdk8s.JsonPatch.apply

    def counting(document: Any, *patches: cdk8s.JsonPatch) -> Any:
        applied.append(len(patches))
        return apply(document, *patches)

    monkeypatch.setattr(cdk8s.JsonPatch, "apply", counting)
    client = Lean(app, "st2", values=LEAN).client["st2client"]["Deployment"]
    client.add_json_patch(cdk8s.JsonPatch.replace("/spec/replicas", 2))
    for _ in range(2):
        client.current()["spec"].clear()
        assert client.current()["spec"]["replicas"] == 2
        assert applied == [1]
    client.add_json_patch(cdk8s.JsonPatch.replace("/spec/replicas", 3))
    assert client.current()["spec"]["replicas"] == 3
    client.metadata.add_label("team", "network")
    assert client.current()["metadata"]["labels"]["team"] == "network"
    assert applied == [1, 2, 2]


def test_own_objects_in_a_tier(app: cdk8s.App) -> None:
    stack = Lean(app, "st2", values=LEAN, namespace="automation")
    cdk8s.ApiObject(stack.api, "own", api_version="v1", kind="ConfigMap", metadata={"name": "own"})
    assert written(app)["automation/ConfigMap/own"]


def test_own_objects_are_checked_too(app: cdk8s.App) -> None:
    stack = Lean(app, "st2", values=LEAN)
    own = cdk8s.ApiObject(stack.api, "own", api_version="apps/v1", kind="Deployment", metadata={"name": "own"})
    template = {"metadata": {"labels": {"app": "own"}}, "spec": {"containers": [{"name": "own", "image": "a:1"}]}}
    own.add_json_patch(cdk8s.JsonPatch.add("/spec", {"selector": {"matchLabels": {"a": "b"}}, "template": template}))
    with pytest.raises(RuntimeError, match=r"\[st2\] Deployment/own: spec.selector: "):
        app.synth()


def test_checks_come_after_patches(app: cdk8s.App) -> None:
    stack = Lean(app, "st2", values=LEAN)
    stack.api["st2api"]["Deployment"].add_json_patch(cdk8s.JsonPatch.remove("/spec/selector"))
    with pytest.raises(RuntimeError, match=rf"(?s)Validation failed.*\[st2\] {API}: spec.selector: "):
        app.synth()
    assert any(problem.object == API for problem in stack.problems())


def test_a_chart_around_it_gives_namespace_and_labels(app: cdk8s.App) -> None:
    chart = cdk8s.Chart(app, "platform", namespace="automation", labels={"team": "platform", "app": "x"})
    stack = Lean(Construct(chart, "here"), "st2", values=LEAN)
    assert stack.cluster.release.namespace == "automation"
    for document in [*stack.planned, *stack.api.to_json()]:
        assert document["metadata"]["labels"]["team"] == "platform"
    assert stack.objects[API].document["metadata"]["labels"]["app"] == "st2api"
    assert "team" not in stack.objects[API].document["spec"]["template"]["metadata"]["labels"]
    cdk8s.ApiObject(stack.api, "own", api_version="v1", kind="ConfigMap", metadata={"name": "own"})
    assert written(app)["automation/ConfigMap/own"]["metadata"]["labels"] == {"team": "platform", "app": "x"}


def test_all_charts_around_it_give_namespace_labels_and_names(app: cdk8s.App) -> None:
    outer = cdk8s.Chart(app, "outer", namespace="automation", labels={"team": "platform", "stage": "test"})
    inner = cdk8s.Chart(outer, "inner", labels={"stage": "production"}, disable_resource_name_hashes=True)
    stack = Lean(inner, "st2", values=LEAN)
    assert stack.cluster.release.namespace == "automation"
    labels = stack.objects[API].to_json()["metadata"]["labels"]
    assert (labels["team"], labels["stage"]) == ("platform", "production")
    alone = Lean(app, "alone", namespace="alone", values=LEAN)
    names = [cdk8s.ApiObject(tier, "own", api_version="v1", kind="ConfigMap").name for tier in (stack.api, alone.api)]
    assert names == ["outer-inner-st2-40-api-own", "alone-40-api-own-c8497665"]


def test_dependencies_between_charts_and_objects(app: cdk8s.App) -> None:
    stack = StackStorm(app, "st2", values={"profile": "dev"})
    other = cdk8s.Chart(app, "a-first")
    other.add_dependency(stack.api)
    stack.api.add_dependency(stack.mongodb)
    stack.api["st2auth"]["Deployment"].add_dependency(stack.api["st2stream"]["Deployment"])
    kinds = [identity(each) for each in stack.api.to_json()]
    assert kinds.index("Deployment/st2-st2stream") < kinds.index("Deployment/st2-st2auth")
    app.synth()
    order = [name.partition("-c8")[0].partition("-")[2] for name in sorted(path.name for path in files(app))]
    assert order.index("st2-30-mongodb") < order.index("st2-40-api") < order.index("a-first.k8s.yaml")


def test_all_cluster_before_a_chart(app: cdk8s.App) -> None:
    other = cdk8s.Chart(app, "a-first")
    cdk8s.ApiObject(other, "own", api_version="v1", kind="ConfigMap", metadata={"name": "own"})
    other.add_dependency(*Lean(app, "st2", values=LEAN).tiers.values())
    app.synth()
    assert "a-first" in max(path.name for path in files(app))


def test_a_cluster_as_a_dependency_is_all_its_tiers(app: cdk8s.App) -> None:
    first, last = cdk8s.Chart(app, "z-first"), cdk8s.Chart(app, "a-last")
    for chart in (first, last):
        cdk8s.ApiObject(chart, "own", api_version="v1", kind="ConfigMap", metadata={"name": "own"})
    stack = Lean(app, "st2", values=LEAN)
    last.add_dependency(stack)
    stack.add_dependency(first)
    app.synth()
    names = sorted(path.name for path in files(app))
    assert ("z-first" in names[0], "a-last" in names[-1]) == (True, True)
    assert len(names) == 2 + len(stack.tiers)


@pytest.mark.parametrize("what", ["tier", "object"])
def test_a_namespace_stays_in_front_of_what_is_in_it(app: cdk8s.App, what: str) -> None:
    """cdk8s moves what others depend on behind everything that nobody depends on."""
    stack = Lean(app, "st2", values=LEAN)
    other = cdk8s.Chart(app, "other")
    own = cdk8s.ApiObject(other, "own", api_version="v1", kind="ConfigMap", metadata={"name": "own"})
    if what == "tier":
        other.add_dependency(stack.tiers["namespace"])
    else:
        own.add_dependency(stack.objects["Namespace/stackstorm"])
    app.synth()
    order = sorted(path.name for path in files(app))
    assert "st2-00-namespace" in order[0]
    assert len(order) == len(stack.tiers) + 1


def test_a_tier_before_another(app: cdk8s.App) -> None:
    stack = StackStorm(app, "st2", values={"profile": "dev"})
    stack.mongodb.add_dependency(stack.client)
    app.synth()
    order = [path.name.partition("-st2-")[2].partition("-c8")[0] for path in sorted(files(app))]
    assert order.index("75-client") < order.index("30-mongodb")
    assert order[0] == "00-namespace"


def test_a_tier_before_what_was_there_earlier(app: cdk8s.App) -> None:
    earlier = cdk8s.Chart(app, "earlier")
    stack = Lean(app, "st2", values=LEAN)
    earlier.add_dependency(stack.client)
    app.synth()
    order = [path.name for path in sorted(files(app))]
    assert ("00-namespace" in order[0], "75-client" in order[1]) == (True, True)


def test_a_namespace_that_has_to_wait(app: cdk8s.App) -> None:
    stack = Lean(app, "st2", values=LEAN)
    stack.tiers["namespace"].add_dependency(stack.config)
    app.synth()
    order = [path.name.partition("-st2-")[2].partition("-c8")[0] for path in sorted(files(app))]
    assert order[:2] == ["10-config", "00-namespace"]


def test_a_cluster_depends_by_its_node_too(app: cdk8s.App) -> None:
    stack = Lean(app, "st2", values=LEAN)
    first = cdk8s.Chart(app, "z-first")
    stack.node.add_dependency(first)
    app.synth()
    order = sorted(path.name for path in files(app))
    assert ("z-first" in order[0], "00-namespace" in order[1]) == (True, True)
    own = [tier for tier in stack.tiers.values() if tier.node.dependencies]
    assert own == [stack.tiers["namespace"]], "cdk8s would take seconds to sort by more than that"


def test_clusters_after_one_another(app: cdk8s.App) -> None:
    last, middle, first = (Lean(app, name, namespace=name, values=LEAN) for name in ("last", "middle", "first"))
    last.add_dependency(middle)
    middle.add_dependency(first)
    graph = [(each, other) for each in app.node.find_all() for other in each.node.dependencies]
    assert len(graph) == len(middle.tiers) + len(first.tiers), "cdk8s would take hours to sort ten clusters"
    app.synth()
    order = [path.name.partition("-c8")[0] for path in sorted(files(app))]
    made = [f"{stack.node.path}-{tier.node.id}" for stack in (first, middle, last) for tier in stack.tiers.values()]
    assert [name.partition("-")[2] for name in order] == made


def test_a_cluster_whose_namespace_has_to_wait_comes_after_another(app: cdk8s.App) -> None:
    waits, first = (Lean(app, name, namespace=name, values=LEAN) for name in ("waits", "first"))
    waits.tiers["namespace"].add_dependency(waits.config)
    waits.add_dependency(first)
    app.synth()
    order = [path.name.partition("-c8")[0].partition("-")[2] for path in sorted(files(app))]
    assert [name.partition("-")[0] for name in order] == [*["first"] * len(first.tiers), *["waits"] * len(waits.tiers)]


def test_a_cluster_after_itself_or_a_tier_of_it(app: cdk8s.App) -> None:
    stack = Lean(app, "st2", values=LEAN)
    with pytest.raises(UserError, match='the cluster "st2" cannot come after itself'):
        stack.add_dependency(stack)
    stack.add_dependency(stack.api)
    app.synth()
    order = [path.name.partition("-st2-")[2].partition("-c8")[0] for path in sorted(files(app))]
    assert order[:2] == ["40-api", "00-namespace"]


def test_files_in_which_objects_would_be_lost(tmp_path: Path) -> None:
    types = cdk8s.YamlOutputType
    for kind in (types.FILE_PER_RESOURCE, types.FOLDER_PER_CHART_FILE_PER_RESOURCE):
        app = cdk8s.App(outdir=str(tmp_path / kind.name), yaml_output_type=kind)
        one, two = (Lean(app, name, namespace=name, values=LEAN) for name in ("one", "two"))
        assert one.problems() == []
        told = [str(problem) for problem in two.problems()]
        if kind is types.FILE_PER_RESOURCE:
            assert [each.partition(" names files")[0] for each in told] == [
                "Release/st2: yaml_output_type: FILE_PER_RESOURCE"
            ]
        else:
            assert told == []


@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize("kind", ["FILE_PER_RESOURCE", "FOLDER_PER_CHART_FILE_PER_RESOURCE"])
def test_objects_of_ones_own_that_would_be_lost(tmp_path: Path, kind: str, within: bool) -> None:
    app = cdk8s.App(outdir=str(tmp_path), yaml_output_type=cdk8s.YamlOutputType[kind])
    stack = StackStorm(app, "st2", values=LEAN)
    assert stack.problems() == []
    scope = stack.config if within else cdk8s.Chart(app, "other")
    metadata = {"name": "st2-st2-config", "namespace": "elsewhere"}
    cdk8s.ApiObject(scope, "own", api_version="v1", kind="ConfigMap", metadata=metadata)
    lost = [each.message for each in stack.problems() if "would be lost" in each.message]
    assert [f"{kind} names" in each and "as ConfigMap/st2-st2-config," in each for each in lost] == (
        [True] if within or kind == "FILE_PER_RESOURCE" else []
    )


def test_what_takes_arguments_says_which() -> None:
    assert typing.get_type_hints(StackStorm.__init__)["values"] == ValuesLike
    assert list(inspect.signature(StackStorm).parameters)[:3] == ["scope", "id", "values"]
    assert list(inspect.signature(App).parameters) == ["outdir", "accept", "resolvers"]


def files(app: cdk8s.App) -> Iterable[Path]:
    return Path(app.outdir).iterdir()


def test_the_tree_can_be_searched(app: cdk8s.App) -> None:
    stack = Lean(app, "st2", values=LEAN)
    found = {each.node.path for each in stack.node.find_all() if isinstance(each, cdk8s.ApiObject)}
    assert "st2/40-api/st2api/Deployment-st2-st2api" in found
    assert len(found) == len(stack.planned)
    assert cdk8s.ApiObject.of(stack.objects[API]) is cdk8s.ApiObject.of(stack.api["st2api"]) is stack.objects[API]
    assert cdk8s.Chart.of(stack.objects[API]) is stack.api
    assert Node.of(stack.api).scope is stack


def test_what_is_removed_from_the_tree_is_found_no_more(app: cdk8s.App) -> None:
    stack = StackStorm(app, "st2", values=LEAN)
    count = len(stack.objects)
    service = stack.api["st2api"]["Service"]
    stack.api["st2api"].node.try_remove_child(service.node.id)
    stack.node.try_remove_child(stack.client.node.id)
    stack.api.node.try_remove_child("st2stream")
    assert "Service" not in stack.api["st2api"]
    assert "Service/st2-st2api" not in stack.api.objects
    assert "st2stream" not in stack.api
    with pytest.raises(KeyError, match="there is no st2stream; there are: st2auth, st2api"):
        stack.api["st2stream"]
    with pytest.raises(LookupError, match="there is no tier client"):
        stack.client  # noqa: B018
    assert "client" not in stack.tiers
    assert len(stack.objects) == len(stack.current()) < count


def test_templates_and_patches_of_the_values_belong_to_it(app: cdk8s.App) -> None:
    values = {
        **LEAN,
        "st2api": {"replicas": 2, "env": {"WHO": "{{ .Release.Name }}.{{ .Release.Namespace }}"}},
        "patches": [
            {
                "target": {"kind": "Deployment", "name": "blue-st2api"},
                "patch": [{"op": "replace", "path": "/spec/replicas", "value": 9}],
            }
        ],
    }
    stack = Lean(app, "st2", values=values, release="blue", namespace="auto")
    spec = written(app)["auto/Deployment/blue-st2api"]["spec"]
    assert spec["replicas"] == 9
    assert {"name": "WHO", "value": "blue.auto"} in spec["template"]["spec"]["containers"][0]["env"]
    assert stack.api["st2api"]["Deployment"].document["spec"]["replicas"] == 9


def test_a_wrong_argument_is_told_as_that_of_any_construct(app: cdk8s.App) -> None:
    wrong: Any = 1
    with pytest.raises(TypeError, match="argument id"):
        StackStorm(app, wrong)


@pytest.mark.parametrize(
    ("values", "problems"),
    [
        (
            {"st2api": {"replica": 3}, "st2auth": {"replicas": "x"}},
            (
                'st2api.replica: unknown key; did you mean "replicas"?',
                'st2auth.replicas: must be a whole number, not the text "x"',
            ),
        ),
        (
            {"patches": [{"target": {"kind": "Deployment", "name": "st2-st2ap"}, "patch": []}]},
            (
                "patches[0].target: matches no object: there is no Deployment/st2-st2ap; "
                "did you mean Deployment/st2-st2api?",
            ),
        ),
        (
            {"st2": {"config": "[api]\nmax_page = 5\n"}},
            ('st2.config: line 2: [api] max_page: unknown option; did you mean "max_page_size"?',),
        ),
    ],
)
def test_wrong_values_are_told_as_those_of_files(app: cdk8s.App, values: Any, problems: tuple[str, ...]) -> None:
    with pytest.raises(UserError) as caught:
        StackStorm(app, "st2", values=values)
    assert caught.value.problems == problems
    assert app.node.children == []


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (
            "values.yaml",
            "values must be Values, a mapping, or what load_values has read, not str; "
            "for a file: load_values(['values.yaml'])",
        ),
        ([{"st2api": {}}], "values must be Values, a mapping, or what load_values has read, not list"),
        ({1: 2}, "a key must be text, not 1"),
        ({"st2api": {"env": {True: "x"}}}, "st2api.env: a key must be text, not True"),
        ({"extraObjects": [{"data": {80: "x"}}]}, "extraObjects[0].data: a key must be text, not 80"),
    ],
)
def test_what_cannot_be_values(app: cdk8s.App, values: Any, problem: str) -> None:
    with pytest.raises(UserError) as caught:
        StackStorm(app, "st2", values=values)
    assert caught.value.problems == (problem,)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"st2api": {"env": {"A": Path("x")}}}, "st2api.env.A: must be text or a mapping, not of the class PosixPath"),
        ({"st2actionrunner": ActionRunner}, "st2actionrunner: must be a mapping, not the class ActionRunner"),
    ],
)
def test_what_only_python_has(app: cdk8s.App, values: Any, problem: str) -> None:
    with pytest.raises(UserError) as caught:
        StackStorm(app, "st2", values=values)
    assert caught.value.problems == (problem,)


@pytest.mark.parametrize("name", ["values.yaml", Path("values.yaml")])
def test_one_file_in_place_of_a_list(name: Any) -> None:
    with pytest.raises(UserError, match=r"files must be a list: \['values\.yaml'\]"):
        load_values(name)
    with pytest.raises(UserError, match=r"sets must be a list: \['st2api\.replicas=3'\]"):
        load_values([], "st2api.replicas=3")


@pytest.mark.parametrize("given", [None, {"st2api.replicas": 3}, [3]])
def test_what_is_no_list_of_texts(given: Any) -> None:
    with pytest.raises(UserError, match="files must be a list of texts, not "):
        load_values(given)
    with pytest.raises(UserError, match="sets must be a list of texts, not "):
        load_values(sets=given)


def test_values_of_files_are_told_by_file_and_line(app: cdk8s.App, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("st2api:\n  replica: 3\n")
    with pytest.raises(UserError, match=r"a\.yaml:2: st2api\.replica: unknown key"):
        StackStorm(app, "st2", values=load_values([tmp_path / "a.yaml"]))
    (tmp_path / "b.yaml").write_text("st2api:\n  replicas: 3\n")
    stack = StackStorm(app, "st2", values=load_values([tmp_path / "b.yaml"], ["st2auth.replicas=4"]))
    replicas = {name: stack.api[name]["Deployment"].document["spec"]["replicas"] for name in ("st2api", "st2auth")}
    assert replicas == {"st2api": 3, "st2auth": 4}


def test_typed_values_lie_over_the_profile(app: cdk8s.App) -> None:
    stack = StackStorm(app, "st2", values=Values(st2actionrunner=ActionRunner(replicas=8)))
    mapping = StackStorm(app, "same", values={"st2actionrunner": {"replicas": 8}})
    assert stack.planned == mapping.planned


class OurRunners(Runners):
    """The runners, and one service more."""

    @classmethod
    def parts(cls, cluster: Cluster) -> list[Part]:
        runner = next(part for part in super().parts(cluster) if part.name == "st2actionrunner")
        settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ours", "namespace": "stackstorm"}}
        return [*super().parts(cluster), replace(runner, name="ours", documents=[settings])]


class OurClient(Client):
    """The client, with a change of one of its objects."""

    @classmethod
    def parts(cls, cluster: Cluster) -> list[Part]:
        parts = list(super().parts(cluster))
        for document in parts[0].documents:
            document["metadata"]["labels"]["ours"] = "yes"
        return parts


class OurStackStorm(StackStorm):
    """StackStorm with two tiers of our own, and one left out."""

    TIERS: ClassVar[Mapping[str, type[Tier]]] = {
        **{name: tier for name, tier in StackStorm.TIERS.items() if name != "jobs"},
        "runners": OurRunners,
        "client": OurClient,
    }


def test_a_subclass_replaces_tiers_and_services(app: cdk8s.App) -> None:
    stack = OurStackStorm(app, "st2", values=LEAN)
    assert stack.runners["ours"]["ConfigMap"].name == "ours"
    assert stack.client["st2client"]["Deployment"].metadata.get_label("ours") == "yes"
    assert "jobs" not in stack.tiers
    objects = written(app)
    assert objects["stackstorm/ConfigMap/ours"]["metadata"]["annotations"] == {"argocd.argoproj.io/sync-wave": "10"}
    assert objects["stackstorm/Deployment/st2-st2client"]["metadata"]["labels"]["ours"] == "yes"
    assert not any("/Job/st2-job-" in name for name in objects)


class ClientWithMore(Client):
    """The client, with an object and a label that are put into the construct tree itself."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        cdk8s.ApiObject(self, "own", api_version="v1", kind="ConfigMap", metadata={"name": "own"})
        self["st2client"]["Deployment"].metadata.add_label("team", "network")


class WithMore(StackStorm):
    """A cluster with a tier that does more than its parts say."""

    TIERS: ClassVar[Mapping[str, type[Tier]]] = {**StackStorm.TIERS, "client": ClientWithMore}


@pytest.mark.parametrize("kind", [cdk8s.App, App], ids=["any app", "ours"])
def test_what_a_tier_adds_when_it_is_made_is_written(kind: type[cdk8s.App], tmp_path: Path) -> None:
    app = kind(outdir=str(tmp_path / "dist"))
    WithMore(app, "st2", values=LEAN)
    objects = written(app)
    assert "stackstorm/ConfigMap/own" in objects
    assert objects["stackstorm/Deployment/st2-st2client"]["metadata"]["labels"]["team"] == "network"


class WithoutAnything(StackStorm):
    """What is left when all is left out."""

    TIERS: ClassVar[Mapping[str, type[Tier]]] = {}


def test_a_cluster_without_tiers(app: cdk8s.App) -> None:
    chart = cdk8s.Chart(app, "chart")
    nothing = WithoutAnything(app, "nothing")
    nothing.add_dependency(chart)
    chart.add_dependency(nothing)
    assert (nothing.tiers, nothing.current()) == ({}, [])
    assert list(written(app)) == []


SHARED = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shared"}}


class WithShared(Runners):
    """The runners, and an object that is the same for every cluster."""

    @classmethod
    def parts(cls, cluster: Cluster) -> list[Part]:
        return [*super().parts(cluster), Part("shared", [SHARED])]


class Shares(StackStorm):
    """Clusters with an object that is written once in Python."""

    TIERS: ClassVar[Mapping[str, type[Tier]]] = {**StackStorm.TIERS, "runners": WithShared}


def test_clusters_do_not_change_what_a_subclass_gives_to_each(app: cdk8s.App) -> None:
    chart = cdk8s.Chart(app, "platform", namespace="one", labels={"team": "platform"})
    one, two = Shares(chart, "one", values=LEAN), Shares(app, "two", values=LEAN, namespace="two")
    found = [stack.objects["ConfigMap/shared"].to_json()["metadata"] for stack in (one, two)]
    # Objects of Kubernetes itself need not name the namespace.
    assert [each["namespace"] for each in found] == ["one", "two"]
    assert [each.get("labels") for each in found] == [{"team": "platform"}, None]
    assert SHARED["metadata"] == {"name": "shared"}


class WithAnotherFilesystem(Client):
    """A client that may write anywhere."""

    @classmethod
    def parts(cls, cluster: Cluster) -> Sequence[Part]:
        parts = super().parts(cluster)
        pod = parts[0].documents[0]["spec"]["template"]["spec"]
        pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] = False
        pod["dnsConfig"]["options"].clear()
        return parts


class Writable(StackStorm):
    """A cluster with it."""

    TIERS: ClassVar[Mapping[str, type[Tier]]] = {**StackStorm.TIERS, "client": WithAnotherFilesystem}


def test_what_a_subclass_changes_in_its_parts_changes_no_others(app: cdk8s.App) -> None:
    changed = Writable(app, "changed", values=LEAN)
    for stack in (changed, Lean(app, "other", values=LEAN, namespace="other")):
        pods = {name: pod["spec"] for name, each in stack.objects.items() if (pod := pod_template(each.document))}
        writable = [
            name for name, pod in pods.items() if not pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"]
        ]
        assert writable == [name for name, pod in pods.items() if not pod["dnsConfig"]["options"]]
        assert writable == (["Deployment/st2-st2client"] if stack is changed else [])


class AnotherApi(Tier):
    """A tier that is no kind of the one whose place it takes."""

    plan = Api.plan


class WithAnotherApi(StackStorm):
    """A cluster with a tier of another class."""

    TIERS: ClassVar[Mapping[str, type[Tier]]] = {**StackStorm.TIERS, "api": AnotherApi}


class WithOneFileTwice(StackStorm):
    """A cluster with two tiers that would be written to one file."""

    TIERS: ClassVar[Mapping[str, type[Tier]]] = {**StackStorm.TIERS, "others": OurRunners}


def test_tiers_of_classes_and_files_that_cannot_be(app: cdk8s.App) -> None:
    stack = WithAnotherApi(app, "st2")
    assert stack.tiers["api"]["st2api"]
    with pytest.raises(LookupError, match="the tier api of this cluster is no Api, but of AnotherApi; take it from"):
        _ = stack.api
    with pytest.raises(UserError, match="the tiers runners and others have the same file, 60-runners; give one"):
        WithOneFileTwice(app, "twice")


class WithoutPlan(Tier):
    """A tier that does not say what is in it."""


OWN = {"apiVersion": "v1", "kind": "ConfigMap"}


@pytest.mark.parametrize(
    ("tier", "problem"),
    [
        (WithoutPlan, r'TIERS\["api"\] must be a class derived from Tier that has a plan, not <class '),
        (cdk8s.Chart, r'TIERS\["api"\] must be a class derived from Tier'),
        ("api", "must be a class derived from Tier that has a plan, not 'api'"),
        (None, "parts of the tier api must give a list of Parts, not NoneType"),
        ([{"kind": "ConfigMap"}], "parts of the tier api must give Parts, not dict"),
        ([Part("own", [{"kind": "ConfigMap"}])], 'an object in the part "own" of the tier api has no apiVersion: {'),
        ([Part("own", [{**OWN, "metadata": {}}])], 'ConfigMap in the part "own" of the tier api has no metadata.name'),
    ],
)
def test_tiers_that_are_none(app: cdk8s.App, tier: Any, problem: str) -> None:
    if not isinstance(tier, type | str):
        tier = type("Given", (Api,), {"parts": staticmethod(lambda _, given=tier: given)})
    kind = type("WithIt", (StackStorm,), {"TIERS": {**StackStorm.TIERS, "api": tier}})
    with pytest.raises(UserError, match=problem):
        kind(app, "st2", values=LEAN)


class OfTwoNamespaces(Client):
    @classmethod
    def parts(cls, cluster: Cluster) -> Sequence[Part]:
        maps = [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "own", "namespace": namespace}}
            for namespace in ("stackstorm", "elsewhere")
        ]
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "elsewhere"}}
        return [*super().parts(cluster), Part("own", [*maps, namespace]), Part("", maps)]


def test_objects_of_one_name_are_all_there(app: cdk8s.App) -> None:
    class Ours(StackStorm):
        TIERS: ClassVar[Mapping[str, type[Tier]]] = {**StackStorm.TIERS, "client": OfTwoNamespaces}

    stack = Ours(app, "st2", values=LEAN)
    own = stack.client["own"]
    assert own["ConfigMap/own"].metadata.namespace == "stackstorm"
    assert own["ConfigMap/elsewhere/own"].metadata.namespace == "elsewhere"
    assert len(stack.objects) == len(stack.current()) == len(stack.planned)
    assert "ConfigMap/own: metadata.name: another object has the same kind, namespace and name" in problems_of(stack)


class TwoOfOneName(Client):
    @classmethod
    def parts(cls, cluster: Cluster) -> Sequence[Part]:
        return [*super().parts(cluster), Part("own", []), Part("own", [])]


def test_two_parts_of_one_name(app: cdk8s.App) -> None:
    class Ours(StackStorm):
        TIERS: ClassVar[Mapping[str, type[Tier]]] = {**StackStorm.TIERS, "client": TwoOfOneName}

    with pytest.raises(UserError, match="the tier client has two parts called own; give one of them another name"):
        Ours(app, "st2", values=LEAN)


def test_a_tier_that_there_is_not_is_no_attribute(app: cdk8s.App) -> None:
    stack = StackStorm(app, "st2", values=LEAN)
    assert hasattr(stack, "api")
    assert not hasattr(stack, "chatops")


def test_a_cluster_in_no_app() -> None:
    with pytest.raises(UserError, match="scope must be in an app, not in a RootConstruct"):
        StackStorm(RootConstruct("root"), "st2", values=LEAN)
