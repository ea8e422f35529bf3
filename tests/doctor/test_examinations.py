"""What is found in facts. Those of a cluster that is well are made of objects, as the API server would give them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest
import yaml
from support import MakeCluster, each_of

from constructs_st2.commands.doctor import examinations, parsing, trying
from constructs_st2.commands.doctor.examinations import EXAMINATIONS, controllers
from constructs_st2.commands.doctor.examining import examine
from constructs_st2.commands.doctor.expected import Expected
from constructs_st2.commands.doctor.facts import (
    Autoscaler,
    Certificate,
    Claim,
    Condition,
    Container,
    CronJob,
    Custom,
    Deployed,
    Event,
    Facts,
    IngressClass,
    Job,
    Kind,
    Minor,
    Pod,
    PriorityClass,
    Queue,
    Quota,
    Refusal,
    StorageClass,
    Taint,
    Thing,
    Usage,
)
from constructs_st2.commands.doctor.findings import Finding, Level, Report
from constructs_st2.commands.kubectl import Ended
from constructs_st2.construct.build import build
from constructs_st2.kube.documents import Document
from constructs_st2.kube.reading import read_text

from . import states

Values = Mapping[str, Any]


class Patient:
    """A release that is well, and what is found when something about it is not."""

    def __init__(self, expected: Expected) -> None:
        self.expected = expected
        objects = list(expected.objects)
        set_to = {(each["kind"], each["metadata"]["name"]): each["status"] for each in states.statuses(objects)}

        def with_status(*kinds: str) -> list[Document]:
            found = [each for each in objects if each["kind"] in kinds]
            return [{**each, "status": set_to[each["kind"], each["metadata"]["name"]]} for each in found]

        known = {Kind(each["apiVersion"].rpartition("/")[0], each["kind"]) for each in objects}
        self.well = Facts(
            now=states.NOW,
            server=Minor(1, 34),
            client=Minor(1, 34),
            kinds=frozenset({*known, Kind("metrics.k8s.io", "NodeMetrics")}),
            nodes=tuple(parsing.node(states.node(number)) for number in (1, 2, 3)),
            storage_classes=(parsing.storage_class(states.storage_class()),),
            workloads=tuple(map(parsing.workload, with_status("Deployment", "StatefulSet"))),
            pods=tuple(self.at_once(pod) for pod in map(parsing.pod, states.pods(objects))),
            jobs=tuple(map(parsing.job, with_status("Job"))),
            claims=tuple(map(parsing.claim, states.claims(objects))),
            things={
                **{
                    Thing("secrets", expected.namespace, secret.name): frozenset(secret.keys)
                    for secret in expected.secrets
                },
                **{wanted.thing: wanted.keys for wanted in expected.wanted},
            },
        )

    @staticmethod
    def at_once(pod: Pod) -> Pod:
        return replace(pod, created=states.NOW - timedelta(minutes=10))

    def examine(self, **changes: Any) -> Report:
        """What is found when some facts are others."""
        return examine(self.expected, replace(self.well, **changes))

    def found(self, subject: str, **changes: Any) -> Finding:
        """The one finding about a subject."""
        report = self.examine(**changes)
        found = [finding for finding in report.findings if finding.subject == subject]
        assert len(found) == 1, report.findings
        return found[0]

    def with_pod(self, name: str, *containers: Container, **fields: Any) -> tuple[Pod, ...]:
        """The pods, of which one is not ready: some of its containers are as given."""
        changed = {each.name: each for each in containers}

        def change(pod: Pod) -> Pod:
            kept = tuple(changed.get(each.name, each) for each in pod.containers)
            return replace(pod, ready=False, containers=kept, **fields) if pod.name == name else pod

        assert any(pod.name == name for pod in self.well.pods), [pod.name for pod in self.well.pods]
        return tuple(map(change, self.well.pods))


@pytest.fixture(scope="module")
def patients() -> dict[str, Patient]:
    """Those that are known already. None of them changes."""
    return {}


@pytest.fixture
def patient(cluster: MakeCluster, patients: dict[str, Patient]) -> Any:
    """Makes the release of some values."""

    def make(values: Values | None = None) -> Patient:
        asked = repr(values)
        if asked not in patients:
            made = cluster(values)
            patients[asked] = Patient(Expected(made, build(made).objects))
        return patients[asked]

    return make


HOUR = timedelta(hours=1)
NODES = [parsing.node(states.node(number)) for number in (1, 2, 3)]
BACKUPS = {"backup": {"enabled": True, "destination": {"claim": {"create": {}}}}}


def test_one_that_is_well(patient: Any) -> None:
    report = patient().examine()
    assert report.status == 0
    assert [finding.subject for finding in report.findings] == ["Backups"]
    headline = r"st2 in stackstorm: Kubernetes 1.34, 3 nodes, (\d+) of \1 pods ready; nothing is wrong"
    assert re.fullmatch(headline, report.headline)


def test_all_examinations_are_listed() -> None:
    """Each public function of these modules that looks at facts."""
    listed = {examination.find for examination in EXAMINATIONS}
    for module in iter_modules(examinations.__path__):
        for name, each in vars(import_module(f"{examinations.__name__}.{module.name}")).items():
            is_one = inspect.isfunction(each) and each.__module__.endswith(f".{module.name}")
            if is_one and not name.startswith("_") and list(inspect.signature(each).parameters)[1:] == ["facts"]:
                assert each in listed or name == "cause_of", f"list {module.name}.{name} in EXAMINATIONS"


def test_their_needs_are_facts() -> None:
    known = {*Facts.__dataclass_fields__, "secrets"}
    assert {need for examination in EXAMINATIONS for need in examination.needs} <= known


def test_what_could_not_be_looked_at_is_told_and_says_nothing(patient: Any) -> None:
    report = patient().examine(nodes=(), unseen={"nodes": "you may not list nodes"})
    assert report.status == 0
    assert [(each.what, each.why) for each in report.unseen] == [("nodes", "you may not list nodes")]
    assert "as far as could be seen" in report.headline


def test_before_an_apply_nothing_is_missing_that_comes_with_it(patient: Any) -> None:
    nothing: dict[str, Any] = dict.fromkeys(("workloads", "pods", "jobs", "claims"), ())
    report = patient().examine(**nothing, things={})
    assert report.status == 0
    assert "nothing of it has been applied yet" in report.headline


EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_examples(file: Path, cluster: MakeCluster, patients: dict[str, Patient]) -> None:
    """All kinds of values can be looked at. They have their own notes on what is not there."""
    made = cluster(yaml.safe_load(file.read_text(encoding="utf-8")))
    patient = patients[file.stem] = Patient(Expected(made, build(made).objects))
    deployed = [
        Deployed("x", image, frozenset({image}), 1) for each in controllers.CONTROLLERS for image in each.images
    ]
    claims = tuple(Claim(name, "", "Bound") for wish in patient.expected.volumes for name in wish.claims)
    backups = tuple(
        CronJob(each["metadata"]["name"], "backup", states.NOW, last_success=states.NOW)
        for each in patient.expected.index.of_kind("CronJob")
    )
    default = (IngressClass("nginx", default=True),)
    report = patient.examine(deployed=tuple(deployed), claims=claims, ingress_classes=default, cron_jobs=backups)
    # Clouds have classes of their own.
    assert {each.subject.partition(" ")[0] for each in report.of(Level.BROKEN)} <= {"IngressClass"}, report.findings


class TestCluster:
    def test_a_namespace_that_nobody_makes(self, patient: Any) -> None:
        nothing: dict[str, Any] = dict.fromkeys(("workloads", "pods", "jobs", "claims"), ())
        assert patient().examine(namespace_exists=False, **nothing).status == 0
        found = patient({"namespace": {"create": False}}).found(
            "Namespace stackstorm", namespace_exists=False, **nothing
        )
        assert found.level is Level.BROKEN

    @each_of(
        ("subject", "text", "level", "changes"),
        [
            (
                "Kubernetes",
                "is 1.29; the manifests need 1.30",
                Level.BROKEN,
                {"server": Minor(1, 29), "client": Minor(1, 29)},
            ),
            ("kubectl", "is 1.31, and the cluster 1.34", Level.WARNING, {"client": Minor(1, 31)}),
            (
                "Nodes",
                "none that takes pods has the architecture amd64",
                Level.BROKEN,
                {"nodes": (replace(NODES[0], labels={"kubernetes.io/arch": "arm64"}), NODES[1])[:1]},
            ),
            (
                "Nodes",
                "1 node of 3 not ready: node1",
                Level.WARNING,
                {"nodes": (replace(NODES[0], ready=False), *NODES[1:])},
            ),
            (
                "Nodes",
                "cordoned, so that no pod comes there: node1",
                Level.NOTE,
                {"nodes": (replace(NODES[0], schedulable=False), *NODES[1:], replace(NODES[2], name="node4"))},
            ),
            ("Nodes", "2 nodes for 3 members each of st2-mongodb", Level.WARNING, {"nodes": tuple(NODES[:2])}),
            (
                "Zones",
                "all nodes do not tell their zones",
                Level.NOTE,
                {"nodes": tuple(replace(each, labels={"kubernetes.io/arch": "amd64"}) for each in NODES)},
            ),
            (
                "Addresses",
                "pods have IPv6 only",
                Level.WARNING,
                {"nodes": tuple(replace(each, families=frozenset({"IPv6"})) for each in NODES)},
            ),
            (
                "ResourceQuota small",
                "allows requests.memory 1 GiB, and the release needs",
                Level.BROKEN,
                {
                    "quotas": (
                        Quota("small", {"requests.memory": "1Gi", "services": "1"}),
                        Quota("s", {"pods": "0"}, True),
                    )
                },
            ),
            (
                "st2-st2api, st2-st2web",
                "the cluster refuses it: violates PodSecurity",
                Level.BROKEN,
                {"refusals": tuple(Refusal(name, "violates PodSecurity") for name in ("st2-st2api", "st2-st2web"))},
            ),
            (
                "st2-mongodb",
                "cannot be changed so by an apply",
                Level.BROKEN,
                {
                    "refusals": (
                        Refusal("st2-mongodb", "spec: Forbidden: updates to statefulset spec for fields other"),
                    )
                },
            ),
            (
                "Secret st2-st2web-tls",
                "its certificate ended 2 days ago",
                Level.BROKEN,
                {"certificates": (Certificate("st2-st2web-tls", states.NOW - timedelta(days=2)),)},
            ),
            (
                "Secret st2-st2web-tls",
                "its certificate ends in 5 days",
                Level.WARNING,
                {"certificates": (Certificate("st2-st2web-tls", states.NOW + timedelta(days=5)),)},
            ),
        ],
    )
    def test_findings(self, patient: Any, subject: str, text: str, level: Level, changes: Values) -> None:
        report = patient().examine(**changes)
        found = [finding for finding in report.findings if finding.subject == subject and text in finding.text]
        assert [finding.level for finding in found] == [level], report.findings
        assert report.status == {Level.BROKEN: 3, Level.WARNING: 2, Level.NOTE: 0}[level] or len(report.findings) > 2

    def test_pods_that_are_larger_than_nodes(self, patient: Any) -> None:
        small = tuple(replace(each, memory=Decimal(2**29)) for each in NODES)
        found = patient().found("st2-mongodb", nodes=small)
        assert "no node has as much for pods; the largest, node1, has 8 CPUs and 0.5 GiB" in found.text

    def test_taints(self, patient: Any) -> None:
        tainted = tuple(replace(each, taints=(Taint("dedicated", "db", "NoSchedule"),)) for each in NODES)
        report = patient().examine(nodes=tainted)
        assert any("no node takes it: taint dedicated" in finding.text for finding in report.findings)
        tolerating = {"key": "dedicated", "operator": "Exists"}
        values = {"mongodb": {"tolerations": [tolerating]}}
        report = patient(values).examine(nodes=tainted)
        assert not any("st2-mongodb" in finding.subject for finding in report.findings)

    def test_cpus_without_avx(self, patient: Any) -> None:
        label = "feature.node.kubernetes.io/cpu-cpuid"
        waits = patient().with_pod("st2-mongodb-0")
        waits = tuple(replace(pod, ready=False) if pod.component == "mongodb" else pod for pod in waits)
        unknown = patient().found("MongoDB", pods=waits)
        assert unknown.level is Level.NOTE
        assert "Labels of the nodes do not tell" in unknown.text
        with_avx, without = ({f"{label}.AVX": "true"}, {f"{label}.SSE4": "true"})
        nodes = [
            replace(node, labels={**node.labels, **each})
            for node, each in zip(NODES, (with_avx, with_avx, without), strict=True)
        ]
        assert "which these nodes have not: node3" in patient().found("MongoDB", pods=waits, nodes=tuple(nodes)).text
        all_of_them = tuple(replace(node, labels={**node.labels, **with_avx}) for node in NODES)
        report = patient().examine(pods=waits, nodes=all_of_them)
        assert "MongoDB" not in [finding.subject for finding in report.findings]

    def test_what_is_not_known_of_mongodb_is_no_matter_once_it_runs(self, patient: Any) -> None:
        assert "MongoDB" not in [finding.subject for finding in patient().examine().findings]


class TestStorage:
    @pytest.mark.parametrize(
        ("subject", "text", "level", "classes"),
        [
            ("Storage", "no storage class is the default", Level.BROKEN, ()),
            (
                "Storage",
                "several classes are the default",
                Level.WARNING,
                (StorageClass("a", "p", True, True, reclaim="Retain"), StorageClass("b", "p", True)),
            ),
            (
                "StorageClass a",
                "its volumes cannot grow",
                Level.NOTE,
                (StorageClass("a", "p", True, reclaim="Retain"),),
            ),
            (
                "StorageClass a",
                "makes volumes at once, in a zone that may not be that of the pod",
                Level.WARNING,
                (StorageClass("a", "p", True, True, immediate=True, reclaim="Retain"),),
            ),
        ],
    )
    def test_classes(
        self, patient: Any, subject: str, text: str, level: Level, classes: tuple[StorageClass, ...]
    ) -> None:
        found = patient().found(subject, claims=(), storage_classes=classes)
        assert (found.level, text in found.text) == (level, True), found

    def test_bound_claims_need_no_class(self, patient: Any) -> None:
        assert patient().examine(storage_classes=()).status == 0

    def test_volumes_for_several_nodes(self, patient: Any) -> None:
        values = {
            "st2": {
                "packs": {
                    "volumes": {
                        "enabled": True,
                        "packs": {"create": {"size": "1Gi"}},
                        "virtualenvs": {"create": {"size": "1Gi"}},
                        "configs": {"create": {"size": "1Gi"}},
                    }
                }
            }
        }
        found = patient(values).found("StorageClass fast")
        assert found.level is Level.BROKEN
        assert "makes volumes for one node" in found.text

    @pytest.mark.parametrize(
        ("claim", "text", "level"),
        [
            (Claim("data-st2-redis-0", "redis", "Lost"), "its volume is gone", Level.BROKEN),
            (Claim("data-st2-redis-0", "redis", "Pending"), "no such provisioner", Level.BROKEN),
            (
                Claim("x", "redis", "Bound", "fast", (Condition("FileSystemResizePending", "True"),)),
                "when its pod restarts",
                Level.WARNING,
            ),
        ],
    )
    def test_claims(self, patient: Any, claim: Claim, text: str, level: Level) -> None:
        said = Event("PersistentVolumeClaim", claim.name, "ProvisioningFailed", "no such provisioner", states.NOW)
        found = patient().found(f"Claim {claim.name}", claims=(claim,), events=(said,))
        assert (found.level, text in found.text) == (level, True), found

    def test_usage(self, patient: Any) -> None:
        usages = (Usage("a", 96, 100), Usage("b", 90, 100), Usage("c", 50, 100))
        report = patient().examine(usages=usages)
        assert [(each.subject, each.level) for each in report.findings if "Claim" in each.subject] == [
            ("Claim a", Level.BROKEN),
            ("Claim b", Level.WARNING),
        ]


def test_a_first_start(patient: Any) -> None:
    """Half a minute after the apply: Secrets have just been made, and everything waits for the backends."""
    seconds = timedelta(seconds=30)
    well = patient().well
    workloads = tuple(replace(each, ready=0, created=states.NOW - seconds) for each in well.workloads)
    waits = Container("wait-for-mongodb", init=True, state="running")
    backend = Container("mongodb", state="running")
    pods = tuple(
        replace(
            pod, ready=False, created=states.NOW - seconds, containers=(backend if "-mongodb" in pod.name else waits,)
        )
        for pod in well.pods
        if not pod.owner.startswith("Job/")
    )
    secret = 'MountVolume.SetUp failed for volume "secret" : secret "st2-mongodb" not found'
    jobs = tuple(replace(job, active=1, created=states.NOW - seconds) for job in well.jobs)
    events = (Event("Pod", "st2-mongodb-0", "FailedMount", secret, states.NOW - seconds),)
    report = patient().examine(workloads=workloads, pods=pods, jobs=jobs, events=events)
    assert report.status == 2, report.of(Level.BROKEN)
    (waiting,) = (each for each in report.findings if "waits for MongoDB" in each.text)
    assert "for 30 s" in waiting.text
    later = examine(patient().expected, replace(well, workloads=workloads, pods=pods, now=states.NOW + HOUR))
    assert later.status == 3


class TestBackends:
    @pytest.mark.parametrize(
        ("ready", "level", "text"),
        [
            (2, Level.WARNING, "2 of 3 members are ready: it works, and none more may be lost"),
            (1, Level.BROKEN, "1 of 3 members are ready, and 2 are a majority: queues stand still"),
            (0, Level.BROKEN, "0 of 3 members are ready"),
        ],
    )
    def test_quorums(self, patient: Any, ready: int, level: Level, text: str) -> None:
        workloads = tuple(
            replace(each, ready=ready) if each.component == "rabbitmq" else each for each in patient().well.workloads
        )
        found = patient().found("RabbitMQ", workloads=workloads)
        assert (found.level, text in found.text) == (level, True), found

    def test_members_on_one_node(self, patient: Any) -> None:
        pods = tuple(replace(pod, node="node1") if pod.component == "redis" else pod for pod in patient().well.pods)
        found = patient().found("Redis", pods=pods)
        assert "node1 has 3 of 3 members" in found.text or "3 of 3 members are on node1" in found.text

    def test_the_guard_of_the_data(self, patient: Any) -> None:
        words = "the data on this volume is that of a/b, and this is stackstorm/st2-etcd-1"
        stopped = Container("guard-data", init=True, state="terminated", exit_code=1, message=words)
        found = patient().found("st2-mongodb-0", pods=patient().with_pod("st2-mongodb-0", stopped))
        assert (found.level, words in found.text) == (Level.BROKEN, True)
        again = Container(
            "guard-data", init=True, state="waiting", reason="CrashLoopBackOff", last_exit_code=1, last_message=words
        )
        found = patient().found("st2-mongodb-0", pods=patient().with_pod("st2-mongodb-0", again))
        assert words in found.text
        passed = Container("guard-data", init=True, state="terminated", exit_code=0, ready=True)
        assert patient().examine(pods=patient().with_pod("st2-mongodb-0", passed)).status == 2, "another cause"


WAITS = Container("wait-for-redis", init=True, state="running")


class TestPods:
    @each_of(
        ("container", "fields", "text"),
        [
            (Container("x"), {"unscheduled": "0/3 nodes are available"}, "no node takes it: 0/3 nodes are available"),
            (Container("x"), {"phase": "Failed", "reason": "Evicted"}, "has failed (Evicted)"),
            (Container("x"), {"deleted": states.NOW - HOUR}, "should have ended, and does not"),
            (WAITS, {}, "waits for Redis"),
            (
                Container("st2notifier", "i:1", state="waiting", reason="ErrImagePull", message="denied"),
                {},
                "cannot pull i:1: denied",
            ),
            (
                Container("st2notifier", state="waiting", reason="CreateContainerConfigError", message="no key x"),
                {},
                "st2notifier cannot be made: no key x",
            ),
            (
                Container("st2notifier", state="waiting", reason="CrashLoopBackOff", last_exit_code=3),
                {},
                "st2notifier ends with code 3",
            ),
            (Container("st2notifier", state="running"), {}, "runs, and is not ready yet"),
            (Container("st2notifier", state="waiting", reason="ContainerCreating"), {}, "has not begun yet"),
        ],
    )
    def test_causes(self, patient: Any, container: Container, fields: Values, text: str) -> None:
        pods = patient().with_pod("st2-st2notifier-x0", container, **fields)
        report = patient().examine(pods=pods)
        (found,) = (each for each in report.findings if each.subject == "st2notifier")
        assert text in found.text
        assert found.steps[0].startswith("kubectl -n stackstorm ")

    def test_events_of_pods_that_do_not_begin(self, patient: Any) -> None:
        pods = patient().with_pod("st2-st2web-x0", Container("st2web", state="waiting", reason="ContainerCreating"))
        said = 'MountVolume.SetUp failed for volume "tls" : secret "mine" not found'
        events = (Event("Pod", "st2-st2web-x0", "FailedMount", said, states.NOW),)
        assert said in patient().found("st2web", pods=pods, events=events).text

    def test_a_cpu_that_mongodb_cannot_run_on(self, patient: Any) -> None:
        ends = Container("mongodb", state="waiting", reason="CrashLoopBackOff", last_exit_code=132)
        assert "AVX" in patient().found("mongodb", pods=patient().with_pod("st2-mongodb-1", ends)).text

    def test_time_to_start(self, patient: Any) -> None:
        """Nothing is broken that has only begun."""
        pods = patient().with_pod("st2-st2timersengine-x0", WAITS)
        assert patient().found("st2timersengine", pods=pods).level is Level.BROKEN
        pods = patient().with_pod("st2-st2timersengine-x0", WAITS, created=states.NOW - timedelta(seconds=40))
        found = patient().found("st2timersengine", pods=pods)
        assert found.level is Level.WARNING
        assert "for 40 s" in found.text

    def test_others_do_its_work(self, patient: Any) -> None:
        assert patient().found("st2api", pods=patient().with_pod("st2-st2api-x0", WAITS)).level is Level.WARNING

    def test_those_that_wait_for_the_same_are_told_once(self, patient: Any) -> None:
        init = {"wait-for-mongodb", "wait-for-rabbitmq", "wait-for-redis"}
        pods = tuple(
            replace(pod, ready=False, containers=(WAITS,)) if {each.name for each in pod.containers} & init else pod
            for pod in patient().well.pods
            if not pod.owner.startswith("Job/")
        )
        waiting = sum(not pod.ready for pod in pods)
        words = {(pod.name, WAITS.name): "still waiting for redis (60 s of 600)" for pod in pods[:20]}
        (found,) = (each for each in patient().examine(pods=pods, words=words).findings if "waits for" in each.text)
        assert f"waits for Redis ({waiting} pods" in found.text
        assert "still waiting for redis (60 s of 600)" in found.text

    def test_pods_that_are_refused(self, patient: Any) -> None:
        message = 'pods "st2-st2api-7d-x" is forbidden: exceeded quota: small'
        events = (
            Event("ReplicaSet", "st2-st2api-7d", "FailedCreate", message, states.NOW),
            Event("ReplicaSet", "st2-st2api-7d", "FailedCreate", message, states.NOW),
            Event("ReplicaSet", "other-7d", "FailedCreate", message, states.NOW),
            Event("ReplicaSet", "st2-st2web-7d", "FailedCreate", message, states.NOW - 5 * HOUR),
        )
        report = patient().examine(events=events)
        assert [each.subject for each in report.of(Level.BROKEN)] == ["st2-st2api-7d"]

    def test_pods_whose_priority_class_nobody_could_make(self, patient: Any) -> None:
        message = 'pods "st2-mongodb-0" is forbidden: no PriorityClass with name stackstorm-st2-data was found'
        found = patient().found(
            "st2-mongodb", events=(Event("StatefulSet", "st2-mongodb", "FailedCreate", message, states.NOW),)
        )
        assert "no PriorityClass with name stackstorm-st2-data" in found.text
        assert "scheduling.priorityClasses.create: false" in found.steps[0]

    def test_restarts(self, patient: Any) -> None:
        def ended(hours: float, restarts: int, reason: str) -> tuple[Pod, ...]:
            container = Container(
                "st2web", ready=True, restarts=restarts, last_reason=reason, last_end=states.NOW - hours * HOUR
            )
            pods = patient().with_pod("st2-st2web-x0", container)
            return tuple(replace(pod, ready=True) if pod.name == "st2-st2web-x0" else pod for pod in pods)

        assert "started again 4 times" in patient().found("st2-st2web-x0", pods=ended(0.2, 4, "Error")).text
        assert "out of memory" in patient().found("st2-st2web-x0", pods=ended(0.2, 1, "OOMKilled")).text
        assert patient().examine(pods=ended(0.2, 1, "Error")).status == 0
        assert patient().examine(pods=ended(30, 9, "Error")).status == 0

    def test_what_was_not_applied(self, patient: Any) -> None:
        fewer = tuple(each for each in patient().well.workloads if each.component != "st2web")
        assert "st2-st2web" in patient().found("Not applied", workloads=fewer).text


class TestWork:
    def test_jobs(self, patient: Any) -> None:
        name = next(each.name for each in patient().well.jobs if "register" in each.name)
        others = tuple(each for each in patient().well.jobs if each.name != name)
        assert "what it does is not done" in patient().found(f"Job {name}", jobs=others).text
        made = Job(name, "job-register-content", states.NOW - HOUR, active=1)
        assert "has not ended for 60 min" in patient().found(f"Job {name}", jobs=(*others, made)).text
        failed = replace(made, active=0, failed="it reached its limit")
        found = patient().found(f"Job {name}", jobs=(*others, failed))
        assert (found.level, found.text) == (Level.BROKEN, "failed: it reached its limit")

    @pytest.mark.parametrize(
        ("last", "failed", "suspended", "level", "text"),
        [
            (5, False, False, None, ""),
            (30, False, False, Level.WARNING, "the last good backup was made 30 h ago"),
            (24 * 10, True, False, Level.BROKEN, "10 days ago; the last attempt failed: it could not"),
            (None, False, False, Level.BROKEN, "no backup has succeeded since it was made, 16 days ago"),
            (5, True, False, Level.WARNING, "the last attempt failed: it could not"),
            (5, False, True, Level.WARNING, "is suspended"),
        ],
    )
    def test_backups(
        self, patient: Any, last: int | None, failed: bool, suspended: bool, level: Level | None, text: str
    ) -> None:
        made = states.NOW - timedelta(days=16)
        success = None if last is None else states.NOW - last * HOUR
        backup = CronJob("st2-backup", "backup", made, suspended, success)
        attempt = Job("st2-backup-1", "backup", states.NOW - HOUR, failed="it could not", cron_job="st2-backup")
        jobs = (*patient(BACKUPS).well.jobs, *([attempt] if failed else []))
        report = patient(BACKUPS).examine(cron_jobs=(backup,), jobs=jobs)
        found = [each for each in report.findings if each.subject == "CronJob st2-backup"]
        assert [each.level for each in found] == ([level] if level else [])
        assert not found or text in found[0].text

    def test_queues(self, patient: Any) -> None:
        queues = (Queue("st2.a", 3, 0), Queue("st2.b", 5000, 2), Queue("st2.c", 0, 0), Queue("st2.d", 3, 1))
        report = patient().examine(queues=queues)
        assert [(each.subject, each.level) for each in report.findings if "Queue" in each.subject] == [
            ("Queue st2.a", Level.BROKEN),
            ("Queue st2.b", Level.WARNING),
        ]

    def test_autoscalers(self, patient: Any) -> None:
        blind = Condition("ScalingActive", "False", "FailedGetResourceMetric", "no metrics")
        full = Condition("ScalingLimited", "True", "TooManyReplicas")
        scalers = (
            Autoscaler("a", "st2-st2api", 2, 5, (blind,)),
            Autoscaler("b", "st2-st2web", 5, 5, (full,)),
            Autoscaler("c", "foreign", 5, 5, (full, blind)),
        )
        report = patient().examine(autoscalers=scalers)
        assert [each.subject for each in report.of(Level.WARNING)] == [
            "Autoscaler of st2-st2api",
            "Autoscaler of st2-st2web",
        ]


INGRESS: dict[str, Any] = {
    "st2web": {"tls": {"enabled": False}},
    "ingress": {"enabled": True, "hosts": [{"host": "a.example"}]},
}
SCALED = {"st2actionrunner": {"autoscaling": {"enabled": True, "mode": "keda"}}}
CERTIFIED = {"st2web": {"tls": {"certManager": {"issuerRef": {"name": "ca", "kind": "ClusterIssuer"}}}}}


class TestControllers:
    def test_kinds_that_are_not_known(self, patient: Any) -> None:
        found = patient(CERTIFIED).found("cert-manager", kinds=frozenset())
        assert (found.level, "does not know Certificate" in found.text) == (Level.BROKEN, True)

    def test_kinds_without_a_program(self, patient: Any) -> None:
        assert patient(CERTIFIED).found("cert-manager").level is Level.WARNING
        made = Deployed("cert-manager", "cert-manager", frozenset({"cert-manager-controller"}), 0)
        assert patient(CERTIFIED).found("cert-manager", deployed=(made,)).level is Level.BROKEN
        assert patient(CERTIFIED).examine(deployed=(replace(made, ready=1),)).status == 0

    def test_what_they_say(self, patient: Any) -> None:
        bad = Custom("Certificate", "st2-st2web", (Condition("Ready", "False", "DoesNotExist", "no such issuer"),))
        found = patient(CERTIFIED).found("Certificate st2-st2web", customs=(bad,))
        assert found.text == "Ready is False: no such issuer"

    @pytest.mark.parametrize(
        ("values", "classes", "level"),
        [
            (INGRESS, (), Level.WARNING),
            (INGRESS, (IngressClass("a", default=True),), None),
            (
                {**INGRESS, "ingress": {**INGRESS["ingress"], "ingressClassName": "b"}},
                (IngressClass("a"),),
                Level.BROKEN,
            ),
        ],
    )
    def test_classes_of_ingresses(
        self, patient: Any, values: Values, classes: tuple[IngressClass, ...], level: Level | None
    ) -> None:
        report = patient(values).examine(ingress_classes=classes)
        assert [each.level for each in report.findings if "Ingress" in each.subject] == ([level] if level else [])


class TestPriorities:
    CLASSES = (PriorityClass("system-node-critical", 2_000_001_000), PriorityClass("standard", 2500, default=True))

    def test_a_default_class_above_those_of_the_release(self, patient: Any) -> None:
        found = patient().found("PriorityClass standard", priority_classes=self.CLASSES)
        assert found.level is Level.WARNING
        assert "gives 2500 to all pods that name no class, more than control, work of StackStorm have" in found.text
        assert "scheduling.priorityClasses.create: false" in found.steps[0]

    @pytest.mark.parametrize(
        ("values", "classes"),
        [
            ({}, CLASSES[:1]),
            ({}, (PriorityClass("low", 100, default=True),)),
            ({"scheduling": {"priorityClasses": {"create": False}}}, CLASSES),
        ],
    )
    def test_others_do_no_harm(self, patient: Any, values: Values, classes: tuple[PriorityClass, ...]) -> None:
        assert patient(values).examine(priority_classes=classes).status == 0


def test_pods_are_tried_out_without_what_the_same_apply_makes(patient: Any) -> None:
    """Of a pod that lacks an account and a class, the server tells the account alone."""

    def ask(*arguments: str, given: str) -> Ended:
        if arguments[0] == "apply":
            return Ended(0, "", "")
        specs = {pod["metadata"]["name"]: pod["spec"] for pod in read_text(given, "the pods")}
        if accounts := {
            name: spec["serviceAccountName"] for name, spec in specs.items() if "serviceAccountName" in spec
        }:
            said = {name: f'serviceaccount "{account}" not found' for name, account in accounts.items()}
        elif classes := {
            name: spec["priorityClassName"] for name, spec in specs.items() if "priorityClassName" in spec
        }:
            said = {name: f"no PriorityClass with name {each} was found" for name, each in classes.items()}
        else:
            said = dict.fromkeys(specs, "exceeded quota: small")
        lines = (f'Error from server (Forbidden): pods "{name}" is forbidden: {why}' for name, why in said.items())
        return Ended(1, "", "\n".join(lines))

    expected = patient({"serviceAccount": {"create": True}}).expected
    refused = trying.refusals(expected, frozenset(), ask).refusals
    assert {each.subject for each in refused} == {size.name for size in expected.sizes}
    assert {each.message for each in refused} == {"exceeded quota: small"}


class TestNames:
    def test_secrets_of_the_user_are_needed_before_an_apply(self, patient: Any) -> None:
        made = patient({"st2": {"existingAuthSecret": "mine"}})
        things = {thing: keys for thing, keys in made.well.things.items() if thing.name != "mine"}
        found = made.found("Secret mine", things=things, workloads=(), jobs=(), pods=(), claims=())
        assert found.level is Level.BROKEN
        assert "create secret generic mine --from-file=ST2_AUTH_USERNAME=FILE" in found.steps[0]
        place = Thing("secrets", "stackstorm", "mine")
        found = made.found("Secret mine", things={**made.well.things, place: frozenset({"htpasswd"})})
        assert "has no key ST2_AUTH_USERNAME, ST2_AUTH_PASSWORD" in found.text

    def test_those_that_were_not_made(self, patient: Any) -> None:
        things = {thing: keys for thing, keys in patient().well.things.items() if thing.resource != "secrets"}
        found = patient().found("Secrets", things=things)
        assert "have not been made: st2-st2-auth" in found.text
        assert "secrets-bootstrap" in found.steps[0]

    @pytest.mark.parametrize(
        ("values", "subject"),
        [
            (CERTIFIED, "ClusterIssuer ca"),
            (
                {"backup": {"enabled": True, "destination": {"claim": {"existingClaim": "c"}}}},
                "PersistentVolumeClaim c",
            ),
            ({"st2api": {"priorityClassName": "high"}}, "PriorityClass high"),
            (
                {
                    "st2api": {
                        "extra_volumes": [
                            {"name": "v", "volume": {"configMap": {"name": "m"}}, "mount": {"mountPath": "/v"}}
                        ]
                    }
                },
                "ConfigMap m",
            ),
        ],
    )
    def test_other_objects(self, patient: Any, values: Values, subject: str) -> None:
        made = patient(values)
        name = subject.partition(" ")[2]
        things = {thing: keys for thing, keys in made.well.things.items() if thing.name != name}
        found = made.found(subject, things=things)
        assert (found.level, "is not there" in found.text) == (Level.BROKEN, True)
        resource = next(wanted.thing.resource for wanted in made.expected.wanted if wanted.thing.name == name)
        report = made.examine(things=things, unseen={resource: "you may not get it"})
        assert subject not in [each.subject for each in report.findings]
