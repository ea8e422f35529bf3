"""The Jobs of a cluster: which there are, what they run with, and what the user can say about them."""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError
from support import MakeCluster, Objects, Synth

from constructs_st2.errors import InvalidValues
from constructs_st2.facts.jobs import PURPOSES, SKIPPABLE
from constructs_st2.kube.documents import Document, containers
from constructs_st2.parts.jobs.tasks import tasks

from .kubernetes_jobs import name_of

CLAIM = {"create": {"size": "1Gi"}}
SHARED: dict[str, Any] = {"packs": {"volumes": {"enabled": True, "packs": CLAIM, "virtualenvs": CLAIM}}}
RBAC: dict[str, Any] = {"rbac": {"enabled": True}}
ITEM = {"name": "a", "value": "b"}
API_KEY = {"user": "a", "id": "a" * 24, "key_hash": "b" * 128}
EXTRA = {"name": "mine", "command": ["mine.sh", "-x"]}
HOOK = {"name": "seed", "hook": "post-install, post-upgrade", "command": ["seed.sh"]}
EVERYTHING: dict[str, Any] = {
    "st2": {**SHARED, **RBAC, "keyvalue": [ITEM], "apikeys": [API_KEY]},
    "jobs": {
        "smokeTest": {"enabled": True},
        "extra": [EXTRA],
        "extra_hooks": [HOOK],
        "preRegisterContentCommand": ["sh", "-c", "true"],
    },
}
ALL = {*PURPOSES, "mine", "extra-helm-hook-seed"}
"""Those that there are, and the user's own."""
LONGEST_RELEASE = "a" * 31


def jobs_of(objects: Objects) -> dict[str, Document]:
    """The Jobs by their names without release, ``job-`` and hash, but for the one that makes Secrets."""
    return {name: job for job in objects.of_kind("Job") if (name := name_of(job)) != "secrets-bootstrap"}


def with_jobs(**settings: Any) -> dict[str, Any]:
    """All Jobs that there are, under these settings."""
    return {**EVERYTHING, "jobs": {**EVERYTHING["jobs"], **settings}}


def pod(job: Document) -> Document:
    spec: Document = job["spec"]["template"]["spec"]
    return spec


def main(job: Document) -> Document:
    (container,) = pod(job)["containers"]
    return {**container}


def environment(container: Document) -> dict[str, Any]:
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container.get("env", ())}


def init(job: Document, name: str) -> Document:
    (found,) = (each for each in pod(job)["initContainers"] if each["name"] == name)
    return {**found}


def mounts(container: Document) -> dict[str, bool]:
    """Where a container has volumes, and whether it can write to them."""
    return {each["mountPath"]: not each.get("readOnly", False) for each in container["volumeMounts"]}


def source(job: Document, path: str) -> Document:
    """The volume that the main container of a Job has at a path."""
    name = next(each["name"] for each in main(job)["volumeMounts"] if each["mountPath"] == path)
    return {**next(each for each in pod(job)["volumes"] if each["name"] == name)}


@pytest.fixture(scope="module")
def everything(synth: Synth) -> dict[str, Document]:
    """All Jobs that there are. Do not change them."""
    return jobs_of(synth(EVERYTHING))


@pytest.mark.parametrize(
    ("values", "names"),
    [
        pytest.param({}, {"register-content"}, id="by default"),
        pytest.param({"st2": RBAC}, {"apply-rbac", "register-content"}, id="roles"),
        pytest.param({"st2": SHARED}, {"packs-write-test", "register-content"}, id="shared volumes"),
        pytest.param({"st2": {"keyvalue": [ITEM]}}, {"key-load", "register-content"}, id="items"),
        pytest.param(
            {"st2": {"keyvalueFiles": {"a.yaml": "- {name: a, value: b}\n"}}},
            {"key-load", "register-content"},
            id="items in a file",
        ),
        pytest.param({"st2": {"keyvalueFiles": {"a.yaml": ""}}}, {"register-content"}, id="a file that is left out"),
        pytest.param(
            {"st2": {"existingKeyvalueSecret": "mine"}}, {"key-load", "register-content"}, id="items in a Secret"
        ),
        pytest.param({"st2": {"apikeys": [API_KEY]}}, {"apikey-load", "register-content"}, id="API keys"),
        pytest.param(
            {"st2": {"existingApikeysSecret": "mine"}}, {"apikey-load", "register-content"}, id="API keys in a Secret"
        ),
        pytest.param(
            {"jobs": {"smokeTest": {"enabled": True}}}, {"register-content", "smoke-test"}, id="the smoke test"
        ),
        pytest.param(
            {"jobs": {"extra": [EXTRA], "extra_hooks": [HOOK]}},
            {"register-content", "mine", "extra-helm-hook-seed"},
            id="the user's own",
        ),
        pytest.param(EVERYTHING, ALL, id="everything"),
        pytest.param({"jobs": {"skip": ["register_content"]}}, set(), id="the only one is left out"),
    ],
)
def test_there_is_a_job_for_what_is_to_be_loaded(synth: Synth, values: dict[str, Any], names: set[str]) -> None:
    assert jobs_of(synth(values)).keys() == names, "say which values bring it about: here, and in EVERYTHING"


