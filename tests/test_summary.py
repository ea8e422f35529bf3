"""What is said after a synth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support import MakeCluster

from constructs_st2.summary import summary
from constructs_st2.synth import build


@pytest.fixture
def say(cluster: MakeCluster) -> Any:
    """The summary of some values, by the first word of each line."""

    def make(values: Mapping[str, Any] | None = None) -> str:
        made = cluster(values, release="blue", namespace="automation")
        built = build(made)
        return summary(made, built.objects, built.files, Path("dist"))

    return make


def test_the_first_steps(say: Any) -> None:
    assert (
        say()
        == """\
dist/: 13 files, 64 objects, 36 pods; requests 3.315 CPUs and 10.8 GiB
release blue, namespace automation, st2 3.9, profile ha

Apply            kubectl apply -f dist/
Watch            kubectl -n automation get pods -l release=blue -w
Web UI           kubectl -n automation port-forward svc/blue-st2web 8443:443    then https://127.0.0.1:8443/
                 or on any node, port: kubectl -n automation get svc blue-st2web -o jsonpath='{.spec.ports[0].nodePort}'
User             st2admin
Password         kubectl -n automation get secret blue-st2-auth -o jsonpath='{.data.ST2_AUTH_PASSWORD}' | base64 -d
Command line     kubectl -n automation exec -it deploy/blue-st2client -- st2 run core.local cmd=date"""
    )


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"st2": {"existingAuthSecret": "mine"}}, "get secret mine "),
        ({"st2": {"username": "root"}}, "User             root\n"),
        ({"st2web": {"tls": {"enabled": False}}}, "8443:80    then http://127.0.0.1:8443/"),
        ({"st2web": {"service": {"type": "LoadBalancer"}}}, "or at the address of: kubectl -n automation get svc blue"),
        (
            {"st2web": {"service": {"type": "ExternalName", "hostname": "st2.example.org"}}},
            "Web UI           https://st2.example.org/\n",
        ),
        (
            {"st2": {"config": "[timersengine]\nenable = False\n"}},
            "\nwarning: st2.config: [timersengine] enable is False: no timer fires",
        ),
    ],
)
def test_it_follows_the_values(say: Any, values: Mapping[str, Any], said: str) -> None:
    assert said in say(values)


def test_no_client_no_command_line(say: Any) -> None:
    assert "Command line" not in say({"st2client": {"replicas": 0}})
