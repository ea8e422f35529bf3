"""A Kubernetes API on this machine: the Secrets, volume claims and Jobs of one namespace, for one service account.

It follows the real one in what a client can tell apart: who may do what, versions of objects and conflicts between
writers, merge patches, and what a Secret must hold. Any request can be disturbed.
"""

from __future__ import annotations

import base64
import binascii
import copy
import http.client
import itertools
import json
import re
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, NamedTuple

from constructs_st2.kube.documents import Document

_KINDS = {"secrets": "Secret", "persistentvolumeclaims": "PersistentVolumeClaim", "jobs": "Job"}
_VERBS = {"GET": "get", "POST": "create", "PATCH": "patch", "DELETE": "delete"}
_PATH = re.compile(
    r"/(?:api/v1|apis/(?P<group>[^/]+)/v1)/namespaces/(?P<namespace>[^/]+)/(?P<resource>[^/]+)(?:/(?P<name>[^/]+))?"
)
_REQUIRED = {"kubernetes.io/tls": ("tls.crt", "tls.key"), "kubernetes.io/dockerconfigjson": (".dockerconfigjson",)}
_MERGE_PATCH = "application/merge-patch+json"


class Request(NamedTuple):
    """A request that has come in."""

    method: str
    path: str
    body: Document | None


class Disturbance(NamedTuple):
    """What happens to a request.

    ``status``: it is answered so, and not carried out. ``page``: something in between answers with this instead.
    ``cut``: when the connection ends: before it is carried out, after that but before the answer, or within the
    answer. ``seconds``: how long it takes. ``meanwhile``: what happens before it is carried out.
    """

    status: int = 0
    page: bytes = b""
    cut: Literal["", "before", "after", "within"] = ""
    seconds: float = 0
    meanwhile: Callable[[], object] = lambda: None