@pytest.mark.parametrize(
    ("skipped", "job"),
    [
        *SKIPPABLE.items(),
        ("mine", "mine"),
        ("extra-helm-hook-seed", "extra-helm-hook-seed"),
    ],
)
def test_any_job_can_be_left_out_and_no_other_changes(
    synth: Synth, everything: dict[str, Document], skipped: str, job: str
) -> None:
    left = jobs_of(synth(with_jobs(skip=[skipped])))
    assert left == {name: document for name, document in everything.items() if name != job}


def test_programs_are_there_for_those_that_run_them(synth: Synth) -> None:
    def has_programs(values: Mapping[str, Any]) -> bool:
        return any(each["metadata"]["name"] == "st2-st2-job-programs" for each in synth(values).of_kind("ConfigMap"))

    assert not has_programs({"st2": RBAC})
    assert has_programs({"st2": {"keyvalue": [ITEM]}})
    assert not has_programs({"st2": {"keyvalue": [ITEM]}, "jobs": {"skip": ["key_load"]}})


PYTHON = "/opt/stackstorm/st2/bin/python"
PROGRAMS = "constructs_st2.parts.jobs.scripts"
CONF = [f"--config-file=/etc/st2/st2{name}.conf" for name in ("", ".docker", ".user", ".secrets")]
DATASTORE = "/opt/constructs-st2-datastore"
BACKENDS = ["wait-for-mongodb", "wait-for-rabbitmq"]
LOGIN = ["wait-for-st2auth", "wait-for-st2api", "wait-for-login"]


@pytest.mark.parametrize(
    ("job", "command", "before"),
    [
        (
            "packs-write-test",
            [
                *("sh", "/opt/constructs-st2/test-packs-volumes.sh"),
                *("/opt/stackstorm/packs", "/opt/stackstorm/virtualenvs"),
            ],
            [],
        ),
        ("apply-rbac", ["/opt/stackstorm/st2/bin/st2-apply-rbac-definitions", "--verbose", *CONF], BACKENDS),
        (
            "register-content",
            [
                "/opt/stackstorm/st2/bin/st2-register-content",
                *CONF,
                *("--register-all", "--register-fail-on-failure"),
            ],
            [*BACKENDS, "packs-system", "pre-register-content"],
        ),
        (
            "key-load",
            [
                *(PYTHON, "-m", f"{PROGRAMS}.load_datastore", "key"),
                *("/run/constructs-st2/key.json", f"{DATASTORE}/values/kv.yaml"),
            ],
            LOGIN,
        ),
        (
            "apikey-load",
            [
                *(PYTHON, "-m", f"{PROGRAMS}.load_datastore", "apikey"),
                *("/run/constructs-st2/apikey.json", f"{DATASTORE}/values/apikeys.yaml"),
            ],
            LOGIN,
        ),
        (
            "smoke-test",
            [PYTHON, "-m", f"{PROGRAMS}.smoke_test", "300"],
            ["wait-for-st2auth", "wait-for-st2api", "wait-for-st2stream", "wait-for-login"],
        ),
        ("mine", ["mine.sh", "-x"], LOGIN),
        ("extra-helm-hook-seed", ["seed.sh"], LOGIN),
    ],
)
def test_what_a_job_runs_and_what_it_waits_for(
    everything: dict[str, Document], job: str, command: list[str], before: list[str]
) -> None:
    container = main(everything[job])
    assert container["name"] == job
    assert [*container["command"], *container.get("args", [])] == command
    assert [each["name"] for each in pod(everything[job]).get("initContainers", ())] == before


