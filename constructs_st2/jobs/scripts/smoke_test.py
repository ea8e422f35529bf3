"""Tests an installed StackStorm from inside the cluster: each of its services does its work once.

usage: python -m constructs_st2.jobs.scripts.smoke_test SECONDS

Prints a line for each check and a last one that counts. Exits 1 if a check failed. SECONDS bound the run; a check may
take a sixth of them, so that a service that is missing does not cost the others their time. What is made is removed:
the rule, the keys of the datastore, and executions that do not end. Those that ended stay in the history.

Environment, besides that of st2_api.py: EXPECTED_VERSION is a version or the begin of one (3.9). EXPECTED_USER is the
operating system's user of actions. RBAC_ROLES are roles of the user that logs in, separated by blanks. WEB_URL is that
of st2web; its certificate is not checked. DATASTORE_ENCRYPTED is true or false. Where one is empty, what it is for is
not checked. ST2_CLI is the path of the st2 command line.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.client import HTTPException, HTTPResponse
from typing import Any, NamedTuple

from constructs_st2.jobs.scripts.smoke_run import Run, Skipped, result
from constructs_st2.jobs.scripts.st2_api import (
    Answer,
    Failure,
    Service,
    Session,
    describe,
    key_headers,
    require_roles,
    timeout_until,
)

SHARE = 6
"""A check may take one part in so many of the time: as many as wait for something, so each gets its turn."""
STREAM_ATTEMPT = 10.0
"""Seconds for an event. The first client of a st2stream misses events until its queues are bound (stream/listener.py
of st2common), so there are more attempts."""


def require_version(found: str, expected: str) -> None:
    """Check a version; 3.9 stands for 3.9.0 too, not for 3.90."""
    if not re.match(rf"{re.escape(expected)}(?!\d)", found):
        raise Failure(f"it is {found or 'not stated'}, not {expected}")


def command_line(run: Run) -> str:
    """The image has the st2 command line of this release."""
    expected = run.setting("EXPECTED_VERSION")
    program = run.settings.get("ST2_CLI") or "/opt/stackstorm/st2/bin/st2"
    try:
        done = subprocess.run(
            [program, "--version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=run.timeout(), check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failure(str(error)) from None
    # st2client/shell.py: "st2 3.9.0, on Python 3.10.12"
    said = done.stdout.decode("utf-8", "replace").strip()
    match = re.match(r"st2 ([^\s,]+)", said)
    if done.returncode or not match:
        raise Failure(f"{program} --version ends with status {done.returncode}: {said[:200]}")
    require_version(match.group(1), expected)
    return said


def login(run: Run) -> str:
    """st2auth gives a token for the password, or there is an API key; st2api accepts it."""
    credentials = run.session.credentials()
    run.session.log_in(run.timeout())
    try:
        user = run.session.who_am_i(run.timeout())["username"]
    except BaseException:
        run.session.headers = {}
        raise
    return f"user {user}, {'API key' if credentials.api_key else 'password'}"


def wrong_login(run: Run) -> str:
    """A wrong password or API key is refused. One wrong password: no directory locks a user for that."""
    credentials = run.session.credentials()
    if credentials.api_key:
        answer = run.session.api.ask("GET", "v1/user", headers=key_headers(run.name), timeout=run.timeout())
    else:
        answer = run.session.ask_for_token(credentials.user, run.name, run.timeout())
    if answer.status != 401:
        raise Failure(f"{answer.question} is answered with {answer.status}, not 401")
    return "401"


def roles(run: Run) -> str:
    """The user has the roles, so RBAC definitions have been applied."""
    expected = run.setting("RBAC_ROLES").split()
    require_roles(run.session.who_am_i(run.timeout()), expected)
    return ", ".join(expected)


def api_version(run: Run) -> str:
    """st2api is of this release."""
    expected = run.setting("EXPECTED_VERSION")
    found = str(run.ask("GET", "v1/").json()["version"])
    require_version(found, expected)
    return found


def registered_actions(run: Run) -> str:
    """The content of the system packs has been registered."""
    refs = [action["ref"] for action in run.ask("GET", "v1/actions?pack=core").json()]
    if "core.local" not in refs:
        raise Failure(f"core.local is not among the {len(refs)} actions of the pack core: content is not registered")
    return f"{len(refs)} in the pack core"


def shell_action(run: Run) -> str:
    """st2scheduler and st2actionrunner run a command, as the operating system's user that it should be."""
    found = run.result("core.local", {"cmd": "id"})
    if found["return_code"] != 0 or found["stderr"]:
        raise Failure(f"id ended with status {found['return_code']}: {found['stderr'][:200]}")
    identity = str(found["stdout"]).strip()
    expected = run.settings.get("EXPECTED_USER", "")
    if expected and not re.match(rf"uid=\d+\({re.escape(expected)}\)", identity):
        raise Failure(f"actions run as {identity}, not as {expected}")
    return identity


