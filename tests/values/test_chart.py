"""Values files of the Helm chart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from constructs_st2.construct.clusters import cluster_of, further_problems
from constructs_st2.errors import InvalidValues, UserError
from constructs_st2.values import Loaded, Values, load_values

CLIENT_CONFIG = "[credentials]\n# a comment\nusername = ${ST2_AUTH_USERNAME}\npassword = ${ST2_AUTH_PASSWORD}\n"

DEFAULTS: dict[str, Any] = {
    "image": {"utilityImage": "", "repository": "", "tag": "{{ .Chart.AppVersion }}", "entrypoint": []},
    "serviceAccount": {"create": True, "serviceAccountAnnotations": {}, "serviceAccountName": None},
    "st2": {
        "config": "[api]\nallow_origin = '*'\n[database]\n# in ms\nconnection_timeout = 5000\n",
        "system_user": {"user": "stanley", "ssh_key_file": "/home/{{ .Values.st2.system_user.user }}/.ssh/stanley_rsa"},
        "packs": {"images": [], "volumes": {"enabled": False, "packs": {}}, "sensors": []},
        "keyvalue": None,
        "rbac": {"enabled": False, "mappings": None},
    },
    "st2web": {"preStopSleep": "10", "image": {}, "affinity": {}, "securityContext": {}},
    "st2sensorcontainer": {"deployments": 1, "livenessProbe": {}, "readinessProbe": {}},
    "st2client": {"st2clientConfig": CLIENT_CONFIG},
    "jobs": {"st2clientConfig": CLIENT_CONFIG, "image": {}, "skip": []},
    "mongodb": {
        "architecture": "replicaset",
        "replicaSetName": "rs0",
        "replicaCount": 3,
        "auth": {"enabled": True, "username": "st2-admin"},
        "arbiter": {"enabled": False},
        "resources": {},
    },
    "rabbitmq": {
        "clustering": {"forceBoot": True},
        "auth": {"username": "admin"},
        "loadDefinition": {"enabled": True, "existingSecret": "{{ .Release.Name }}-rabbitmq-definitions"},
        "extraConfiguration": "load_definitions = /app/rabbitmq-definitions.json\n",
        "metrics": {"enabled": False},
    },
    "redis": {
        "cluster": {"slaveCount": 3},
        "sentinel": {"enabled": True, "staticID": True},
        "networkPolicy": {"enabled": False},
        "usePassword": False,
    },
    "dnsConfig": {},
    "external-dns": {"enabled": False, "provider": "aws", "aws": {"zoneType": "public"}, "domainFilters": []},
}
"""What the default values of the chart have that ours do not, or in another form; but for its passwords."""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("v.yaml")


def loaded(file: Path, data: Any) -> Loaded[Values]:
    file.write_text(data if isinstance(data, str) else yaml.safe_dump(data, sort_keys=False))
    return load_values([file]).resolve("st2", "ns", lambda values: further_problems(values, "st2", "ns"))


def values(file: Path, data: Any) -> Values:
    given = loaded(file, data).values
    cluster_of(given)
    return given


def problems(file: Path, data: Any) -> list[str]:
    with pytest.raises(UserError) as caught:
        loaded(file, data)
    return list(caught.value.problems)


def test_the_defaults_of_the_chart_are_those_of_the_product(file: Path) -> None:
    given = values(file, DEFAULTS)
    assert (given.mongodb.replicas, given.rabbitmq.replicas, given.redis.replicas) == (3, 3, 3)
    assert given.st2sensorcontainer.liveness_probe == {}
    assert given.mongodb.resources, "those of the profile"
    assert "5000" not in given.st2.config


def test_notes_tell_what_became_of_each_key(file: Path) -> None:
    notes = {note.path: note.message for note in loaded(file, DEFAULTS).notes}
    assert notes["mongodb", "architecture"] == "members always form a replica set"
    assert notes["redis", "cluster"] == "it is redis.replicaCount here; one of the members accepts writes"
    assert notes["image", "repository"] == "it is empty, which sets nothing"


@pytest.mark.parametrize(
    ("data", "place", "value"),
    [
        ({"mongodb": {"replicas": 5}}, "mongodb.replicas", 5),
        ({"mongodb": {"replicas": 5, "replicaCount": 5}}, "mongodb.replicas", 5),
        ({"redis": {"cluster": {"enabled": True, "slaveCount": 5}}}, "redis.replicas", 5),
        ({"redis": {"cluster": {"slaveCount": 5, "resources": {"limits": {"cpu": "1"}}}}}, "redis.replicas", 5),
        ({"mongodb": {"image": {"tag": "4.0"}}}, "mongodb.image.tag", None),
        ({"rabbitmq": {"extraPlugins": "a b"}}, "rabbitmq.plugins", ["a", "b"]),
        ({"rabbitmq": {"extraConfiguration": "a.b = 1\n"}}, "rabbitmq.configuration", {"a.b": "1"}),
        ({"rabbitmq": {"commonLabels": {"a": "b"}}}, "rabbitmq.labels", {"a": "b"}),
        ({"rabbitmq": {"podLabels": {"a": "b"}, "labels": {"c": "d"}}}, "rabbitmq.labels", {"a": "b", "c": "d"}),
        (
            {"mongodb": {"persistence": {"accessMode": "ReadWriteMany"}}},
            "mongodb.persistence.access_modes",
            ["ReadWriteMany"],
        ),
        ({"mongodb": {"livenessProbe": {"enabled": False}}}, "mongodb.liveness_probe", False),
        ({"mongodb": {"livenessProbe": {"enabled": True}}}, "mongodb.liveness_probe", None),
        ({"secrets": {"st2": {"username": "me"}}}, "st2.username", "me"),
        ({"rabbitmq-ha": {"replicaCount": 5, "resources": {}}}, "rabbitmq.replicas", 5),
        ({"st2": {"packs": {"sensors": [{"name": None, "annotations": {"a": "b"}}]}}}, "st2.packs.sensors", []),
        ({"st2api": {"enabled": True, "replicaCount": 4}}, "st2api.replicas", 4),
        ({"st2api": {"resources": None, "replicas": None}}, "st2api.replicas", 2),
        ({"acme": {"x": "me"}, "st2": {"username": "{{ .Values.acme.x }}"}}, "st2.username", "me"),
        ("x-more: &x {replicas: 4}\nst2api: *x\n", "st2api.replicas", 4),
        ({"splunk": {}, "st2api": {"splunk": ""}}, "st2api.replicas", 2),
    ],
)
def test_what_the_chart_means(file: Path, data: Any, place: str, value: Any) -> None:
    found: Any = values(file, data)
    for name in place.split("."):
        found = getattr(found, name)
    assert found == value


@pytest.mark.parametrize("more", [{"hosts": []}, {}, {"annotations": {"a": "b"}}])
def test_an_ingress_for_the_host_of_st2web_ends_tls(file: Path, more: dict[str, Any]) -> None:
    given = values(file, {"ingress": {"enabled": True, **more}, "st2web": {"service": {"hostname": "a.b.c"}}})
    assert given.st2web.tls.enabled is False


def test_an_ingress_that_speaks_https_does_not(file: Path) -> None:
    annotations = {"nginx.ingress.kubernetes.io/backend-protocol": "HTTPS"}
    ingress = {"ingress": {"enabled": True, "annotations": annotations}}
    with pytest.raises(InvalidValues, match="st2web serves HTTPS"):
        values(file, {**ingress, "st2web": {"service": {"hostname": "a.b.c"}}})


def test_sentinels_have_the_resources_that_the_chart_gives_them(file: Path) -> None:
    given = values(file, {"redis": {"sentinel": {"resources": {"limits": {"cpu": "1"}}}}})
    assert given.helper_resources.sentinel["limits"]["cpu"] == "1"


def test_a_name_of_a_secret_stands_for_the_secret_in_it(file: Path) -> None:
    auth = values(
        file, {"rabbitmq": {"auth": {"existingPasswordSecret": "p", "existingErlangSecret": "e"}}}
    ).rabbitmq.auth
    assert auth.model_dump()["password"] == {"existing_secret": "p", "key": "rabbitmq-password"}
    assert auth.model_dump()["erlang_cookie"] == {"existing_secret": "e", "key": "rabbitmq-erlang-cookie"}


def test_a_packs_image_may_have_a_path_in_its_name(file: Path) -> None:
    image = {"repository": "hub.example.org", "name": "team/st2packs", "tag": "1"}
    [packs] = values(file, {"st2": {"packs": {"images": [image]}}}).st2.packs.images
    assert packs.reference == "hub.example.org/team/st2packs:1"


def test_a_certificate_in_a_volume_is_that_of_the_web_ui(file: Path) -> None:
    items = [{"key": "tls.crt", "path": "st2.crt"}, {"key": "tls.key", "path": "st2.key"}]
    secret = {"secret": {"secretName": "{{ .Release.Name }}-web", "items": items}}
    volume = {"name": "ssl", "mount": {"mountPath": "/etc/ssl/st2"}, "volume": secret}
    web = values(file, {"st2web": {"env": {"ST2WEB_HTTPS": "1"}, "extra_volumes": [volume]}}).st2web
    assert (web.tls.existing_secret, web.extra_volumes) == ("st2-web", [])
    del items[0]
    [problem] = problems(file, {"st2web": {"extra_volumes": [volume]}})
    assert problem.startswith("v.yaml:2: st2web.extra_volumes: is not supported here; nginx has its certificate")
    assert "st2web.tls.existingSecret" in problem


def test_an_ingress_in_the_form_of_the_chart_ends_tls(file: Path) -> None:
    path = {"path": "/", "serviceName": "{{ .Release.Name }}-st2web", "servicePort": "80"}
    data = {"ingress": {"enabled": True, "hosts": [{"host": "a.b", "paths": [path]}]}}
    assert values(file, data).st2web.tls.enabled is False
    with pytest.raises(InvalidValues, match="redirects everything to HTTPS"):
        values(file, {**data, "st2web": {"tls": {"enabled": True}}})


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({"mongodb": {"architecture": "standalone"}}, "2: mongodb.architecture: is not supported here; remove it"),
        (
            {"mongodb": {"replicas": 5, "replicaCount": 3}},
            "2: mongodb.replicas: says otherwise than mongodb.replicaCount",
        ),
        (
            {"mongodb": {"image": {"repository": "docker.io/bitnamilegacy/mongodb"}}},
            "3: mongodb.image.repository: is not",
        ),
        (
            {"mongodb": {"image": {"tag": "4.4.15-debian-10-r8"}}},
            "3: mongodb.image.tag: is not supported here; the imag",
        ),
        (
            {"mongodb": {"livenessProbe": {"periodSeconds": 3}}},
            "2: mongodb.livenessProbe: is not supported here; periodS",
        ),
        (
            {"redis": {"sentinel": {"image": {"tag": "1"}}}},
            "3: redis.sentinel.image: is not supported here; sentinels run",
        ),
        (
            {"st2": {"rbac": {"sync_remote_groups": True}}},
            "3: st2.rbac.sync_remote_groups: is not supported here; it is a",
        ),
        ({"st2web": {"enabled": False}}, "2: st2web.enabled: is not supported here; set replicas: 0"),
        ({"st2garbagecollector": {"replicas": 4}}, "2: st2garbagecollector.replicas: must be 1: a second one"),
        ({"acme": {"x": 1}}, "1: acme: unknown key; one of your own begins with x-, or is referred to by a template"),
        ({"st2api": {"replica": ""}}, '2: st2api.replica: unknown key; did you mean "replicas"?'),
    ],
)
def test_what_cannot_be_had_is_told_with_what_to_do(file: Path, data: Any, problem: str) -> None:
    [found] = problems(file, data)
    assert found.startswith(f"v.yaml:{problem}")


def test_problems_of_all_kinds_are_told_at_once(file: Path) -> None:
    data = {
        "st2api": {"replicas": "x"},
        "mongodb": {"architecture": "standalone", "auth": {"password": "s3cret"}, "image": {"tag": "3.6"}},
        "jobs": {"skip": ["nothing"]},
    }
    assert [problem.split(": ")[1] for problem in problems(file, data)] == [
        "st2api.replicas",
        "mongodb.architecture",
        "mongodb.auth.password",
        "mongodb.image.tag",
        "jobs.skip[0]",
    ]


def test_what_follows_from_a_problem_is_not_told(file: Path) -> None:
    [problem] = problems(
        file, {"mongodb": {"enabled": False, "external": {"uri": "mongodb://a", "tls": {"enabled": 3}}}}
    )
    assert problem.startswith("v.yaml:6: mongodb.external.tls.enabled: must be true or false")


def test_an_empty_mapping_in_a_list_is_taken_from_the_shared_settings(file: Path) -> None:
    hook = {"name": "x", "hook": "post-install", "command": ["a"], "resources": {}}
    sensor = {"name": "x", "ref": "a.B", "resources": {"limits": {"cpu": 1}}}
    given = values(file, {"jobs": {"extra_hooks": [hook]}, "st2": {"packs": {"sensors": [sensor]}}})
    assert given.jobs.extra_hooks[0].over(given.jobs).resources == given.jobs.resources
    merged = given.st2.packs.sensors[0].over(given.st2sensorcontainer).resources
    assert merged["requests"] == given.st2sensorcontainer.resources["requests"]
    assert merged["limits"]["cpu"] == "1"


def test_no_advice_destroys_data(file: Path) -> None:
    with pytest.raises(InvalidValues, match="could not read the encrypted items"):
        values(file, {"st2": {"datastore_crypto_key": "{}"}})
