"""The checks of the smoke test: each makes a service do its work, and says which one is at fault when it does not.

What they read of the environment is described in smoke_test.py.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from http.client import HTTPException, HTTPResponse
from typing import Any, NamedTuple

from constructs_st2.parts.jobs.scripts.smoke_run import ENDED, PREFIX, Run, Skipped, result, unfinished
from constructs_st2.parts.jobs.scripts.st2_api import (
    Answer,
    Failure,
    Service,
    key_headers,
    require_roles,
    st2_program,
    timeout_until,
)

ST2AUTH, ST2API, ST2STREAM, ST2WEB = "st2auth", "st2api", "st2stream", "st2web"
ST2RULESENGINE, ST2TIMERSENGINE, ST2NOTIFIER = "st2rulesengine", "st2timersengine", "st2notifier"
ST2SCHEDULER, ST2ACTIONRUNNER, ST2WORKFLOWENGINE = "st2scheduler", "st2actionrunner", "st2workflowengine"
ST2CHATOPS = "st2chatops"
APPLY_RBAC, REGISTER_CONTENT = "job-apply-rbac", "job-register-content"

ADMINISTRATORS = {"system_admin", "admin"}
"""The roles that may do everything."""
STREAM_ATTEMPT = 10.0
"""Seconds for an event. The first client of a st2stream misses events until its queues are bound (stream/listener.py
of st2common), so there are more attempts."""
TIMER = {"type": "core.st2.IntervalTimer", "parameters": {"unit": "seconds", "delta": 2}}
ACTION_TRIGGER = "core.st2.generic.actiontrigger"
"""What st2notifier sends for each execution that ends (st2actions/notifier/notifier.py)."""
WORKFLOW = "chatops.post_result"
"""The only Orquesta workflow in the system packs that can succeed everywhere."""
WORKFLOW_TASKS = ("format_execution_result", "post_message")
ROUTE = PREFIX.rstrip("-")
"""Where the workflow posts: chat bots listen to other routes."""
KEY_SECONDS = 3600
"""How long a key of the datastore lives at most, should nobody remove it."""


def require_version(found: str, expected: str) -> None:
    """Check a version; 3.9 stands for 3.9.0 too, not for 3.90."""
    if not re.match(rf"{re.escape(expected)}(?!\d)", found):
        raise Failure(f"it is {found or 'not stated'}, not {expected}")


def command_line(run: Run) -> str:
    """The image has the st2 command line of this release."""
    expected = run.setting("EXPECTED_VERSION")
    program = st2_program(run.settings)
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


def leftovers(run: Run) -> str:
    """What an earlier run could not remove is removed, such as one whose node was lost."""
    # Rules can be listed by what they do, but not by the begin of their names.
    rules = run.ask("GET", "v1/rules?pack=default&action=core.noop&limit=100").json()
    keys = run.ask("GET", f"v1/keys?prefix={PREFIX}&limit=100").json()
    paths = [
        *(f"v1/rules/{rule['ref']}" for rule in rules if rule["name"].startswith(PREFIX)),
        *(f"v1/keys/{key['name']}" for key in keys if key["name"].startswith(PREFIX)),
    ]
    for path in paths:
        run.remove(path)
    return f"{len(paths)} removed" if paths else "none"


def wrong_login(run: Run) -> str:
    """What is no password and no API key is refused. One wrong password: no directory locks a user for that."""
    credentials = run.session.credentials()
    answers = [run.session.ask_for_token(credentials.user or run.name, run.name, run.timeout())]
    if credentials.api_key:
        answers.append(run.session.api.ask("GET", "v1/user", headers=key_headers(run.name), timeout=run.timeout()))
    for answer in answers:
        if answer.status != 401:
            raise Failure(f"{answer.question} is answered with {answer.status}, not 401", answer.service)
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
    if run.ask("GET", f"v1/actions/{WORKFLOW}").status == 404:
        raise Skipped(f"{WORKFLOW} is not registered")
    # It tells of another execution, on a route to which nobody listens.
    subject = run.ended(run.start("core.noop", {}))["id"]
    parent_id = run.start(WORKFLOW, {"execution_id": subject, "channel": run.name, "route": ROUTE})
    parent = run.ended(parent_id, lambda execution: stuck_workflow(execution, run))
    tasks = tasks_of(run.children(parent_id))
    if (parent["status"], tasks) != ("succeeded", dict.fromkeys(WORKFLOW_TASKS, "succeeded")):
        # What a task could not do is a matter of its runner.
        service = ST2WORKFLOWENGINE if set(tasks.values()) <= {"succeeded"} else ST2ACTIONRUNNER
        text = f"{WORKFLOW} {parent['status']} with the tasks {tasks}: {json.dumps(parent.get('result'))[:200]}"
        raise Failure(text, service)
    return f"{len(tasks)} tasks of {WORKFLOW}"


def stuck_workflow(execution: Mapping[str, Any], run: Run) -> Failure:
    """What is wrong with a workflow that does not end: the engine waits for a task, or the task for the engine."""
    if execution["status"] != "running":
        return unfinished(execution)
    children = run.children(execution["id"])
    waiting = next((child for child in children if child["status"] not in ENDED), None)
    if waiting:
        return unfinished(waiting)
    text = f"execution {execution['id']} of {WORKFLOW} is still running with the tasks {tasks_of(children)}"
    return Failure(text, ST2WORKFLOWENGINE)


def tasks_of(children: list[dict[str, Any]]) -> dict[str, str]:
    """The states of the tasks of a workflow."""
    return {child["context"]["orquesta"]["task_name"]: child["status"] for child in children}


def rule(run: Run) -> str:
    """A webhook of st2api makes st2rulesengine start an action."""

    def accepted() -> bool:
        # Each st2api learns of a new webhook by a message; until then it answers 404.
        answer = run.ask("POST", f"v1/webhooks/{run.name}", {"from": "smoke test"})
        return answer.status != 404 and answer.json(202) is not None

    def executions() -> Any:
        # This filter takes the rule's name, not its reference (st2api/controllers/v1/execution_views.py).
        return run.ask("GET", f"v1/executions?rule={run.name}").json()

    require_administrator(run)
    try:
        make_rule(run, {"type": "core.st2.webhook", "parameters": {"url": run.name}}).json(201)
        run.wait(accepted, lambda: Failure("st2api does not learn of the webhook", ST2API))
        found = run.wait(executions, lambda: Failure("the webhook starts no execution"))
        result(run.ended(found[0]["id"]))
    finally:
        run.remove(f"v1/rules/default.{run.name}")
        run.cancel(f"rule={run.name}")
    return "a webhook starts core.noop"


def timer(run: Run) -> str:
    """st2timersengine fires a timer. Its rule is disabled: it starts nothing, should nobody remove it."""

    def made() -> Answer | None:
        # The types of timers are registered by st2timersengine: before it has run once there are none.
        answer = make_rule(run, TIMER, enabled=False)
        return None if answer.status == 400 else answer

    def newest() -> Any:
        # st2rulesengine records what fires, whether or not a rule matches.
        return run.ask("GET", f"v1/triggerinstances?trigger={trigger}&limit=1").json()

    require_administrator(run)
    try:
        answer = run.wait(made, lambda: Failure(f"there is no {TIMER['type']}"))
        trigger = answer.json(201)["trigger"]["ref"]
        # A rule of the user can have the same timer.
        before = newest()
        run.wait(lambda: newest() != before, lambda: Failure("a timer of 2 s does not fire"))
    finally:
        run.remove(f"v1/rules/default.{run.name}")
    return "a timer fires"


def require_administrator(run: Run) -> None:
    """Check that st2api lets the user make rules.

    When it refuses one, the trigger of the rule is there already, and stays: a timer would then fire for ever.

    Raises:
        Skipped: the user is no administrator.
    """
    user = run.session.who_am_i(run.timeout())
    if user["rbac"]["enabled"] and not ADMINISTRATORS & set(user["rbac"]["roles"]):
        raise Skipped(f"user {user['username']} is no administrator")


def make_rule(run: Run, trigger: Mapping[str, Any], *, enabled: bool = True) -> Answer:
    """The answer of st2api to a rule that runs an action which does nothing."""
    body = {
        "name": run.name,
        "pack": "default",
        "description": "Made by a smoke test, which removes it.",
        "enabled": enabled,
        "trigger": trigger,
        "action": {"ref": "core.noop", "parameters": {}},
    }
    return run.ask("POST", "v1/rules", body)


def notification(run: Run) -> str:
    """st2notifier tells of an execution that ended. The trace of the execution then has the trigger."""
    if run.setting("ACTION_TRIGGERS") != "true":
        raise Skipped("[action_sensor] of st2.conf turns it off")
    execution_id = run.ended(run.start("core.noop", {}))["id"]

    def told() -> bool:
        traces = run.ask("GET", f"v1/traces?execution={execution_id}").json()
        return any(instance["ref"] == ACTION_TRIGGER for trace in traces for instance in trace["trigger_instances"])

    run.wait(told, lambda: Failure(f"execution {execution_id} ended, and no {ACTION_TRIGGER} follows"))
    return ACTION_TRIGGER


def datastore(run: Run) -> str:
    """A key of the datastore is set, read and removed."""
    key = f"v1/keys/{run.name}"
    try:
        run.ask("PUT", key, {"name": run.name, "value": "a value", "ttl": KEY_SECONDS}).json()
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
        run.ask("PUT", key, {"name": run.name, "value": clear, "secret": True, "ttl": KEY_SECONDS}).json()
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
    if answer.status != 200 or not re.search("<(!doctype )?html", answer.text.lower()):
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
    web = Service(ST2WEB, f"{run.setting('WEB_URL').rstrip('/')}/", verified=False)
    return web.ask(method, path, {} if method == "POST" else None, headers, run.timeout())


def refused_by_st2(answer: Answer) -> str:
    """Check that a request without a login has come to a service of st2, which refuses it in a way of its own."""
    if answer.status != 401 or not answer.fault():
        raise Failure(f"{answer.question} is answered with {answer.status}, not as st2 refuses it: {answer.reason()}")
    return "refused without a login"


def chat_bot(run: Run) -> str:
    """st2chatops serves HTTP. It does so when it has logged in to StackStorm; any answer will do."""
    bot = Service(ST2CHATOPS, f"{run.setting('CHATOPS_URL').rstrip('/')}/")
    return f"it answers with {bot.ask('GET', '', timeout=run.timeout()).status}"


def alive(component: str, group: str, run: Run) -> str:
    """A pod of a component is in st2's service registry, so its process has shown signs of life during this run."""
    # An entry outlives a process that was killed: what is there now may be gone already.
    run.pause(max(0.0, run.begin + float(run.setting("REGISTRY_SECONDS")) - time.monotonic()))
    deployment = f"{run.setting('RELEASE')}-{component}"
    problem = Failure("there was no time to look")

    def pods() -> list[str]:
        nonlocal problem
        answer = run.ask("GET", f"v1/service_registry/groups/{group}/members")
        # No group: no member has ever joined. st2api also fails when a member leaves just while it looks.
        if answer.status not in (200, 404):
            problem = Failure(f"{answer.question} is answered with {answer.status}: {answer.reason()}", ST2API)
            return []
        members = answer.json()["members"] if answer.status == 200 else []
        hosts = [str(member["capabilities"]["hostname"]) for member in members]
        problem = Failure(f"not in the service registry, where {group} has the pods: {', '.join(hosts) or 'none'}")
        return [host for host in hosts if is_pod_of(deployment, host)]

    return f"in the service registry: {', '.join(sorted(run.wait(pods, lambda: problem)))}"


