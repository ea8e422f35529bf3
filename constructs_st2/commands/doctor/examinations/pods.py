"""Which pods wait for what, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from constructs_st2.checks.data import name_of as name_of_object
from constructs_st2.checks.index import CONTROLLERS
from constructs_st2.commands.doctor.examinations import backends
from constructs_st2.commands.doctor.expected import Expected
from constructs_st2.commands.doctor.facts import TIME_TO_START, Container, Facts, Pod
from constructs_st2.commands.doctor.findings import Finding, Level
from constructs_st2.commands.doctor.wording import in_words, listed
from constructs_st2.facts.backends import MONGODB
from constructs_st2.facts.priorities import CREATE
from constructs_st2.facts.release import WAIT_FOR
from constructs_st2.kube.well_known import INSTANCE_LABEL, NAME_LABEL
from constructs_st2.parts.backends.data_guard.guard import NAME as GUARD

_RECENTLY = timedelta(hours=1)
_TIME_TO_END = timedelta(minutes=2)
_MANY_RESTARTS = 3

_CANNOT_PULL = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
_CANNOT_BE_MADE = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
_NO_CLASS = "no PriorityClass with name"
_HINDERED = ("FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "FailedMapVolume")
"""Events of pods whose containers cannot be made."""
_ILLEGAL_INSTRUCTION, _KILLED = 132, 137


@dataclass(frozen=True)
class Cause:
    """Why a pod is not ready. ``words`` are of this pod alone; all else is the same for all with this cause.

    ``step`` is the next command, in which ``{pod}`` stands for the name of one. ``hopeless``: it will not pass by
    itself.
    """

    text: str
    step: str
    words: str = ""
    hopeless: bool = False


def cause_of(pod: Pod, facts: Facts) -> Cause | None:
    """Why a pod is not ready; None where that is as it should be, or told elsewhere."""
    if pod.deleted is not None:
        if facts.age(pod.deleted) < _TIME_TO_END:
            return None
        return Cause("should have ended, and does not: its node may be lost", "describe pod {pod}", pod.node)
    if pod.phase == "Failed":
        # Jobs make others, and are looked at by themselves.
        if pod.owner.startswith("Job/"):
            return None
        return Cause(f"has failed ({pod.reason or 'no reason is given'})", "describe pod {pod}", pod.message)
    if pod.unscheduled:
        return Cause(f"no node takes it: {pod.unscheduled}", "describe pod {pod}", hopeless=True)
    for container in pod.containers:
        if cause := _of_container(container, pod, facts):
            return None if container.name == GUARD else cause
    if hindered := facts.events_of("Pod", pod.name, *_HINDERED):
        return Cause(f"cannot be made: {_short(hindered[0].message)}", "describe pod {pod}")
    if unhealthy := facts.events_of("Pod", pod.name, "Unhealthy"):
        waiting = next((each.name for each in pod.containers if not each.ready and not each.init), "")
        words = _last_words(waiting, pod, facts)
        return Cause(f"is not ready: {_short(unhealthy[0].message)}", f"logs {{pod}} -c {waiting} --tail 50", words)
    running = next((each.name for each in pod.containers if each.state == "running" and not each.ready), "")
    if running:
        step = f"logs {{pod}} -c {running} --tail 50"
        return Cause("runs, and is not ready yet", step, _last_words(running, pod, facts))
    return Cause("has not begun yet", "describe pod {pod}")


def _of_container(container: Container, pod: Pod, facts: Facts) -> Cause | None:
    words = facts.words.get((pod.name, container.name), "")
    if container.state == "waiting" and container.reason in _CANNOT_PULL:
        text = f"cannot pull {container.image}: {container.message or container.reason}"
        return Cause(text, "describe pod {pod}   # wrong name, or image.pullSecret", hopeless=True)
    if container.state == "waiting" and container.reason in _CANNOT_BE_MADE:
        text = f"{container.name} cannot be made: {container.message or container.reason}"
        return Cause(text, "describe pod {pod}", hopeless=True)
    if container.init and container.state == "running" and not container.ready:
        return _waiting(container, words)
    failed = container.exit_code if container.state == "terminated" else container.last_exit_code
    if container.ready or failed in (None, 0) or (container.init and container.exit_code == 0):
        return None
    reason = container.reason if container.state == "terminated" else container.last_reason
    message = container.message if container.state == "terminated" else container.last_message
    text = f"{container.name} ends{_why_it_ended(container, failed or 0, reason, pod)}"
    step = f"logs {{pod}} -c {container.name} --previous --tail 50"
    return Cause(text, step, words or _short(message), hopeless=True)


def _waiting(container: Container, words: str) -> Cause:
    target = container.name.removeprefix(WAIT_FOR)
    if target == container.name:
        return Cause(f"its init container {container.name} has not ended", f"logs {{pod}} -c {container.name}", words)
    step = f"get pods -l {NAME_LABEL}={target} -o wide"
    return Cause(f"waits for {backends.name_of(target)}", step, words)


def _why_it_ended(container: Container, code: int, reason: str, pod: Pod) -> str:
    if reason == "OOMKilled":
        return ", out of memory: raise its limit (resources.limits.memory)"
    if code == _ILLEGAL_INSTRUCTION and (pod.component, container.name) == (MONGODB.component, MONGODB.component):
        return f" with code {code}: the CPU of {pod.node or 'its node'} lacks what this MongoDB needs (AVX since 5.0)"
    if code == _KILLED:
        return f" with code {code}: it was killed, by a probe or by the node"
    return f" with code {code}"


def _last_words(container: str, pod: Pod, facts: Facts) -> str:
    """What a container said last, and those beside it: in backends, they are what brings the members together."""
    said = {name: words for (owner, name), words in facts.words.items() if owner == pod.name}
    own = [said.pop(container)] if container in said else []
    return "; ".join([*own, *(f"{name}: {words}" for name, words in said.items())])


def _short(text: str, most: int = 300) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[:most]}…"


def not_ready(expected: Expected, facts: Facts) -> Iterator[Finding]:
    """Pods that are not ready, those with the same cause together."""
    alike: dict[str, list[tuple[Pod, Cause]]] = {}
    for pod in facts.pods:
        if not pod.ready and not pod.is_done and (cause := cause_of(pod, facts)):
            alike.setdefault(cause.text, []).append((pod, cause))
    for text, found in alike.items():
        pods = [pod for pod, _ in found]
        words = next((cause.words for _, cause in found if cause.words), "")
        oldest = max(facts.age(pod.created) for pod in pods)
        who = pods[0].name if len(pods) == 1 else f"{len(pods)} pods"
        told = f"{text} ({who}, for {in_words(oldest)}){f': {words}' if words else ''}"
        step = found[0][1].step.format(pod=pods[0].name)
        level = Level.BROKEN if any(_is_broken(*each, facts) for each in found) else Level.WARNING
        subject = listed([pod.component or pod.name for pod in pods], 3)
        yield Finding(level, subject, told, (f"{expected.kubectl} {step}",))


def _is_broken(pod: Pod, cause: Cause, facts: Facts) -> bool:
    """Whether nobody does what this pod is for, and will not soon."""
    others = any(each.ready for each in facts.pods_of(pod.component))
    return not others and (cause.hopeless or facts.age(pod.created) > TIME_TO_START)


def workloads(expected: Expected, facts: Facts) -> Iterator[Finding]:
    """Workloads that nobody has applied, and those without any pod."""
    there = {(each.kind, each.name): each for each in facts.workloads}
    missing = [
        name_of_object(each)
        for each in expected.objects
        if each["kind"] in CONTROLLERS
        and each["metadata"].get("namespace") == expected.namespace
        and (each["kind"], name_of_object(each)) not in there
    ]
    # Those of the user's own objects need not have the labels by which one finds those of the release.
    own = {size.name for size in expected.sizes if size.pod.labels.get(INSTANCE_LABEL)}
    if missing := [name for name in missing if name in own]:
        text = f"in the manifests, and not in the cluster: {listed(missing)}"
        yield Finding(Level.BROKEN, "Not applied", text, ("constructs-st2 plan --against cluster",))
    for each in facts.workloads:
        if each.wanted and facts.sees("pods") and not facts.pods_of(each.component):
            failures = [told.message for told in each.conditions if told.status == "True" and "Failure" in told.type]
            text = f"has no pods{f': {_short(failures[0])}' if failures else ''}"
            step = f"{expected.kubectl} describe {each.kind.lower()} {each.name}"
            level = Level.WARNING if facts.is_starting else Level.BROKEN
            yield Finding(level, each.component or each.name, text, (step,))


def not_made(expected: Expected, facts: Facts) -> Iterator[Finding]:
    """Pods that the cluster refuses: nobody would see them, because there are none."""
    own = {name_of_object(each) for each in expected.objects}
    told = set()
    for event in facts.events:
        is_own = event.name in own or any(event.name.startswith(f"{name}-") for name in own)
        recent = event.last is not None and facts.age(event.last) < _RECENTLY
        if event.reason == "FailedCreate" and is_own and recent and (event.kind, event.name) not in told:
            told.add((event.kind, event.name))
            text = f"its pods are refused: {_short(event.message, 500)}"
            step = f"{expected.kubectl} describe {event.kind.lower()} {event.name}"
            if _NO_CLASS in event.message:
                step = f"kubectl get priorityclass   # if you may not make them, set {CREATE}: false"
            yield Finding(Level.BROKEN, event.name, text, (step,))


def restarts(expected: Expected, facts: Facts) -> Iterator[Finding]:
    """Pods that are ready, and whose containers end again and again."""
    for pod in facts.pods:
        for container in pod.containers if pod.ready else ():
            if container.last_end is None or facts.age(container.last_end) > _RECENTLY:
                continue
            out_of_memory = container.last_reason == "OOMKilled"
            if container.restarts >= _MANY_RESTARTS or out_of_memory:
                why = _why_it_ended(container, container.last_exit_code or 0, container.last_reason, pod)
                ago = in_words(facts.age(container.last_end))
                text = f"{container.name} was started again {container.restarts} times; {ago} ago it ended{why}"
                step = f"{expected.kubectl} logs {pod.name} -c {container.name} --previous --tail 50"
                yield Finding(Level.WARNING, pod.name, text, (step,))
