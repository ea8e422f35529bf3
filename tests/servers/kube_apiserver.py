"""An API server of Kubernetes with its etcd, and nothing behind it: no controller acts upon what it takes."""

from __future__ import annotations

import copy
import http.client
import json
import os
import ssl
import subprocess
import time
from collections.abc import Mapping
from functools import cache as cached
from pathlib import Path
from types import TracebackType
from typing import Any

from servers.bindings import definitions
from servers.certificates import Authority
from servers.kubernetes_programs import Programs
from servers.ports import free_port

from constructs_st2.facts.secrets import contract
from constructs_st2.kube.documents import Document, identity
from constructs_st2.kube.reading import read_text

TOKEN = "tests"

_PREFERENCES: Document = {
    "apiVersion": "kubectl.config.k8s.io/v1beta1",
    "kind": "Preference",
    # With it, kubectl reads the schema of the whole API again for each object that is there already.
    "defaults": [{"command": "apply", "options": [{"name": "openapi-patch", "default": "false"}]}],
}
"""How kubectl makes its patches is not tested here: by types that it has, and twenty times as fast."""

_SELDOM_COLLECTED = {"GOGC": "400"}
"""Programs in Go that end soon need not look for garbage that often."""

_FEW_TRANSLATIONS = {"LC_MESSAGES": "zh_TW.UTF-8"}
"""Kubectl reads all texts of its language at each start, which takes a third of it. For English there are hundreds,
each of which says the same; for this language seven, and only of help (k8s.io/kubectl, pkg/util/i18n)."""

_SECONDS_TO_START = 120
_CRD_SECONDS = 120
_IDLE_SECONDS = 30


def custom_kinds() -> list[Document]:
    """The definitions of all custom kinds that manifests may have."""
    return [each for file in definitions() for each in read_text(file.read_bytes(), file.name)]


class Refused(Exception):
    """What the API server says of an object that it does not take."""


