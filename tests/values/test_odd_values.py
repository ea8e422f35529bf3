"""Values that are well-formed and yet would break, or slip into, what is made of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from constructs_st2.construct.clusters import cluster_of
from constructs_st2.errors import InvalidValues, UserError
from constructs_st2.values import from_mapping, load


def problems(values: dict[str, Any], folder: Path) -> list[str]:
    path = folder / "values.yaml"
    path.write_text(yaml.safe_dump(values))
    try:
        loaded = load([path], [], release_name="st2", release_namespace="stackstorm")
        cluster_of(loaded.values)
    except InvalidValues as error:
        return loaded.report(error.problems)
    except UserError as error:
        return list(error.problems)
    return []


def ingress(path: str, path_type: str = "Prefix") -> dict[str, Any]:
    paths = [{"path": path, "pathType": path_type}]
    return {"st2web": {"tls": {"enabled": False}}, "ingress": {"enabled": True, "hosts": [{"paths": paths}]}}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"st2": {"config": {"api": {"host": "::"}}}}, "[api] host: must be 0.0.0.0, not ::"),
        ({"mongodb": {"image": {"repository": "docker.io/bitnami/mongodb"}}}, "official ones, not Bitnami's"),
        ({"redis": {"image": {"repository": "mirror.local/x/bitnamilegacy/redis"}}}, "official ones, not Bitnami's"),
        ({"st2": {"username": "jürgen"}}, "st2.username: must be a user name of ASCII"),
        ({"st2web": {"service": {"hostname": "a; return 200 x;"}}}, "hostname: must be a host name"),
        ({"st2api": {"service": {"hostname": "a\nb"}}}, "hostname: must be a host name"),
        (ingress("/a{}; return 1; #"), "must be a path or pattern without blanks"),
        (ingress("/a{}; return 1; #", "ImplementationSpecific"), "must be a path or pattern without blanks"),
        (ingress('/a"'), "must be a path or pattern without blanks"),
        (ingress("/(.*)|x"), "path must be the path of a URL with pathType Prefix"),
        (
            {"st2web": {"tls": {"certManager": {"issuerRef": {"name": "a", "kind": "x y"}}}}},
            "issuerRef.kind: must be a kind of object",
        ),
        ({"st2web": {"service": {"loadBalancerClass": "a b"}}}, "loadBalancerClass: must be a label"),
        (
            {"mongodb": {"enabled": False, "external": {"uri": "mongodb://a/b", "username": "a\nb"}}},
            "username: must be a text on one line",
        ),
        ({"st2chatops": {"name": "a\nb"}}, "name: must be a text on one line"),
        ({"monitoring": {"rules": {"runbook": "a b"}}}, "runbook: must be a text of ASCII"),
    ],
)
def test_they_are_refused(values: dict[str, Any], message: str, tmp_path: Path) -> None:
    (problem,) = problems(values, tmp_path)
    assert message in problem


@pytest.mark.parametrize(
    "values",
    [
        {"st2web": {"service": {"hostname": "st2.example.org"}}},
        {"st2web": {"service": {"hostname": ""}}},
        ingress("/api/~v1/a%20b"),
        ingress("/?(.*)", "ImplementationSpecific"),
        {"mongodb": {"image": {"repository": "mirror.local/library/mongo"}, "version": "8.0"}},
        {"st2": {"username": "a.b+c@example.org"}},
    ],
)
def test_what_resembles_them_is_taken(values: dict[str, Any], tmp_path: Path) -> None:
    assert problems(values, tmp_path) == []


@pytest.mark.parametrize(
    ("values", "warning"),
    [
        (
            {
                "mongodb": {
                    "enabled": False,
                    "external": {"uri": "mongodb://a/b?tls=true&tlsAllowInvalidCertificates=true"},
                }
            },
            "[database] host has tlsAllowInvalidCertificates",
        ),
        (
            {"mongodb": {"enabled": False, "external": {"uri": "mongodb+srv://a/b?tlsInsecure=true"}}},
            "[database] host has tlsInsecure",
        ),
        ({"st2": {"config": {"messaging": {"ssl_cert_reqs": "none"}}}}, "[messaging] ssl_cert_reqs is none"),
        (
            {"coordination": {"backend": "external", "external": {"url": "redis://a?ssl=true&ssl_cert_reqs=none"}}},
            "[coordination] url has ssl_cert_reqs",
        ),
    ],
)
def test_what_lowers_security_is_told(values: dict[str, Any], warning: str) -> None:
    assert any(warning in text for text in cluster_of(from_mapping(values)).settings.warnings)