@pytest.mark.parametrize(
    ("job", "wanted"),
    [
        ("key-load", ["system_admin"]),
        ("apikey-load", ["system_admin"]),
        ("smoke-test", ["--action=core.local", "system_admin"]),
        ("mine", ["system_admin"]),
        ("extra-helm-hook-seed", ["--action=core.local", "system_admin"]),
    ],
)
def test_a_login_is_waited_for_with_the_roles_and_the_actions_that_others_bring(
    everything: dict[str, Document], job: str, wanted: list[str]
) -> None:
    login = init(everything[job], "wait-for-login")
    assert login["command"] == [PYTHON, "-m", f"{PROGRAMS}.await_login"]
    # As long as the Job may take, and no longer.
    assert login["args"] == [str(everything[job]["spec"]["activeDeadlineSeconds"]), *wanted]
    assert login["envFrom"] == [{"configMapRef": {"name": "st2-st2-urls"}}]
    assert environment(login)["ST2_CONFIG_FILE"] == "/etc/st2-client/config"
    assert mounts(login) == {"/opt/constructs-st2": False, "/etc/st2-client": False}


def test_the_roles_are_those_that_the_user_has_been_assigned(synth: Synth) -> None:
    assignments = {"boss.yaml": "username: boss\nroles: [admin, observer]\n"}
    st2 = {"username": "boss", "rbac": {"enabled": True, "assignments": assignments}, "keyvalue": [ITEM]}
    assert init(jobs_of(synth({"st2": st2}))["key-load"], "wait-for-login")["args"][1:] == ["admin", "observer"]
    assert init(jobs_of(synth({"st2": {"keyvalue": [ITEM]}}))["key-load"], "wait-for-login")["args"] == ["3600"]


def test_waits_are_as_long_as_the_job_may_take(synth: Synth) -> None:
    for job in jobs_of(synth(with_jobs(activeDeadlineSeconds=1234))).values():
        assert job["spec"]["activeDeadlineSeconds"] == 1234
        for container in pod(job).get("initContainers", ()):
            if container["name"].startswith("wait-for-"):
                assert "1234" in container["args"]


def test_a_job_of_the_user_waits_for_what_it_asks_for(synth: Synth) -> None:
    extra: dict[str, dict[str, Any]] = {
        "api": {"needs": ["st2auth", "st2api"], "actions": ["aws.list", "core.http"]},
        "locks": {"needs": ["coordination"]},
        "half": {"needs": ["st2api", "database"]},
        "nothing": {"needs": []},
    }
    jobs = jobs_of(synth({"jobs": {"extra": [{**EXTRA, "name": name, **given} for name, given in extra.items()]}}))
    before = {name: [each["name"] for each in pod(jobs[name]).get("initContainers", ())] for name in extra}
    assert before == {
        "api": LOGIN,
        "locks": ["wait-for-redis"],
        "half": ["wait-for-mongodb", "wait-for-st2api"],
        "nothing": [],
    }
    assert init(jobs["api"], "wait-for-login")["args"] == ["3600", "--action=aws.list", "--action=core.http"]


def test_backends_elsewhere_are_not_waited_for(synth: Synth) -> None:
    values = {
        "st2": RBAC,
        "mongodb": {"enabled": False, "external": {"uri": "mongodb://db"}},
        "rabbitmq": {"enabled": False, "external": {"urls": ["amqp://mq"]}},
    }
    for job in jobs_of(synth(values)).values():
        assert "initContainers" not in pod(job)


