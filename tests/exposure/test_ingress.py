"""The Ingress in front of st2web."""

from __future__ import annotations

from typing import Any

import pytest
from kubernetes_versions import validate
from support import MakeCluster, Synth

from constructs_st2.errors import InvalidValues
from constructs_st2.kube.documents import Document

HTTP: dict[str, Any] = {"tls": {"enabled": False}, "service": {"type": "ClusterIP"}}
NAME = "st2-st2web-ingress"


@pytest.fixture
def ingress(synth: Synth) -> Any:
    """Makes the Ingress of some settings; st2web serves plain HTTP unless told otherwise."""

    def make(settings: dict[str, Any] | None = None, **values: Any) -> Document:
        return synth({"st2web": HTTP, "ingress": {"enabled": True, **(settings or {})}, **values}).named(
            "Ingress", NAME
        )

    return make


def wave(document: Document) -> int:
    return int(document["metadata"].get("annotations", {}).get("argocd.argoproj.io/sync-wave", 0))


def service(name: str, port: int) -> Document:
    return {"service": {"name": name, "port": {"number": port}}}


def path(where: str, backend: Document, kind: str = "Prefix") -> Document:
    return {"path": where, "pathType": kind, "backend": backend}


WEB = service("st2-st2web", 80)


class TestSpec:
    """It is what one would write by hand."""

    def test_a_host_leads_to_the_web_ui(self, ingress: Any) -> None:
        made = ingress({"hosts": [{"host": "st2.example.org"}]})
        assert made["spec"] == {"rules": [{"host": "st2.example.org", "http": {"paths": [path("/", WEB)]}}]}

    def test_the_host_name_of_the_service_is_the_default(self, ingress: Any) -> None:
        made = ingress(st2web={**HTTP, "service": {"type": "ClusterIP", "hostname": "st2.example.org"}})
        assert [rule["host"] for rule in made["spec"]["rules"]] == ["st2.example.org"]

    def test_values_of_the_helm_chart_work(self, ingress: Any) -> None:
        made = ingress(
            {
                "annotations": {"kubernetes.io/tls-acme": "true"},
                "ingressClassName": "nginx-ingress",
                "hosts": [
                    {
                        "host": "hostname.domain.tld",
                        "paths": [{"path": "/", "serviceName": "st2-st2web", "servicePort": 80}],
                    }
                ],
                "tls": [{"secretName": "chart-example-tls", "hosts": ["hostname.domain.tld"]}],
            }
        )
        assert made["metadata"]["annotations"]["kubernetes.io/tls-acme"] == "true"
        assert made["spec"] == {
            "ingressClassName": "nginx-ingress",
            "rules": [{"host": "hostname.domain.tld", "http": {"paths": [path("/", WEB)]}}],
            "tls": [{"secretName": "chart-example-tls", "hosts": ["hostname.domain.tld"]}],
        }

    def test_everything_at_once(self, ingress: Any) -> None:
        paths = [
            {"path": "/z", "pathType": "Exact"},
            {"path": "/hooks", "service": "st2api"},
            {"path": "/login", "service": "st2auth"},
            {"path": "/events", "service": "st2stream"},
            {"path": "/other", "serviceName": "elsewhere", "servicePort": 8080},
            {"path": "/a/*", "pathType": "ImplementationSpecific"},
        ]
        made = ingress({"hosts": [{"paths": paths}, {"host": "*.example.org"}], "tls": [{}, {"hosts": ["a.b"]}]})
        assert made["spec"] == {
            "rules": [
                {
                    "http": {
                        "paths": [
                            path("/z", WEB, "Exact"),
                            path("/hooks", service("st2-st2api", 9101)),
                            path("/login", service("st2-st2auth", 9100)),
                            path("/events", service("st2-st2stream", 9102)),
                            path("/other", service("elsewhere", 8080)),
                            path("/a/*", WEB, "ImplementationSpecific"),
                        ]
                    }
                },
                {"host": "*.example.org", "http": {"paths": [path("/", WEB)]}},
            ],
            "tls": [{}, {"hosts": ["a.b"]}],
        }

    @pytest.mark.parametrize("minor", ["1.27", "1.34"])
    def test_it_is_valid(self, ingress: Any, minor: str) -> None:
        made = ingress({"annotations": {"a": "b"}, "hosts": [{"host": "a.b"}], "tls": [{"secretName": "x"}]})
        validate(made, minor)

    def test_nothing_waits_for_it(self, synth: Synth) -> None:
        """Argo CD waits for its address, which some controllers never publish."""
        ingress = {"enabled": True, "hosts": [{"host": "a.b"}]}
        objects = synth(
            {"st2web": HTTP, "ingress": ingress, "backup": {"enabled": True, "destination": {"claim": {"create": {}}}}}
        )
        waves = {document["kind"]: wave(document) for document in objects}
        assert all(earlier < waves["Ingress"] for kind, earlier in waves.items() if kind != "Ingress")

    def test_there_is_none_by_default(self, default_objects: Any) -> None:
        assert default_objects.of_kind("Ingress") == []


