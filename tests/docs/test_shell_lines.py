"""Every command on the pages does something: kubectl's at a real API server, ours in earnest, the rest by stubs.

A command on a page that these tests do not know how to run fails here. See `PROGRAMS`, `STUBS` and `FILLED`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import test_blocks
import yaml
from adopt.test_release import RELEASE, stored
from click.testing import CliRunner
from docs.cluster import NAMESPACE, Cluster
from docs.shell import OTHERS, PAGES, ROOT, SHELLS, Command, blocks, commands, exec_of, program, spans
from servers.kube_apiserver import Kubectl, custom_kinds
from support import Environment, Synth

from constructs_st2.commands.cli import cli
from constructs_st2.errors import UserError
from constructs_st2.kube.documents import Document
from constructs_st2.kube.reading import read_text
from constructs_st2.values.layers import overlay

HERE = Path(__file__).parent

PROGRAMS: Mapping[str, str] = {
    "kubectl": "the real one at an API server; see kubectl.sh for what nodes do",
    "constructs-st2": "itself, in a folder with a values file, in a repository",
    ".": "itself, with the environment of these tests",
    "until": "itself",
    "python": "itself, there",
    "make": "`make synth` in earnest, other targets by --dry-run: they are there",
    ".ci/run": "by bash -n",
    "git": "itself, there",
    "echo": "itself",
    "openssl": "itself",
    "printf": "itself",
}
"""How commands are run, by their program."""

STUBS: Mapping[str, str] = {
    "argocd": "there is no Argo CD",
    "cdk8s": "tests/servers/test_cdk8s_cli.py runs it",
    "cosign": "there is no registry with an image",
    "curl": "there is no StackStorm to ask",
    "docker": "there is no Docker",
    "helm": "there is no Helm",
    "htpasswd": "belongs to Apache",
    "pip": "tests/test_wheel.py installs the package",
    "skopeo": "there is no registry with an image",
}
"""What nothing real can be had for here, and why."""

IN_PODS: Mapping[str, str] = {
    "etcdctl": "st2-etcd-0",
    "rabbitmq-queues": "st2-rabbitmq-0",
    "rabbitmqctl": "st2-rabbitmq-0",
    "redis-cli": "st2-redis-0 -c redis",
}
"""The programs of servers, which are run by `kubectl exec` in these pods."""

OF_ST2 = "st2"
"""The client of StackStorm, whose commands another test reads."""

NO_COMMANDS = ("values.yaml ── typed values", "values.yaml -> values", "ok    shell action", "kill -USR2")
"""How blocks begin that have no language and are not for a shell."""

FOLLOWED = ROOT / "docs" / "tutorials"
"""The pages whose blocks another test follows from the first to the last, but for those with prompts."""

STEPS = "steps/"
"""The folder of what `adopt` writes for a move, which tests/adopt/test_move.py makes."""

_ID = "8e9e05c52164694d"
_MEMBER = "rabbit@st2-rabbitmq-2.st2-rabbitmq-headless.stackstorm.svc.cluster.local"
FILLED: Mapping[str, str] = {
    "constructs-st2 synth -f values.yaml -f examples/production.yaml --set st2actionrunner.replicas=10": (
        # The values here have other volumes and another destination of backups than the example.
        "constructs-st2 synth -f production.yaml -f examples/production.yaml --set st2actionrunner.replicas=10"
        " --output other"
    ),
    # It is looked over once with all parts; the rest of it is tests/doctor's.
    "constructs-st2 doctor --output markdown          # for a chat or a ticket; json for programs": (
        "constructs-st2 doctor --output markdown -f production.yaml --release new"
    ),
    "constructs-st2 doctor --support folder           # logs and facts to be passed on, without secrets": (
        "constructs-st2 doctor --support folder -f production.yaml --release new"
    ),
    "kubectl delete job NAME": "kubectl delete job backup-now",
    "kubectl delete node NAME": "kubectl delete node node-1",
    "kubectl describe certificate NAME": "kubectl describe certificate st2-mongodb",
    "kubectl describe pod -l app=…": "kubectl describe pod -l app=st2api",
    "kubectl describe pod POD": "kubectl describe pod st2-mongodb-0",
    # For each object it reads the schema of the whole API once more.
    "kubectl diff -f adopted/dist": "kubectl diff -f adopted/dist/31-rabbitmq.k8s.yaml",
    "kubectl edit pvc NAME": "kubectl edit pvc data-st2-mongodb-0",
    "kubectl exec … -- kill -USR2 1": "kubectl exec deployment/st2-st2api -- kill -USR2 1",
    "kubectl logs -l app=… --previous": "kubectl logs -l app=st2api --previous",
    "kubectl logs POD -c CONTAINER --previous": "kubectl logs st2-redis-0 -c sentinel --previous",
    "kubectl logs job/NAME": "kubectl logs job/backup-now",
    "kubectl patch pvc data-st2-mongodb-0 …": (
        """kubectl patch pvc data-st2-mongodb-0 -p '{"spec": {"resources": {"requests": {"storage": "20Gi"}}}}'"""
    ),
    "kubectl port-forward POD 9216": "kubectl port-forward st2-mongodb-0 9216",
    "PYTHONPATH=tools python -m chart_suites CHECKOUT": "PYTHONPATH=tools python -m chart_suites chart",
    "make st2-options VERSION=3.9 ST2=PYTHON": "make st2-options VERSION=3.9 ST2=python",
    "until constructs-st2 doctor >doctor.txt; test $? -ne 3; do sleep 15; done; cat doctor.txt": (
        # No pod of the other release ever becomes ready.
        "until constructs-st2 doctor -f production.yaml --release new >doctor.txt;"
        " test $? -ne 3; do sleep 15; done; cat doctor.txt"
    ),
    "rabbitmq-queues shrink NODE": f"rabbitmq-queues shrink {_MEMBER}",
    "rabbitmqctl forget_cluster_node NODE": f"rabbitmqctl forget_cluster_node {_MEMBER}",
}
"""What stands where a page leaves something to the reader."""

_NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}}
_BACKUP = "kubectl get job backup-now || kubectl create job --from=cronjob/st2-backup backup-now"
_SECRETS = "kubectl get secret st2-rabbitmq || kubectl create -f ../secrets.yaml"
_CHANGE = "echo '{}: {{replicas: 3}}' >> values.yaml"
_ADOPT = "constructs-st2 adopt --release st2 --namespace stackstorm"
_ADOPTED = "constructs-st2 synth -f adopted/values.yaml --release st2 --namespace stackstorm --output adopted/dist"
_RELEASE = "kubectl apply -f ../release.yaml"
_ROBOTS = 'kubectl -n automation create secret generic robots --from-literal=wallboard="$(openssl rand -hex 32)"'
BEFORE: Mapping[str, Sequence[str]] = {
    "constructs-st2 secrets check": [_SECRETS],
    "constructs-st2 secrets check -f adopted/values.yaml": [_RELEASE, _ADOPT, _SECRETS],
    "kubectl -n stackstorm get jobs -l app=backup": [_BACKUP],
    "kubectl delete job NAME": [_BACKUP],
    "kubectl delete node NAME": [f"echo '{json.dumps(_NODE)}' | kubectl apply -f -"],
    "kubectl logs job/NAME": [_BACKUP],
    'kubectl -n stackstorm patch secret st2-rabbitmq -p \'{"stringData": {"rabbitmq-password": "NEW"}}\'': [_SECRETS],
    "make synth && git add dist/ && git commit": [_CHANGE.format("st2notifier")],
    _ADOPT: [_RELEASE],
    _ROBOTS: ["kubectl create namespace automation"],
}
"""What must have been done before: commands by themselves, because ours is at once at work where it is the only one."""

NOT_HERE: Mapping[str, str] = {
    "constructs-st2 images --pin -f values.yaml -o digests.yaml": "tests/servers/test_pinned_images.py asks a registry",
    "constructs-st2 try": "tests/commands/test_trying.py runs it",
    "constructs-st2 try --delete": "tests/commands/test_trying.py runs it",
    "kubectl get certificaterequest,order,challenge": "kinds of cert-manager that no manifest has",
}
"""What would take more than an API server has."""

_TOLD = (0, 2, 3)
"""With what end commands that tell what is found."""
STATUSES: Mapping[str, tuple[int, ...]] = {
    "constructs-st2 doctor": _TOLD,  # no node runs the pods
    "constructs-st2 plan": _TOLD,
    "kubectl delete -f dist/": (1,),  # the data is kept, as the page says
    "kubectl diff -f adopted/dist": (1,),  # nothing of it is applied
}
"""With what commands end that hold these, and do not end with 0."""

_SECONDS = 120
_TYPED = "secret\n"
_FOR_A_SHELL = re.compile(r"[\n$&*;<>`|]")
_LEFT_OPEN = re.compile(r"…|\b(?:CHECKOUT|CONTAINER|ID|NAME|NODE|POD|PYTHON|REF|TASK)\b")
_NOTHING = re.compile(r"No resources found|no matching resources")

_PARTS = ("backup", "internal TLS", "items", "monitoring", "packs in images", "registry", "roles", "smoke test")
VALUES = overlay(test_blocks.together(_PARTS), {"tls": {"internal": {"certManager": {"enabled": True}}}})
"""With all that pages name."""

ETCD: dict[str, Any] = {"coordination": {"backend": "etcd"}}


def known(text: str) -> bool:
    first = program(text)
    return first in {*PROGRAMS, *STUBS, *IN_PODS, OF_ST2} or first.startswith(STEPS)


def all_commands() -> Iterator[Command]:
    for page in PAGES:
        for block in blocks(page):
            if page.parent == FOLLOWED and block.language == "sh":
                continue
            if block.language in SHELLS or (not block.language and not block.text.startswith(NO_COMMANDS)):
                yield from commands(block)
        # A word by itself is a name.
        yield from (span for span in spans(page) if " " in span.text and known(span.text))


COMMANDS = list(all_commands())


def test_every_command_is_run_somehow() -> None:
    unknown = [f"{each.where}: {each.text}" for each in COMMANDS if not known(each.text)]
    assert unknown == [], f"say in PROGRAMS or STUBS of {HERE / 'test_shell_lines.py'} how these are run"
    languages = {f"{page.name}: {block.language}" for page in PAGES for block in blocks(page) if block.language}
    strange = [each for each in languages if each.rpartition(" ")[2] not in {*SHELLS, *OTHERS}]
    assert strange == [], f"say in {HERE / 'shell.py'} whether these languages are for a shell"


def test_what_is_left_to_the_reader_is_filled_in() -> None:
    left = [f"{each.where}: {each.text}" for each in COMMANDS if is_run(each) and _LEFT_OPEN.search(filled(each.text))]
    assert left == [], f"say in FILLED of {HERE / 'test_shell_lines.py'} what stands for the rest"


def filled(text: str) -> str:
    return re.sub(r"\bID\b", _ID, FILLED.get(text, text))


def is_name(command: Command) -> bool:
    """Whether it is nothing but the name of a command, perhaps with that of an option."""
    words = filled(command.text).removeprefix("kubectl rollout").split()
    return command.in_text and all(word.startswith("-") for word in words[2:])


def is_run(command: Command) -> bool:
    return program(command.text) not in {*STUBS, OF_ST2} and command.text not in NOT_HERE


def test_nothing_is_kept_for_commands_that_are_gone() -> None:
    texts = {each.text for each in COMMANDS}
    assert [text for text in (*FILLED, *BEFORE, *NOT_HERE) if text not in texts] == []


class Done(NamedTuple):
    """How a command ended, and all that it said."""

    status: int
    said: str


class Sandbox:
    """A folder to type commands in, beside a cluster."""

    def __init__(self, kubectl: Kubectl, folder: Path) -> None:
        self.folder = folder / "project"
        self.folder.mkdir()
        self._programs = folder / "programs"
        self._programs.mkdir()
        python = shlex.quote(sys.executable)
        self._program("kubectl", (HERE / "kubectl.sh").read_text())
        self._program("python", f'exec {python} "$@"')
        ours = "from constructs_st2.commands.entry import main; main()"
        self._program("constructs-st2", f'exec {python} -c "{ours}" "$@"')
        self._program("make", '[ "$*" = synth ] || exec /usr/bin/make --dry-run "$@"; exec python main.py --quiet')
        for name in STUBS:
            self._program(name, "")
        for name in (
            ".ci",
            "Makefile",
            "constructs_st2",
            "examples",
            "imports",
            "main.py",
            "pyproject.toml",
            "requirements",
            "tests",
            "tools",
        ):
            (self.folder / name).symlink_to(ROOT / name)
        (self.folder / ".venv").symlink_to(sys.prefix)
        who = {f"GIT_{role}_{what}": "x@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        self.environment = {
            **{name: value for name, value in kubectl.environment.items() if not name.startswith(("ST2_", "CDK8S_"))},
            **who,
            "PATH": f"{self._programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHON": sys.executable,
            "PYTHONPATH": str(ROOT),
            "NODES": str(HERE / "kubectl_of_nodes.py"),
            "KUBECTL": str(kubectl.program),
            "EDITOR": "true",
            "GIT_EDITOR": "echo changed >",
            "KEY": "key",
            "HOME": str(folder),
        }

    def _program(self, name: str, script: str) -> None:
        path = self._programs / name
        path.write_text(script if script.startswith("#!") else f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def run(self, text: str) -> Done:
        """Type a command, and a password where it asks for one."""
        words = [] if _FOR_A_SHELL.search(text) else shlex.split(text, comments=True)
        return self._run_here(words[1:]) if words[:1] == ["constructs-st2"] else self._run_by_shell(text)

    def _run_here(self, arguments: list[str]) -> Done:
        """Run our own program in this process, which has read it already."""
        unset = {name: None for name in os.environ if name not in self.environment}
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            ended = CliRunner().invoke(cli, arguments, _TYPED, {**unset, **self.environment})
        if isinstance(ended.exception, UserError):
            return Done(1, ended.output + "\n".join(ended.exception.problems))
        if ended.exception and not isinstance(ended.exception, SystemExit):
            raise ended.exception
        return Done(ended.exit_code, ended.output)

    def _run_by_shell(self, text: str) -> Done:
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", text],
            cwd=self.folder,
            env=self.environment,
            input=_TYPED,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
        return Done(done.returncode, done.stdout + done.stderr)

    def must(self, text: str) -> str:
        """Type a command, which must succeed: what it says."""
        done = self.run(text)
        assert done.status == 0, f"{text}: {done.said[-4000:]}"
        return done.said


def issued(certificate: Document, sandbox: Sandbox) -> Document:
    """What cert-manager makes of a Certificate, as far as anybody looks here."""
    metadata = {"name": certificate["spec"]["secretName"], "namespace": NAMESPACE}
    issuer = (sandbox.folder / "controller.pem").read_text()
    keys = {"ca.crt": issuer, "tls.crt": issuer, "tls.key": (sandbox.folder / "../key.pem").read_text()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": keys}


def release() -> Document:
    """A release of Helm with the chart."""
    metadata = {"name": "sh.helm.release.v1.st2.v3", "namespace": NAMESPACE, "labels": {"owner": "helm", "name": "st2"}}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "helm.sh/release.v1",
        "metadata": metadata,
        "data": {"release": stored(RELEASE)},
    }


@pytest.fixture(scope="module")
def sandbox(kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    kubectl.server.define(custom_kinds())
    made = Sandbox(kubectl, tmp_path_factory.mktemp("sandbox"))
    (made.folder / "values.yaml").write_text(yaml.safe_dump(VALUES))
    for name in ("digests.yaml", "hello.yaml", "packs.yaml", "production.yaml"):
        (made.folder / name).touch()
    (made.folder / "chart" / "tests" / "unit").mkdir(parents=True)
    (made.folder.parent / "release.yaml").write_text(json.dumps(release()))
    made.must("openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x -keyout ../key.pem -out controller.pem")
    (made.folder.parent / "secrets.yaml").write_text(made.must("constructs-st2 secrets generate"))
    made.must("constructs-st2 synth --quiet")
    made.must("git init -q -b main && git add -A && git commit -qm first")
    made.must(_CHANGE.format("st2rulesengine"))
    made.must("constructs-st2 synth --quiet")
    made.must("git commit -qam second")
    made.must("git clone -q --bare . ../origin.git && git remote add origin ../origin.git && git fetch -q")
    made.must("kubectl apply -f dist/")
    made.must(f"kubectl config set-context --current --namespace {NAMESPACE}")
    made.must("kubectl config set-context production --cluster tests --user tests")
    return made


@pytest.fixture(scope="module")
def live(sandbox: Sandbox, kubectl: Kubectl, synth: Synth) -> Cluster:
    objects = read_text(sandbox.must("cat dist/*.yaml"), "dist/")
    known = {(each["kind"], each["metadata"]["name"]) for each in objects}
    objects += [each for each in synth({**VALUES, **ETCD}) if (each["kind"], each["metadata"]["name"]) not in known]
    objects += [issued(each, sandbox) for each in objects if each["kind"] == "Certificate"]
    for each in objects[len(known) :]:
        kubectl.server.apply(each)
    return Cluster(kubectl.server, objects)


def as_run(command: Command) -> str:
    """What is typed for a command."""
    text = bare(filled(command.text))
    first = program(text)
    if is_name(command) and first in ("kubectl", "constructs-st2"):
        return f"{text.split(' -')[0]} --help"
    if first == ".ci/run":
        return "bash -n .ci/run"
    if first.startswith(STEPS):
        return f"bash -n adopted/{first}"
    if first in IN_PODS:
        return f"kubectl exec {IN_PODS[first]} -- {text}"
    return text


def bare(text: str) -> str:
    """A command without the comment behind it."""
    return text if "\n" in text else re.sub(r"\s+#\s.*", "", text)


def parts() -> Iterator[tuple[str, list[Command]]]:
    """The commands of each page in their order, and each only where it stands first."""
    known: set[str] = set()
    for page in PAGES:
        found = sorted((each for each in COMMANDS if each.page == page and is_run(each)), key=lambda each: each.number)
        new = {bare(each.text): each for each in reversed(found) if bare(each.text) not in known}
        known.update(new)
        if new:
            yield page.stem, sorted(new.values(), key=lambda each: each.number)


@pytest.mark.parametrize("asked", [asked for _, asked in parts()], ids=[page for page, _ in parts()])
def test_commands_of_a_page(sandbox: Sandbox, live: Cluster, asked: list[Command]) -> None:
    failed = []
    for command, following in zip(asked, [*asked[1:], None], strict=True):
        for before in BEFORE.get(command.text, ()):
            sandbox.must(before)
            live.act()
        done = sandbox.run(as_run(command))
        if done.status not in statuses(command.text) or _NOTHING.search(done.said):
            failed.append(f"{command.where}: {as_run(command)}\n{done.status}: {done.said[-1000:]}")
        if command.text in BEFORE or not only_reads(command.text):
            live.act()
            # The commands of a block follow each other.
            if following is None or following.block != command.block or command.in_text:
                live.restore()
    sandbox.must("git checkout -qf -B main origin/main && git clean -fdq")
    assert not failed, "\n".join(failed)


def statuses(text: str) -> tuple[int, ...]:
    return next((numbers for part, numbers in STATUSES.items() if part in text), (0,))


def only_reads(text: str) -> bool:
    """Whether it leaves the cluster as it is."""
    return "kubectl" not in text or bool(
        re.match(r"kubectl (-n \S+ )?(describe|exec|get|logs|port-forward|top) ", text)
    )


# Reads the commands of StackStorm's client as the client does, and runs none.
_CLIENT = """
import contextlib, io, json, shlex, sys
from st2client.shell import Shell

parser = Shell().parser
for text in json.load(sys.stdin):
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            parser.parse_args(shlex.split(text)[1:])
        except SystemExit:
            print(text, said.getvalue())
"""


def test_commands_of_st2(environment: Environment) -> None:
    """Its client knows them, and their options."""
    typed = [filled(each.text) for each in COMMANDS if program(each.text) == OF_ST2]
    for each in COMMANDS:
        inside = (
            exec_of(shlex.split(each.text)) if program(each.text) == "kubectl" and " -- st2 " in each.text else None
        )
        typed += [shlex.join(inside.command)] if inside else []
    assert "st2 pack remove aws" in typed
    # Names of commands in running text lack what they are about.
    commands = [part for text in typed for part in text.split("; ") if len(part.split()) > 3]
    done = subprocess.run(
        [environment("secrets-3.9"), "-W", "ignore", "-c", _CLIENT],
        input=json.dumps(commands),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