SCRATCH: dict[str, bool] = {"/home/stanley": True, "/tmp": True}
CONF_FILES: dict[str, bool] = {
    **{f"/etc/st2/st2.{name}.conf": False for name in ("docker", "user", "secrets")},
    "/opt/constructs-st2-redis/st2_redis.egg": False,
}
CREDENTIALS = {"/etc/st2-client": False}
RUN_PROGRAMS = {"/opt/constructs-st2": False}
PACKS = {"/opt/stackstorm/packs": True, "/opt/stackstorm/virtualenvs": True}
OWN = {**CONF_FILES, **CREDENTIALS, **PACKS, **SCRATCH}
LOADING = {**RUN_PROGRAMS, **CREDENTIALS, f"{DATASTORE}/values": False, "/run/constructs-st2": True, **SCRATCH}


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        ("packs-write-test", {**PACKS, **RUN_PROGRAMS, **SCRATCH}),
        (
            "apply-rbac",
            {
                **CONF_FILES,
                **{f"/opt/stackstorm/rbac/{kind}": False for kind in ("roles", "assignments", "mappings")},
                **SCRATCH,
            },
        ),
        ("register-content", {**CONF_FILES, **PACKS, **SCRATCH}),
        ("key-load", LOADING),
        ("apikey-load", LOADING),
        ("smoke-test", {**RUN_PROGRAMS, **CREDENTIALS, **SCRATCH}),
        ("mine", OWN),
        ("extra-helm-hook-seed", OWN),
    ],
)
def test_what_a_job_can_read_and_write(everything: dict[str, Document], job: str, expected: dict[str, bool]) -> None:
    assert mounts(main(everything[job])) == expected


def test_secrets_of_items_are_put_together_in_memory(synth: Synth) -> None:
    secret = {"name": "s", "secret": True, "value": {"existingSecret": "mine", "key": "token"}}
    job = jobs_of(synth({"st2": {"keyvalue": [ITEM, secret], "existingKeyvalueSecret": "all"}}))["key-load"]
    assert source(job, "/run/constructs-st2")["emptyDir"]["medium"] == "Memory"
    assert source(job, "/opt/constructs-st2-secrets/mine")["secret"] == {
        "secretName": "mine",
        "items": [{"key": "token", "path": "token"}],
        "defaultMode": 0o440,
    }
    assert source(job, f"{DATASTORE}/secret")["secret"]["secretName"] == "all"
    assert main(job)["args"][2:] == [f"{DATASTORE}/values/kv.yaml", f"{DATASTORE}/secret/kv.yaml"]


def test_content_of_the_user_reaches_the_job_that_registers_it(synth: Synth) -> None:
    st2 = {"packs": {"configs": {"aws.yaml": "a: 1\n"}}, "overrides": {"aws.yaml": "rules: {defaults: {}}\n"}}
    job = jobs_of(synth({"st2": st2}))["register-content"]
    assert source(job, "/opt/stackstorm/configs")["configMap"] == {"name": "st2-st2-pack-configs"}
    assert source(job, "/opt/stackstorm/overrides")["configMap"] == {"name": "st2-st2-overrides-configs"}
    for path in ("/opt/stackstorm/configs", "/opt/stackstorm/overrides"):
        assert mounts(main(job))[path] is False


@pytest.mark.parametrize(
    "packs",
    [{}, {"images": [{"repository": "images", "tag": "1"}]}, SHARED["packs"]],
    ids=["in the images of st2", "in images of their own", "on shared volumes"],
)
def test_a_command_before_the_registration_can_write_to_the_packs_that_are_registered(
    synth: Synth, packs: dict[str, Any]
) -> None:
    jobs = {"preRegisterContentCommand": ["sh", "-c", "sed -i …"], "securityContext": {"runAsUser": 1000}}
    job = jobs_of(synth({"st2": {"packs": packs}, "jobs": jobs}))["register-content"]
    *_, filling, before = pod(job)["initContainers"]
    assert (filling["name"], before["name"]) == ("packs-system", "pre-register-content")
    assert before["command"] == ["sh", "-c", "sed -i …"]
    for container in (before, main(job)):
        assert PACKS.items() <= mounts(container).items()
        assert SCRATCH.items() <= mounts(container).items()
        assert container["image"] == "stackstorm/st2actionrunner:3.9"
        assert container["securityContext"]["runAsUser"] == 1000
    assert environment(before) == {"HOME": "/home/stanley"}
    volumes = {each["mountPath"]: each["name"] for each in main(job)["volumeMounts"]}
    assert {each["name"] for each in filling["volumeMounts"] if not each.get("readOnly")} == {
        volumes[path] for path in PACKS
    }