def is_pod_of(deployment: str, host: str) -> bool:
    """Whether a pod of this name belongs to a Deployment, not to another one whose name begins alike.

    A pod is named after its Deployment, with a hash and a suffix of five characters; where that would be more than 63,
    Kubernetes cuts it before the suffix.
    """
    return bool(re.fullmatch(rf"{re.escape(deployment)}-[a-z0-9]+-[a-z0-9]{{5}}", host)) or (
        len(host) == 63 and f"{deployment}-".startswith(host[: min(58, len(deployment) + 1)])
    )


class Check(NamedTuple):
    """A check. Its function returns what the line says about it, or raises Failure or Skipped.

    ``service`` does the work, and is at fault unless the failure names another. ``through`` are the services that it
    takes besides: while one of them is at fault by another check, or does not run here, this one can tell nothing.
    """

    what: str
    function: Callable[[Run], str]
    service: str = ""
    through: tuple[str, ...] = ()
    needs_login: bool = True


ACTIONS = (ST2SCHEDULER, ST2ACTIONRUNNER)
BEFORE = (
    Check("login", login, ST2AUTH, needs_login=False),
    Check("leftovers of earlier runs", leftovers, ST2API),
)
"""One after the other, before the rest."""
CHECKS = (
    Check("st2 command line", command_line, needs_login=False),
    Check("wrong login is refused", wrong_login, ST2AUTH, needs_login=False),
    Check("roles", roles, APPLY_RBAC),
    Check("version of the API", api_version, ST2API),
    Check("registered actions", registered_actions, REGISTER_CONTENT),
    Check("shell action", shell_action, ST2ACTIONRUNNER, (ST2SCHEDULER,)),
    Check("Python action", python_action, ST2ACTIONRUNNER, (ST2SCHEDULER,)),
    Check("workflow", workflow, ST2WORKFLOWENGINE, ACTIONS),
    Check("rule", rule, ST2RULESENGINE, ACTIONS),
    Check("timer", timer, ST2TIMERSENGINE, (ST2RULESENGINE,)),
    Check("notification", notification, ST2NOTIFIER, (ST2RULESENGINE, *ACTIONS)),
    Check("datastore", datastore, ST2API),
    Check("encrypted datastore", encrypted_datastore, ST2API),
    Check("event stream", stream, ST2STREAM),
    Check("web UI", web_page, ST2WEB, needs_login=False),
    Check("API through st2web", web_api, ST2WEB, (ST2API,)),
    Check("login through st2web", web_auth, ST2WEB, (ST2AUTH,), needs_login=False),
    Check("event stream through st2web", web_stream, ST2WEB, (ST2STREAM,), needs_login=False),
    Check("chat bot", chat_bot, ST2CHATOPS, needs_login=False),
)
"""All at the same time; one that takes a service stands behind the one that proves it."""


def registry_checks(settings: Mapping[str, str]) -> list[Check]:
    """A check for each component that should be in the service registry."""
    pairs = [entry.partition("=") for entry in settings.get("REGISTRY", "").split()]
    return [Check(f"{name} is alive", partial(alive, name, group), name) for name, _, group in pairs]