def python_action(run: Run) -> str:
    """The Python runner runs an action of a system pack."""
    found = run.result("core.uuid", {})["result"]
    return str(uuid.UUID(found))


def workflow(run: Run) -> str:
    """st2workflowengine runs the tasks of a workflow and ends it."""
    # The system packs have no Orquesta workflow that could succeed everywhere. This one must fail, but at its second
    # task (packs/actions/workflows/install.yaml): then the engine has run both and ended the workflow.
    parent = run.ended(run.start("packs.install", {"packs": ["file:///constructs-st2-smoke-test"]}))
    children = run.ask("GET", f"v1/executions?parent={parent['id']}").json()
    tasks = {child["context"]["orquesta"]["task_name"]: child["status"] for child in children}
    if (parent["status"], tasks) != ("failed", {"init_task": "succeeded", "download_pack": "failed"}):
        raise Failure(
            f"packs.install {parent['status']} with the tasks {tasks}: {json.dumps(parent.get('result'))[:200]}"
        )
    return "ended as it should, at its second task"


def rule(run: Run) -> str:
    """A webhook of st2api makes st2rulesengine start an action."""
    body = {
        "name": run.name,
        "pack": "default",
        "description": "Made by a smoke test, which removes it.",
        "enabled": True,
        "trigger": {"type": "core.st2.webhook", "parameters": {"url": run.name}},
        "action": {"ref": "core.noop", "parameters": {}},
    }

    def accepted() -> bool:
        # Each st2api learns of a new webhook by a message; until then it answers 404.
        answer = run.ask("POST", f"v1/webhooks/{run.name}", {"from": "smoke test"})
        return answer.status != 404 and answer.json(202) is not None

    def executions() -> Any:
        # This filter takes the rule's name, not its reference (st2api/controllers/v1/execution_views.py).
        return run.ask("GET", f"v1/executions?rule={run.name}").json()

    try:
        run.ask("POST", "v1/rules", body).json(201)
        run.wait(accepted, lambda: "st2api does not learn of the webhook")
        found = run.wait(executions, lambda: "the webhook starts no execution; does st2rulesengine work?")
        result(run.ended(found[0]["id"]))
    finally:
        run.remove(f"v1/rules/default.{run.name}")
    return "a webhook starts core.noop"


def datastore(run: Run) -> str:
    """A key of the datastore is set, read and removed."""
    key = f"v1/keys/{run.name}"
    try:
        run.ask("PUT", key, {"name": run.name, "value": "a value"}).json()
        if run.ask("GET", key).json()["value"] != "a value":
            raise Failure("a key has not the value that was set")
    finally:
        run.remove(key)
    if run.ask("GET", key).status != 404:
        raise Failure("a key is still there after it was removed")
    return "set, read, removed"


def encrypted_datastore(run: Run) -> str:
    """A secret key of the datastore is shown in clear text to those only who ask for that."""
    if run.setting("DATASTORE_ENCRYPTED") != "true":
        raise Skipped("the datastore is not encrypted")
    key, clear = f"v1/keys/{run.name}", f"clear text {run.name}"
    try:
        run.ask("PUT", key, {"name": run.name, "value": clear, "secret": True}).json()
        hidden = run.ask("GET", key).json()
        if not hidden["encrypted"] or hidden["value"] == clear:
            raise Failure("a secret key is shown in clear text")
        if run.ask("GET", f"{key}?decrypt=true").json()["value"] != clear:
            raise Failure("a secret key has another value when it is decrypted")
    finally:
        run.remove(key)
    return "encrypted and decrypted"


def stream(run: Run) -> str:
    """st2stream tells of an execution."""
    while time.monotonic() < run.end:
        attempt_end = min(run.end, time.monotonic() + STREAM_ATTEMPT)
        timeout = timeout_until(attempt_end)
        with run.session.stream.open("GET", "v1/stream", headers=run.session.headers, timeout=timeout) as response:
            kind = response.getheader("Content-Type", "")
            if response.status != 200 or not kind.startswith("text/event-stream"):
                raise Failure(f"GET v1/stream of st2stream is answered with {response.status} {kind}")
            # A heartbeat: from now on, events are passed on to this client.
            response.readline()
            execution_id = run.start("core.noop", {})
            arrived = arrives(execution_id, response, attempt_end)
        # Whether it ends well is no matter of the stream.
        with suppress(Failure):
            run.ended(execution_id)
        if arrived:
            return f"an event of execution {execution_id}"
    raise Failure("no event of an execution arrives")


