"""Services, Ingresses and the ports of pods."""

from __future__ import annotations

from typing import Any

import pytest
from checks.sound import (
    API,
    API_MAIN,
    MAIN,
    Change,
    Finding,
    add,
    document,
    findings_after,
    problems_after,
    put,
)

SERVICE = "Service/st2-st2api"
PORT = ("spec", "ports", 0)


def ingress(**backend: Any) -> Change:
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": backend}}
    return add(document("Ingress", "web", "web", spec={"rules": [{"http": {"paths": [path]}}]}))


BACKEND = "spec.rules[0].http.paths[0].backend.service"


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        pytest.param(
            put(SERVICE, "spec", "selector", "app.kubernetes.io/name", value="st2web"),
            ("service-selector", SERVICE, "spec.selector"),
            id="a Service of nobody",
        ),
        pytest.param(
            put(SERVICE, *PORT, "targetPort", value="http"),
            ("service-port", SERVICE, "spec.ports[0].targetPort"),
            id="a port that the pods do not name",
        ),
        pytest.param(
            put(SERVICE, *PORT, value={"port": 80}),
            ("service-port", SERVICE, "spec.ports[0].targetPort"),
            id="a port that the pods do not have, by number",
        ),
        pytest.param(
            put(API, *MAIN, "readinessProbe", "tcpSocket", "port", value="http"),
            ("probe-port", API, f"{API_MAIN}.readinessProbe.tcpSocket.port"),
            id="the port of a probe",
        ),
        pytest.param(
            put(API, *MAIN, "lifecycle", "postStart", value={"httpGet": {"path": "/", "port": "http"}}),
            ("probe-port", API, f"{API_MAIN}.lifecycle.postStart.httpGet.port"),
            id="the port of a hook",
        ),
        pytest.param(
            ingress(name="st2-st2web", port={"number": 80}),
            ("ingress-backend", "Ingress/web", BACKEND),
            id="the Service of an Ingress",
        ),
        pytest.param(
            ingress(name="st2-st2api", port={"name": "https"}),
            ("ingress-backend", "Ingress/web", BACKEND),
            id="the port of an Ingress",
        ),
        pytest.param(
            add(document("Ingress", "web", "web", spec={"defaultBackend": {"service": {"name": "x"}}})),
            ("ingress-backend", "Ingress/web", "spec.defaultBackend.service"),
            id="the default Service of an Ingress",
        ),
    ],
)
def test_what_leads_nowhere_is_found(change: Change, finding: Finding) -> None:
    assert finding in findings_after(change)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(put(SERVICE, *PORT, value={"name": "main", "port": 9101}), id="by the same number"),
        pytest.param(put(SERVICE, *PORT, "targetPort", value=9101), id="by the pods' number"),
        pytest.param(put(API, *MAIN, "readinessProbe", "tcpSocket", "port", value=9999), id="a probe by number"),
        pytest.param(ingress(name="st2-st2api", port={"number": 9101}), id="an Ingress by number"),
        pytest.param(ingress(name="st2-st2api", port={"name": "main"}), id="an Ingress by name"),
        pytest.param(ingress(name="st2-rabbitmq", port={"number": 5672}), id="an Ingress to what is elsewhere"),
        pytest.param(
            add({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x", "namespace": "y"}, "spec": {}}),
            id="a user's Service without a selector",
        ),
    ],
)
def test_what_leads_somewhere_is_accepted(change: Change) -> None:
    assert findings_after(change) == []


def test_the_ports_that_exist_are_told() -> None:
    (problem,) = problems_after(put(SERVICE, *PORT, "targetPort", value="http"))
    assert problem.message == "Deployment/st2-st2api has no port http; its ports are: 9101, main"
