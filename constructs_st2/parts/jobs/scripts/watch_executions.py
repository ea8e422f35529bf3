"""Looks for executions that nobody works on any more, tells how many there are, and ends those whose runner is gone.

usage: python -m constructs_st2.parts.jobs.scripts.watch_executions --runners=NAME --selector=LABELS --container=NAME
           [--interval=SECONDS] [--waiting=SECONDS] [--overdue=SECONDS] [--no-registry] [--statsd=HOST:PORT]
           [--end-after=SECONDS [--most=NUMBER] [--dry-run]] [--account=FOLDER]

StackStorm itself never finds out: an action runner that is killed leaves what it ran `running`, and what it had taken
from its queue `scheduled`, for ever (st2actions/worker.py and st2common/transport/consumers.py, which acknowledges
each message when it comes). A look finds four kinds, see REASONS.

A runner writes the name and the number of its process into an execution when it begins (`runner_info`). Two witnesses
tell whether that process lives: Kubernetes has its pod and the time at which the container was started, and the
service registry has its member `NAME_NUMBER`. The registry alone does not do: a runner leaves it when it begins to
stop, and then still works for minutes; a container that is started anew is the same member as before; and members
that miss their heartbeat for 30 s are struck out of it for good (tooz/drivers/redis.py).

With --end-after, executions whose runner was found gone at each look for so long become `abandoned`, st2's word for an
end that nobody knows, or `canceled` where that had been asked for. By st2api: it tells the notifier, the workflow
engine and action chains, as it does when a runner says so itself. See st2_api.py for the environment.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from constructs_st2.parts.jobs.scripts.st2_api import Failure, LoginRefused, Service, Session, describe

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
RUNNER_GONE, OVERDUE, WAITING, STALLED, INCONSISTENT = "runner_gone", "overdue", "waiting", "stalled", "inconsistent"
REASONS: Mapping[str, str] = {
    RUNNER_GONE: "the runner that had them is gone",
    OVERDUE: "their timeout is over, and nobody has ended them",
    WAITING: "no runner or scheduler has taken them for long",
    STALLED: "workflows of which no task is at work",
    INCONSISTENT: "they have ended in the collection live_action, and not in action_execution",
}
METRICS = "constructs_st2.executions"
"""What the names of the numbers begin with."""

_HELD = ("running", "pausing", "resuming", "canceling")
"""Statuses of an execution that a runner, or a workflow engine, works on."""
_NOT_TAKEN = ("requested", "scheduled")
_ON_PURPOSE = ("delayed", "paused", "pending")
"""Statuses in which a task may wait for hours: for a policy, for somebody to go on, or for an answer."""
_WORKFLOW = "orquesta"
"""The runner whose executions occupy no runner: workflow engines go on with them, whoever began."""
_ATTRIBUTES = (
    *("id", "status", "start_timestamp", "end_timestamp", "log", "parent", "delay", "parameters", "liveaction"),
    *("action.ref", "action.parameters", "runner.name", "runner.runner_parameters"),
)
_PAGE = 100
_MEMBERS = "v1/service_registry/groups/actionrunner/members"
_ENDED_ALREADY = "already in completed state"
"""What st2api says where live_action has an end (st2api/controllers/v1/actionexecutions.py)."""
_LOST_AFTER = 60.0
"""Seconds after the time at which a pod must be gone when its node can no longer be heard of."""


@dataclass(frozen=True)
class Execution:
    """A live execution. Times are seconds since 1970, ``timeout`` and ``delay`` are seconds.

    ``since``: when it entered its status. ``taken``: when a runner began with it. ``host`` and ``process`` are the
    runner's; empty before.
    """

    id: str
    status: str
    action: str
    runner: str
    parent: str
    host: str
    process: str
    since: float
    taken: float
    timeout: float | None
    delay: float

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Execution:
        """The execution that st2api describes."""
        log = found.get("log") or [{"status": found["status"], "timestamp": found["start_timestamp"]}]
        times = {entry["status"]: seconds(entry["timestamp"]) for entry in log}
        since = seconds(log[-1]["timestamp"])
        info = found.get("liveaction", {}).get("runner_info") or {}
        return cls(
            id=found["id"],
            status=found["status"],
            action=found.get("action", {}).get("ref", "?"),
            runner=found.get("runner", {}).get("name", "?"),
            parent=found.get("parent") or "",
            host=info.get("hostname", ""),
            process=str(info.get("pid", "")),
            since=since,
            taken=times.get("running", since),
            timeout=_timeout(found),
            delay=(found.get("delay") or 0) / 1000,
        )

    @property
    def member(self) -> str:
        """The runner as the service registry calls it (``get_member_id`` in st2common/services/coordination.py)."""
        return f"{self.host}_{self.process}"

    @property
    def is_workflow(self) -> bool:
        """Whether workflow engines work on it."""
        return self.runner == _WORKFLOW


@dataclass(frozen=True)
class Pod:
    """A runner's pod: when its container was started, if it runs, and when it must be gone, if it is to go."""

    started: float | None
    deadline: float | None = None


