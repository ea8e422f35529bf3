"""What is said after a synth."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support import MakeCluster

from constructs_st2.commands.summary import summary
from constructs_st2.construct.build import build
from constructs_st2.kube.documents import pod_template


@pytest.fixture
def say(cluster: MakeCluster) -> Any:
    """The summary of some values, by the first word of each line."""

    def make(values: Mapping[str, Any] | None = None) -> str:
        made = cluster(values, release="blue", namespace="automation")
        built = build(made)
        return summary(made, built.objects, built.files, Path("dist"))

    return make


def test_the_first_steps(say: Any) -> None:
    size, others = say().split("\n", 1)
    assert re.fullmatch(r"dist/: 13 files, \d+ objects, \d+ pods; requests [\d.]+ CPUs and [\d.]+ GiB", size)
    assert (
        others
        == """\
claims 57 GiB of the default class
release blue, namespace automation, st2 3.9, profile ha

Apply            kubectl apply -f dist/
Watch            kubectl -n automation get pods -l release=blue -w
                 pods wait, with events FailedMount, until the Job secrets-bootstrap has made the Secrets:
                 kubectl -n automation logs -l app=secrets-bootstrap
Web UI           kubectl -n automation port-forward svc/blue-st2web 8443:443    then https://127.0.0.1:8443/
                 or on any node, port: kubectl -n automation get svc blue-st2web -o jsonpath='{.spec.ports[0].nodePort}'
User             st2admin
Password         kubectl -n automation get secret blue-st2-auth -o jsonpath='{.data.ST2_AUTH_PASSWORD}' | base64 -d
Command line     kubectl -n automation exec -it deploy/blue-st2client -- st2 run core.local cmd=date"""
    )


def test_the_size_is_that_of_the_objects(say: Any, cluster: MakeCluster) -> None:
    objects = build(cluster()).objects
    jobs = sum(document["kind"] == "Job" for document in objects)
    replicas = sum(document["spec"].get("replicas", 0) for document in objects if pod_template(document))
    assert f" {len(objects)} objects, {replicas + jobs} pods; " in say()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"st2": {"existingAuthSecret": "mine"}}, "get secret mine "),
        ({"secrets": {"mode": "existing"}}, "FailedMount, until you have made the Secrets:\n"),
        ({"st2": {"username": "root"}}, "User             root\n"),
        ({"st2web": {"tls": {"enabled": False}}}, "8443:80    then http://127.0.0.1:8443/"),
        ({"st2web": {"service": {"type": "LoadBalancer"}}}, "or at the address of: kubectl -n automation get svc blue"),
        (
            {"st2web": {"service": {"type": "ExternalName", "hostname": "st2.example.org"}}},
            "Web UI           https://st2.example.org/\n",
        ),
    ],
)
def test_it_follows_the_values(say: Any, values: Mapping[str, Any], said: str) -> None:
    assert said in say(values)


def test_it_tells_the_addresses_that_an_ingress_or_a_gateway_makes_known(say: Any) -> None:
    web = {"tls": {"enabled": False}, "service": {"type": "ClusterIP"}}
    hosts = [{"host": "st2.example.org"}, {"host": "plain.example.org"}]
    ingress = {"enabled": True, "hosts": hosts, "tls": [{"hosts": ["st2.example.org"]}]}
    said = say({"st2web": web, "ingress": ingress})
    assert "\n                 or https://st2.example.org/\n" in said
    assert "\n                 or http://plain.example.org/\n" in said
    gateway = {"enabled": True, "parentRefs": [{"name": "web"}], "hostnames": ["gate.example.org"]}
    assert "\n                 or https://gate.example.org/\n" in say({"st2web": web, "gateway": gateway})


def test_storage_is_told_by_its_class(say: Any) -> None:
    backup = {"enabled": True, "destination": {"claim": {"create": {"size": "2Ti", "storageClass": "cold"}}}}
    said = say({"backup": backup, "mongodb": {"persistence": {"storageClass": "fast"}}})
    assert "\nclaims 27 GiB of the default class, 2048 GiB of class cold, 30 GiB of class fast\n" in said


def test_nothing_is_claimed_where_nothing_is_kept(say: Any) -> None:
    none = {"persistence": {"enabled": False}}
    assert "claims" not in say({"mongodb": none, "rabbitmq": none, "redis": none})


def test_pods_that_are_scaled_count_as_often_as_there_are_at_least(say: Any) -> None:
    def pods(values: Mapping[str, Any]) -> int:
        return int(say(values).partition(" objects, ")[2].partition(" pods")[0])

    scaled = {"enabled": True, "minReplicas": 4, "maxReplicas": 9}
    for service in ("st2api", "st2scheduler"):
        assert pods({service: {"autoscaling": scaled}}) == pods({service: {"replicas": 4}})


def test_no_client_no_command_line(say: Any) -> None:
    assert "Command line" not in say({"st2client": {"replicas": 0}})
