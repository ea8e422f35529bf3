"""`constructs-st2 try`: from nothing to a StackStorm that has passed its smoke test, on this machine."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from constructs_st2.commands.addresses import LOCAL_PORT
from constructs_st2.commands.trying.providers import PROVIDERS
from constructs_st2.errors import InvalidValues, UserError
from constructs_st2.facts.release import DEFAULT_NAMESPACE, DEFAULT_RELEASE

if TYPE_CHECKING:
    from constructs_st2.commands.kubectl import Kubectl
    from constructs_st2.facts.cluster import Cluster
    from constructs_st2.kube.documents import Document

RELEASE, NAMESPACE, NAME = DEFAULT_RELEASE, DEFAULT_NAMESPACE, "st2-try"
BELOW: dict[str, Any] = {
    "profile": "dev",
    "st2web": {"service": {"type": "ClusterIP"}},
    "jobs": {"smokeTest": {"enabled": True}},
}
"""Values that lie below those of the user: one pod of everything, and a Job that tries everything out."""
_PAUSE = 2.0


@click.command("try")
@click.option(
    "--provider",
    type=click.Choice([provider.name for provider in PROVIDERS]),
    help="What runs Kubernetes here. Default: the first of these that is installed.",
)
@click.option("--name", default=NAME, show_default=True, help="Name of the Kubernetes cluster.")
@click.option("-f", "--values", "files", multiple=True, type=click.Path(path_type=Path), help="Further values.")
@click.option("--set", "sets", multiple=True, metavar="PATH=VALUE", help="Set one value.")
@click.option("--timeout", default=1200, show_default=True, metavar="SECONDS", help="How long to wait for all pods.")
@click.option("--forward/--no-forward", default=None, help="Open the web UI on this machine. Default: on a terminal.")
@click.option("--delete", is_flag=True, help="Delete the Kubernetes cluster and all that is in it.")
def try_out(
    provider: str | None,
    name: str,
    files: tuple[Path, ...],
    sets: tuple[str, ...],
    timeout: int,
    forward: bool | None,
    delete: bool,
) -> None:
    """Run StackStorm on this machine, in a Kubernetes cluster of its own.

    Makes the cluster by kind, k3d or minikube, applies a small StackStorm (profile dev), waits for it, tries it out,
    and tells how to log in. What your kubectl knows is not touched. It takes about 5 GiB of memory, some GB of disk for
    images, and the minutes that it takes to pull them.
    """
    from constructs_st2.checks.data import name_of
    from constructs_st2.commands.kubectl import Kubectl
    from constructs_st2.commands.trying import providers
    from constructs_st2.kube.yaml_text import yaml_text

    folder = _folder(name)
    # Where kubectl, and the provider, find the cluster: not among the user's own.
    os.environ["KUBECONFIG"] = str(folder / "kubeconfig")
    runs_on = providers.chosen(provider)
    if delete:
        providers.run(runs_on, runs_on.delete, name)
        shutil.rmtree(folder, ignore_errors=True)
        return
    if not shutil.which("kubectl"):
        raise UserError("cannot find kubectl: https://kubernetes.io/docs/tasks/tools/")
    for text in providers.shortcomings():
        click.echo(f"warning: {text}", err=True)
    cluster, objects = _made(files, sets)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "stackstorm.yaml"
    file.write_text(yaml_text(objects), encoding="utf-8")
    providers.run(runs_on, runs_on.reach if providers.is_there(runs_on, name) else runs_on.create, name)
    kubectl = Kubectl()
    click.echo(f"{len(kubectl.must('apply', '-f', str(file)).splitlines())} objects are applied: {file}")
    _wait(kubectl, timeout, {name_of(each) for each in objects if each["kind"] == "Job"})
    _tell(kubectl, cluster, name)
    if sys.stdout.isatty() if forward is None else forward:
        _forward(cluster)


def _folder(name: str) -> Path:
    """Where this keeps what it has made (https://specifications.freedesktop.org/basedir-spec)."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "constructs-st2" / "try" / name


def _made(files: Sequence[Path], sets: Sequence[str]) -> tuple[Cluster, list[Document]]:
    from constructs_st2.construct.build import build
    from constructs_st2.construct.clusters import cluster_of
    from constructs_st2.values import GivenValues, load_values

    given = load_values(files, sets)
    below = GivenValues.of(BELOW)
    loaded = GivenValues((*below.sources, *given.sources), given.sets).resolve(RELEASE, NAMESPACE)
    try:
        cluster = cluster_of(loaded.values, RELEASE, NAMESPACE)
    except InvalidValues as error:
        raise UserError(loaded.report(error.problems)) from error
    return cluster, build(cluster).objects


def _wait(kubectl: Kubectl, seconds: int, jobs: Collection[str]) -> None:
    """Wait for all pods and Jobs, and tell what they do.

    Raises:
        UserError: a Job has failed for good, or it takes too long.
    """
    from constructs_st2.commands.trying.progress import KINDS, progress

    begin, told = time.monotonic(), ""
    on_terminal = sys.stdout.isatty()
    while True:
        now = progress(kubectl.objects("get", ",".join(KINDS), "-n", NAMESPACE), jobs)
        elapsed = time.monotonic() - begin
        is_over = now.is_complete or bool(now.failed) or elapsed > seconds
        if str(now) != told:
            told = str(now)
            _tell_progress(f"{elapsed:4.0f} s  {told}", on_terminal=on_terminal)
        if is_over and on_terminal:
            click.echo()
        if now.is_complete:
            return
        for job in now.failed:
            raise UserError([f"the Job {job} has failed; what it says:", *_logs(kubectl, f"job/{job}")])
        if is_over:
            raise UserError([f"not ready after {seconds} s: {told}", *now.trouble, *_ADVICE])
        time.sleep(_PAUSE)


def _tell_progress(line: str, *, on_terminal: bool) -> None:
    """Tell how far it is: on a terminal in the place of what was told before."""
    if on_terminal:
        width = shutil.get_terminal_size().columns - 1
        click.echo(f"\r{line[:width]:{width}}", nl=False)
    else:
        click.echo(line)


_ADVICE = (
    "it goes on by itself; call this command again to wait for it",
    "or see what holds it up: constructs-st2 doctor",
)


def _logs(kubectl: Kubectl, what: str, lines: int = 15) -> list[str]:
    ended = kubectl.run("logs", "-n", NAMESPACE, what, f"--tail={lines}")
    return (ended.output if not ended.status else ended.said).splitlines()


def _tell(kubectl: Kubectl, cluster: Cluster, name: str) -> None:
    """How to log in, and what comes next."""
    from constructs_st2.facts.catalogue import ST2CLIENT
    from constructs_st2.facts.jobs import SMOKE_TEST
    from constructs_st2.facts.secrets import contract

    jobs = kubectl.must("get", "jobs", "-n", NAMESPACE, "-o", "name").split()
    if any(SMOKE_TEST in job for job in jobs):
        click.echo("\nStackStorm runs, and its smoke test has passed.")
    path = f"jsonpath={{.data.{contract.AUTH_PASSWORD}}}"
    encoded = kubectl.must("get", "secret", cluster.secret(contract.AUTH), "-n", NAMESPACE, "-o", path)
    client = cluster.release.named(ST2CLIENT.name)
    click.echo(
        f"""
Web UI           https://localhost:{LOCAL_PORT}/ (its certificate is its own)
User             {cluster.values.st2.username}
Password         {base64.b64decode(encoded).decode()}

With kubectl     export KUBECONFIG={os.environ["KUBECONFIG"]}
Web UI again     {" ".join(_forwarding(cluster))}
Run an action    kubectl -n {NAMESPACE} exec deploy/{client} -- st2 run core.local cmd=date
Delete it all    constructs-st2 try --delete{"" if name == NAME else f" --name {name}"}"""
    )


def _forwarding(cluster: Cluster) -> list[str]:
    from constructs_st2.facts.catalogue import ST2WEB
    from constructs_st2.parts.services import web

    service = f"svc/{cluster.release.named(ST2WEB.name)}"
    port = next(iter(web.ports(cluster.values).values()))
    return ["kubectl", "-n", NAMESPACE, "port-forward", service, f"{LOCAL_PORT}:{port}"]


def _forward(cluster: Cluster) -> None:
    """Let the web UI be reached from this machine until somebody ends it."""
    click.echo("\nThe web UI can be reached until you press Ctrl-C; StackStorm runs on.")
    subprocess.run(_forwarding(cluster), check=False, stdout=subprocess.DEVNULL)
