"""The objects of backups and restores. What their containers do is in tests/servers/test_backup.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from click.testing import CliRunner
from kubernetes_versions import validate
from support import MakeCluster, Objects, each_of

from constructs_st2.checks import Surroundings, check
from constructs_st2.checks.pod_security import level_of
from constructs_st2.commands.restore import restore as command
from constructs_st2.errors import InvalidValues, UserError
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.secrets import contract
from constructs_st2.kube.documents import Document, pod_template
from constructs_st2.parts.backup import cron_job, restore
from constructs_st2.values import from_mapping
from constructs_st2.values.named import objects_named_by

NAME = "st2-backup"
BACKUP = "st2-20260131T031700Z"
VOLUME: dict[str, Any] = {"claim": {"create": {}}}
STORAGE: dict[str, Any] = {"s3": {"bucket": "backups", "credentials": {"existingSecret": "my-s3"}}}
ELSEWHERE = {"enabled": False, "external": {"uri": "mongodb://db.example.org/?replicaSet=a", "database": "automation"}}
READER: dict[str, Any] = {"username": "reader", "password": {"existingSecret": "my-db"}}
WRITER: dict[str, Any] = {"username": "writer", "password": {"existingSecret": "my-db", "key": "writer"}}
OLDEST, NEWEST = "1.30", "1.33"

MakeObjects = Callable[..., Objects]


def checked(objects: list[Document], cluster: Cluster, claims: Sequence[str] = ()) -> Objects:
    """The objects, if nothing is wrong with them beside the user's own and the release's Secrets."""
    named = frozenset(claims).union(*objects_named_by(cluster.values).values())
    secrets = {**dict.fromkeys(named), **contract.keys_by_name(cluster.release, cluster.values)}
    surroundings = Surroundings(secrets=secrets, config_maps=named, claims=named, service_accounts=named)
    # The hosts of the backends are no matter of these objects.
    found = [problem for problem in check(objects, surroundings) if problem.rule != "address"]
    assert found == []
    for document in objects:
        for version in (OLDEST, NEWEST):
            validate(document, version)
    return Objects(objects)


@pytest.fixture
def backup(cluster: MakeCluster) -> MakeObjects:
    """The objects of backups with some settings, checked."""

    def make(destination: dict[str, Any] = VOLUME, /, *, also: dict[str, Any] | None = None, **given: Any) -> Objects:
        made = cluster({"backup": {"enabled": True, "destination": destination, **given}, **(also or {})})
        return checked(cron_job.documents(made), made)

    return make


@pytest.fixture
def restoring(cluster: MakeCluster) -> MakeObjects:
    """The objects of a restore with some settings, checked."""

    def make(destination: dict[str, Any] = VOLUME, /, *, also: dict[str, Any] | None = None, **given: Any) -> Objects:
        made = cluster({"backup": {"destination": destination, **given}, **(also or {})})
        return checked(restore.documents(made, BACKUP), made, [NAME])

    return make


def pod_of(objects: Objects) -> Document:
    (template,) = [pod for document in objects if (pod := pod_template(document))]
    spec: Document = template["spec"]
    return spec


def containers(objects: Objects) -> dict[str, Document]:
    """All containers of the pod, in the order in which they run."""
    spec = pod_of(objects)
    return {each["name"]: each for each in [*spec.get("initContainers", []), *spec["containers"]]}


def variables(container: Document) -> dict[str, Any]:
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container["env"]}


class TestCronJob:
    """When backups are made."""

    def test_there_is_none_unless_it_is_enabled(self, cluster: MakeCluster) -> None:
        assert cron_job.documents(cluster({"backup": {"destination": VOLUME}})) == []

    def test_a_release_has_one_of_its_own(self, cluster: MakeCluster) -> None:
        values = {"backup": {"enabled": True, "destination": VOLUME}}
        made = cron_job.documents(cluster(values, release="blue", namespace="automation"))
        assert {document["metadata"]["namespace"] for document in made} == {"automation"}
        assert [(document["kind"], document["metadata"]["name"]) for document in made] == [
            ("ConfigMap", "blue-backup-scripts"),
            ("PersistentVolumeClaim", "blue-backup"),
            ("CronJob", "blue-backup"),
        ]

    def test_it_runs_every_night_and_never_twice_at_once(self, backup: MakeObjects) -> None:
        spec = backup().named("CronJob", NAME)["spec"]
        assert (spec["schedule"], spec["timeZone"], spec["suspend"]) == ("17 3 * * *", "Etc/UTC", False)
        assert spec["concurrencyPolicy"] == "Forbid"
        assert spec["startingDeadlineSeconds"] == 3600

    def test_it_is_as_the_user_says(self, backup: MakeObjects) -> None:
        given = {"schedule": "0 */6 * * mon-fri", "timeZone": "Europe/Berlin", "suspend": True}
        spec = backup(activeDeadlineSeconds=600, startingDeadlineSeconds=60, **given).named("CronJob", NAME)["spec"]
        assert {key: spec[key] for key in given} == given
        assert spec["startingDeadlineSeconds"] == 60
        assert spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] == 600

    def test_what_is_taken_for_dead_cannot_be_alive(self, backup: MakeObjects) -> None:
        assert "600" in containers(backup(activeDeadlineSeconds=600))["dump"]["command"]
        assert "600" in containers(backup(STORAGE, activeDeadlineSeconds=600))["upload"]["command"]


class TestSteps:
    """The containers, one after the other."""

    def test_nothing_counts_before_it_is_verified(self, backup: MakeObjects) -> None:
        assert [*containers(backup())] == ["dump", "verify", "keep"]
        assert [*containers(backup(STORAGE))] == ["dump", "verify", "upload"]

    def test_they_log_in_as_a_user_that_may_only_read(self, backup: MakeObjects) -> None:
        objects = backup()
        (secret,) = [each["secret"] for each in pod_of(objects)["volumes"] if "secret" in each]
        assert secret["secretName"] == "st2-mongodb"
        assert [item["key"] for item in secret["items"]] == ["mongodb-backup-password"]
        command = containers(objects)["dump"]["command"]
        assert "--username=backup" in command
        (uri,) = [word for word in command if word.startswith("--uri=")]
        assert uri.count("st2-mongodb-") == 2 * 3
        assert uri.endswith("/?replicaSet=rs0&authSource=admin")

    def test_only_those_that_ask_mongodb_have_the_password(self, backup: MakeObjects) -> None:
        for destination, last in ((VOLUME, "keep"), (STORAGE, "upload")):
            found = containers(backup(destination))
            mounted = {name: {mount["name"] for mount in each["volumeMounts"]} for name, each in found.items()}
            assert {name for name, volumes in mounted.items() if "password" in volumes} == {"dump", "verify"}
            assert last in mounted
        # It stands in a file there.
        assert "tmp" not in mounted["upload"]

    def test_they_have_the_tools_of_the_server_s_version(self, backup: MakeObjects) -> None:
        old = {"image": {"tag": "3.8.1"}}
        assert containers(backup())["dump"]["image"] == "docker.io/library/mongo:7.0"
        assert containers(backup(also=old))["dump"]["image"] == "docker.io/library/mongo:4.4.30"
        mine = {"mongodb": {"image": {"repository": "example.org/mongo", "tag": "7.0.9"}}}
        assert containers(backup(also=mine))["dump"]["image"] == "example.org/mongo:7.0.9"
        assert containers(backup(image={"tag": "8.0"}))["verify"]["image"] == "docker.io/library/mongo:8.0"

    def test_images_come_from_the_mirror(self, backup: MakeObjects) -> None:
        found = containers(backup(STORAGE, also={"image": {"registry": "mirror.example.org"}}))
        assert {each["image"].partition("/")[0] for each in found.values()} == {"mirror.example.org"}
        assert containers(backup(STORAGE, storageImage={"tag": "1.70"}))["upload"]["image"].endswith("rclone:1.70")

    def test_a_snapshot_of_etcd_is_added_where_it_is_wanted(self, backup: MakeObjects) -> None:
        found = containers(backup(etcd=True, also={"coordination": {"backend": "etcd"}}))
        assert [*found] == ["dump", "etcd", "verify", "keep"]
        assert found["etcd"]["command"] == ["etcdctl"]
        assert found["etcd"]["args"][0] == "--endpoints=http://st2-etcd.stackstorm.svc.cluster.local:2379"
        assert found["etcd"]["args"][1:] == ["snapshot", "save", "/run/constructs-st2/etcd.db"]

    def test_the_rules_of_retention_reach_the_last_one(self, backup: MakeObjects) -> None:
        assert containers(backup())["keep"]["command"][-2:] == ["7", "14"]
        given = {"retention": {"count": 3, "days": 0}}
        assert containers(backup(**given))["keep"]["command"][-2:] == ["3", "0"]
        assert containers(backup(STORAGE, **given))["upload"]["command"][-2:] == ["3", "0"]

    def test_the_pod_is_restricted(self, backup: MakeObjects, restoring: MakeObjects) -> None:
        for objects in (backup(), backup(STORAGE), restoring(), restoring(STORAGE)):
            spec = pod_of(objects)
            assert level_of([{"spec": spec}]) == "restricted"
            assert spec["automountServiceAccountToken"] is False
            assert spec["enableServiceLinks"] is False
            assert all(each["securityContext"]["readOnlyRootFilesystem"] for each in containers(objects).values())

    def test_settings_of_pods_are_honoured(self, backup: MakeObjects, restoring: MakeObjects) -> None:
        given = {
            "annotations": {"example.org/team": "automation"},
            "labels": {"team": "automation"},
            "nodeSelector": {"disk": "big"},
            "resources": {"requests": {"cpu": "1", "memory": "1Gi"}},
            "extra_volumes": [{"name": "more", "mount": {"mountPath": "/more"}, "volume": {"emptyDir": {}}}],
            "securityContext": {"readOnlyRootFilesystem": False},
        }
        for objects in (backup(STORAGE, **given), restoring(STORAGE, **given)):
            (workload,) = [document for document in objects if document["kind"] in ("CronJob", "Job")]
            template = pod_template(workload)
            assert template
            for metadata in (workload["metadata"], template["metadata"]):
                assert metadata["annotations"]["example.org/team"] == "automation"
                assert metadata["labels"]["team"] == "automation"
            assert template["spec"]["nodeSelector"] == {"disk": "big"}
            for container in containers(objects).values():
                requests = container["resources"]["requests"]
                assert (requests["cpu"], requests["memory"]) == ("1", "1Gi")
                assert container["securityContext"]["readOnlyRootFilesystem"] is False
                assert "/more" in {mount["mountPath"] for mount in container["volumeMounts"]}


class TestDestination:
    """Where backups go."""

    def test_a_claim_is_made_that_argo_cd_does_not_delete(self, backup: MakeObjects) -> None:
        claim = backup().named("PersistentVolumeClaim", NAME)
        assert claim["metadata"]["annotations"] == {"argocd.argoproj.io/sync-options": "Prune=false,Delete=false"}
        assert claim["spec"] == {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "20Gi"}}}

    def test_it_is_as_the_user_says(self, backup: MakeObjects) -> None:
        created = {"size": "1Ti", "storageClass": "slow", "annotations": {"example.org/a": "b"}}
        claim = backup({"claim": {"create": created}}).named("PersistentVolumeClaim", NAME)
        assert claim["spec"]["resources"]["requests"]["storage"] == "1Ti"
        assert claim["spec"]["storageClassName"] == "slow"
        assert claim["metadata"]["annotations"]["example.org/a"] == "b"

    def test_a_claim_of_the_user_takes_its_place(self, backup: MakeObjects) -> None:
        objects = backup({"claim": {"existingClaim": "mine"}})
        assert objects.of_kind("PersistentVolumeClaim") == []
        assert {"name": "backup", "persistentVolumeClaim": {"claimName": "mine"}} in pod_of(objects)["volumes"]

    def test_a_storage_needs_no_claim_but_room_on_the_node(self, backup: MakeObjects) -> None:
        objects = backup(STORAGE, scratchSize="50Gi")
        assert objects.of_kind("PersistentVolumeClaim") == []
        assert {"name": "backup", "emptyDir": {"sizeLimit": "50Gi"}} in pod_of(objects)["volumes"]

    def test_the_credentials_come_from_the_secret_and_reach_rclone_only(self, backup: MakeObjects) -> None:
        credentials = {"existingSecret": "my-s3", "accessKeyKey": "id", "secretKeyKey": "secret"}
        found = containers(backup({"s3": {"bucket": "backups", "credentials": credentials}}))
        upload = variables(found.pop("upload"))
        assert upload["RCLONE_CONFIG_STORAGE_ACCESS_KEY_ID"] == {"secretKeyRef": {"name": "my-s3", "key": "id"}}
        assert upload["RCLONE_CONFIG_STORAGE_SECRET_ACCESS_KEY"] == {"secretKeyRef": {"name": "my-s3", "key": "secret"}}
        assert "my-s3" not in str(found)

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ({}, {"PROVIDER": "AWS"}),
            ({"region": "eu-central-1"}, {"PROVIDER": "AWS", "REGION": "eu-central-1"}),
            ({"endpoint": "http://minio:9000"}, {"PROVIDER": "Other", "ENDPOINT": "http://minio:9000"}),
            (
                {"endpoint": "https://s3.example.org", "provider": "Minio"},
                {"PROVIDER": "Minio", "ENDPOINT": "https://s3.example.org"},
            ),
        ],
    )
    def test_rclone_is_told_whose_storage_it_is(
        self, backup: MakeObjects, given: dict[str, str], expected: dict[str, str]
    ) -> None:
        found = variables(containers(backup({"s3": {**STORAGE["s3"], **given}}))["upload"])
        prefix = "RCLONE_CONFIG_STORAGE_"
        told = {name.removeprefix(prefix): value for name, value in found.items() if name.startswith(prefix)}
        assert {name: told[name] for name in told if name in ("PROVIDER", "ENDPOINT", "REGION")} == expected

    @pytest.mark.parametrize(
        ("prefix", "target"), [("", "storage:backups"), ("a/b", "storage:backups/a/b"), ("a/", "storage:backups/a")]
    )
    def test_the_folder_in_the_bucket(self, backup: MakeObjects, prefix: str, target: str) -> None:
        objects = backup({"s3": {**STORAGE["s3"], "prefix": prefix}})
        assert target in containers(objects)["upload"]["command"]


class TestMongodbElsewhere:
    """A MongoDB that is not in the cluster."""

    def test_a_user_of_the_user_dumps_one_database(self, backup: MakeObjects) -> None:
        objects = backup(external={**READER, "authSource": "admin"}, also={"mongodb": ELSEWHERE})
        command = containers(objects)["dump"]["command"]
        assert {"--username=reader", "--authenticationDatabase=admin", "--db=automation"} <= {*command}
        assert f"--uri={ELSEWHERE['external']['uri']}" in command  # type: ignore[index]
        assert "--oplog" not in command
        (secret,) = [each["secret"] for each in pod_of(objects)["volumes"] if "secret" in each]
        assert secret["secretName"] == "my-db"

    def test_the_whole_server_can_be_dumped(self, backup: MakeObjects) -> None:
        objects = backup(external={**READER, "wholeServer": True}, also={"mongodb": ELSEWHERE})
        command = containers(objects)["dump"]["command"]
        assert "--oplog" in command
        assert not any(word.startswith("--db=") for word in command)

    def test_its_certificate_is_checked(self, backup: MakeObjects) -> None:
        tls = {"enabled": True, "ca": {"existingSecret": "my-db", "key": "root.pem"}}
        elsewhere = {"enabled": False, "external": {"uri": "mongodb://db.example.org/", "tls": tls}}
        for container in ("dump", "verify"):
            found = containers(backup(external=READER, also={"mongodb": elsewhere}))[container]
            assert {"--ssl", "--sslCAFile=/etc/st2/ca/database/root.pem"} <= {*found["command"]}
            assert "/etc/st2/ca/database" in {mount["mountPath"] for mount in found["volumeMounts"]}

    def test_another_user_restores(self, restoring: MakeObjects) -> None:
        objects = restoring(external={**READER, "restore": WRITER}, also={"mongodb": ELSEWHERE})
        assert "--username=writer" in containers(objects)["restore"]["command"]
        (secret,) = [each["secret"] for each in pod_of(objects)["volumes"] if "secret" in each]
        assert (secret["secretName"], secret["items"][0]["key"]) == ("my-db", "writer")


class TestRestore:
    """The Job that is started by hand."""

    def test_it_brings_all_that_it_needs(self, restoring: MakeObjects) -> None:
        objects = restoring()
        assert [(document["kind"], document["metadata"]["name"]) for document in objects] == [
            ("ConfigMap", "st2-restore-scripts"),
            ("Job", "st2-restore-20260131t031700z"),
        ]
        assert BACKUP in containers(objects)["restore"]["command"]

    def test_the_administrator_restores(self, restoring: MakeObjects) -> None:
        objects = restoring(also={"mongodb": {"auth": {"rootUser": "admin"}}})
        assert "--username=admin" in containers(objects)["restore"]["command"]
        (secret,) = [each["secret"] for each in pod_of(objects)["volumes"] if "secret" in each]
        assert [item["key"] for item in secret["items"]] == ["mongodb-root-password"]

    def test_it_cannot_change_a_backup(self, restoring: MakeObjects) -> None:
        mounts = {mount["mountPath"]: mount for mount in containers(restoring())["restore"]["volumeMounts"]}
        assert mounts["/backup"]["readOnly"] is True

    def test_a_backup_in_a_storage_is_fetched_first(self, restoring: MakeObjects) -> None:
        found = containers(restoring(STORAGE))
        assert [*found] == ["fetch", "restore"]
        assert found["fetch"]["command"][-2:] == ["storage:backups", BACKUP]
        assert "RCLONE_CONFIG_STORAGE_SECRET_ACCESS_KEY" in variables(found["fetch"])

    def test_it_is_not_tried_again_by_itself(self, restoring: MakeObjects) -> None:
        assert restoring().of_kind("Job")[0]["spec"]["backoffLimit"] == 0

    def test_a_backup_of_another_release_can_be_restored(self, cluster: MakeCluster) -> None:
        made = cluster({"backup": {"destination": VOLUME}}, release="blue")
        assert restore.documents(made, BACKUP)[1]["metadata"]["name"] == "blue-restore-20260131t031700z"

    @pytest.mark.parametrize("name", ["latest", "st2", "st2-20260131", f"../{BACKUP}", f"{BACKUP}/", ""])
    def test_anything_else_is_no_name_of_a_backup(self, cluster: MakeCluster, name: str) -> None:
        with pytest.raises(UserError, match=r"is no name of a backup, such as st2-20260131T031700Z"):
            restore.documents(cluster({"backup": {"destination": VOLUME}}), name)

    def test_the_command_prints_what_kubectl_takes(self, tmp_path: Path) -> None:
        values = tmp_path / "values.yaml"
        values.write_text(yaml.safe_dump({"backup": {"destination": STORAGE}}))
        result = CliRunner().invoke(command, ["-f", str(values), "--archive", BACKUP])
        assert result.exit_code == 0, result.output
        objects = list(yaml.safe_load_all(result.output))
        assert [document["kind"] for document in objects] == ["ConfigMap", "Job"]
        for document in objects:
            validate(document, OLDEST)

    def test_the_command_says_what_is_missing_in_which_file(self, tmp_path: Path) -> None:
        values = tmp_path / "values.yaml"
        values.write_text("st2:\n  username: me\n")
        result = CliRunner().invoke(command, ["-f", str(values), "--archive", BACKUP])
        assert isinstance(result.exception, UserError)
        assert "backup.destination: is required; give claim or s3" in str(result.exception)


class TestProblems:
    """Settings that cannot be honoured."""

    @pytest.mark.parametrize(
        ("values", "problem"),
        [
            ({"backup": {"enabled": True}}, "backup.destination: is required; give claim or s3"),
            (
                {"backup": {"enabled": True, "destination": VOLUME, "external": READER}},
                "backup.external: has no effect with the MongoDB in the cluster, which has a user for it; remove it",
            ),
            (
                {"backup": {"enabled": True, "destination": VOLUME}, "mongodb": ELSEWHERE},
                "backup.external: is required where MongoDB runs elsewhere; give the username and password of a user "
                "that may read",
            ),
            (
                {
                    "backup": {"enabled": True, "destination": VOLUME},
                    "mongodb": {"enabled": False},
                    "st2": {"existingConfigSecret": "mine"},
                },
                "backup.enabled: needs mongodb.external: nobody can tell the connection from what is in your Secret",
            ),
            (
                {"backup": {"enabled": True, "destination": VOLUME, "etcd": True}},
                "backup.etcd: has no effect with coordination.backend redis; remove it",
            ),
        ],
    )
    def test_what_does_not_go_together(self, cluster: MakeCluster, values: dict[str, Any], problem: str) -> None:
        with pytest.raises(InvalidValues) as raised:
            cluster(values)
        assert str(raised.value) == problem

    def test_nothing_is_asked_of_those_who_make_none(self, cluster: MakeCluster) -> None:
        cluster({"mongodb": ELSEWHERE})

    def test_a_restore_elsewhere_needs_a_user_that_may_write(self, cluster: MakeCluster) -> None:
        made = cluster({"backup": {"destination": VOLUME, "external": READER}, "mongodb": ELSEWHERE})
        with pytest.raises(InvalidValues, match=r"backup\.external\.restore: is required to restore"):
            restore.documents(made, BACKUP)

    @pytest.mark.parametrize(
        ("destination", "problem"),
        [
            ({}, "must have either claim or s3"),
            ({**VOLUME, **STORAGE}, "must have either claim or s3"),
            ({"claim": {}}, "must have either create or existingClaim"),
            ({"claim": {"create": {}, "existingClaim": "mine"}}, "must have either create or existingClaim"),
            ({"s3": {"bucket": "backups", "kmsKeyId": "arn:aws:kms:x"}}, "kmsKeyId"),
            ({"s3": {**STORAGE["s3"], "bucket": "a bucket"}}, "bucket"),
            ({"s3": {**STORAGE["s3"], "prefix": "/absolute"}}, "prefix"),
            ({"s3": {**STORAGE["s3"], "endpoint": "minio:9000"}}, "endpoint"),
        ],
    )
    def test_a_destination_is_one_place(self, destination: dict[str, Any], problem: str) -> None:
        with pytest.raises(ValueError, match=problem):
            from_mapping({"backup": {"destination": destination}})

    @pytest.mark.parametrize("retention", [{"count": 0}, {"count": -1}, {"days": -1}, {"count": "7"}, {"weeks": 1}])
    def test_the_newest_backup_is_always_kept(self, retention: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="retention"):
            from_mapping({"backup": {"retention": retention}})

    def test_a_password_is_never_in_the_values(self) -> None:
        with pytest.raises(ValueError, match="password"):
            from_mapping({"backup": {"external": {"username": "reader", "password": "secret"}}})

    @pytest.mark.parametrize(
        "schedule",
        ["17 3 * * *", "*/15 * * * *", "0 0-6/2 1,15 jan-mar MON", "0 0 ? * 0", "@daily", "@hourly", "5  4 * * sun"],
    )
    def test_what_the_api_server_takes_is_a_schedule(self, schedule: str) -> None:
        assert from_mapping({"backup": {"schedule": schedule}}).backup.schedule == schedule

    @each_of(
        "schedule",
        [
            "",
            "3 * * *",
            "0 17 3 * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 7",
            "5-1 * * * *",
            "1-2-3 * * * *",
            "*/0 * * * *",
            "a * * * *",
            "1, * * * *",
            "@noon",
            "TZ=UTC 17 3 * * *",
        ],
    )
    def test_what_it_refuses_is_none(self, schedule: str) -> None:
        with pytest.raises(ValueError, match="schedule"):
            from_mapping({"backup": {"schedule": schedule}})


class TestIdentity:
    """Storage that knows pods by their identity in the cloud."""

    ROLE: ClassVar[dict[str, str]] = {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/st2-backup"}
    CLOUD: ClassVar[dict[str, Any]] = {"s3": {"bucket": "backups", "region": "eu-central-1"}}

    def test_without_credentials_the_pods_have_an_account_of_their_own(self, backup: MakeObjects) -> None:
        objects = backup(
            self.CLOUD, serviceAccount={"annotations": self.ROLE}, labels={"azure.workload.identity/use": "true"}
        )
        account = objects.named("ServiceAccount", NAME)
        assert account["metadata"]["annotations"] == self.ROLE
        assert account["automountServiceAccountToken"] is False
        pod = pod_of(objects)
        assert pod["serviceAccountName"] == NAME
        assert pod["automountServiceAccountToken"] is False
        (job,) = objects.of_kind("CronJob")
        labels = job["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"]
        assert labels["azure.workload.identity/use"] == "true"
        told = variables(containers(objects)["upload"])
        assert told["RCLONE_CONFIG_STORAGE_ENV_AUTH"] == "true"
        assert not [name for name in told if "ACCESS_KEY" in name]

    def test_an_account_of_the_user_is_only_named(self, backup: MakeObjects) -> None:
        objects = backup(self.CLOUD, serviceAccount={"create": False, "name": "mine"})
        assert objects.of_kind("ServiceAccount") == []
        assert pod_of(objects)["serviceAccountName"] == "mine"

    def test_with_credentials_there_is_none(self, backup: MakeObjects) -> None:
        objects = backup(STORAGE)
        assert objects.of_kind("ServiceAccount") == []
        assert "serviceAccountName" not in pod_of(objects)
        assert "RCLONE_CONFIG_STORAGE_ENV_AUTH" not in variables(containers(objects)["upload"])

    @pytest.mark.parametrize("enabled", [True, False])
    def test_a_restore_has_the_same(self, cluster: MakeCluster, enabled: bool) -> None:
        made = cluster({"backup": {"enabled": enabled, "destination": self.CLOUD}})
        objects = Objects(restore.documents(made, BACKUP))
        (pod,) = [template["spec"] for template in objects.pod_templates().values()]
        assert pod["serviceAccountName"] == NAME
        # Deleting the restore must not delete the account of the backups.
        assert len(objects.of_kind("ServiceAccount")) == (not enabled)

    def test_the_storage_can_encrypt(self, backup: MakeObjects) -> None:
        key = "arn:aws:kms:eu-central-1:123456789012:key/0c1d"
        kms = {"serverSideEncryption": "aws:kms", "kmsKeyId": key}
        told = variables(containers(backup({"s3": {**self.CLOUD["s3"], **kms}}))["upload"])
        assert told["RCLONE_CONFIG_STORAGE_SERVER_SIDE_ENCRYPTION"] == "aws:kms"
        assert told["RCLONE_CONFIG_STORAGE_SSE_KMS_KEY_ID"] == key

    def test_the_password_of_encryption_reaches_rclone_as_a_file(self, backup: MakeObjects) -> None:
        encryption = {"existingSecret": "crypt", "passwordKey": "pass"}
        objects = backup({"s3": {**STORAGE["s3"], "encryption": encryption}})
        found = containers(objects)
        told = variables(found["upload"])
        assert told["ENCRYPTION_PASSWORD_FILE"] == "/etc/constructs-st2/encryption/password"
        readers = [
            name
            for name, container in found.items()
            if any(mount["name"] == "encryption" for mount in container["volumeMounts"])
        ]
        assert readers == ["upload"]

    def test_annotations_of_an_account_that_is_not_written_are_an_error(self, cluster: MakeCluster) -> None:
        account = {"create": False, "name": "mine", "annotations": self.ROLE}
        with pytest.raises(InvalidValues, match=r"backup\.serviceAccount: has no effect"):
            cluster({"backup": {"enabled": True, "destination": self.CLOUD, "serviceAccount": account}})
