"""How packs come to pods: each way, with each way to run sensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import kubernetes_validate
import pytest
from kubernetes_versions import validate
from pydantic import ValidationError
from support import MakeCluster, Objects, Synth

from constructs_st2.checks.pod_security import level_of, violations
from constructs_st2.errors import InvalidValues
from constructs_st2.facts.release import WAVE_ANNOTATION
from constructs_st2.kube.documents import Document

PACKS = "/opt/stackstorm/packs"
VIRTUALENVS = "/opt/stackstorm/virtualenvs"
CONFIGS = "/opt/stackstorm/configs"
SCRIPTS = "/opt/constructs-st2"
MERGED = "/opt/constructs-st2-packs"
DIGEST = f"sha256:{'a' * 64}"

IMAGES = [
    {"repository": "registry.example.org/st2", "name": "ours", "tag": "1"},
    {"repository": "registry.example.org/st2", "digest": DIGEST},
]
OURS, OTHERS = "registry.example.org/st2/ours:1", f"registry.example.org/st2/st2packs@{DIGEST}"
CLAIM = {"create": {"size": "1Gi"}}
VOLUMES = {"enabled": True, "packs": CLAIM, "virtualenvs": CLAIM, "configs": CLAIM}

DELIVERIES: Mapping[str, dict[str, Any]] = {
    "in the images of st2": {},
    "copied from images": {"images": IMAGES},
    "in mounted images": {"images": IMAGES, "imageVolumes": True},
    "on shared volumes": {"images": IMAGES, "volumes": VOLUMES},
}
OWN_PODS = [{"name": "rss", "ref": "rss.Rss"}, {"name": "git", "ref": "git.Git", "image": {"tag": "3.9-r1"}}]
SENSORS: Mapping[str, dict[str, Any]] = {
    "all in one pod": {},
    "by ranges": {"st2sensorcontainer": {"deployments": 2}},
    "one in a pod": {"st2": {"packs": {"sensors": OWN_PODS}}},
}
SENSOR_PODS: Mapping[str, set[str]] = {
    "all in one pod": {""},
    "by ranges": {"-0", "-1"},
    "one in a pod": {"-rss", "-git"},
}
MANAGE_PACKS = ("st2api", "st2actionrunner", "st2client")

LARGE = {"sizeLimit": "10Gi"}
"""As large as what is copied there may be."""


def values(packs: Mapping[str, Any], sensors: str = "all in one pod", **more: Any) -> dict[str, Any]:
    others = SENSORS[sensors].get("st2", {}).get("packs", {})
    return {**SENSORS[sensors], "st2": {"packs": {**packs, **others}, **more}}


def register_job(objects: Objects) -> Document:
    """The pod of the Job that registers content."""
    spec: Document = objects.begins("Job", "st2-job-register-content")["spec"]["template"]["spec"]
    return spec


def with_packs(objects: Objects, sensors: str = "all in one pod") -> dict[str, Document]:
    """The pods that read packs, by what runs in them."""
    services = [*MANAGE_PACKS, *(f"st2sensorcontainer{suffix}" for suffix in SENSOR_PODS[sensors])]
    return {**{name: objects.pod(name) for name in services}, "register-content": register_job(objects)}


def below(container: Document, path: str) -> dict[str, bool]:
    """Where a container has volumes at or below a path, and whether it can write to them."""
    return {
        each["mountPath"]: not each.get("readOnly", False)
        for each in container.get("volumeMounts", ())
        if f"{each['mountPath']}/".startswith(f"{path}/")
    }


def content(pod: Document) -> dict[str, bool]:
    """Where the main container of a pod finds packs, virtualenvs and configurations."""
    (main,) = pod["containers"]
    return {**below(main, PACKS), **below(main, VIRTUALENVS), **below(main, CONFIGS)}


def source(pod: Document, container: Document, path: str) -> Document:
    """The volume that a container has at a path."""
    volume = next(each["name"] for each in container["volumeMounts"] if each["mountPath"] == path)
    return {**next(each for each in pod["volumes"] if each["name"] == volume)}


def preparing(pod: Document) -> list[Document]:
    """The init containers that bring content."""
    return [each for each in pod.get("initContainers", ()) if not each["name"].startswith("wait-for-")]


def names(pod: Document) -> list[str]:
    return [each["name"] for each in preparing(pod)]


def arguments(pod: Document) -> list[list[str]]:
    return [each["command"][2:] for each in preparing(pod)]


def all_pods(objects: Objects) -> Iterator[Document]:
    yield from objects.pod_templates().values()


@pytest.mark.parametrize("delivery", DELIVERIES)
@pytest.mark.parametrize("sensors", SENSORS)
@pytest.mark.parametrize("rbac", [False, True], ids=["without RBAC", "with RBAC"])
def test_every_way_passes_all_checks_without_privileges(synth: Synth, delivery: str, sensors: str, rbac: bool) -> None:
    objects = synth(values(DELIVERIES[delivery], sensors, rbac={"enabled": rbac}))
    found = [violation for pod in all_pods(objects) for violation in violations(pod, "restricted")]
    # Since 1.33, Kubernetes lets restricted pods have images as volumes, which the standard does not say
    # (https://github.com/kubernetes/kubernetes/pull/130394).
    assert [violation for violation in found if not violation.field.endswith("].image")] == []


@pytest.mark.parametrize("delivery", DELIVERIES)
@pytest.mark.parametrize("version", ["1.33", kubernetes_validate.latest_version().rpartition(".")[0]])
def test_every_way_is_valid_in_kubernetes(synth: Synth, delivery: str, version: str) -> None:
    configs = {"configs": {"aws.yaml": "a: 1\n"}, "existingConfigsSecret": "mine"}
    for document in synth(values({**DELIVERIES[delivery], **configs})):
        if document["kind"] in ("Deployment", "Job", "PersistentVolumeClaim"):
            validate(document, version)


def test_kubernetes_knows_images_as_volumes_since_1_31(synth: Synth) -> None:
    deployment = synth(values(DELIVERIES["in mounted images"])).named("Deployment", "st2-st2api")
    validate(deployment, "1.31")
    with pytest.raises(kubernetes_validate.ValidationError):
        validate(deployment, "1.30")


READ_ONLY = {PACKS: False, VIRTUALENVS: False}
WRITABLE = {PACKS: True, VIRTUALENVS: True}


@pytest.mark.parametrize("sensors", SENSORS)
@pytest.mark.parametrize(
    ("delivery", "managing", "sensing", "registering"),
    [
        ("in the images of st2", {}, {}, {}),
        ("copied from images", READ_ONLY, READ_ONLY, WRITABLE),
        ("in mounted images", READ_ONLY, READ_ONLY, WRITABLE),
        ("on shared volumes", {**WRITABLE, CONFIGS: True}, READ_ONLY, {**WRITABLE, CONFIGS: False}),
    ],
)
def test_pods_find_packs_at_the_same_paths_and_only_some_can_write(
    synth: Synth,
    delivery: str,
    sensors: str,
    managing: dict[str, bool],
    sensing: dict[str, bool],
    registering: dict[str, bool],
) -> None:
    pods = with_packs(synth(values(DELIVERIES[delivery], sensors)), sensors)
    expected = dict.fromkeys(pods, sensing)
    expected |= {**dict.fromkeys(MANAGE_PACKS, managing), "register-content": registering}
    assert {name: content(pod) for name, pod in pods.items()} == expected


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_other_pods_have_nothing_of_packs(synth: Synth, delivery: str) -> None:
    objects = synth(values(DELIVERIES[delivery]))
    for name in ("st2auth", "st2stream", "st2rulesengine", "st2workflowengine", "st2scheduler", "st2web"):
        assert content(objects.pod(name)) == {}
        assert preparing(objects.pod(name)) == []


@pytest.mark.parametrize("sensors", SENSORS)
def test_packs_are_copied_in_the_order_of_the_images_and_those_of_st2_come_last(synth: Synth, sensors: str) -> None:
    for name, pod in with_packs(synth(values(DELIVERIES["copied from images"], sensors)), sensors).items():
        own = pod["containers"][0]["image"]
        assert names(pod) == ["packs-image-0", "packs-image-1", "packs-system"], name
        assert arguments(pod) == [
            ["copy", OURS, "/opt/stackstorm", MERGED],
            ["copy", OTHERS, "/opt/stackstorm", MERGED],
            ["system", own, "/opt/stackstorm", MERGED],
        ]
        assert [each["image"] for each in preparing(pod)] == [OURS, OTHERS, own]
        for container in preparing(pod):
            assert container["command"][:2] == ["sh", f"{SCRIPTS}/merge-packs.sh"]
            assert below(container, MERGED) == {f"{MERGED}/packs": True, f"{MERGED}/virtualenvs": True}
            assert source(pod, container, f"{MERGED}/packs") == {"name": "st2-packs", "emptyDir": LARGE}
            assert source(pod, container, SCRIPTS)["configMap"] == {"name": "st2-st2-content-scripts"}
        main = pod["containers"][0]
        for path, volume in ((PACKS, "st2-packs"), (VIRTUALENVS, "st2-virtualenvs")):
            assert source(pod, main, path) == {"name": volume, "emptyDir": LARGE}


def test_mounted_images_stay_where_the_links_lead_to(synth: Synth) -> None:
    for name, pod in with_packs(synth(values(DELIVERIES["in mounted images"]))).items():
        (main,) = pod["containers"]
        own = main["image"]
        assert names(pod) == ["packs-image-0", "packs-image-1", "packs-system"], name
        # Packs images need no shell then.
        assert [each["image"] for each in preparing(pod)] == [own, own, own]
        for number, reference in enumerate((OURS, OTHERS)):
            path = f"/opt/constructs-st2-packs-images/{number}"
            merging = preparing(pod)[number]
            assert merging["command"][2:] == ["link", reference, f"{path}/opt/stackstorm", MERGED]
            for container in (merging, main):
                assert below(container, path) == {path: False}
                assert source(pod, container, path)["image"] == {"reference": reference}
        # The last one looks at virtualenvs, so it has to find what the links lead to.
        assert below(preparing(pod)[-1], "/opt/constructs-st2-packs-images/1")


def test_only_the_job_writes_packs_of_images_to_shared_volumes(synth: Synth) -> None:
    objects = synth(values({**DELIVERIES["on shared volumes"], "configs": {"aws.yaml": "a: 1\n"}}))
    pods = with_packs(objects)
    job = pods.pop("register-content")
    assert [name for name, pod in pods.items() if names(pod)] == []
    assert names(job) == ["packs-image-0", "packs-image-1", "packs-system", "pack-configs"]
    assert arguments(job)[-1] == ["/opt/constructs-st2-configs", CONFIGS]
    *_, copying = preparing(job)
    assert below(copying, CONFIGS) == {CONFIGS: True}
    assert source(job, copying, "/opt/constructs-st2-configs")["configMap"] == {"name": "st2-st2-pack-configs"}
    for pod in (pods["st2api"], job):
        (main,) = pod["containers"]
        claims = {path: source(pod, main, path)["persistentVolumeClaim"] for path in (PACKS, VIRTUALENVS, CONFIGS)}
        assert claims == {
            PACKS: {"claimName": "st2-st2-packs"},
            VIRTUALENVS: {"claimName": "st2-st2-virtualenvs"},
            CONFIGS: {"claimName": "st2-st2-pack-configs"},
        }
    assert source(job, copying, CONFIGS) == source(job, job["containers"][0], CONFIGS)


def test_shared_volumes_without_one_for_configurations_have_those_of_the_values_alone(synth: Synth) -> None:
    packs = {"volumes": {**VOLUMES, "configs": {}}, "configs": {"aws.yaml": "a: 1\n"}}
    pods = with_packs(synth(values(packs)))
    assert names(pods["register-content"]) == ["packs-system"]
    for pod in (pods["st2api"], pods["st2actionrunner"], pods["register-content"]):
        assert content(pod)[CONFIGS] is False
        assert source(pod, pod["containers"][0], CONFIGS)["configMap"] == {"name": "st2-st2-pack-configs"}


def test_init_containers_of_the_user_find_the_packs(synth: Synth) -> None:
    mine = {"name": "mine", "image": "x:1", "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}}}
    given = {**values(DELIVERIES["copied from images"]), "st2actionrunner": {"initContainers": [mine]}}
    order = [each["name"] for each in synth(given).pod("st2actionrunner")["initContainers"]]
    assert order[-4:] == ["packs-image-0", "packs-image-1", "packs-system", "mine"]
    assert all(name.startswith("wait-for-") for name in order[:-4])


@pytest.mark.parametrize("mounted", [False, True], ids=["copied", "mounted"])
def test_settings_of_a_packs_image(synth: Synth, mounted: bool) -> None:
    image = {**IMAGES[0], "pullPolicy": "Always", "pullSecret": "theirs", "securityContext": {"runAsUser": 1001}}
    given = {**values({"images": [image], "imageVolumes": mounted}), "image": {"pullSecret": "ours"}}
    pods = with_packs(synth(given))
    for pod in pods.values():
        assert pod["imagePullSecrets"] == [{"name": "ours"}, {"name": "theirs"}]
        first = preparing(pod)[0]
        if mounted:
            assert source(pod, first, "/opt/constructs-st2-packs-images/0")["image"]["pullPolicy"] == "Always"
        else:
            assert first["imagePullPolicy"] == "Always"
            assert first["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
                "runAsUser": 1001,
            }


def test_image_registry_does_not_move_packs_images(synth: Synth) -> None:
    given = {**values({"images": IMAGES}), "image": {"registry": "mirror.example.org"}}
    images = [each["image"] for each in preparing(synth(given).pod("st2api"))]
    assert images == [OURS, OTHERS, "mirror.example.org/stackstorm/st2api:3.9"]


@pytest.mark.parametrize("delivery", ["copied from images", "in mounted images", "on shared volumes"])
def test_packs_of_a_runner_with_sudo_are_brought_by_an_ordinary_user(synth: Synth, delivery: str) -> None:
    objects = synth({**values(DELIVERIES[delivery]), "st2actionrunner": {"sudo": True}})
    runner = objects.pod("st2actionrunner")
    assert runner["securityContext"]["runAsUser"] == 0
    for container in preparing(runner):
        context = container["securityContext"]
        assert (context["runAsUser"], context["runAsGroup"], context["runAsNonRoot"]) == (1000, 1000, True)
        assert context["capabilities"] == {"drop": ["ALL"]}
    assert level_of(all_pods(objects)) == "baseline"
    for container in preparing(objects.pod("st2api")):
        assert "runAsUser" not in container["securityContext"]


def test_claims_are_made_for_many_pods_and_stay(synth: Synth) -> None:
    large = {"create": {"size": "50Gi", "storageClass": "nfs", "annotations": {"backup": "daily"}}}
    objects = synth(values({"volumes": {**VOLUMES, "virtualenvs": large}}), release="blue")
    made = {
        name: objects.named("PersistentVolumeClaim", f"blue-{name}")
        for name in ("st2-packs", "st2-virtualenvs", "st2-pack-configs")
    }
    for claim in made.values():
        assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
        assert claim["metadata"]["annotations"]["argocd.argoproj.io/sync-options"] == "Prune=false,Delete=false"
        assert claim["metadata"]["namespace"] == "stackstorm"
    assert made["st2-virtualenvs"]["spec"] == {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "50Gi"}},
        "storageClassName": "nfs",
    }
    assert made["st2-virtualenvs"]["metadata"]["annotations"]["backup"] == "daily"
    assert "storageClassName" not in made["st2-packs"]["spec"]


@pytest.mark.parametrize(("skip", "wave"), [([], "5"), (["packs_write_test"], "10")])
def test_claims_are_made_with_the_first_pod_that_uses_them(synth: Synth, skip: list[str], wave: str) -> None:
    # Argo CD waits in each wave until all claims of it are bound, and some are bound when a pod uses them.
    objects = synth({**values({"volumes": VOLUMES}), "jobs": {"skip": skip}})
    for name in ("packs", "virtualenvs", "pack-configs"):
        claim = objects.named("PersistentVolumeClaim", f"st2-st2-{name}")
        assert claim["metadata"]["annotations"][WAVE_ANNOTATION] == wave


@pytest.mark.parametrize(
    "given",
    [
        {"persistentVolumeClaim": {"claimName": "mine"}},
        {"nfs": {"server": "nfs.example.org", "path": "/packs"}},
        {"csi": {"driver": "efs.csi.aws.com", "volumeAttributes": {"a": "b"}}},
    ],
    ids=lambda given: next(iter(given)),
)
def test_any_volume_can_be_shared(synth: Synth, given: dict[str, Any]) -> None:
    objects = synth(values({"volumes": {"enabled": True, "packs": given, "virtualenvs": given}}))
    assert not [each for each in objects.of_kind("PersistentVolumeClaim") if "packs" in each["metadata"]["name"]]
    for pod in with_packs(objects).values():
        for path in (PACKS, VIRTUALENVS):
            volume = source(pod, pod["containers"][0], path)
            assert {key: value for key, value in volume.items() if key != "name"} == given


CONFIG_MAP = {"configMap": {"name": "st2-st2-pack-configs"}}
SECRET = {"secret": {"secretName": "mine", "defaultMode": 0o440}}


@pytest.mark.parametrize(
    ("packs", "expected"),
    [
        ({"configs": {"aws.yaml": "a: 1\n"}}, CONFIG_MAP),
        ({"existingConfigsSecret": "mine"}, SECRET),
        (
            {"configs": {"aws.yaml": "a: 1\n"}, "existingConfigsSecret": "mine"},
            {"projected": {"sources": [{"configMap": {"name": "st2-st2-pack-configs"}}, {"secret": {"name": "mine"}}]}},
        ),
        ({"configs": {"aws.yaml": ""}, "existingConfigsSecret": "mine"}, SECRET),
    ],
    ids=["values", "Secret", "both", "Secret and an empty file"],
)
def test_configurations_come_from_the_values_and_a_secret(
    synth: Synth, packs: dict[str, Any], expected: Document
) -> None:
    objects = synth(values(packs))
    pods = with_packs(objects)
    del pods["st2sensorcontainer"]
    for pod in pods.values():
        assert content(pod) == {CONFIGS: False}
        volume = source(pod, pod["containers"][0], CONFIGS)
        assert {key: value for key, value in volume.items() if key != "name"} == expected


def test_files_without_content_are_left_out(synth: Synth) -> None:
    objects = synth(values({"configs": {"aws.yaml": "a: 1\n", "chef.yaml": ""}}))
    assert objects.named("ConfigMap", "st2-st2-pack-configs")["data"] == {"aws.yaml": "a: 1\n"}
    objects = synth(values({"configs": {"chef.yaml": ""}}))
    assert content(objects.pod("st2api")) == {}


def test_scripts_are_there_where_they_are_used(synth: Synth) -> None:
    def has_scripts(given: Mapping[str, Any]) -> bool:
        found = (each for each in synth(given).of_kind("ConfigMap"))
        return any(each["metadata"]["name"] == "st2-st2-content-scripts" for each in found)

    assert [has_scripts(values(packs)) for packs in DELIVERIES.values()] == [False, True, True, True]
    assert has_scripts({"jobs": {"preRegisterContentCommand": ["true"]}})


@pytest.mark.parametrize(
    ("packs", "problem"),
    [
        (
            {"images": IMAGES, "imageVolumes": True, "volumes": VOLUMES},
            "st2.packs.imageVolumes: cannot be used together with volumes.enabled, to which images are copied; remove "
            "one of them",
        ),
        (
            {"volumes": {"packs": CLAIM, "configs": CLAIM}},
            "st2.packs.volumes.enabled: must be true for packs, configs to have an effect; set it, or remove them",
        ),
    ],
)
def test_what_contradicts_itself_is_an_error(cluster: MakeCluster, packs: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidValues) as caught:
        cluster(values(packs))
    assert str(caught.value) == problem


@pytest.mark.parametrize(
    ("packs", "message"),
    [
        ({"volumes": {"enabled": True}}, r"needs packs and virtualenvs: a volume source, or create: \{size: …\}"),
        ({"volumes": {"enabled": True, "packs": CLAIM}}, "needs virtualenvs: a volume source"),
        (
            {"volumes": {**VOLUMES, "packs": {**CLAIM, "nfs": {"server": "a", "path": "/"}}}},
            "must have only one of the keys",
        ),
        ({"volumes": {**VOLUMES, "packs": {"create": {}}}}, "size"),
        ({"images": [{"repository": "r", "name": "p"}]}, "needs a tag or a digest"),
        ({"images": [{"name": "p", "tag": "1"}]}, "repository"),
        ({"images": [{"repository": "r", "tag": "1", "digest": "sha256:1"}]}, "digest"),
    ],
)
def test_what_is_incomplete_is_an_error(cluster: MakeCluster, packs: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        cluster(values(packs))