@dataclass(frozen=True)
class Runners:
    """Who runs actions. ``members`` is None without a service registry; ``names`` is what all pods begin with."""

    names: str
    pods: Mapping[str, Pod]
    members: Collection[str] | None

    def owns(self, execution: Execution) -> bool:
        """Whether its runner is, or was, a pod that Kubernetes can tell about."""
        return execution.host.startswith(self.names)

    def lost(self, execution: Execution, now: float) -> str:
        """Why the runner of an execution is gone; empty if it is there, or if nobody can know."""
        pod = self.pods.get(execution.host)
        listed = self.members is not None and execution.member in self.members
        if pod is not None and pod.started is not None and pod.started > execution.taken:
            # The same member of the registry as before.
            return f"the container of {execution.host} has been started anew"
        if not execution.host or listed:
            return ""
        if pod is None and self.owns(execution):
            return f"there is no pod {execution.host}"
        if pod is None:
            return "" if self.members is None else f"{execution.member} is not in the service registry"
        if pod.started is None:
            return f"the container of {execution.host} does not run"
        overdue = pod.deadline is not None and now > pod.deadline + _LOST_AFTER
        return f"the node of {execution.host} is lost" if overdue and self.members else ""

    def doubt(self) -> str:
        """Why nothing may be ended on the word of the registry; empty if it can be trusted."""
        working = [name for name, pod in self.pods.items() if pod.started is not None]
        if self.members is None:
            return "there is no service registry"
        if working and not self.members:
            return f"the service registry lists no runner, but {len(working)} of them work"
        return ""


@dataclass(frozen=True)
class Finding:
    """An execution that nobody works on, and what tells so."""

    execution: Execution
    reason: str
    why: str

    def __str__(self) -> str:
        one = self.execution
        return f"execution {one.id} of {one.action}, {one.status}, runner {one.host or 'none'}: {self.why}"


@dataclass(frozen=True)
class Limits:
    """How long something may take, in seconds, before it counts."""

    waiting: float
    overdue: float


class Kubernetes:
    """The Kubernetes API, with the rights of this pod's service account."""

    def __init__(self, account: str, environment: Mapping[str, str]) -> None:
        self._account = Path(account)
        host, port = environment.get("KUBERNETES_SERVICE_HOST", ""), environment.get("KUBERNETES_SERVICE_PORT", "443")
        where = f"[{host}]" if ":" in host else host
        self._api = Service("Kubernetes", f"https://{where}:{port}/", authorities=str(self._account / "ca.crt"))

    def pods(self, selector: str, container: str) -> dict[str, Pod]:
        """The pods with some labels, by the name of their host.

        Raises:
            Failure: Kubernetes cannot be asked.
        """
        # The kubelet replaces the token while the pod runs.
        headers = {"Authorization": f"Bearer {self._read('token')}"}
        path = f"api/v1/namespaces/{self._read('namespace')}/pods?{urlencode({'labelSelector': selector})}"
        found = self._api.ask("GET", path, headers=headers).json()["items"]
        return {_host(pod): _pod(pod, container) for pod in found}

    def _read(self, name: str) -> str:
        try:
            return (self._account / name).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise Failure(f"cannot read {self._account / name}: {error.strerror}") from None