def test_every_container_says_what_it_takes(everything: dict[str, Document]) -> None:
    for job in everything.values():
        for container in containers(job["spec"]["template"]):
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys(), container["name"]


def test_names_fit_into_labels_whatever_the_release_is_called(synth: Synth) -> None:
    values = {**EVERYTHING, "jobs": {"smokeTest": {"enabled": True}}}
    jobs = jobs_of(synth(values, release=LONGEST_RELEASE))
    assert jobs.keys() == ALL - {"mine", "extra-helm-hook-seed"}
    assert max(len(job["metadata"]["name"]) for job in jobs.values()) == 63


@pytest.mark.parametrize("name", ["job-extra-helm-hook-seed", "job-mine"])
def test_labels_say_which_job_a_pod_belongs_to(everything: dict[str, Document], name: str) -> None:
    job = everything[name.removeprefix("job-")]
    assert job["metadata"]["labels"] == job["spec"]["template"]["metadata"]["labels"]
    assert job["metadata"]["labels"]["app.kubernetes.io/name"] == name
    assert job["metadata"]["name"].startswith(f"st2-{name}-")


def test_the_smoke_test_is_told_what_to_expect(synth: Synth) -> None:
    def told(values: dict[str, Any]) -> dict[str, str]:
        job = jobs_of(synth({**values, "jobs": {"smokeTest": {"enabled": True}}}))["smoke-test"]
        names = ("EXPECTED_VERSION", "EXPECTED_USER", "WEB_URL", "RBAC_ROLES", "DATASTORE_ENCRYPTED")
        return {name: environment(main(job))[name] for name in names}

    assert told({}) == {
        "EXPECTED_VERSION": "3.9",
        "EXPECTED_USER": "stanley",
        "WEB_URL": "https://st2-st2web",
        "RBAC_ROLES": "",
        "DATASTORE_ENCRYPTED": "true",
    }
    other = {
        "image": {"tag": "3.8.1"},
        "st2": {"system_user": {"user": "bob"}, "datastore_crypto_key": "disable", **RBAC},
        "st2web": {"tls": {"enabled": False}},
    }
    assert told(other) == {
        "EXPECTED_VERSION": "3.8",
        "EXPECTED_USER": "bob",
        "WEB_URL": "http://st2-st2web",
        "RBAC_ROLES": "system_admin",
        "DATASTORE_ENCRYPTED": "false",
    }


