"""What is said after a synth: what there is now, and the first steps with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from constructs_st2.commands.addresses import LOCAL_PORT, addresses
from constructs_st2.commands.costs import Costs, gib, storage_text
from constructs_st2.facts.catalogue import ST2CLIENT, ST2WEB
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.components import SECRETS_BOOTSTRAP
from constructs_st2.facts.secrets import contract
from constructs_st2.kube.documents import Document
from constructs_st2.parts.services import web
from constructs_st2.values.model import Values

_PLAIN_SECRETS = click.style(
    " SECRETS ARE IN CLEAR TEXT IN THESE FILES (secrets.mode: plain). For development only: "
    "do not commit them, do not use them anywhere else. ",
    fg="white",
    bg="red",
    bold=True,
)


def summary(
    cluster: Cluster, objects: Sequence[Document], files: int, folder: Path, others: Sequence[Cluster] = ()
) -> str:
    """A short text for the terminal.

    Args:
        cluster: the cluster that it is about.
        objects: all that was written.
        files: into how many files.
        folder: where they are.
        others: clusters that were written, too.
    """
    release, values = cluster.release, cluster.values
    costs = Costs.of(objects)
    in_namespace = f"kubectl -n {release.namespace}"
    lines = [
        f"{folder}/: {files} files, {len(objects)} objects, {costs.pods} pods; "
        f"requests {float(costs.cpu):.4g} CPUs and {gib(costs.memory)}",
        *([f"claims {storage_text(costs.storage)}"] if costs.storage else []),
        *(_which(each) for each in (cluster, *others)),
        *([_PLAIN_SECRETS] if any(each.values.secrets.mode == "plain" for each in (cluster, *others)) else []),
        "",
        f"Apply            kubectl apply -f {folder}/",
        f"Watch            {in_namespace} get pods -l release={release.name} -w",
        *_waiting(values, in_namespace),
        *_web_ui(cluster, in_namespace),
        f"User             {values.st2.username}",
        f"Password         {in_namespace} get secret {cluster.secret(contract.AUTH)} "
        f"-o jsonpath='{{.data.{contract.AUTH_PASSWORD}}}' | base64 -d",
    ]
    if values.st2client.replicas:
        client = release.named(ST2CLIENT.name)
        lines.append(f"Command line     {in_namespace} exec -it deploy/{client} -- st2 run core.local cmd=date")
    return "\n".join(lines)


def _which(cluster: Cluster) -> str:
    release, profile = cluster.release, cluster.values.profile
    return f"release {release.name}, namespace {release.namespace}, st2 {cluster.version}, profile {profile}"


_MAKERS: Mapping[str, tuple[str, str]] = {
    "bootstrap": (f"the Job {SECRETS_BOOTSTRAP} has made", f"logs -l app={SECRETS_BOOTSTRAP}"),
    "external-secrets": ("External Secrets Operator has made", "get externalsecrets"),
    "existing": ("you have made", "get secrets"),
}
"""By `secrets.mode`: who makes the Secrets, and how one sees it."""


def _waiting(values: Values, in_namespace: str) -> list[str]:
    """What a first start shows that looks like a fault and is none."""
    if values.secrets.mode not in _MAKERS:
        return []
    if values.secrets.were_bootstrapped:
        return [
            "                 nothing makes Secrets (secrets.bootstrap.enabled: false): they must be there already:",
            f"                 {in_namespace} get secrets",
        ]
    maker, looked_at = _MAKERS[values.secrets.mode]
    return [
        f"                 pods wait, with events FailedMount, until {maker} the Secrets:",
        f"                 {in_namespace} {looked_at}",
    ]


def _web_ui(cluster: Cluster, in_namespace: str) -> list[str]:
    values, name = cluster.values.st2web, cluster.release.named(ST2WEB.name)
    scheme, port = next(iter(web.ports(cluster.values).items()))
    steps = [
        f"Web UI           {in_namespace} port-forward svc/{name} {LOCAL_PORT}:{port}    then "
        f"{scheme}://127.0.0.1:{LOCAL_PORT}/"
    ]
    match values.service.type:
        case "NodePort":
            path = "{.spec.ports[0].nodePort}"
            steps.append(f"                 or on any node, port: {in_namespace} get svc {name} -o jsonpath='{path}'")
        case "LoadBalancer":
            steps.append(f"                 or at the address of: {in_namespace} get svc {name}")
        case "ExternalName":
            steps = [f"Web UI           {scheme}://{values.service.hostname}/"]
        case "ClusterIP":
            pass
    return [*steps, *(f"                 or {address}" for address in addresses(cluster.values))]