class ApiServer:
    """A running API server. A context manager.

    Args:
        programs: what runs.
        folder: an empty folder for its files.
    """

    def __init__(self, programs: Programs, folder: Path) -> None:
        self._port, client, peer = free_port(), free_port(), free_port()
        self._folder = folder
        self._log = folder / "apiserver.log"
        (folder / "tokens.csv").write_text(f'{TOKEN},tests,tests,"system:masters"\n')
        # The server would make one of RSA itself, which costs more, then and at each connection.
        for name, text in Authority().secret(["localhost"], ["127.0.0.1"]).items():
            (folder / name).write_text(text)
        certificate, key = folder / contract.TLS_CERTIFICATE, folder / contract.TLS_KEY
        etcd = {
            "data-dir": folder / "etcd",
            "listen-client-urls": f"http://127.0.0.1:{client}",
            "advertise-client-urls": f"http://127.0.0.1:{client}",
            "listen-peer-urls": f"http://127.0.0.1:{peer}",
            "initial-advertise-peer-urls": f"http://127.0.0.1:{peer}",
            "initial-cluster": f"default=http://127.0.0.1:{peer}",
            "unsafe-no-fsync": "true",
            # It is alone, and has nobody to tell ten times in a second that it is there.
            "heartbeat-interval": 500,
            "election-timeout": 5000,
            "log-level": "error",
        }
        apiserver = {
            "etcd-servers": f"http://127.0.0.1:{client}",
            "secure-port": self._port,
            "bind-address": "127.0.0.1",
            "advertise-address": "127.0.0.1",
            "tls-cert-file": certificate,
            "tls-private-key-file": key,
            "token-auth-file": folder / "tokens.csv",
            "authorization-mode": "RBAC",
            "anonymous-auth": "false",
            "allow-privileged": "true",
            # With both families, so that it can give a Service whatever it asks for.
            "service-cluster-ip-range": "10.96.0.0/16,fd00:10:96::/112",
            "service-account-issuer": "https://kubernetes.default.svc",
            "service-account-key-file": certificate,
            "service-account-signing-key-file": key,
            # Which ports nodes have to give is up to each cluster.
            "service-node-port-range": "1-65535",
            # Few ask at the same time, and none has to go before others.
            "enable-priority-and-fairness": "false",
            # Nobody makes the accounts, classes and quotas that these look for.
            "disable-admission-plugins": "ServiceAccount,Priority,RuntimeClass",
        }
        self._processes = [_start(programs.etcd, etcd, folder / "etcd.log")]
        self._processes.append(_start(programs.apiserver, apiserver, self._log))
        self._connection: http.client.HTTPSConnection | None = None
        self._used = 0.0

    def __enter__(self) -> ApiServer:
        try:
            self._await_ready()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    def apply(self, document: Document, part: str = "", *, dry_run: bool = False) -> Document:
        """Apply an object on the server's side, with nobody else's fields, and get what became of it.

        Args:
            document: the object.
            part: a part of it that is written by itself, such as ``status``.
            dry_run: whether nothing is kept.

        Raises:
            Refused: it cannot be applied.
        """
        options = "fieldManager=tests&force=true&fieldValidation=Strict" + ("&dryRun=All" if dry_run else "")
        path = f"{self.path(document)}/{document['metadata']['name']}"
        where = f"{path}/{part}" if part else path
        return self._taken("PATCH", f"{where}?{options}", document, "application/apply-patch+yaml")

    def create(self, document: Document, *, dry_run: bool = False) -> Document:
        """Create an object, as ``kubectl apply`` does with one that is not there.

        Raises:
            Refused: it cannot be created.
        """
        options = "fieldValidation=Strict" + ("&dryRun=All" if dry_run else "")
        return self._taken("POST", f"{self.path(document)}?{options}", document, "application/json")

    def define(self, definitions: list[Document]) -> None:
        """Make kinds known.

        Raises:
            Refused: a definition is wrong.
        """
        for definition in definitions:
            # Without it, nobody but Kubernetes may define kinds of groups below k8s.io.
            approval = {"api-approved.kubernetes.io": "unapproved, for tests"}
            self.apply({**definition, "metadata": {**definition["metadata"], "annotations": approval}})
        for definition in definitions:
            spec = definition["spec"]
            for served in spec["versions"]:
                self._await_kind(f"{spec['group']}/{served['name']}", spec["names"]["kind"])
        _discovered.cache_clear()

    def knows(self, document: Document) -> bool:
        """Whether it serves the kind of an object."""
        return document["kind"] in _discovered(self, document["apiVersion"])

    def revision(self) -> str:
        """What any write changes, to whatever object."""
        _, answer = self.request("GET", "/api/v1/namespaces?limit=1")
        revision: str = answer["metadata"]["resourceVersion"]
        return revision

    @property
    def url(self) -> str:
        """Where it is."""
        return f"https://127.0.0.1:{self._port}"

    def client(self) -> ApiServer:
        """The same server, with a connection of its own, to be closed: for another thread, or after a long time."""
        other = copy.copy(self)
        other._connection = None
        return other

    def close(self) -> None:
        """Close the connection. The server runs on."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _await_kind(self, api_version: str, kind: str) -> None:
        end = time.monotonic() + _CRD_SECONDS
        while kind not in _kinds(self, api_version):
            if time.monotonic() > end:
                raise TimeoutError(f"{kind} of {api_version} is not served")
            time.sleep(0.05)

    def path(self, document: Document) -> str:
        """Where the objects of its kind and namespace are.

        Raises:
            Refused: no such kind is served.
        """
        api_version, kind = document["apiVersion"], document["kind"]
        kinds = _discovered(self, api_version)
        if kind not in kinds:
            raise Refused(f"{identity(document)}: no matches for kind {kind} in version {api_version}")
        plural, namespaced = kinds[kind]
        namespace = f"/namespaces/{document['metadata']['namespace']}" if namespaced else ""
        return f"{_base(api_version)}{namespace}/{plural}"

    def _taken(self, method: str, path: str, document: Document, content_type: str) -> Document:
        status, answer = self.request(method, path, document, content_type)
        if status >= 300:
            raise Refused(f"{identity(document)}: {answer.get('message', answer)}")
        return answer

    def request(
        self, method: str, path: str, body: Document | None = None, content_type: str = "application/json"
    ) -> tuple[int, Document]:
        """Status and answer of a request."""
        if self._connection is not None and time.monotonic() - self._used > _IDLE_SECONDS:
            # The server soon ends connections that nobody uses.
            self._connection.close()
            self._connection = None
        self._used = time.monotonic()
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": content_type, "Accept": "application/json"}
        if self._connection is None:
            # Nobody knows its authority.
            context = ssl._create_unverified_context()
            self._connection = http.client.HTTPSConnection("127.0.0.1", self._port, timeout=120, context=context)
        try:
            # Patches are read as YAML, which knows no pairs of escapes for one character.
            text = "" if body is None else json.dumps(body, ensure_ascii=False)
            self._connection.request(method, path, text.encode(), headers)
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            self._connection = None
            raise
        try:
            answer = json.loads(content)
        except ValueError:
            answer = {"message": content.decode(errors="replace")}
        return response.status, answer

    def for_kubectl(self) -> dict[str, str]:
        """The environment in which kubectl reaches it, as one who may do everything."""
        preferences = self._folder / "kuberc"
        preferences.write_text(json.dumps(_PREFERENCES))
        files = {"KUBECONFIG": str(self._kubeconfig()), "KUBERC": str(preferences)}
        return {**files, **_SELDOM_COLLECTED, **_FEW_TRANSLATIONS}

    def _kubeconfig(self) -> Path:
        path = self._folder / "kubeconfig"
        cluster = {"server": f"https://127.0.0.1:{self._port}", "insecure-skip-tls-verify": True}
        named: Document = {
            "clusters": [{"name": "tests", "cluster": cluster}],
            "users": [{"name": "tests", "user": {"token": TOKEN}}],
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "tests"}}],
        }
        # JSON is YAML, too.
        path.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "tests", **named}))
        return path

    def _await_ready(self) -> None:
        end = time.monotonic() + _SECONDS_TO_START
        while not self._is_ready():
            if time.monotonic() > end or any(process.poll() is not None for process in self._processes):
                raise TimeoutError(f"the API server has not started:\n{self._log.read_text()[-4000:]}")
            time.sleep(0.1)

    def _is_ready(self) -> bool:
        try:
            return self.request("GET", "/readyz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def _end(self) -> None:
        self.close()
        # The server first: without its etcd it would only complain.
        for process in reversed(self._processes):
            process.kill()
            process.wait()


def _start(program: Path, options: Mapping[str, object], log: Path) -> subprocess.Popen[bytes]:
    command = [str(program), *(f"--{name}={value}" for name, value in options.items())]
    with log.open("wb") as output:
        environment = {**os.environ, **_SELDOM_COLLECTED}
        return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=log.parent, env=environment)


def _base(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _kinds(server: ApiServer, api_version: str) -> dict[str, tuple[str, bool]]:
    """The plural of each kind of a version, and whether it lives in a namespace."""
    status, answer = server.request("GET", _base(api_version))
    resources: list[dict[str, Any]] = answer["resources"] if status == 200 else []
    return {each["kind"]: (each["name"], each["namespaced"]) for each in resources if "/" not in each["name"]}


_discovered = cached(_kinds)


class Kubectl:
    """Kubectl for one API server.

    Args:
        program: its path.
        server: what it speaks to.
        folder: an empty folder for its files.
    """

    def __init__(self, program: Path, server: ApiServer, folder: Path) -> None:
        self.program = program
        self.server = server
        self.environment = {**os.environ, **server.for_kubectl(), "KUBECACHEDIR": str(folder)}
        """What it has to know where it speaks to."""

    def __call__(self, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run it, however it ends."""
        command = [str(self.program), *arguments]
        return subprocess.run(command, input=given, capture_output=True, text=True, check=False, env=self.environment)

    def must(self, *arguments: str, given: str | None = None) -> str:
        """Run it, and it must succeed: what it says."""
        ended = self(*arguments, given=given)
        assert ended.returncode == 0, f"kubectl {' '.join(arguments)}: {ended.stderr}"
        return ended.stdout
