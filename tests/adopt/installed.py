"""A release of the Helm chart in a cluster, as far as a move meets it.

Names, labels, selectors, claims and Secrets are those that chart 1.1.0 makes with its subcharts; what nobody looks at
is left out. With ST2_TEST_CHART=FOLDER, Helm installs the chart of that folder itself; its subcharts must be in it.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import Any, Protocol

from servers.kube_apiserver import ApiServer, Refused

from constructs_st2.kube.documents import Document

RELEASE, NAMESPACE = "st2", "tools"
CHART = os.environ.get("ST2_TEST_CHART")
VALUES: dict[str, Any] = {
    "st2": {"username": "operator", "password": "Ch@ngeMe", "packs": {"sensors": []}},
    "st2actionrunner": {"replicas": 4},
    "st2chatops": {"enabled": False},
}
"""What the user gave to the chart."""
CRYPTO_KEY = {
    "hmacKey": {"hmacKeyString": "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=", "size": 256},
    "size": 256,
    "aesKeyString": "EjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJCrze8=",
    "mode": "CBC",
}
_OWN = {"app.kubernetes.io/managed-by": "Helm"}


class Installed(Protocol):
    """How a release comes into a cluster, and back to it."""

    def install(self) -> None: ...

    def roll_back(self, revision: str, /) -> None: ...


class WithHelm:
    """Helm installs a chart."""

    def __init__(self, chart: str, environment: Mapping[str, str], values: str) -> None:
        self._chart = chart
        self._environment = environment
        self._values = values

    def install(self) -> None:
        # Jobs of hooks would be waited for; controllers complete them.
        self._helm("install", RELEASE, self._chart, "--values", self._values, "--create-namespace")

    def roll_back(self, revision: str, /) -> None:
        self._helm("rollback", RELEASE, revision)

    def _helm(self, *arguments: str) -> None:
        command = ["helm", *arguments, "--namespace", NAMESPACE, "--kube-insecure-skip-tls-verify"]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


class AsHelmDoes:
    """Objects with the marks of Helm, and what Helm stores about them."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server

    def install(self) -> None:
        self._apply(objects())
        release = "helm.sh/release.v1"
        self._apply([_secret("sh.helm.release.v1.st2.v1", stored(_release()), release, _STORED)])

    def roll_back(self, _: str, /) -> None:
        self._apply(objects())

    def _apply(self, documents: Iterable[Document]) -> None:
        with closing(self._server.client()) as server:
            for document in documents:
                try:
                    server.create(document)
                except Refused:
                    server.apply(document)


_STORED = {"owner": "helm", "name": RELEASE, "version": "1", "status": "deployed"}


def stored(release: Mapping[str, Any]) -> dict[str, str]:
    """What Helm 3 stores."""
    return {"release": base64.b64encode(gzip.compress(json.dumps(release).encode())).decode()}


def _release() -> dict[str, Any]:
    given = {
        "mongodb": {"auth": {"username": "st2-admin", "database": "st2"}},
        "rabbitmq": {"auth": {"username": "admin"}},
    }
    return {
        "name": RELEASE,
        "version": 1,
        "info": {"status": "deployed"},
        "config": VALUES,
        "chart": {"metadata": {"name": "stackstorm-ha", "version": "1.1.0", "appVersion": "3.8"}, "values": given},
        "manifest": "".join(f"---\n{json.dumps(document)}\n" for document in objects()),
    }


def objects() -> list[Document]:
    """What the chart makes."""
    services = ["mongodb-headless", "rabbitmq", "rabbitmq-headless", "redis", "redis-headless", "st2api", "st2web"]
    deployments = {"st2api": 2, "st2actionrunner": 4, "st2client": 1, "st2sensorcontainer": 1, "st2web": 2}
    crypto_key = {"datastore_crypto_key": json.dumps(CRYPTO_KEY)}
    return [
        _object("v1", "ServiceAccount", "stackstorm-ha", "st2"),
        _object("v1", "ConfigMap", "st2-st2-config", "st2", data={"st2.docker.conf": "[auth]\n"}),
        _secret("st2-st2-datastore-crypto-key", crypto_key),
        _secret("st2-st2-auth", {"ST2_AUTH_USERNAME": "operator", "ST2_AUTH_PASSWORD": "Ch@ngeMe"}),
        _secret(
            "st2-mongodb",
            {f"mongodb-{key}": "0123456789abcdef" for key in ("password", "root-password", "replica-set-key")},
        ),
        _secret(
            "st2-rabbitmq",
            {
                "rabbitmq-password": "9jS+w1u07NbHtZke1m+jW4Cj",
                "rabbitmq-erlang-cookie": "8MrqQdCQ6AQ8U3MacSubHE5RqkSfvNaRHzvxuFcG",
            },
        ),
        _secret("st2-rabbitmq-definitions", {"rabbitmq-definitions.json": "{}"}),
        *(_service(name) for name in services),
        *(_deployment(name, replicas) for name, replicas in deployments.items()),
        _set("mongodb", 3, "mongodb", "datadir"),
        _set("rabbitmq", 3, "rabbitmq", "data"),
        _set("redis-node", 3, "redis", "redis-data"),
    ]


def _labels(name: str) -> dict[str, str]:
    return {"app.kubernetes.io/name": name, "app.kubernetes.io/instance": RELEASE}


def _object(api_version: str, kind: str, name: str, component: str, **content: Any) -> Document:
    metadata = {
        "name": name,
        "namespace": NAMESPACE,
        "labels": {**_labels(component), **_OWN},
        "annotations": {"meta.helm.sh/release-name": RELEASE, "meta.helm.sh/release-namespace": NAMESPACE},
    }
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}


def _secret(
    name: str, data: Mapping[str, str], kind: str = "Opaque", labels: Mapping[str, str] | None = None
) -> Document:
    made = _object("v1", "Secret", name, "st2", type=kind, stringData=dict(data))
    if labels:
        made["metadata"] = {"name": name, "namespace": NAMESPACE, "labels": dict(labels)}
    return made


def _service(name: str) -> Document:
    component = name.removesuffix("-headless")
    spec = {"selector": _labels(component), "ports": [{"name": "main", "port": 80}]}
    return _object("v1", "Service", f"{RELEASE}-{name}", component, spec=spec)


def _pods(component: str) -> Document:
    container = {"name": component, "image": f"docker.io/bitnami/{component}:4.4"}
    init = {"name": "wait-for-db", "image": "busybox:1.28", "securityContext": {"privileged": True}}
    return {
        "metadata": {"labels": {**_labels(component), **_OWN}},
        "spec": {"containers": [container], "initContainers": [init]},
    }


def _deployment(name: str, replicas: int) -> Document:
    spec = {"replicas": replicas, "selector": {"matchLabels": _labels(name)}, "template": _pods(name)}
    return _object("apps/v1", "Deployment", f"{RELEASE}-{name}", name, spec=spec)


def _set(name: str, replicas: int, component: str, claim: str) -> Document:
    claim_spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "8Gi"}}}
    spec = {
        "serviceName": f"{RELEASE}-{component}-headless",
        "replicas": replicas,
        "selector": {"matchLabels": _labels(component)},
        "template": _pods(component),
        "volumeClaimTemplates": [{"metadata": {"name": claim}, "spec": claim_spec}],
    }
    return _object("apps/v1", "StatefulSet", f"{RELEASE}-{name}", component, spec=spec)