class StackStorm:
    """What st2api tells of executions and runners."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def live(self) -> list[Execution]:
        """All executions that have neither ended nor wait on purpose."""
        return [Execution.of(found) for status in (*_NOT_TAKEN, *_HELD) for found in self._list({"status": status})]

    def execution(self, name: str) -> Execution:
        """One execution as it is now."""
        return Execution.of(self._ask("GET", f"v1/executions/{quote(name)}"))

    def members(self) -> list[str]:
        """The runners in the service registry; none if there has never been one.

        Raises:
            Failure: it cannot be read.
        """
        answer = self._session.api.ask("GET", _MEMBERS, headers=self._session.headers)
        if answer.status == 404 and "actionrunner" in answer.fault():
            return []
        self._check(answer.status, answer.reason())
        return [member["member_id"] for member in answer.json()["members"]]

    def waits_on_purpose(self, workflow: Execution) -> bool:
        """Whether a task of a workflow waits for a policy or for a person."""
        return any(self._list({"parent": workflow.id, "status": status}, most=1) for status in _ON_PURPOSE)

    def last_change(self, workflow: Execution) -> float:
        """When the task of a workflow that began last has ended, or the workflow entered its status."""
        newest = self._list({"parent": workflow.id}, most=1)
        ends = [seconds(task["end_timestamp"]) for task in newest if task.get("end_timestamp")]
        return max([workflow.since, *ends])

    def end(self, execution: Execution, why: str) -> str:
        """End an execution. Returns its status then; empty if live_action has ended already.

        Raises:
            Failure: st2api does not.
        """
        status = "canceled" if execution.status == "canceling" else "abandoned"
        text = f"Ended from outside: {why}. What the action has done until then, nobody knows."
        body = {"status": status, "result": {"error": text}}
        answer = self._session.api.ask("PUT", f"v1/executions/{quote(execution.id)}", body, self._session.headers)
        if answer.status == 400 and _ENDED_ALREADY in answer.fault():
            return ""
        self._check(answer.status, answer.reason())
        return str(answer.json()["status"])

    def _list(self, query: Mapping[str, str], most: int | None = None) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        while True:
            page = {**query, "limit": most or _PAGE, "offset": len(found), "include_attributes": ",".join(_ATTRIBUTES)}
            new = self._ask("GET", f"v1/executions?{urlencode(page)}")
            found += new
            if most or len(new) < _PAGE:
                # Those that change their place meanwhile may come twice.
                return list({one["id"]: one for one in found}.values())

    def _ask(self, method: str, path: str) -> Any:
        answer = self._session.api.ask(method, path, headers=self._session.headers)
        self._check(answer.status, answer.reason())
        return answer.json()

    def _check(self, status: int, reason: str) -> None:
        if status == 401:
            raise LoginRefused(f"st2api refuses the login: {reason}")


class Watch:
    """Looks again and again, and remembers since when runners have been gone.

    Args:
        settings: the command line.
        session: with the credentials of an administrator.
        kubernetes: knows the pods of runners.
    """

    def __init__(self, settings: argparse.Namespace, session: Session, kubernetes: Kubernetes) -> None:
        self._settings = settings
        self._session = session
        self._kubernetes = kubernetes
        self._st2 = StackStorm(session)
        self._gone_since: dict[str, float] = {}
        self._inconsistent: dict[str, str] = {}
        self._said: Collection[tuple[str, str]] = ()

    def look(self, now: float) -> list[Finding]:
        """Look once, tell, and end what is to be ended.

        Raises:
            Failure: somebody who must be asked does not answer.
        """
        if not self._session.headers:
            self._session.log_in()
        try:
            findings = self._find(now)
            self._say(findings)
            if self._settings.end_after is not None:
                self._end(findings, now)
        except LoginRefused:
            self._session.headers = {}
            raise
        if self._settings.statsd:
            send(self._settings.statsd, findings, now)
        return findings

    def _find(self, now: float) -> list[Finding]:
        # Executions first: a runner that begins with one afterwards is known in time.
        executions = self._st2.live()
        runners = self._runners()
        limits = Limits(self._settings.waiting, self._settings.overdue)
        found = list(findings(executions, runners, limits, now))
        for workflow in idle_workflows(executions, limits, now):
            idle = now - self._st2.last_change(workflow)
            if idle > limits.waiting and not self._st2.waits_on_purpose(workflow):
                found.append(Finding(workflow, STALLED, f"none of its tasks is at work for {idle:.0f} s"))
        self._inconsistent = {
            each.execution.id: why for each in found if (why := self._inconsistent.get(each.execution.id))
        }
        return [self._known(each) for each in found]

    def _known(self, found: Finding) -> Finding:
        why = self._inconsistent.get(found.execution.id)
        return replace(found, reason=INCONSISTENT, why=why) if why else found

    def _runners(self) -> Runners:
        pods = self._kubernetes.pods(self._settings.selector, self._settings.container)
        return Runners(self._settings.runners, pods, self._st2.members() if self._settings.registry else None)

    def _say(self, found: list[Finding]) -> None:
        for finding in found:
            if (finding.execution.id, finding.reason) not in self._said:
                print(finding)
        self._said = frozenset((finding.execution.id, finding.reason) for finding in found)

    def _end(self, found: list[Finding], now: float) -> None:
        gone = [each for each in found if each.reason == RUNNER_GONE]
        self._gone_since = {each.execution.id: self._gone_since.get(each.execution.id, now) for each in gone}
        due = [each for each in gone if now - self._gone_since[each.execution.id] >= self._settings.end_after]
        if not due:
            return
        runners = self._runners()
        if doubt := runners.doubt():
            print(f"nothing is ended: {doubt}")
            return
        for finding in sorted(due, key=lambda each: each.execution.taken)[: self._settings.most]:
            try:
                self._end_one(finding, runners)
            except LoginRefused:
                raise
            except Failure as error:
                # One that cannot be ended must not keep the others.
                print(f"cannot end {finding.execution.id}: {self._session.hide(str(error))}")

    def _end_one(self, finding: Finding, runners: Runners) -> None:
        before, execution = finding.execution, self._st2.execution(finding.execution.id)
        why = runners.lost(execution, time.time()) if runners.owns(execution) else ""
        # Somebody else may have ended it, or a runner may have gone on with it.
        if not why or (execution.status, execution.member) != (before.status, before.member):
            return
        if self._settings.dry_run:
            print(f"would end {replace(finding, why=why)}")
            return
        status = self._st2.end(execution, why)
        if status:
            print(f"ended as {status}: {replace(finding, why=why)}")
        else:
            self._inconsistent[execution.id] = f"{REASONS[INCONSISTENT]}; {why}"


def findings(executions: list[Execution], runners: Runners, limits: Limits, now: float) -> Iterator[Finding]:
    """What nobody works on, but for workflows."""
    for one in executions:
        age = now - one.since
        if one.status in _NOT_TAKEN or not (one.host or one.is_workflow):
            if age - one.delay > limits.waiting:
                yield Finding(one, WAITING, f"nobody has taken it for {age:.0f} s")
        elif not one.is_workflow:
            why = runners.lost(one, now)
            if why:
                yield Finding(one, RUNNER_GONE, why)
            elif one.timeout is not None and (run := now - one.taken) > one.timeout + limits.overdue:
                yield Finding(one, OVERDUE, f"it runs for {run:.0f} s with a timeout of {one.timeout:.0f} s")


def idle_workflows(executions: list[Execution], limits: Limits, now: float) -> list[Execution]:
    """The workflows that are at work for long, and have no task that is."""
    busy = {one.parent for one in executions}
    return [
        one
        for one in executions
        if one.is_workflow and one.status in _HELD and one.id not in busy and now - one.since > limits.waiting
    ]


def send(address: str, found: list[Finding], now: float) -> None:
    """Tell statsd_exporter how many there are of each kind, and when that was."""
    counts = {reason: sum(each.reason == reason for each in found) for reason in REASONS}
    lines = [f"{METRICS}.orphaned.{reason}:{count}|g" for reason, count in counts.items()]
    text = "\n".join([*lines, f"{METRICS}.looked_at:{now:.0f}|g"])
    host, _, port = address.rpartition(":")
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(host, int(port), type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as sender:
            sender.sendto(text.encode(), target)
    except OSError as error:
        raise Failure(f"cannot send to {address}: {error.strerror or error}") from None


def seconds(timestamp: str) -> float:
    """The seconds since 1970 of a time as st2 and Kubernetes write it: UTC, with or without microseconds."""
    text = timestamp.replace("+00:00", "Z")
    form = "%Y-%m-%dT%H:%M:%S.%fZ" if "." in text else "%Y-%m-%dT%H:%M:%SZ"
    return datetime.strptime(text, form).replace(tzinfo=timezone.utc).timestamp()


def _timeout(found: Mapping[str, Any]) -> float | None:
    """After how many seconds its runner ends an action; None where that never happens."""
    of_runner = found.get("runner", {}).get("runner_parameters", {}).get("timeout")
    if of_runner is None:
        # What an action of such a runner calls its timeout is no business of the runner.
        return None
    of_action = found.get("action", {}).get("parameters", {}).get("timeout", {})
    given = found.get("parameters", {}).get("timeout", of_action.get("default", of_runner.get("default")))
    return float(given) if isinstance(given, (int, float)) and given > 0 else None


def _host(pod: Mapping[str, Any]) -> str:
    """What a pod calls its host: at most 63 characters of its name (pkg/kubelet/util/util.go)."""
    spec = pod["spec"]
    name = spec.get("nodeName", "") if spec.get("hostNetwork") else spec.get("hostname") or pod["metadata"]["name"]
    return str(name) if len(name) <= 63 else str(name[:63]).rstrip("-.")


def _pod(pod: Mapping[str, Any], container: str) -> Pod:
    deadline = pod["metadata"].get("deletionTimestamp")
    states = {each["name"]: each["state"] for each in pod.get("status", {}).get("containerStatuses", [])}
    started = states.get(container, {}).get("running", {}).get("startedAt")
    return Pod(seconds(started) if started else None, seconds(deadline) if deadline else None)


def _arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="watch_executions")
    parser.add_argument("--runners", required=True)
    parser.add_argument("--selector", required=True)
    parser.add_argument("--container", required=True)
    parser.add_argument("--interval", type=float, default=60.0)
    parser.add_argument("--waiting", type=float, default=900.0)
    parser.add_argument("--overdue", type=float, default=600.0)
    parser.add_argument("--no-registry", dest="registry", action="store_false")
    parser.add_argument("--statsd", default="")
    parser.add_argument("--end-after", type=float, default=None)
    parser.add_argument("--most", type=int, default=20)
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--account", default=ACCOUNT)
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Look until told to stop. Returns the exit status."""
    settings = _arguments(arguments)
    # Process 1 of a container hears only the signals that it asks for.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        session = Session(os.environ)
        watch = Watch(settings, session, Kubernetes(settings.account, os.environ))
    except Failure as error:
        print(error, file=sys.stderr)
        return 2
    last = ""
    while True:
        try:
            watch.look(time.time())
            failure = ""
        except (Failure, AttributeError, LookupError, TypeError, ValueError) as error:
            failure = session.hide(describe(error))
        if failure != last:
            print(f"cannot look: {failure}" if failure else "looking again", flush=True)
        last = failure
        time.sleep(settings.interval)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