class TestHttps:
    """Where st2web itself serves HTTPS, the controller must know."""

    def test_the_port_is_said(self, ingress: Any) -> None:
        made = ingress({"hosts": [{"host": "a.b", "paths": [{"servicePort": 443}]}]}, st2web={})
        assert made["spec"]["rules"][0]["http"]["paths"] == [path("/", service("st2-st2web", 443))]

    @pytest.mark.parametrize(
        ("where", "problem"),
        [
            ({}, "st2web serves HTTPS; set st2web.tls.enabled to false"),
            ({"servicePort": 80}, "st2web redirects everything to HTTPS; set st2web.tls.enabled to false"),
            ({"serviceName": "st2-st2web", "servicePort": 80}, "st2web redirects everything to HTTPS"),
        ],
    )
    def test_a_path_to_another_port_is_refused(self, cluster: MakeCluster, where: dict[str, Any], problem: str) -> None:
        with pytest.raises(InvalidValues, match=rf"^ingress\.hosts\[0\]\.paths\[0\]\.servicePort: {problem}"):
            cluster({"ingress": {"enabled": True, "hosts": [{"host": "a.b", "paths": [where]}]}})

    def test_a_balancer_that_speaks_http_is_refused(self, cluster: MakeCluster) -> None:
        annotation = "service.beta.kubernetes.io/aws-load-balancer-backend-protocol"
        balancer = {"type": "LoadBalancer", "annotations": {annotation: "http"}}
        with pytest.raises(InvalidValues, match="cannot be http while st2web serves HTTPS"):
            cluster({"st2web": {"service": balancer}})
        cluster({"st2web": {"service": balancer, "tls": {"enabled": False}}})


class TestProblems:
    """What is refused."""

    @pytest.mark.parametrize(
        ("hosts", "problem"),
        [
            ([], r"^ingress\.hosts: is empty; list a host, or set st2web\.service\.hostname$"),
            (
                [{"host": "a.b", "paths": [{"path": "/*"}]}],
                r'^ingress\.hosts\[0\]\.paths\[0\]\.path: "/\*" is taken literally with pathType Prefix',
            ),
            (
                [{"host": "a.b"}, {"host": "c.d"}, {"host": "a.b", "paths": [{"path": "/x"}, {"path": "/"}]}],
                r'^ingress\.hosts\[2\]\.paths\[1\]\.path: "/" of this host is already ingress\.hosts\[0\]\.paths\[0\];',
            ),
            (
                [{"paths": [{"serviceName": "elsewhere"}]}],
                r"servicePort: is required for a Service that is not of this release \(elsewhere\)$",
            ),
            (
                [{"paths": [{"service": "st2api", "serviceName": "st2-st2api"}]}],
                r"serviceName: cannot be used together with service; remove one of them$",
            ),
        ],
    )
    def test_it_is_told(self, cluster: MakeCluster, hosts: list[Any], problem: str) -> None:
        with pytest.raises(InvalidValues, match=problem):
            cluster({"st2web": HTTP, "ingress": {"enabled": True, "hosts": hosts}})

    def test_a_service_of_the_release_must_exist(self, synth: Synth) -> None:
        hosts = [{"paths": [{"serviceName": "st2-st2wbe", "servicePort": 80}]}]
        with pytest.raises(Exception, match='there is no Service "st2-st2wbe"'):
            synth({"st2web": HTTP, "ingress": {"enabled": True, "hosts": hosts}})

    def test_a_service_of_the_release_must_have_the_port(self, synth: Synth) -> None:
        hosts = [{"paths": [{"service": "st2api", "servicePort": 80}]}]
        with pytest.raises(Exception, match='Service "st2-st2api" has no port 80'):
            synth({"st2web": HTTP, "ingress": {"enabled": True, "hosts": hosts}})

    def test_nothing_is_refused_while_it_is_off(self, cluster: MakeCluster) -> None:
        assert cluster({"ingress": {"hosts": [{"paths": [{"path": "/*"}, {"path": "/*"}]}]}})
