"""The objects of the Docker registry in the cluster."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from pydantic import ValidationError
from support import MakeCluster, Objects

from constructs_st2.checks import check
from constructs_st2.checks.pod_security import level_of
from constructs_st2.checks.surroundings import surroundings
from constructs_st2.kube.documents import Document
from constructs_st2.parts.registry import documents

NAME = "st2-docker-registry"
PULL, PUSH = range(2)


@pytest.fixture
def registry(cluster: MakeCluster) -> Any:
    """The objects of a registry with some settings, checked."""

    def make(settings: dict[str, Any] | None = None, **values: Any) -> Objects:
        made = cluster({"docker-registry": {"enabled": True, **(settings or {})}, **values})
        objects = documents(made)
        assert check(objects, surroundings(made)) == []
        return Objects(objects)

    return make


def pod(objects: Objects) -> Document:
    template: Document = objects.named("Deployment", NAME)["spec"]["template"]
    return template


def containers(objects: Objects) -> list[Document]:
    found: list[Document] = pod(objects)["spec"]["containers"]
    return found


def configurations(objects: Objects) -> list[Document]:
    """What the two processes read, in the order of their containers."""
    data = objects.named("ConfigMap", f"{NAME}-config")["data"]
    paths = [container["command"][-1] for container in containers(objects)]
    return [yaml.safe_load(data[path.removeprefix("/etc/constructs-st2/")]) for path in paths]


def test_there_is_none_unless_it_is_enabled(cluster: MakeCluster) -> None:
    assert documents(cluster()) == []


def test_a_release_has_one_of_its_own(cluster: MakeCluster) -> None:
    made = documents(cluster({"docker-registry": {"enabled": True}}, release="blue", namespace="automation"))
    assert {document["metadata"]["namespace"] for document in made} == {"automation"}
    assert [(document["kind"], document["metadata"]["name"]) for document in made] == [
        ("ConfigMap", "blue-docker-registry-config"),
        ("PersistentVolumeClaim", "blue-docker-registry"),
        ("Service", "blue-docker-registry"),
        ("Deployment", "blue-docker-registry"),
    ]


class TestWhoMayDoWhat:
    """Everybody pulls, and only a port forward pushes."""

    def test_a_port_of_every_node_leads_to_the_images(self, registry: Any) -> None:
        objects = registry()
        spec = objects.named("Service", NAME)["spec"]
        assert spec["type"] == "NodePort"
        assert spec["ports"] == [{"name": "http", "port": 5000, "targetPort": "http", "nodePort": 30500}]
        assert spec["selector"].items() <= pod(objects)["metadata"]["labels"].items()
        assert containers(objects)[PULL]["ports"] == [{"name": "http", "containerPort": 5000}]
        assert registry({"nodePort": 32000}).named("Service", NAME)["spec"]["ports"][0]["nodePort"] == 32000

    def test_there_nothing_can_be_changed(self, registry: Any) -> None:
        objects = registry()
        configuration = configurations(objects)[PULL]
        assert configuration["http"]["addr"] == ":5000"
        assert configuration["storage"]["maintenance"]["readonly"] == {"enabled": True}
        mounts = {mount["mountPath"]: mount for mount in containers(objects)[PULL]["volumeMounts"]}
        assert mounts["/var/lib/registry"]["readOnly"] is True

    def test_no_port_leads_to_where_images_are_pushed(self, registry: Any) -> None:
        objects = registry()
        assert configurations(objects)[PUSH]["http"]["addr"] == "127.0.0.1:5001"
        assert "ports" not in containers(objects)[PUSH]

    def test_both_processes_work_on_the_same_images(self, registry: Any) -> None:
        objects = registry()
        folders = {each["storage"]["filesystem"]["rootdirectory"] for each in configurations(objects)}
        assert folders == {"/var/lib/registry"}
        volumes = {
            mount["name"]
            for container in containers(objects)
            for mount in container["volumeMounts"]
            if mount["mountPath"] == "/var/lib/registry"
        }
        assert len(volumes) == 1

    def test_neither_remembers_what_the_other_may_change(self, registry: Any) -> None:
        assert all("cache" not in each["storage"] for each in configurations(registry()))

    def test_images_can_be_pulled_while_none_can_be_pushed(self, registry: Any) -> None:
        pull, push = containers(registry())
        assert "readinessProbe" in pull
        assert "readinessProbe" not in push
        assert push["livenessProbe"]["exec"]["command"][-1] == "http://127.0.0.1:5001/"


class TestVolume:
    """Where the images are."""

    def test_a_claim_is_made_that_argo_cd_does_not_delete(self, registry: Any) -> None:
        claim = registry().named("PersistentVolumeClaim", NAME)
        assert claim["metadata"]["annotations"] == {"argocd.argoproj.io/sync-options": "Prune=false,Delete=false"}
        assert claim["spec"] == {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "20Gi"}}}

    def test_it_is_as_the_user_says(self, registry: Any) -> None:
        persistence = {"size": "5Gi", "storageClass": "", "annotations": {"example.org/backup": "weekly"}}
        claim = registry({"persistence": persistence}).named("PersistentVolumeClaim", NAME)
        assert claim["spec"]["resources"] == {"requests": {"storage": "5Gi"}}
        assert claim["spec"]["storageClassName"] == ""
        assert claim["metadata"]["annotations"]["example.org/backup"] == "weekly"
        assert "argocd.argoproj.io/sync-options" in claim["metadata"]["annotations"]

    def test_a_claim_of_the_user_takes_its_place(self, registry: Any) -> None:
        objects = registry({"persistence": {"existingClaim": "images"}})
        assert objects.of_kind("PersistentVolumeClaim") == []
        assert {"name": "images", "persistentVolumeClaim": {"claimName": "images"}} in pod(objects)["spec"]["volumes"]

    def test_two_pods_never_use_it_at_once(self, registry: Any) -> None:
        spec = registry().named("Deployment", NAME)["spec"]
        assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


class TestPod:
    """The pod and what the user may say of it."""

    def test_it_is_restricted(self, registry: Any) -> None:
        template = pod(registry())
        assert level_of([template]) == "restricted"
        assert template["spec"]["securityContext"]["runAsUser"] == 1000
        assert all(each["securityContext"]["readOnlyRootFilesystem"] for each in template["spec"]["containers"])

    def test_requests_end_before_the_pod_does(self, registry: Any) -> None:
        objects = registry()
        grace = pod(objects)["spec"]["terminationGracePeriodSeconds"]
        for configuration in configurations(objects):
            assert 0 < int(configuration["http"]["draintimeout"].removesuffix("s")) < grace

    @pytest.mark.parametrize(
        ("image", "reference"),
        [
            ({}, "docker.io/library/registry:3"),
            ({"tag": "2.8.3"}, "docker.io/library/registry:2.8.3"),
            ({"repository": "quay.io/example/registry"}, "quay.io/example/registry:3"),
            ({"digest": f"sha256:{'0' * 64}"}, f"docker.io/library/registry@sha256:{'0' * 64}"),
        ],
    )
    def test_both_containers_have_the_image_of_the_user(
        self, registry: Any, image: dict[str, str], reference: str
    ) -> None:
        assert [each["image"] for each in containers(registry({"image": image}))] == [reference] * 2

    def test_the_mirror_of_all_images_counts_for_it(self, registry: Any) -> None:
        (reference,) = {each["image"] for each in containers(registry(image={"registry": "mirror.example.org"}))}
        assert reference == "mirror.example.org/library/registry:3"

    def test_settings_of_pods_are_honoured(self, registry: Any) -> None:
        objects = registry(
            {
                "annotations": {"example.org/team": "automation"},
                "labels": {"team": "automation"},
                "nodeSelector": {"disk": "big"},
                "tolerations": [{"key": "big", "operator": "Exists"}],
                "priorityClassName": "low",
                "resources": {"requests": {"cpu": "1", "memory": "1Gi"}},
                "securityContext": {"readOnlyRootFilesystem": False},
                "podSecurityContext": {"fsGroupChangePolicy": "Always"},
            }
        )
        template = pod(objects)
        assert template["metadata"]["annotations"]["example.org/team"] == "automation"
        assert template["metadata"]["labels"]["team"] == "automation"
        assert template["spec"]["nodeSelector"] == {"disk": "big"}
        assert template["spec"]["tolerations"] == [{"key": "big", "operator": "Exists"}]
        assert template["spec"]["priorityClassName"] == "low"
        assert template["spec"]["securityContext"]["fsGroupChangePolicy"] == "Always"
        for container in template["spec"]["containers"]:
            requests = container["resources"]["requests"]
            assert (requests["cpu"], requests["memory"]) == ("1", "1Gi")
            assert container["securityContext"]["readOnlyRootFilesystem"] is False

    def test_another_configuration_makes_another_pod(self, registry: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        before = pod(registry())["metadata"]["annotations"]
        monkeypatch.setattr("constructs_st2.parts.registry.config.DRAIN_SECONDS", 10)
        assert pod(registry())["metadata"]["annotations"] != before

    def test_there_cannot_be_several(self, cluster: MakeCluster) -> None:
        with pytest.raises(ValidationError, match=r"docker-registry\.replicas"):
            cluster({"docker-registry": {"enabled": True, "replicas": 2}})