class Failure(Exception):
    """A status other than success."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.document = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            "code": status,
        }


class KubernetesApi:
    """The objects, and what has been done with them.

    Args:
        namespace: the only one.
        rules: those of the Role of the service account.
        account: the service account.
    """

    def __init__(self, namespace: str, rules: Iterable[Document], account: str) -> None:
        self.namespace = namespace
        self.rules = list(rules)
        self.account = account
        self.token = "token"
        self.now = "2026-01-01T00:00:00Z"
        """When objects are made."""
        self.requests: list[Request] = []
        self.disturb: Callable[[int, Request], Disturbance | None] = lambda _, __: None
        """What happens to a request, of which it is told the number (from 1)."""
        self.history: dict[tuple[str, str], list[str]] = {}
        """All values that each key of each Secret ever had, by name and key."""
        self._objects: dict[tuple[str, str], Document] = {}
        self._versions = itertools.count(1000)
        self._lock = threading.Lock()

    @property
    def writes(self) -> list[Request]:
        """The requests that were to change something."""
        return [request for request in self.requests if request.method != "GET"]

    def values(self, secret: str) -> dict[str, str]:
        """What a Secret holds; nothing if there is none."""
        with self._lock:
            data = self._objects.get(("secrets", secret), {}).get("data", {})
            return {key: base64.b64decode(value).decode("utf-8", "surrogateescape") for key, value in data.items()}

    def get(self, resource: str, name: str) -> Document | None:
        """A copy of an object, or None if there is none."""
        with self._lock:
            return copy.deepcopy(self._objects.get((resource, name)))

    def put(self, secret: str, values: Mapping[str, str | None], **fields: Any) -> None:
        """Make a Secret, or change it: None removes a key. As an administrator."""
        data = {
            key: None if value is None else base64.b64encode(value.encode("utf-8", "surrogateescape")).decode()
            for key, value in values.items()
        }
        if self.get("secrets", secret) is None:
            self.act("POST", "secrets", body={"metadata": {"name": secret}, "data": data, **fields})
        else:
            self.act("PATCH", "secrets", secret, {"data": data, **fields})

    def act(self, method: str, resource: str, name: str | None = None, body: Document | None = None) -> Document:
        """Do something as an administrator.

        Raises:
            Failure: it cannot be done.
        """
        with self._lock:
            return copy.deepcopy(self._carry_out(method, resource, name, body))

    def answer(self, request: Request, token: str, kind: str) -> Document:
        """Carry out a request of the service account.

        Raises:
            Failure: it cannot be done.
        """
        if token != f"Bearer {self.token}":
            raise Failure(401, "Unauthorized", "Unauthorized")
        place = _PATH.fullmatch(request.path)
        if not place:
            raise Failure(404, "NotFound", "the server could not find the requested resource")
        resource, name = place["resource"], place["name"]
        verb = "list" if request.method == "GET" and not name else _VERBS[request.method]
        if place["namespace"] != self.namespace or not self._allows(verb, place["group"] or "", resource, name):
            what = f'{resource} "{name}"' if name else resource
            raise Failure(
                403,
                "Forbidden",
                f'{what} is forbidden: User "{self.account}" cannot {verb} resource "{resource}" '
                f'in API group "{place["group"] or ""}" in the namespace "{place["namespace"]}"',
            )
        if request.method == "PATCH" and kind != _MERGE_PATCH:
            raise Failure(415, "UnsupportedMediaType", f"the body of the request was in an unknown format: {kind}")
        return self.act(request.method, resource, name, request.body)

    def _allows(self, verb: str, group: str, resource: str, name: str | None) -> bool:
        # A rule with names allows nothing of objects without one, as those are that are to be made.
        return any(
            verb in rule["verbs"]
            and group in rule["apiGroups"]
            and resource in rule["resources"]
            and (not rule.get("resourceNames") or name in rule["resourceNames"])
            for rule in self.rules
        )

    def _carry_out(self, method: str, resource: str, name: str | None, body: Document | None) -> Document:
        if method == "POST":
            return self._create(resource, copy.deepcopy(body or {}))
        present = self._objects.get((resource, name or ""))
        if present is None:
            raise Failure(404, "NotFound", f'{resource} "{name}" not found')
        if method == "PATCH":
            return self._update(resource, present, body or {})
        if method == "DELETE":
            del self._objects[resource, present["metadata"]["name"]]
        return present

    def _create(self, resource: str, new: Document) -> Document:
        metadata = new.setdefault("metadata", {})
        name = metadata.get("name")
        if not name:
            raise _invalid(resource, "", "metadata.name: Required value: name or generateName is required")
        if metadata.setdefault("namespace", self.namespace) != self.namespace:
            raise Failure(400, "BadRequest", "the namespace of the object does not match that of the request")
        if metadata.get("resourceVersion"):
            raise Failure(400, "BadRequest", "resourceVersion should not be set on objects to be created")
        if (resource, name) in self._objects:
            raise Failure(409, "AlreadyExists", f'{resource} "{name}" already exists')
        new.setdefault("kind", _KINDS[resource])
        metadata.update(uid=str(uuid.uuid4()), creationTimestamp=self.now)
        return self._store(resource, new)

    def _update(self, resource: str, present: Document, patch: Document) -> Document:
        name, version = present["metadata"]["name"], present["metadata"]["resourceVersion"]
        new: Document = _merged(present, patch)
        if new["metadata"].get("resourceVersion", version) != version:
            reason = "the object has been modified; please apply your changes to the latest version and try again"
            raise Failure(409, "Conflict", f'Operation cannot be fulfilled on {resource} "{name}": {reason}')
        fixed = ("name", "namespace", "uid", "creationTimestamp")
        if any(new["metadata"].get(field) != present["metadata"][field] for field in fixed):
            raise _invalid(resource, name, "metadata: Invalid value: field is immutable")
        if new.get("type") != present.get("type"):
            raise _invalid(resource, name, f'type: Invalid value: "{new.get("type")}": field is immutable')
        if present.get("immutable") and (new.get("data") != present.get("data") or not new.get("immutable")):
            raise _invalid(resource, name, "data: Forbidden: field is immutable when `immutable` is set")
        return present if new == present else self._store(resource, new)

    def _store(self, resource: str, new: Document) -> Document:
        name = new["metadata"]["name"]
        if resource == "secrets":
            _check_secret(name, new)
            for key, value in new["data"].items():
                values = self.history.setdefault((name, key), [])
                if values[-1:] != [value]:
                    values.append(value)
        new["metadata"]["resourceVersion"] = str(next(self._versions))
        self._objects[resource, name] = new
        return new


def rules_of(objects: Iterable[Document], job: Document) -> list[Document]:
    """What the service account of a Job may do, by the Roles and RoleBindings among some objects."""
    objects = list(objects)
    account = job["spec"]["template"]["spec"]["serviceAccountName"]
    subject = {"kind": "ServiceAccount", "name": account, "namespace": job["metadata"]["namespace"]}
    roles = {
        binding["roleRef"]["name"]
        for binding in objects
        if binding["kind"] == "RoleBinding" and subject in binding["subjects"]
    }
    return [
        rule
        for role in objects
        if role["kind"] == "Role" and role["metadata"]["name"] in roles
        for rule in role["rules"]
    ]


def _merged(target: Any, patch: Any) -> Any:
    """A JSON merge patch, RFC 7396."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged = copy.deepcopy(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key), value)
    return merged


