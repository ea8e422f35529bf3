"""A StackStorm on this machine, as far as its administrator's programs can see it. Any part of it can be broken.

It answers as st2 3.9.0 does: paths, states, filters and errors are those of its controllers. st2auth, st2api and
st2stream are at /auth/, /api/ and /stream/, and once more below /web/, where st2web has them. The chat bot is at
/chatops/. What the services behind them do is done here too, unless they are dead.
"""

from __future__ import annotations

import base64
import itertools
import json
import math
import queue
import ssl
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

USER, PASSWORD, API_KEY = "st2admin", "pass%word", "key-of-the-administrator"

_ALWAYS = 1_000_000
_WEBHOOK, _TIMER, _ACTION_TRIGGER = "core.st2.webhook", "core.st2.IntervalTimer", "core.st2.generic.actiontrigger"
_TASKS = {"format_execution_result": "chatops.format_execution_result", "post_message": "chatops.post_message"}
"""Of chatops.post_result."""
_SPEED = 10
"""How much faster than they should timers fire."""
_NOT_FOUND = 404, {"faultstring": "The resource could not be found."}

_PROCESS = "_1"


def _member(pod: str) -> str:
    """The id of a service that is process 1 of its container."""
    return f"{pod}{_PROCESS}"


class St2Stub:
    """The state of a StackStorm.

    Attributes:
        roles: of the user; None: RBAC is not enabled.
        url: where it listens, while it does.
        dead: services that do not run.
        registry: the groups of the service registry, and their members: pods, and when they disappear.
    """

    def __init__(self) -> None:
        self.roles: list[str] | None = ["system_admin"]
        self.url = ""
        self.tokens: list[str] = []
        self.rules: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, dict[str, Any]] = {}
        self.executions: dict[str, dict[str, Any]] = {}
        self.dead: set[str] = set()
        self.registry: dict[str, dict[str, float]] = {}
        self._timers: dict[str, float] = {}
        self._faults: dict[str, int] = {}
        self._clients: list[queue.Queue[str]] = []
        self._ids = (f"{number:024x}" for number in itertools.count(1))
        self._lock = threading.RLock()

    @property
    def runners(self) -> list[str] | None:
        """The registry's group of action runners by the ids of its members; None: there has never been one."""
        pods = self.registry.get("actionrunner")
        return None if pods is None else [_member(pod) for pod in pods]

    @runners.setter
    def runners(self, members: list[str] | None) -> None:
        if members is None:
            self.registry.pop("actionrunner", None)
        else:
            self.registry["actionrunner"] = {member.removesuffix(_PROCESS): math.inf for member in members}

    def breaks(self, fault: str, times: int = _ALWAYS) -> None:
        """Bring a fault in, for the next times that it matters."""
        self._faults[fault] = times

    @contextmanager
    def serving(self, tls: ssl.SSLContext | None = None) -> Iterator[None]:
        """Listens."""
        server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"stub": self}))
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}/"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield
        finally:
            self.breaks("stopped")
            server.shutdown()
            thread.join()
            server.server_close()

    @property
    def unfinished(self) -> list[str]:
        """The executions that have not ended."""
        active = ("requested", "scheduled", "running")
        return [found["id"] for found in self.executions.values() if found["status"] in active]

    def has(self, fault: str) -> bool:
        """Whether a fault matters now."""
        with self._lock:
            left = self._faults.get(fault, 0)
            self._faults[fault] = left - 1
            return left > 0

    def answer(self, method: str, path: str, query: dict[str, str], headers: Any, body: Any) -> tuple[int, Any]:
        """Status and content."""
        through_web = path.startswith("/web/")
        service, _, rest = path.replace("/web/", "/", 1).lstrip("/").partition("/")
        if ("st2web" if through_web else f"st2{service}") in self.dead:
            raise ConnectionError("nothing listens")
        if service == "chatops" and not through_web:
            return 404, "Cannot GET /"
        if through_web and (f"st2{service}" in self.dead or self.has(f"web {service or 'page'}")):
            # What the nginx of st2web answers when a service is away.
            unreachable = 503, {"faultstring": f"st2web cannot reach st2{service}."}
            return (200, "retry: 1000\n\n") if service == "stream" else unreachable
        if through_web and self.has("web guard") and service == "auth":
            return 401, "<h1>401</h1>"
        if service == "" and through_web:
            return 200, "<!doctype html>\n<html><body>StackStorm</body></html>"
        if service == "auth":
            return self._token(headers.get("Authorization", ""))
        if service not in ("api", "stream"):
            return _NOT_FOUND
        if not self._knows(headers):
            return 401, {"faultstring": "Unauthorized - One of Token or API key required."}
        if service == "stream":
            if self.has("stream type"):
                return 200, "<html></html>"
            return (503, "retry: 1000\n\n") if self.has("stream status") else (200, None)
        with self._lock:
            return self._api(method, rest.split("/")[1:], query, headers, body or {})

    def events(self) -> Iterator[str]:
        """What a client of the stream gets."""
        client: queue.Queue[str] = queue.Queue()
        self._clients.append(client)
        yield "\n"
        while not self.has("stopped"):
            try:
                yield client.get(timeout=0.05)
            except queue.Empty:
                continue

    def _token(self, authorization: str) -> tuple[int, Any]:
        user, _, password = base64.b64decode(authorization.partition(" ")[2]).decode().partition(":")
        right = (user, password) == (USER, PASSWORD) and not self.has("password")
        if not right and not (user and self.has("any password")):
            return 401, {"faultstring": "Unauthorized - Invalid or missing credentials"}
        self.tokens.append(uuid.uuid4().hex)
        return 201, {"user": user, "token": self.tokens[-1], "expiry": "2030-01-01T00:00:00.000000Z", "metadata": {}}

    def _knows(self, headers: Any) -> bool:
        if "X-Auth-Token" in headers:
            return headers["X-Auth-Token"] in self.tokens and not self.has("token")
        return headers.get("St2-Api-Key") == API_KEY or ("St2-Api-Key" in headers and self.has("any key"))

    def _api(self, method: str, path: list[str], query: dict[str, str], headers: Any, body: Any) -> tuple[int, Any]:
        kind, name = (*path, "", "")[:2]
        if self.has(f"forbidden {method} {kind}"):
            return 403, {"faultstring": f'User "{USER}" doesn\'t have required permission'}
        if self.has(f"{method} {kind}"):
            # Worse than any service of st2: it tells what it was told.
            return 500, {"faultstring": f"Internal Server Error {dict(headers)}"}
        if kind == "":
            return 200, {"version": "3.8.1" if self.has("API version") else "3.9.0"}
        if kind == "user":
            roles = [] if self.has("roles") else self.roles
            return 200, {"username": USER, "rbac": {"enabled": roles is not None, "roles": roles or []}}
        if kind == "actions":
            names = ["noop", "uuid"] if self.has("content") else ["local", "noop", "uuid"]
            found = [{"ref": f"core.{action}", "pack": "core"} for action in names]
            if not name:
                return 200, found
            if not self.has("chatops pack"):
                found.append({"ref": "chatops.post_result", "pack": "chatops"})
            return next(((200, action) for action in found if action["ref"] == name), _NOT_FOUND)
        if kind == "executions":
            return self._executions(method, name, query, body)
        if kind == "rules":
            return self._rules(method, name, query, body)
        if kind == "triggerinstances":
            return 200, self._firings(query["trigger"])
        if kind == "traces":
            return 200, [self._trace(query["execution"])]
        if kind == "service_registry":
            return self._members(path[2])
        if kind == "webhooks":
            return self._webhook(name, body)
        if kind == "keys":
            return self._keys(method, name, query, body)
        return _NOT_FOUND

    def _executions(self, method: str, name: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        if method == "POST":
            return 201, self._execute(body["action"])
        if not name:
            found = list(self.executions.values())
            if "parent" in query:
                found = [execution for execution in found if execution.get("parent") == query["parent"]]
            if "rule" in query:
                found = [execution for execution in found if execution.get("rule", {}).get("name") == query["rule"]]
            if "status" in query:
                found = [execution for execution in found if execution["status"] == query["status"]]
            found.sort(key=lambda execution: execution.get("start_timestamp", ""), reverse=True)
            begin = int(query.get("offset", 0))
            return 200, found[begin : begin + int(query.get("limit", 100))]
        if name not in self.executions:
            return _NOT_FOUND
        execution = self.executions[name]
        if method == "PUT":
            if execution.get("live_action") == "succeeded":
                return 400, {"faultstring": "Execution is already in completed state."}
            execution.update(body)
            return 200, execution
        if method == "DELETE":
            execution["status"] = "canceled"
        elif "liveaction" not in execution and not self.has(f"stuck {execution['action']['ref']}"):
            # What was put here in the hands of a runner stays there.
            self._end(execution)
        return 200, execution

    def _execute(self, action: str, **more: Any) -> dict[str, Any]:
        execution = {"id": next(self._ids), "status": "requested", "action": {"ref": action}, "context": {}, **more}
        self.executions[execution["id"]] = execution
        told = {**execution, "id": next(self._ids)} if self.has("stream events") else execution
        for client in self._clients:
            client.put(f"event: st2.execution__create\ndata: {json.dumps(told)}\n\n")
        return execution

    def _end(self, execution: dict[str, Any]) -> None:
        action = execution["action"]["ref"]
        if execution["status"] not in ("requested", "scheduled", "running") or "st2scheduler" in self.dead:
            return
        if "st2actionrunner" in self.dead:
            execution["status"] = "scheduled"
            return
        if action == "chatops.post_result":
            self._run_tasks(execution)
            return
        execution["status"] = "failed" if self.has(f"failing {action}") else "succeeded"
        if self.has(f"canceled {action}"):
            execution["status"] = "canceled"
        if action == "core.local":
            user = "root" if self.has("user") else "stanley"
            execution["result"] = {
                "return_code": int(self.has("return code")),
                "stdout": f"uid=1000({user}) gid=1000(stanley) groups=1000(stanley)",
                "stderr": "sudo: unable to resolve host" if self.has("stderr") else "",
            }
        if action == "core.uuid":
            value = "None" if self.has("python result") else str(uuid.uuid4())
            execution["result"] = {"result": value, "exit_code": 0, "stdout": "", "stderr": ""}

    def _run_tasks(self, workflow: dict[str, Any]) -> None:
        workflow["status"] = "running"
        children = [child for child in self.executions.values() if child.get("parent") == workflow["id"]]
        for child in children:
            self._end(child)
        if "st2workflowengine" in self.dead or self.has("stuck task"):
            return
        if any(child["status"] in ("failed", "canceled") for child in children):
            workflow.update(status="failed", result={"output": None, "errors": []})
        elif all(child["status"] == "succeeded" for child in children):
            waiting = [task for task in _TASKS if task not in self._tasks(children)]
            if waiting and not self.has("workflow output"):
                context = {"orquesta": {"task_name": waiting[0]}}
                self._execute(_TASKS[waiting[0]], parent=workflow["id"], context=context)
            else:
                workflow.update(status="succeeded", result={"output": {"note": "Execution result has been posted."}})

    @staticmethod
    def _tasks(children: list[dict[str, Any]]) -> list[str]:
        return [child["context"]["orquesta"]["task_name"] for child in children]

    def _rules(self, method: str, name: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        if method == "GET" and name:
            return (200, self.rules[name]) if name in self.rules else _NOT_FOUND
        if method == "GET":
            return 200, [
                rule
                for rule in self.rules.values()
                if (rule["pack"], rule["action"]["ref"]) == (query["pack"], query["action"])
            ]
        if method == "POST":
            trigger = body["trigger"]
            if trigger["type"] == _TIMER and self.has("timer types"):
                return 400, {"faultstring": f'Trigger "{_TIMER}" defined in the rule does not exist in system'}
            assert trigger["type"] == (_WEBHOOK if body["enabled"] else _TIMER)
            ref = f"{body['pack']}.{body['name']}"
            trigger_ref = f"core.{uuid.uuid4()}"
            self._timers[trigger_ref] = time.monotonic()
            self.rules[ref] = {**body, "id": next(self._ids), "ref": ref, "trigger": {**trigger, "ref": trigger_ref}}
            return 201, self.rules[ref]
        return (204, None) if self.rules.pop(name, None) else _NOT_FOUND

    def _firings(self, trigger: str) -> list[dict[str, Any]]:
        """The newest trigger instance of a timer of 2 s."""
        count = int((time.monotonic() - self._timers[trigger]) * _SPEED / 2)
        if not count or self.dead & {"st2timersengine", "st2rulesengine"}:
            return []
        return [{"id": f"{count:024x}", "trigger": trigger, "status": "processed"}]

    def _trace(self, execution_id: str) -> dict[str, Any]:
        """What came of an execution, by what st2rulesengine and st2notifier do."""
        told = not self.dead & {"st2notifier", "st2rulesengine"} and execution_id not in self.unfinished
        instances = [{"object_id": next(self._ids), "ref": _ACTION_TRIGGER}] if told else []
        return {"trigger_instances": instances, "rules": [], "action_executions": [{"object_id": execution_id}]}

    def _members(self, group: str) -> tuple[int, Any]:
        if group not in self.registry:
            return 404, {"faultstring": f'Group with ID "{group}" not found.'}
        now = time.monotonic()
        pods = [pod for pod, until in self.registry[group].items() if until > now]
        return 200, {
            "members": [
                {
                    "group_id": group,
                    "member_id": _member(pod),
                    "capabilities": {"name": group, "hostname": pod, "pid": 1},
                }
                for pod in pods
            ]
        }

    def _webhook(self, url: str, body: Any) -> tuple[int, Any]:
        rules = [rule for rule in self.rules.values() if rule["trigger"]["parameters"].get("url") == url]
        if not rules or self.has("webhook"):
            return 404, {"faultstring": f"Webhook {url} not registered with st2"}
        if "st2rulesengine" not in self.dead:
            self._execute(rules[0]["action"]["ref"], rule={"name": rules[0]["name"]})
        return 202, body

    def _keys(self, method: str, name: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        if not name:
            return 200, [key for key in self.keys.values() if key["name"].startswith(query["prefix"])]
        if method == "PUT":
            if body.get("secret") and self.has("crypto key"):
                return 400, {"faultstring": "Crypto key not found"}
            self.keys[name] = {**body, "value": "other" if self.has("key value") else body["value"]}
        if name not in self.keys:
            return _NOT_FOUND
        key = self.keys[name]
        if method == "DELETE":
            if not self.has("key stays"):
                del self.keys[name]
            return 204, None
        hidden = bool(key.get("secret")) and query.get("decrypt") != "true"
        if hidden and not self.has("clear text"):
            return 200, {**key, "value": "0A1B2C", "encrypted": True}
        if key.get("secret") and self.has("decryption"):
            return 200, {**key, "value": "other", "encrypted": False}
        return 200, {**key, "encrypted": hidden}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # The backlog of the servers of st2 is ten times that of Python's, too.
    request_queue_size = 50

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients go away; nobody needs to read of that."""


class _Handler(BaseHTTPRequestHandler):
    stub: St2Stub

    def _handle(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            status, answer = self.stub.answer(
                self.command, url.path, query, self.headers, json.loads(content) if content else None
            )
        except ConnectionError:
            self.close_connection = True
            return
        if answer is None or str(answer).startswith("retry: "):
            kind = "text/event-stream; charset=UTF-8"
        else:
            kind = "text/html" if isinstance(answer, str) else "application/json"
        endless = answer is None and status == 200
        # In chunks, as the servers of st2 send what has no length.
        self.protocol_version = "HTTP/1.1" if endless else "HTTP/1.0"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if endless:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if endless:
            for event in self.stub.events():
                self.wfile.write(f"{len(event.encode()):x}\r\n{event}\r\n".encode())
        elif answer is not None:
            self.wfile.write((answer if isinstance(answer, str) else json.dumps(answer)).encode())
        self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = _handle

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged."""