def arrives(execution_id: str, response: HTTPResponse, end: float) -> bool:
    """Whether a stream tells of an execution until a moment."""
    try:
        while time.monotonic() < end:
            line = response.readline()
            if line.startswith(b"data:") and execution_id.encode() in line:
                return True
            if not line:
                return False
    except (OSError, HTTPException):
        # Nothing came for so long, or the connection is gone.
        pass
    return False


def web_page(run: Run) -> str:
    """st2web serves the page of the web UI."""
    answer = through_web(run, "GET", "")
    if answer.status != 200 or "<html" not in answer.text.lower():
        raise Failure(f"it is answered with {answer.status} {answer.content_type}, not with a page of HTML")
    return answer.content_type


def web_api(run: Run) -> str:
    """st2web passes requests on to st2api."""
    return f"user {through_web(run, 'GET', 'api/v1/user', run.session.headers).json()['username']}"


def web_auth(run: Run) -> str:
    """st2web passes requests on to st2auth."""
    return refused_by_st2(through_web(run, "POST", "auth/v1/tokens"))


def web_stream(run: Run) -> str:
    """st2web passes requests on to st2stream."""
    return refused_by_st2(through_web(run, "GET", "stream/v1/stream"))


def through_web(run: Run, method: str, path: str, headers: Mapping[str, str] | None = None) -> Answer:
    """The answer to a request to st2web."""
    web = Service("st2web", f"{run.setting('WEB_URL').rstrip('/')}/", verified=False)
    return web.ask(method, path, {} if method == "POST" else None, headers, run.timeout())


def refused_by_st2(answer: Answer) -> str:
    """Check that a request without a login has come to a service of st2, which refuses it in a way of its own."""
    if answer.status != 401 or not answer.fault():
        raise Failure(f"{answer.question} is answered with {answer.status}, not as st2 refuses it: {answer.reason()}")
    return "refused without a login"


class Check(NamedTuple):
    """A check. Its function returns what the line says about it, or raises Failure or Skipped."""

    what: str
    function: Callable[[Run], str]
    needs_login: bool = True


CHECKS = (
    Check("st2 command line", command_line, needs_login=False),
    Check("login", login, needs_login=False),
    Check("wrong login is refused", wrong_login, needs_login=False),
    Check("roles", roles),
    Check("version of the API", api_version),
    Check("registered actions", registered_actions),
    Check("shell action", shell_action),
    Check("Python action", python_action),
    Check("workflow", workflow),
    Check("rule", rule),
    Check("datastore", datastore),
    Check("encrypted datastore", encrypted_datastore),
    Check("event stream", stream),
    Check("web UI", web_page, needs_login=False),
    Check("API through st2web", web_api),
    Check("login through st2web", web_auth, needs_login=False),
    Check("event stream through st2web", web_stream, needs_login=False),
)


def outcome(check: Check, run: Run) -> tuple[str, str]:
    """How a check ends: ok, FAIL or skip, and the rest of its line."""
    if check.needs_login and not run.session.headers:
        return "skip", f"{check.what}: no login"
    run.left.clear()
    try:
        details = check.function(run)
    except Skipped as reason:
        return "skip", f"{check.what}: {reason}"
    except Exception as error:
        return "FAIL", f"{check.what}: {'; '.join([describe(error), *run.left])}"
    if run.left:
        return "FAIL", f"{check.what}: {'; '.join(run.left)}"
    return "ok", f"{check.what} ({details})"


def main(arguments: list[str]) -> int:
    """Run all checks. Returns the exit status."""
    if len(arguments) != 1 or not arguments[0].isdigit():
        print("usage: smoke_test SECONDS", file=sys.stderr)
        return 2
    seconds = int(arguments[0])
    try:
        run = Run(Session(os.environ), os.environ)
    except Failure as error:
        print(error, file=sys.stderr)
        return 2
    # Without a handler, PID 1 ignores it; this way, what was made is removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    end = time.monotonic() + seconds
    words = []
    for check in CHECKS:
        run.end = min(end, time.monotonic() + seconds / SHARE)
        word, text = outcome(check, run)
        words.append(word)
        print(f"{word:<4}  {run.session.hide(text)}", flush=True)
    failed, passed = words.count("FAIL"), words.count("ok")
    print(f"{failed} of {failed + passed} checks failed" if failed else f"{passed} checks passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