def _check_secret(name: str, secret: Document) -> None:
    data = secret.setdefault("data", {})
    kind = secret.setdefault("type", "Opaque")
    metadata = secret["metadata"]
    for field in ("labels", "annotations"):
        if any(not isinstance(value, str) for value in metadata.get(field, {}).values()):
            raise Failure(400, "BadRequest", f"json: cannot unmarshal into Go struct field metadata.{field} of string")
    for key, value in data.items():
        if not re.fullmatch(r"[-._a-zA-Z0-9]{1,253}", key):
            raise _invalid(
                "secrets", name, f'data[{key}]: Invalid value: "{key}": a valid config key must consist of …'
            )
        try:
            base64.b64decode(value, validate=True)
        except (binascii.Error, TypeError, ValueError):
            message = 'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 0'
            raise Failure(400, "BadRequest", message) from None
    for key in _REQUIRED.get(kind, ()):
        if not data.get(key):
            raise _invalid("secrets", name, f"data[{key}]: Required value")


def _invalid(resource: str, name: str, message: str) -> Failure:
    return Failure(422, "Invalid", f'{_KINDS[resource]} "{name}" is invalid: {message}')


class Answer(NamedTuple):
    """What comes back of a request: a status and a text, of which the end is missing if it is ``cut``."""

    status: int
    text: bytes
    cut: bool


class Server:
    """Where an API is reached. The API may be replaced by another one at any time."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.api = KubernetesApi("default", [], "")

    def answer(self, request: Request, headers: Mapping[str, str]) -> Answer | None:
        """What comes back of a request; None if the connection ends without an answer."""
        api = self.api
        with api._lock:
            api.requests.append(request)
            number = len(api.requests)
        disturbance = api.disturb(number, request) or Disturbance()
        if disturbance.seconds:
            # To sleep for no time takes time, too: the kernel lets others run.
            time.sleep(disturbance.seconds)
        disturbance.meanwhile()
        if disturbance.cut == "before":
            return None
        status = 201 if request.method == "POST" else 200
        try:
            if disturbance.status:
                raise Failure(disturbance.status, "InternalError", "the server is not able to handle this now")
            document = api.answer(request, headers.get("Authorization", ""), headers.get("Content-Type", ""))
        except Failure as failure:
            status, document = failure.status, failure.document
        if disturbance.cut == "after":
            return None
        return Answer(status, disturbance.page or json.dumps(document).encode(), disturbance.cut == "within")


class Shortcut:
    """A connection to a server inside this process: what `http.client.HTTPConnection` does, without a network."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def request(self, method: str, path: str, body: str | None, headers: Mapping[str, str]) -> None:
        answer = self._server.answer(Request(method, path, json.loads(body) if body else None), headers)
        if answer is None:
            raise http.client.RemoteDisconnected("Remote end closed connection without response")
        self._answer = answer

    def getresponse(self) -> Shortcut:
        return self

    @property
    def status(self) -> int:
        return self._answer.status

    def read(self) -> bytes:
        text = self._answer.text
        if self._answer.cut:
            raise http.client.IncompleteRead(text[: len(text) // 2])
        return text

    def close(self) -> None:
        pass


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Serve an API on a port of this machine."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    http.daemon_threads = True
    if context:
        http.socket = context.wrap_socket(http.socket, server_side=True)
    server = Server(f"{'https' if context else 'http'}://127.0.0.1:{http.server_port}")
    http.RequestHandlerClass = _handler(server)
    thread = threading.Thread(target=lambda: http.serve_forever(poll_interval=0.05), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # the answer in one piece

        def _handle(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = Request(self.command, self.path, json.loads(content) if content else None)
            answer = server.answer(request, dict(self.headers))
            self.close_connection = True
            if answer is None:
                return
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer.text)))
            self.end_headers()
            self.wfile.write(answer.text[: len(answer.text) // 2] if answer.cut else answer.text)

        do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _handle

        def log_message(self, *_: object) -> None:
            pass

    return Handler