SETTINGS = {
    "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "jobs", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "priorityClassName": "low",
    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["proxy"]}],
    "annotations": {"team": "a"},
    "labels": {"cost": "b"},
    "env": {"HTTPS_PROXY": "http://proxy:3128", "NODE": {"valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}},
    "envFromSecrets": ["proxy"],
    "extra_volumes": [{"name": "ca", "mount": {"mountPath": "/ca"}, "volume": {"secret": {"secretName": "ca"}}}],
    "initContainers": [{"name": "last", "image": "x:1", "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}}}],
    "resources": {"requests": {"cpu": "9m", "memory": "9Mi"}},
    "securityContext": {"runAsUser": 1001},
    "podSecurityContext": {"supplementalGroups": [5]},
    "image": {"name": "mine", "tag": "3.9-r1", "pullSecret": "registry"},
    "activeDeadlineSeconds": 600,
    "backoffLimit": 2,
    "ttlSecondsAfterFinished": 60,
}


def has_all_settings(job: Document) -> None:
    spec, container = pod(job), main(job)
    assert spec["nodeSelector"] == {"kubernetes.io/arch": "amd64", "disk": "ssd"}
    for key in ("tolerations", "affinity", "priorityClassName", "hostAliases"):
        assert spec[key] == SETTINGS[key]
    for metadata in (job["metadata"], job["spec"]["template"]["metadata"]):
        assert metadata["annotations"]["team"] == "a"
        assert metadata["labels"]["cost"] == "b"
    assert environment(container)["HTTPS_PROXY"] == "http://proxy:3128"
    assert environment(container)["NODE"] == {"fieldRef": {"fieldPath": "spec.nodeName"}}
    assert {"secretRef": {"name": "proxy"}} in container["envFrom"]
    assert mounts(container)["/ca"] is True
    assert source(job, "/ca")["secret"] == {"secretName": "ca"}
    assert spec["initContainers"][-1]["name"] == "last"
    assert container["resources"]["requests"].items() >= {"cpu": "9m", "memory": "9Mi"}.items()
    assert container["securityContext"]["runAsUser"] == 1001
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert spec["securityContext"]["supplementalGroups"] == [5]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert container["image"] == "stackstorm/mine:3.9-r1"
    assert spec["imagePullSecrets"] == [{"name": "registry"}]
    limits = {key: job["spec"][key] for key in ("activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished")}
    assert limits == {"activeDeadlineSeconds": 600, "backoffLimit": 2, "ttlSecondsAfterFinished": 60}


def test_settings_hold_for_all_jobs(synth: Synth) -> None:
    for job in jobs_of(synth(with_jobs(**SETTINGS))).values():
        has_all_settings(job)


def test_by_default_jobs_run_in_the_image_of_the_action_runner(synth: Synth) -> None:
    own = {"name": "runner", "tag": "3.9-r2"}
    job = jobs_of(synth({"st2actionrunner": {"image": own}}))["register-content"]
    assert main(job)["image"] == "stackstorm/runner:3.9-r2"
    assert job["metadata"]["labels"]["app.kubernetes.io/version"] == "3.9-r2"


def test_finished_jobs_stay_by_default_with_all_their_logs(everything: dict[str, Document]) -> None:
    for job in everything.values():
        assert "ttlSecondsAfterFinished" not in job["spec"]
        assert pod(job)["restartPolicy"] == "Never"


@pytest.mark.parametrize(("key", "name"), [("extra", "mine"), ("extra_hooks", "extra-helm-hook-seed")])
def test_a_job_of_the_user_can_have_settings_of_its_own(synth: Synth, key: str, name: str) -> None:
    own = {
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}},
        "securityContext": {"runAsUser": 1002},
        "podSecurityContext": {"supplementalGroups": [6]},
    }
    given = {"extra": EXTRA, "extra_hooks": HOOK}[key]
    jobs = jobs_of(synth(with_jobs(**SETTINGS, **{key: [{**given, **own}]})))
    assert main(jobs[name])["resources"]["requests"].items() >= {"cpu": "1", "memory": "1Gi"}.items()
    assert main(jobs[name])["securityContext"]["runAsUser"] == 1002
    assert pod(jobs[name])["securityContext"]["supplementalGroups"] == [6]
    requests = main(jobs["register-content"])["resources"]["requests"]
    assert requests.items() >= {"cpu": "9m", "memory": "9Mi"}.items()


@pytest.mark.parametrize(("key", "name"), [("extra", "mine"), ("extra_hooks", "extra-helm-hook-seed")])
def test_a_job_of_the_user_can_have_all_settings_that_jobs_have(synth: Synth, key: str, name: str) -> None:
    given = {"extra": EXTRA, "extra_hooks": HOOK}[key]
    jobs = jobs_of(synth({"jobs": {key: [{**given, **SETTINGS}]}}))
    has_all_settings(jobs[name])
    assert "ssd" not in str(jobs["register-content"])


def test_a_login_is_waited_for_as_long_as_this_job_may_take(synth: Synth) -> None:
    jobs = jobs_of(synth({"jobs": {"extra": [{**EXTRA, "activeDeadlineSeconds": 77}]}}))
    (login,) = (each for each in pod(jobs["mine"])["initContainers"] if each["name"] == "wait-for-login")
    assert login["args"][0] == "77"


def test_the_environment_of_one_job_wins_over_that_of_all(synth: Synth) -> None:
    extra = {**EXTRA, "env": {"LEVEL": "own", "MORE": "1"}}
    jobs = jobs_of(synth({"jobs": {"env": {"LEVEL": "all", "HOME": "/tmp"}, "extra": [extra]}}))
    assert environment(main(jobs["mine"])).items() >= {"LEVEL": "own", "MORE": "1", "HOME": "/tmp"}.items()
    assert environment(main(jobs["register-content"]))["LEVEL"] == "all"


def test_jobs_of_argo_cd_keep_their_names(synth: Synth, everything: dict[str, Document]) -> None:
    hooks = jobs_of(synth({**EVERYTHING, "gitops": {"jobs": "argo-hooks"}}))
    assert {name: job["metadata"]["name"] for name, job in hooks.items()} == {name: f"st2-job-{name}" for name in ALL}
    for name, job in hooks.items():
        annotations = job["metadata"]["annotations"]
        assert annotations["argocd.argoproj.io/hook"] == "Sync"
        assert annotations["argocd.argoproj.io/hook-delete-policy"] == "BeforeHookCreation"
        assert job["spec"] == everything[name]["spec"]


def test_tracked_jobs_are_named_after_their_content_and_no_hooks(everything: dict[str, Document]) -> None:
    for name, job in everything.items():
        hash_of_content = job["metadata"]["name"].removeprefix(f"st2-job-{name}-")
        assert len(hash_of_content) == 10
        assert not [key for key in job["metadata"]["annotations"] if "hook" in key]


def test_waves_follow_what_jobs_wait_for(everything: dict[str, Document]) -> None:
    waves = {
        name: int(job["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"]) for name, job in everything.items()
    }
    order = sorted(waves, key=lambda name: waves[name])
    grouped = [set(names) for _, names in itertools.groupby(order, key=lambda name: waves[name])]
    assert grouped == [
        {"packs-write-test"},
        {*PURPOSES} - {"packs-write-test", "smoke-test"},
        {"mine", "extra-helm-hook-seed"},
        {"smoke-test"},
    ]


@pytest.mark.parametrize(
    ("jobs", "problem"),
    [
        (
            {"skip": ["register-content"]},
            'jobs.skip[0]: there is no Job "register-content"; did you mean "register_content"?',
        ),
        (
            {"skip": ["mine"], "extra_hooks": [HOOK]},
            f'jobs.skip[0]: there is no Job "mine"; there are: {", ".join(SKIPPABLE)}, extra-helm-hook-seed',
        ),
        ({"extra": [EXTRA, EXTRA]}, 'jobs.extra[1].name: "mine" is already the name of another Job'),
        (
            {"extra": [{**EXTRA, "name": "smoke-test"}]},
            'jobs.extra[0].name: "smoke-test" is already the name of another Job',
        ),
        (
            {"extra": [{**EXTRA, "name": "extra-helm-hook-seed"}], "extra_hooks": [HOOK]},
            'jobs.extra_hooks[0].name: "extra-helm-hook-seed" is already the name of another Job',
        ),
        (
            {"extra": [{**EXTRA, "name": "a" * 56}]},
            f"jobs.extra[0].name: is 1 characters too long: st2-job-{'a' * 56} must fit within 63",
        ),
        (
            {"extra_hooks": [{**HOOK, "name": "a" * 40}]},
            f"jobs.extra_hooks[0].name: is 1 characters too long: st2-job-extra-helm-hook-{'a' * 40} must "
            "fit within 63",
        ),
    ],
)
def test_what_cannot_be_honoured_is_an_error(cluster: MakeCluster, jobs: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidValues) as caught:
        cluster({"jobs": jobs})
    assert str(caught.value) == problem


def test_the_longest_names_are_accepted(synth: Synth) -> None:
    extra, hook = {**EXTRA, "name": "a" * 44}, {**HOOK, "name": "a" * 28}
    jobs = jobs_of(synth({"jobs": {"extra": [extra], "extra_hooks": [hook]}}))
    assert sorted(len(job["metadata"]["name"]) for job in jobs.values())[-2:] == [63, 63]


def test_argo_cd_deletes_its_hooks_itself(cluster: MakeCluster) -> None:
    with pytest.raises(
        InvalidValues, match=r"^jobs.ttlSecondsAfterFinished: cannot be used with gitops.jobs argo-hook"
    ):
        cluster({"jobs": {"ttlSecondsAfterFinished": 60}, "gitops": {"jobs": "argo-hooks"}})


@pytest.mark.parametrize("hook", ["pre-install", "post-install,pre-upgrade", "test", "post-delete", ""])
def test_hooks_that_only_helm_has_are_refused(cluster: MakeCluster, hook: str) -> None:
    with pytest.raises(ValidationError, match="cannot be honoured, as only Helm knows"):
        cluster({"jobs": {"extra_hooks": [{**HOOK, "hook": hook}]}})


@pytest.mark.parametrize("hook", ["post-install", "post-upgrade,post-rollback", "post-install, post-upgrade"])
def test_hooks_behind_an_installation_are_honoured(synth: Synth, hook: str) -> None:
    assert "extra-helm-hook-seed" in jobs_of(synth({"jobs": {"extra_hooks": [{**HOOK, "hook": hook}]}}))


def test_what_is_said_of_jobs_reaches_every_job(synth: Synth) -> None:
    said: dict[str, Any] = {
        "labels": {"sidecar.istio.io/inject": "false"},
        "annotations": {"linkerd.io/inject": "disabled"},
        "podSecurityContext": {"fsGroupChangePolicy": "Always"},
        "securityContext": {"runAsGroup": 7},
        "hostAliases": [{"ip": "192.0.2.1", "hostnames": ["a"]}],
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "nodeSelector": {"disk": "ssd"},
        "priorityClassName": "high",
        "runtimeClassName": "gvisor",
        "schedulerName": "own",
    }
    jobs = synth({**EVERYTHING, "jobs": {**EVERYTHING["jobs"], **said}}).of_kind("Job")
    assert any(job["metadata"]["name"].startswith("st2-secrets-bootstrap") for job in jobs)
    assert len(jobs) > len(ALL)
    for job in jobs:
        template = job["spec"]["template"]
        for metadata in (job["metadata"], template["metadata"]):
            assert said["labels"].items() <= metadata["labels"].items(), metadata
            assert said["annotations"].items() <= metadata["annotations"].items(), metadata
        spec = template["spec"]
        assert spec["securityContext"]["fsGroupChangePolicy"] == "Always"
        assert spec["containers"][0]["securityContext"]["runAsGroup"] == 7
        assert spec["nodeSelector"]["disk"] == "ssd"
        for field in ("hostAliases", "tolerations", "priorityClassName", "runtimeClassName", "schedulerName"):
            assert spec[field] == said[field], field


def test_the_job_that_makes_secrets_has_nothing_that_may_need_them(synth: Synth) -> None:
    volume = {"name": "x", "mount": {"mountPath": "/x"}, "volume": {"secret": {"secretName": "st2-st2-auth"}}}
    init = {"name": "first", "image": "x:1", "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}}}
    objects = synth({"jobs": {"extra_volumes": [volume], "initContainers": [init], "env": {"A": "b"}}})
    spec = objects.begins("Job", "st2-secrets-bootstrap")["spec"]["template"]["spec"]
    assert "initContainers" not in spec
    assert "x" not in [volume["name"] for volume in spec["volumes"]]


def test_a_long_name_is_shortened_for_the_hash(synth: Synth) -> None:
    hooks = [{**HOOK, "name": "a" * 38 + end} for end in "xy"]
    names = [job["metadata"]["name"] for job in synth({"jobs": {"extra_hooks": hooks}}).of_kind("Job")]
    shortened = [name for name in names if name.startswith(f"st2-job-extra-helm-hook-{'a' * 28}-")]
    assert len(set(shortened)) == 2
    assert {len(name) for name in shortened} == {63}


def test_jobs_and_the_client_have_the_security_contexts_of_runners_unless_they_have_their_own(synth: Synth) -> None:
    runner = {"podSecurityContext": {"supplementalGroups": [5000]}, "securityContext": {"runAsUser": 1001}}
    objects = synth({"st2actionrunner": runner, "jobs": {"securityContext": {"runAsUser": 1002}}})
    job = objects.begins("Job", "st2-job-register-content-")["spec"]["template"]["spec"]
    for pod, user in ((objects.pod("st2client"), 1001), (job, 1002)):
        assert pod["securityContext"]["supplementalGroups"] == [5000]
        assert pod["containers"][0]["securityContext"]["runAsUser"] == user
    assert "supplementalGroups" not in objects.pod("st2api")["securityContext"]


def test_a_cluster_whose_jobs_were_worked_out_can_be_given_to_another_process(cluster: MakeCluster) -> None:
    made = cluster()
    worked_out = tasks(made)
    assert tasks(pickle.loads(pickle.dumps(made))) == worked_out
