"""Reading the facts of a cluster through kubectl: many reads at once, each with its own end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any, NamedTuple

from constructs_st2.checks.data import mapping
from constructs_st2.commands.doctor import parsing, trying
from constructs_st2.commands.doctor.expected import Expected
from constructs_st2.commands.doctor.facts import Certificate, Facts, Minor, Pod, Queue, Thing, Usage
from constructs_st2.commands.kubectl import Ended, Kubectl, as_json, objects_in
from constructs_st2.errors import UserError
from constructs_st2.facts.backends import RABBITMQ
from constructs_st2.kube.documents import Document
from constructs_st2.kube.well_known import INSTANCE_LABEL

AT_ONCE = 8
"""Calls of kubectl that run side by side."""
_SECONDS = 30.0
"""How long a read may take."""
_SECONDS_OF_TRIAL = 90.0
_MOST_WORDS = 24
"""Containers whose last words are read: by then one knows."""
_MOST_NODES = 20

_FORBIDDEN = re.compile(r'User "[^"]*" cannot (?P<verb>\S+) resource "(?P<resource>[^"]+)"')
_UNKNOWN_RESOURCE = "the server doesn't have a resource type"

_KEYS = """{{define "one"}}{{.metadata.name}}{{range $key, $_ := .data}}{{"\\t"}}{{$key}}{{end}}\
{{range $key, $_ := .binaryData}}{{"\\t"}}{{$key}}{{end}}{{"\\n"}}{{end}}\
{{if .items}}{{range .items}}{{template "one" .}}{{end}}{{else}}{{template "one" .}}{{end}}"""
_KEYS_OF_SECRETS = """{{define "one"}}{{.metadata.name}}{{range $key, $value := .data}}{{"\\t"}}{{$key}}\
{{if eq $key "tls.crt"}}={{$value}}{{end}}{{end}}{{"\\n"}}{{end}}\
{{if .items}}{{range .items}}{{template "one" .}}{{end}}{{else}}{{template "one" .}}{{end}}"""
"""What kubectl tells of Secrets: names of keys, and certificates, which everybody may know. No other value of a Secret
ever comes to this program."""


class List(NamedTuple):
    """A list of objects to read: the field of the facts that they go to, and where they are."""

    field: str
    resources: str
    parse: Callable[[Document], Any]
    of_release: bool = False
    everywhere: bool = False
    options: tuple[str, ...] = ()

    def arguments(self, expected: Expected) -> tuple[str, ...]:
        """What kubectl is asked."""
        where = ("--all-namespaces",) if self.everywhere else ("--namespace", expected.namespace)
        instance = f"{INSTANCE_LABEL}={expected.cluster.release.name}"
        labels = ("--selector", instance) if self.of_release else ()
        # Behind the command: before it, kubectl takes --all-namespaces for the name of a plugin.
        return ("get", self.resources, *where, *labels, *self.options, "--output", "json")


_LISTS = (
    List("nodes", "nodes", parsing.node),
    List("storage_classes", "storageclasses.storage.k8s.io", parsing.storage_class),
    List("ingress_classes", "ingressclasses.networking.k8s.io", parsing.ingress_class),
    List("priority_classes", "priorityclasses.scheduling.k8s.io", parsing.priority_class),
    List("quotas", "resourcequotas", parsing.quota),
    List("workloads", "deployments.apps,statefulsets.apps", parsing.workload, of_release=True),
    List("pods", "pods", parsing.pod, of_release=True),
    List("events", "events", parsing.event, options=("--field-selector", "type!=Normal")),
    List("jobs", "jobs.batch", parsing.job, of_release=True),
    List("cron_jobs", "cronjobs.batch", parsing.cron_job, of_release=True),
    List("claims", "persistentvolumeclaims", parsing.claim, of_release=True),
    List("autoscalers", "horizontalpodautoscalers.autoscaling", parsing.autoscaler),
)
_CONTROLLERS = List("deployed", "deployments.apps", parsing.deployed, everywhere=True)


@dataclass
class Reading:
    """What was read: the facts, and the objects that they come from, by the field of the facts."""

    facts: Facts
    documents: dict[str, list[Document]] = field(default_factory=dict)


def read(expected: Expected, kubectl: Kubectl) -> Reading:
    """All facts about a release.

    Raises:
        UserError: the cluster cannot be reached at all.
    """
    server, client = _versions(kubectl)
    reading = Reading(Facts(datetime.now(timezone.utc), server, client))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        reader = _Reader(expected, kubectl, reading, pool)
        reader.lists()
        reader.details()
    return reading


def _versions(kubectl: Kubectl) -> tuple[Minor, Minor]:
    answer = mapping(as_json(kubectl.must("version", "--output", "json")))
    server, client = (parsing.minor(mapping(answer.get(f"{which}Version")).get("gitVersion")) for which in _SIDES)
    if server is None or client is None:
        raise UserError("kubectl does not tell the version of the cluster; is the cluster reachable?")
    return server, client


_SIDES = ("server", "client")


@dataclass
class _Reader:
    expected: Expected
    kubectl: Kubectl
    reading: Reading
    pool: ThreadPoolExecutor

    @property
    def facts(self) -> Facts:
        return self.reading.facts

    def _learn(self, **fields: Any) -> None:
        self.reading.facts = replace(self.reading.facts, **fields)

    def _miss(self, what: str, why: str) -> None:
        self._learn(unseen={**self.facts.unseen, what: why})

    def ask(self, *arguments: str, given: str | None = None, seconds: float | None = None) -> Ended:
        """Ask kubectl; where it gives no answer in time, that is one."""
        try:
            return self.kubectl.run(*arguments, given=given, seconds=seconds or _SECONDS)
        except UserError as error:
            return Ended(1, "", "\n".join(error.problems))

    # --- what tells what there is

    def lists(self) -> None:
        """The lists, and what kinds there are."""
        lists = [*_LISTS, *([_CONTROLLERS] if self.expected.custom_kinds else [])]
        namespace = self.pool.submit(
            self.ask, "get", "namespace", self.expected.namespace, "--ignore-not-found", "--output", "name"
        )
        resources = self.pool.submit(self.ask, "api-resources", "--no-headers")
        answers = list(self.pool.map(lambda each: self.ask(*each.arguments(self.expected)), lists))
        for each, answer in zip(lists, answers, strict=True):
            self._take_list(each, answer)
        self._learn(namespace_exists=bool(namespace.result().status or namespace.result().output.strip()))
        # With the kinds of a group that does not answer, it fails, and tells the others all the same.
        if resources.result().output:
            self._learn(kinds=parsing.kinds(resources.result().output))
        else:
            self._miss("kinds", why(resources.result()))

    def _take_list(self, each: List, answer: Ended) -> None:
        documents = items(answer)
        if documents is None:
            self._miss(each.field, why(answer))
            return
        if each is not _CONTROLLERS:
            self.reading.documents[each.field] = documents
        if each.field == "events":
            self._learn(events=parsing.events(documents))
        else:
            self._learn(**{each.field: tuple(each.parse(document) for document in documents)})

    # --- what follows from it

    def details(self) -> None:
        """What one asks once it is known what there is."""
        tasks: list[Callable[[], Callable[[], None]]] = [
            self._trials,
            self._customs,
            *(lambda group=group: self._things(*group) for group in self._groups()),
            *(lambda place=place: self._words(*place) for place in spoken_of(self.facts)),
            *(lambda node=node: self._usage(node) for node in self._nodes_with_volumes()),
            self._queues,
        ]
        # Answers come at the same time, and are noted one after the other.
        for note in list(self.pool.map(lambda task: task(), tasks)):
            note()

    def _trials(self) -> Callable[[], None]:
        if not self.facts.namespace_exists:
            missing = f"the namespace {self.expected.namespace} does not exist yet"
            return lambda: self._miss("refusals", missing)

        def ask(*arguments: str, given: str) -> Ended:
            return self.ask(*arguments, given=given, seconds=_SECONDS_OF_TRIAL)

        found = trying.refusals(self.expected, self.facts.kinds, ask)

        def note() -> None:
            self._learn(refusals=found.refusals)
            if found.not_tried:
                self._miss("refusals", found.not_tried)

        return note

    def _customs(self) -> Callable[[], None]:
        kinds = [kind for kind in self.expected.custom_kinds if kind in self.facts.kinds]
        if not kinds:
            return _nothing
        asked = ",".join(f"{kind.name.lower()}.{kind.group}" for kind in kinds)
        answer = self.ask("--namespace", self.expected.namespace, "get", asked, "--output", "json")

        def note() -> None:
            documents = items(answer)
            if documents is None:
                self._miss("customs", why(answer))
                return
            names = {(each["kind"], each["metadata"]["name"]) for each in self.expected.objects}
            own = [each for each in documents if (each["kind"], each["metadata"]["name"]) in names]
            self.reading.documents["customs"] = own
            self._learn(customs=tuple(map(parsing.custom, own)))

        return note

    def _groups(self) -> list[tuple[str, str, tuple[str, ...]]]:
        """The resources, namespaces and names of what manifests name."""
        groups: dict[tuple[str, str], list[str]] = {}
        for wanted in self.expected.wanted:
            groups.setdefault((wanted.thing.resource, wanted.thing.namespace), []).append(wanted.thing.name)
        names = [secret.name for secret in self.expected.secrets]
        return [
            *((*place, tuple(each)) for place, each in groups.items()),
            ("secrets", self.expected.namespace, tuple(names)),
        ]

    def _things(self, resource: str, namespace: str, names: tuple[str, ...]) -> Callable[[], None]:
        template = _KEYS_OF_SECRETS if resource == "secrets" else _KEYS
        where = ("--namespace", namespace) if namespace else ()
        output = ("--ignore-not-found", "--output", f"go-template={template}")
        answer = self.ask(*where, "get", resource, *names, *output)

        def note() -> None:
            # Of a kind that is not known there is nothing.
            if answer.status and _UNKNOWN_RESOURCE not in answer.said:
                self._miss(resource, why(answer))
            found: dict[Thing, frozenset[str]] = {}
            certificates: list[Certificate] = []
            for line in answer.output.splitlines():
                name, *keys = line.split("\t")
                found[Thing(resource, namespace, name)] = frozenset(key.partition("=")[0] for key in keys)
                for encoded in (key.partition("=")[2] for key in keys):
                    if encoded and (certificate := parsing.certificate(name, encoded)):
                        certificates.append(certificate)
            self._learn(things={**self.facts.things, **found}, certificates=(*self.facts.certificates, *certificates))

        return note

    def _words(self, pod: str, container: str, previous: bool) -> Callable[[], None]:
        arguments = ("--namespace", self.expected.namespace, "logs", pod, "--container", container, "--tail", "3")
        answer = self.ask(*arguments, "--previous") if previous else None
        if answer is None or answer.status or not answer.output.strip():
            answer = self.ask(*arguments)

        def note() -> None:
            lines = [line for line in answer.output.splitlines() if line.strip()]
            if answer.status == 0 and lines:
                self._learn(words={**self.facts.words, (pod, container): lines[-1].strip()})
            elif _FORBIDDEN.search(answer.said):
                self._miss("words", why(answer))

        return note

    def _nodes_with_volumes(self) -> list[str]:
        nodes = {pod.node for pod in self.facts.pods if pod.claims and pod.node}
        return sorted(nodes)[:_MOST_NODES]

    def _usage(self, node: str) -> Callable[[], None]:
        answer = self.ask("get", "--raw", f"/api/v1/nodes/{node}/proxy/stats/summary")

        def note() -> None:
            found: tuple[Usage, ...] = ()
            if answer.status:
                self._miss("usages", why(answer))
            else:
                found = parsing.usages(mapping(as_json(answer.output)), self.expected.namespace)
            self._learn(usages=(*self.facts.usages, *found))

        return note

    def _queues(self) -> Callable[[], None]:
        node = next((pod for pod in self.facts.pods_of(RABBITMQ.component) if pod.ready), None)
        if node is None:
            return _nothing
        vhost = self.expected.cluster.values.rabbitmq.vhost
        asks = ("rabbitmqctl", "--quiet", "--timeout", "20", "list_queues", "-p", vhost, "--formatter", "json")
        columns = ("name", "messages", "consumers")
        where = ("--namespace", self.expected.namespace, "exec", node.name, "--container", RABBITMQ.component)
        answer = self.ask(*where, "--", *asks, *columns)

        def note() -> None:
            found = as_json(answer.output)
            if answer.status or not isinstance(found, list):
                self._miss("queues", why(answer))
                return
            queues: tuple[Queue, ...] = parsing.queues(found)
            self._learn(queues=queues)

        return note


def _nothing() -> None:
    """There is nothing to note."""


def spoken_of(facts: Facts) -> list[tuple[str, str, bool]]:
    """Containers whose last words tell why a pod is not ready: the pod, the container, and whether it has ended before.

    Of pods of a component that wait at the same place, one is enough.
    """
    found: dict[tuple[str, str], tuple[str, str, bool]] = {}
    for pod in facts.pods:
        if pod.ready or pod.is_done or pod.deleted:
            continue
        for container, previous in _telling(pod):
            found.setdefault((pod.component, container), (pod.name, container, previous))
    return list(found.values())[:_MOST_WORDS]


def _telling(pod: Pod) -> Iterator[tuple[str, bool]]:
    for container in pod.containers:
        has_failed = container.last_exit_code not in (None, 0) or container.exit_code not in (None, 0)
        if container.state == "running" and (container.init or not container.ready or len(pod.containers) > 1):
            yield container.name, False
        elif has_failed:
            yield container.name, container.state == "waiting"


def items(answer: Ended) -> list[Document] | None:
    """The objects in an answer; None where it is not a whole one."""
    return None if answer.status else objects_in(answer.output)


def why(answer: Ended) -> str:
    """Why something could not be read, in a line."""
    if refused := _FORBIDDEN.search(answer.said):
        return f"you may not {refused['verb']} {refused['resource']}"
    if answer.status == 0:
        return "kubectl did not answer in JSON"
    return answer.complaint.removeprefix("error: ").removeprefix("Error from server ")
