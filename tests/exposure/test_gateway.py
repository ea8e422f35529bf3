"""The route of the Gateway API to st2web."""

from __future__ import annotations

import re
from importlib import resources
from typing import Any

import pytest
from support import MakeCluster, Synth

from constructs_st2.errors import InvalidValues
from constructs_st2.kube.documents import Document

HTTP: dict[str, Any] = {"tls": {"enabled": False}, "service": {"type": "ClusterIP"}}
PARENTS = [{"name": "web", "namespace": "gateways", "sectionName": "https"}, {"name": "internal"}]


@pytest.fixture
def route(synth: Synth) -> Any:
    """Makes the HTTPRoute of some settings."""

    def make(settings: dict[str, Any] | None = None, st2web: dict[str, Any] = HTTP) -> Document:
        gateway = {"enabled": True, "parentRefs": PARENTS, **(settings or {})}
        return synth({"st2web": st2web, "gateway": gateway}).named("HTTPRoute", "st2-st2web")

    return make


def timeout_of(route: Document, path: str) -> str | None:
    """The timeout of the rule that a request matches: that of the longest prefix."""
    prefixes = {
        match["path"]["value"]: rule.get("timeouts", {}).get("request")
        for rule in route["spec"]["rules"]
        for match in rule["matches"]
    }
    names = [prefix for prefix in prefixes if path == prefix or path.startswith(f"{prefix.rstrip('/')}/")]
    found: str | None = prefixes[max(names, key=len)]
    return found


class TestRoute:
    """Where requests come from, and where they go."""

    def test_gateways_are_named_with_what_is_default(self, route: Any) -> None:
        gateway = {"group": "gateway.networking.k8s.io", "kind": "Gateway"}
        assert route()["spec"]["parentRefs"] == [
            {**gateway, "namespace": "gateways", "name": "web", "sectionName": "https"},
            {**gateway, "name": "internal"},
        ]

    def test_everything_goes_to_st2web(self, route: Any) -> None:
        web = {"group": "", "kind": "Service", "name": "st2-st2web", "port": 80, "weight": 1}
        assert [rule["backendRefs"] for rule in route()["spec"]["rules"]] == [[web], [web]]

    @pytest.mark.parametrize(
        ("settings", "hostname", "expected"),
        [
            ({}, "", None),
            ({}, "st2.example.org", ["st2.example.org"]),
            (
                {"hostnames": ["a.example.org", "*.b.example.org"]},
                "st2.example.org",
                ["a.example.org", "*.b.example.org"],
            ),
        ],
    )
    def test_host_names(self, route: Any, settings: dict[str, Any], hostname: str, expected: list[str] | None) -> None:
        made = route(settings, {**HTTP, "service": {"type": "ClusterIP", "hostname": hostname}})
        assert made["spec"].get("hostnames") == expected

    def test_annotations_are_kept(self, route: Any) -> None:
        annotations = route({"annotations": {"example.org/a": "b"}})["metadata"]["annotations"]
        assert annotations["example.org/a"] == "b"
        assert annotations["argocd.argoproj.io/sync-options"] == "SkipDryRunOnMissingResource=true"

    def test_there_is_none_by_default(self, default_objects: Any) -> None:
        assert default_objects.of_kind("HTTPRoute") == []


class TestTimeouts:
    """Streams last as long as they are looked at; Envoy would end them after 15 seconds."""

    @pytest.mark.parametrize(
        "path", ["/stream/v1/stream", "/stream/v1/executions/last/output", "/api/stream", "/api/v1/stream"]
    )
    def test_a_stream_has_none(self, route: Any, path: str) -> None:
        assert timeout_of(route(), path) == "0s"

    @pytest.mark.parametrize("path", ["/", "/api/v1/executions", "/auth/v1/tokens", "/streams", "/api/v1/streams"])
    def test_anything_else_has_more_time_than_st2web_gives_it(self, route: Any, path: str) -> None:
        locations = resources.files("constructs_st2.parts.services.nginx").joinpath("locations.conf").read_text()
        general = re.search(r"^proxy_read_timeout (\d+)s;", locations, re.MULTILINE)
        assert general
        assert int(str(timeout_of(route(), path)).removesuffix("s")) > int(general[1])

    def test_they_are_the_users_to_choose(self, route: Any) -> None:
        made = route({"timeouts": {"stream": "1h", "request": "5m30s"}})
        assert timeout_of(made, "/stream/v1/stream") == "1h"
        assert timeout_of(made, "/") == "5m30s"

    def test_a_gateway_that_knows_none_is_told_none(self, route: Any) -> None:
        made = route({"timeouts": {"enabled": False}})
        assert all("timeouts" not in rule for rule in made["spec"]["rules"])


class TestProblems:
    """What is refused."""

    @pytest.mark.parametrize(
        ("values", "problem"),
        [
            ({"gateway": {"parentRefs": []}}, r"^gateway\.parentRefs: is empty; name the Gateway"),
            ({"st2web": {}}, r"^gateway\.enabled: needs st2web\.tls\.enabled false"),
            (
                {"gateway": {"parentRefs": [PARENTS[1], PARENTS[1]]}},
                r"^gateway\.parentRefs\[1\]: is the same as gateway\.parentRefs\[0\]; remove one of them$",
            ),
            (
                {"gateway": {"parentRefs": PARENTS, "hostnames": ["a.b", "c.d", "a.b"]}},
                r"^gateway\.hostnames\[2\]: is the same as gateway\.hostnames\[0\]; remove one of them$",
            ),
        ],
    )
    def test_it_is_told(self, cluster: MakeCluster, values: dict[str, Any], problem: str) -> None:
        gateway = {"enabled": True, "parentRefs": PARENTS, **values.get("gateway", {})}
        with pytest.raises(InvalidValues, match=problem):
            cluster({"st2web": HTTP, **values, "gateway": gateway})
