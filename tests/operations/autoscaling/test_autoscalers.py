"""The objects that scale services, and what they refuse."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from kubernetes_versions import validate
from pydantic import ValidationError
from support import MakeCluster, Objects, Synth, each_of

from constructs_st2.errors import InvalidValues
from constructs_st2.facts.work import WORK
from constructs_st2.kube.documents import Document, is_built_in

HTTP = ("st2auth", "st2api", "st2stream", "st2web")
SHARING_WORK = ("st2actionrunner", "st2workflowengine", "st2scheduler")
KINDS = ("HorizontalPodAutoscaler", "ScaledObject", "TriggerAuthentication")
ON = {"autoscaling": {"enabled": True}}
BY_CPU = {"autoscaling": {"enabled": True, "mode": "cpu"}}
EXTERNAL = {"enabled": False, "external": {"uri": "mongodb://db.example.org", "database": "automation"}}


def spec(objects: Objects, kind: str, service: str) -> Document:
    found: Document = objects.named(kind, f"st2-{service}")["spec"]
    return found


TASK = {"parent": {"execution_id": "1"}, "orquesta": {"workflow_execution_id": "2"}}


def live_action(
    status: str, *, workflow: bool = False, begun: bool = False, context: dict[str, Any] | None = None
) -> Document:
    """A document as st2 writes it; ``begun``: by Orquesta."""
    ids = {"workflow_execution": "3"} if begun else {}
    return {"status": status, "action_is_workflow": workflow, "context": {"user": "st2admin", **(context or {}), **ids}}


def matches(query: str, document: Document) -> bool:
    """Whether MongoDB finds a document by a query."""
    wanted = json.loads(query)
    assert wanted  # KEDA refuses an empty one.

    def fits(path: str, condition: Any) -> bool:
        found: Any = document
        for name in path.split("."):
            found = found.get(name) if found is not None else None
        match condition:
            case {"$in": values}:
                return bool(found in values)
            case {"$exists": exists}:
                return bool((found is not None) == exists)
        return bool(found == condition)

    return all(fits(path, condition) for path, condition in wanted.items())


def trigger(objects: Objects, service: str) -> Document:
    found: Document = spec(objects, "ScaledObject", service)["triggers"][0]
    return found


def refusal(cluster: MakeCluster, values: dict[str, Any]) -> str:
    with pytest.raises((InvalidValues, ValidationError)) as caught:
        cluster(values)
    return str(caught.value)


@pytest.fixture(scope="module")
def everything(synth: Synth) -> Objects:
    return synth(dict.fromkeys((*HTTP, *SHARING_WORK), ON))


def test_nothing_is_scaled_by_default(default_objects: Objects) -> None:
    assert not [document for document in default_objects if document["kind"] in KINDS]
    assert all("replicas" in document["spec"] for document in default_objects.of_kind("Deployment"))
    assert not [secret for secret in json.dumps(default_objects).split('"') if "autoscaling" in secret]


@pytest.mark.parametrize("service", [*HTTP, *SHARING_WORK])
class TestEveryService:
    """What holds of all that can be scaled."""

    def test_the_manifest_leaves_the_number_of_pods_to_the_autoscaler(self, everything: Objects, service: str) -> None:
        assert "replicas" not in spec(everything, "Deployment", service)

    def test_one_autoscaler_has_it_for_its_target(self, everything: Objects, service: str) -> None:
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": f"st2-{service}"}
        scalers = [document for document in everything if document["kind"] in KINDS[:2]]
        assert [s["spec"]["scaleTargetRef"] for s in scalers].count(target) == 1

    def test_the_budget_and_the_spread_stay(self, synth: Synth, service: str) -> None:
        objects = synth({service: {**ON, "replicas": 1}})
        assert spec(objects, "PodDisruptionBudget", service)["maxUnavailable"] == 1
        assert objects.pod(service)["topologySpreadConstraints"]

    def test_a_rollout_goes_on_as_before(self, everything: Objects, default_objects: Objects, service: str) -> None:
        strategy = spec(default_objects, "Deployment", service)["strategy"]
        assert spec(everything, "Deployment", service)["strategy"] == strategy

    def test_a_single_pod_is_no_floor(self, cluster: MakeCluster, service: str) -> None:
        message = refusal(cluster, {service: {"autoscaling": {"enabled": True, "minReplicas": 1}}})
        assert f"{service}.autoscaling.minReplicas" in message

    def test_the_ceiling_is_above_the_floor(self, cluster: MakeCluster, service: str) -> None:
        bounds = {"enabled": True, "minReplicas": 5, "maxReplicas": 4}
        assert refusal(cluster, {service: {"autoscaling": bounds}}) == (
            f"{service}.autoscaling.maxReplicas: is 4, but there are at least 5 pods; raise it"
        )


def test_objects_of_kubernetes_are_valid(everything: Objects) -> None:
    for document in filter(is_built_in, everything):
        validate(document, "1.30")


class TestByResources:
    """HorizontalPodAutoscalers."""

    def test_the_floor_is_the_number_without_an_autoscaler(self, synth: Synth) -> None:
        objects = synth({"st2api": {**ON, "replicas": 4}, "st2web": {**ON, "replicas": 1}})
        assert spec(objects, "HorizontalPodAutoscaler", "st2api")["minReplicas"] == 4
        assert spec(objects, "HorizontalPodAutoscaler", "st2web")["minReplicas"] == 2

    def test_it_looks_at_the_main_container_alone(self, everything: Objects) -> None:
        for service in HTTP:
            (metric,) = spec(everything, "HorizontalPodAutoscaler", service)["metrics"]
            assert metric["containerResource"] == {
                "name": "cpu",
                "container": everything.container(service)["name"],
                "target": {"type": "Utilization", "averageUtilization": 80},
            }

    def test_targets_are_the_users(self, synth: Synth) -> None:
        targets = {"targetCPUUtilizationPercentage": 50, "targetMemoryUtilizationPercentage": 90}
        objects = synth({"st2api": {"autoscaling": {"enabled": True, **targets}}})
        metrics = spec(objects, "HorizontalPodAutoscaler", "st2api")["metrics"]
        found = {m["containerResource"]["name"]: m["containerResource"]["target"] for m in metrics}
        assert {name: target["averageUtilization"] for name, target in found.items()} == {"cpu": 50, "memory": 90}

    def test_behaviour_of_the_user_takes_the_place_of_ours_by_direction(self, synth: Synth) -> None:
        behavior = {"scaleDown": {"selectPolicy": "Disabled"}}
        objects = synth({"st2api": {"autoscaling": {"enabled": True, "behavior": behavior}}})
        found = spec(objects, "HorizontalPodAutoscaler", "st2api")["behavior"]
        assert found["scaleDown"] == {"selectPolicy": "Disabled"}
        assert found["scaleUp"]["policies"]

    @pytest.mark.parametrize("service", SHARING_WORK)
    def test_services_that_share_work_do_without_keda(self, synth: Synth, service: str) -> None:
        objects = synth({service: BY_CPU})
        (metric,) = spec(objects, "HorizontalPodAutoscaler", service)["metrics"]
        assert metric["containerResource"]["target"]["averageUtilization"] == 70
        assert not [document for document in objects if "keda" in document["apiVersion"]]
        assert "autoscaling" not in objects.named("ConfigMap", "st2-mongodb-config")["data"]["replica-set.json"]

    def test_what_only_keda_uses_is_refused(self, cluster: MakeCluster) -> None:
        message = refusal(cluster, {"st2scheduler": {"autoscaling": {"enabled": True, "mode": "cpu", "targetBusy": 3}}})
        assert "targetBusy has no effect with mode cpu" in message


class TestByWork:
    """ScaledObjects of KEDA."""

    def test_collections_are_named_after_the_classes_of_st2(self) -> None:
        classes = {"st2actionrunner": "LiveActionDB", "st2scheduler": "ActionExecutionSchedulingQueueItemDB"}
        for service, name in classes.items():
            # mongoengine/base/metaclasses.py
            assert WORK[service][0].collection == re.sub("([A-Z])", r"_\1", name).strip("_").lower()

    @each_of(
        ("document", "counted"),
        [
            (live_action("scheduled"), ["st2actionrunner 0"]),
            (live_action("running"), ["st2actionrunner 0"]),
            (live_action("requested"), []),
            (live_action("succeeded"), []),
            # It occupies a thread of a runner until its last action has ended.
            (live_action("running", workflow=True), ["st2actionrunner 1"]),
            (live_action("scheduled", workflow=True), ["st2actionrunner 1"]),
            # A workflow of Orquesta does so until it has begun.
            (live_action("running", workflow=True, begun=True), ["st2workflowengine 0"]),
            (live_action("paused", workflow=True, begun=True), []),
            (live_action("paused", workflow=True), []),
            # A chain that is a task of such a workflow knows the workflow by another name.
            (live_action("running", workflow=True, context=TASK), ["st2actionrunner 1"]),
            ({"handling": False}, ["st2scheduler 0"]),
            ({"handling": True}, []),
        ],
    )
    def test_each_document_counts_for_whom_it_occupies(
        self, everything: Objects, document: Document, counted: list[str]
    ) -> None:
        collection = "live_action_d_b" if "status" in document else "action_execution_scheduling_queue_item_d_b"
        found = [
            f"{service} {number}"
            for service in SHARING_WORK
            for number, each in enumerate(spec(everything, "ScaledObject", service)["triggers"])
            if each["metadata"]["collection"] == collection and matches(each["metadata"]["query"], document)
        ]
        assert found == counted

    @pytest.mark.parametrize(
        ("service", "target"), [("st2actionrunner", "36"), ("st2workflowengine", "40"), ("st2scheduler", "50")]
    )
    def test_every_service_has_a_target(self, everything: Objects, service: str, target: str) -> None:
        assert trigger(everything, service)["metadata"]["queryValue"] == target

    def test_the_target_of_runners_follows_their_size(self, synth: Synth) -> None:
        config = {"actionrunner": {"actions_pool_size": 100}}
        objects = synth({"st2": {"config": config}, "st2actionrunner": ON})
        assert trigger(objects, "st2actionrunner")["metadata"]["queryValue"] == "60"

    def test_action_chains_have_a_pool_of_their_own(self, synth: Synth) -> None:
        def target(values: dict[str, Any]) -> str:
            triggers = spec(synth({"st2actionrunner": ON, **values}), "ScaledObject", "st2actionrunner")["triggers"]
            return str(triggers[1]["metadata"]["queryValue"])

        assert target({}) == "24"
        assert target({"st2": {"config": {"actionrunner": {"workflows_pool_size": 10}}}}) == "6"
        assert target({"st2actionrunner": {"autoscaling": {"enabled": True, "targetBusy": 10}}}) == "24"

    def test_a_target_beyond_their_size_is_refused(self, synth: Synth) -> None:
        with pytest.raises(InvalidValues, match=r"^st2actionrunner\.autoscaling\.targetBusy: is 61, but a runner work"):
            synth({"st2actionrunner": {"autoscaling": {"enabled": True, "targetBusy": 61}}})

    def test_metadata_are_texts(self, everything: Objects) -> None:
        for document in everything.of_kind("ScaledObject"):
            for each in document["spec"]["triggers"]:
                assert all(isinstance(value, str) for value in each["metadata"].values())

    def test_there_are_never_fewer_than_two_pods(self, everything: Objects) -> None:
        for document in everything.of_kind("ScaledObject"):
            assert document["spec"]["minReplicaCount"] == 2
            assert "idleReplicaCount" not in document["spec"]

    def test_the_settings_are_the_users(self, synth: Synth) -> None:
        settings = {
            "enabled": True,
            "minReplicas": 3,
            "maxReplicas": 9,
            "targetBusy": 10,
            "pollingInterval": 5,
            "fallbackReplicas": 7,
            "targetCPUUtilizationPercentage": 85,
        }
        found = spec(synth({"st2actionrunner": {"autoscaling": settings}}), "ScaledObject", "st2actionrunner")
        assert (found["minReplicaCount"], found["maxReplicaCount"], found["pollingInterval"]) == (3, 9, 5)
        assert found["fallback"]["replicas"] == 7
        work, _, cpu = found["triggers"]
        assert work["metadata"]["queryValue"] == "10"
        assert (cpu["type"], cpu["metricType"]) == ("cpu", "Utilization")
        assert cpu["metadata"] == {"value": "85", "containerName": "st2actionrunner"}

    def test_the_fallback_is_within_the_bounds(self, cluster: MakeCluster, synth: Synth) -> None:
        def with_(**settings: int) -> dict[str, Any]:
            return {"st2actionrunner": {"autoscaling": {"enabled": True, **settings}}}

        found = spec(synth(with_(minReplicas=6)), "ScaledObject", "st2actionrunner")
        assert found["fallback"]["replicas"] == 6
        assert refusal(cluster, with_(maxReplicas=5, fallbackReplicas=6)) == (
            "st2actionrunner.autoscaling.fallbackReplicas: must be from 2 to 5, not 6"
        )

    def test_argo_cd_takes_its_kinds_before_they_are_known(self, everything: Objects) -> None:
        for kind in KINDS[1:]:
            for document in everything.of_kind(kind):
                options = document["metadata"]["annotations"]["argocd.argoproj.io/sync-options"]
                assert options == "SkipDryRunOnMissingResource=true"

    def test_without_coordination_no_work_can_be_handed_over(self, cluster: MakeCluster) -> None:
        single = {"replicas": 1}
        values = {
            **dict.fromkeys(("st2scheduler", "st2notifier", "st2rulesengine"), single),
            "st2workflowengine": {**single, **ON},
            "coordination": {"backend": "none"},
        }
        assert "st2workflowengine.autoscaling.enabled: cannot be true with coordination.backend" in refusal(
            cluster, values
        )


class TestAccess:
    """How KEDA reaches MongoDB."""

    def test_it_has_a_user_of_its_own_who_may_only_read(self, everything: Objects) -> None:
        wanted = json.loads(everything.named("ConfigMap", "st2-mongodb-config")["data"]["replica-set.json"])
        (user,) = [user for user in wanted["users"] if user["name"] == "autoscaling"]
        assert user["roles"] == [{"role": "st2-autoscaling", "db": "admin"}]
        (role,) = [role for role in wanted["roles"] if role["name"] == "st2-autoscaling"]
        counted = {work.collection for works in WORK.values() for work in works}
        assert role["privileges"] == [
            {"resource": {"db": "st2", "collection": collection}, "actions": ["find"]} for collection in sorted(counted)
        ]
        pod = everything.pod("mongodb")
        (reconcile,) = [each for each in pod["containers"] if each["name"] == "reconcile"]
        folders = {mount["mountPath"]: mount["name"] for mount in reconcile["volumeMounts"]}
        file = Path(user["passwordFile"])
        (volume,) = [each for each in pod["volumes"] if each["name"] == folders[str(file.parent)]]
        assert volume["secret"]["secretName"] == "st2-mongodb-autoscaling"
        assert [item["path"] for item in volume["secret"]["items"]] == [file.name]

    def test_the_authentication_names_the_url(self, everything: Objects) -> None:
        found = everything.named("TriggerAuthentication", "st2-autoscaling")["spec"]
        assert found == {
            "secretTargetRef": [
                {"parameter": "connectionString", "name": "st2-autoscaling", "key": "connection-string"}
            ]
        }
        assert trigger(everything, "st2scheduler")["authenticationRef"] == {"name": "st2-autoscaling"}

    def test_the_url_names_all_members_from_any_namespace(self, synth: Synth) -> None:
        secrets = {"mode": "plain", "seed": "x" * 32}
        objects = synth({"secrets": secrets, "st2scheduler": ON})
        url = objects.named("Secret", "st2-autoscaling")["stringData"]["connection-string"]
        password = objects.named("Secret", "st2-mongodb-autoscaling")["stringData"]["mongodb-autoscaling-password"]
        members = ",".join(
            f"st2-mongodb-{ordinal}.st2-mongodb-headless.stackstorm.svc.cluster.local:27017" for ordinal in range(3)
        )
        assert url == f"mongodb://autoscaling:{password}@{members}/?replicaSet=rs0&authSource=admin"

    def test_external_secrets_compose_it(self, synth: Synth) -> None:
        external = {"mode": "external-secrets", "external": {"store": {"name": "vault"}}}
        objects = synth({"secrets": external, "st2scheduler": ON})
        template = spec(objects, "ExternalSecret", "autoscaling")["target"]["template"]["data"]
        assert template["connection-string"].startswith("mongodb://autoscaling:{{ .")

    def test_for_a_mongodb_elsewhere_the_user_gives_it(self, cluster: MakeCluster, synth: Synth) -> None:
        values: dict[str, Any] = {"mongodb": EXTERNAL, "st2scheduler": ON}
        assert "autoscaling.existingSecret: is required" in refusal(cluster, values)
        objects = synth({**values, "autoscaling": {"existingSecret": "mine"}})
        target = objects.named("TriggerAuthentication", "st2-autoscaling")["spec"]["secretTargetRef"]
        assert target == [{"parameter": "connectionString", "name": "mine", "key": "connection-string"}]
        assert trigger(objects, "st2scheduler")["metadata"]["dbName"] == "automation"

    def test_a_secret_of_the_users_makes_no_user(self, synth: Synth) -> None:
        objects = synth({"st2scheduler": ON, "autoscaling": {"existingSecret": "mine"}})
        assert "autoscaling" not in objects.named("ConfigMap", "st2-mongodb-config")["data"]["replica-set.json"]

    def test_a_secret_that_nobody_needs_is_refused(self, cluster: MakeCluster) -> None:
        values = {"st2api": ON, "autoscaling": {"existingSecret": "mine"}}
        assert "autoscaling.existingSecret: has no effect where KEDA scales nothing" in refusal(cluster, values)
