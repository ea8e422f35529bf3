"""The API of the other tests behaves as that of Kubernetes does."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest

from .kubernetes_api import Disturbance, Failure, KubernetesApi, Request, Server, serving

CORE = "/api/v1/namespaces/stackstorm"
RULES = [
    {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["known"], "verbs": ["get", "patch", "create"]},
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get"]},
]


@pytest.fixture
def api() -> KubernetesApi:
    return KubernetesApi("stackstorm", RULES, "system:serviceaccount:stackstorm:job")


def secret(name: str = "known", **fields: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, **fields}


def status(api: KubernetesApi, method: str, path: str, token: str = "token", kind: str = "application/json") -> int:
    """How a request of the service account is refused."""
    with pytest.raises(Failure) as failure:
        api.answer(Request(method, path, secret()), f"Bearer {token}", kind)
    assert failure.value.document["code"] == failure.value.status
    return failure.value.status


def refusal(api: KubernetesApi, method: str, body: dict[str, Any]) -> tuple[int, str]:
    """How a request is refused to which nobody objects."""
    with pytest.raises(Failure) as failure:
        api.act(method, "secrets", "known", body)
    return failure.value.status, str(failure.value)


class TestRights:
    def test_a_role_allows_what_it_names(self, api: KubernetesApi) -> None:
        assert status(api, "GET", f"{CORE}/secrets/known") == 404
        assert status(api, "GET", "/apis/batch/v1/namespaces/stackstorm/jobs/any") == 404

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", f"{CORE}/secrets/other"),
            ("GET", f"{CORE}/secrets"),
            ("DELETE", f"{CORE}/secrets/known"),
            # What is to be made has no name yet that a rule could bind it to.
            ("POST", f"{CORE}/secrets"),
            ("GET", f"{CORE}/persistentvolumeclaims/known"),
            ("GET", "/api/v1/namespaces/other/secrets/known"),
            ("GET", f"{CORE}/jobs/any"),
        ],
    )
    def test_and_nothing_else(self, api: KubernetesApi, method: str, path: str) -> None:
        assert status(api, method, path) == 403

    def test_a_wrong_token(self, api: KubernetesApi) -> None:
        assert status(api, "GET", f"{CORE}/secrets/known", token="wrong") == 401

    def test_a_patch_has_a_kind(self, api: KubernetesApi) -> None:
        assert status(api, "PATCH", f"{CORE}/secrets/known", kind="application/json") == 415


class TestVersions:
    def test_a_change_of_another_version_is_refused(self, api: KubernetesApi) -> None:
        first = api.act("POST", "secrets", body=secret(data={"a": "YQ=="}))["metadata"]["resourceVersion"]
        api.put("known", {"a": "b"})
        code, message = refusal(api, "PATCH", {"metadata": {"resourceVersion": first}, "data": {"a": "Yw=="}})
        assert (code, api.values("known")) == (409, {"a": "b"})
        assert "the object has been modified" in message

    def test_a_change_to_the_same_is_none(self, api: KubernetesApi) -> None:
        made = api.act("POST", "secrets", body=secret(data={"a": "YQ=="}))
        assert api.act("PATCH", "secrets", "known", {"data": {"a": "YQ=="}}) == made
        assert api.act("PATCH", "secrets", "known", {"data": {"a": "Yg=="}}) != made

    def test_what_is_there_cannot_be_made(self, api: KubernetesApi) -> None:
        api.put("known", {})
        assert refusal(api, "POST", secret()) == (409, 'secrets "known" already exists')


class TestSecrets:
    def test_a_merge_patch(self, api: KubernetesApi) -> None:
        body = secret(data={"a": "YQ==", "b": "Yg=="})
        body["metadata"]["annotations"] = {"c": "d"}
        api.act("POST", "secrets", body=body)
        patch = {"metadata": {"annotations": {"e": "f"}}, "data": {"a": None, "g": "Zw=="}}
        found = api.act("PATCH", "secrets", "known", patch)
        assert found["metadata"]["annotations"] == {"c": "d", "e": "f"}
        assert found["data"] == {"b": "Yg==", "g": "Zw=="}

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            (secret(data={"a": "no base64"}), 400),
            (secret(data={"a": "YQ"}), 400),
            (secret(data={"a/b": "YQ=="}), 422),
            (secret(type="kubernetes.io/tls", data={"tls.key": "YQ=="}), 422),
            (secret(type="kubernetes.io/dockerconfigjson"), 422),
            (secret(name=""), 422),
            ({"metadata": {"name": "known", "labels": {"a": 1}}}, 400),
            ({"metadata": {"name": "known", "namespace": "other"}}, 400),
        ],
    )
    def test_what_cannot_be_made(self, api: KubernetesApi, body: dict[str, Any], code: int) -> None:
        assert refusal(api, "POST", body)[0] == code
        assert api.get("secrets", "known") is None

    def test_an_immutable_one(self, api: KubernetesApi) -> None:
        api.put("known", {"a": "b"}, immutable=True)
        for body in ({"data": {"a": "Yw=="}}, {"data": {"c": "Yw=="}}, {"immutable": False}, {"type": "other"}):
            assert refusal(api, "PATCH", body)[0] == 422
        api.act("PATCH", "secrets", "known", {"metadata": {"annotations": {"a": "b"}}})


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


class TestServer:
    def ask(self, server: Server) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=10)
        try:
            headers = {"Authorization": "Bearer token", "Content-Type": "application/merge-patch+json"}
            connection.request("PATCH", f"{CORE}/secrets/known", json.dumps({"data": {"a": "Yg=="}}), headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    @pytest.fixture
    def api(self, server: Server) -> KubernetesApi:
        server.api = KubernetesApi("stackstorm", RULES, "")
        server.api.put("known", {"a": "a"})
        return server.api

    def test_an_answer(self, server: Server, api: KubernetesApi) -> None:
        code, found = self.ask(server)
        assert (code, found["data"]) == (200, {"a": "Yg=="})
        assert api.values("known") == {"a": "b"}

    @pytest.mark.parametrize(
        ("disturbance", "error", "value"),
        [
            (Disturbance(cut="before"), http.client.RemoteDisconnected, "a"),
            (Disturbance(cut="after"), http.client.RemoteDisconnected, "b"),
            (Disturbance(cut="within"), http.client.IncompleteRead, "b"),
        ],
    )
    def test_a_cut(
        self, server: Server, api: KubernetesApi, disturbance: Disturbance, error: type[Exception], value: str
    ) -> None:
        api.disturb = lambda _, __: disturbance
        with pytest.raises(error):
            self.ask(server)
        assert api.values("known") == {"a": value}

    def test_a_status(self, server: Server, api: KubernetesApi) -> None:
        api.disturb = lambda _, __: Disturbance(status=503)
        assert self.ask(server)[0] == 503
        assert api.values("known") == {"a": "a"}
