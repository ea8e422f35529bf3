"""`constructs-st2 uninstall`: the commands that take StackStorm away, and what each of them leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from constructs_st2.commands.cluster_options import ClusterOptions, with_cluster_options
from constructs_st2.facts.release import MANAGED_BY
from constructs_st2.kube.well_known import INSTANCE_LABEL, MANAGED_BY_LABEL, MANIFESTS, NAME_LABEL

if TYPE_CHECKING:
    from constructs_st2.facts.cluster import Cluster


@click.command()
@with_cluster_options
@click.option(
    "--keep",
    type=click.Choice(["data", "backups", "nothing"]),
    default="data",
    show_default=True,
    help="What is left: all data; backups, and the key that opens what is secret in them; or nothing.",
)
@click.option("--manifests", default=MANIFESTS, show_default=True, metavar="DIR", help="Where the manifests are.")
def uninstall(options: ClusterOptions, keep: str, manifests: str) -> None:
    """Print the commands that take StackStorm out of a cluster. They are yours to run."""
    with options.cluster() as cluster:
        lines = list(_SCRIPTS[keep](cluster, manifests))
    if not Path(manifests).is_dir():
        click.echo(
            f"warning: {manifests}: no such folder; constructs-st2 synth --output {manifests} writes it", err=True
        )
    click.echo("\n".join(lines))


def stop(cluster: Cluster, manifests: str) -> Iterator[str]:
    """Stop everything, and keep the data."""
    yield "# Stops StackStorm and its backends. Volumes, Secrets and the namespace stay."
    if cluster.values.namespace.protect_data:
        yield "# The errors at its end are meant: the cluster refuses to delete what holds data."
        yield f"kubectl delete -f {manifests}/ --ignore-not-found || true"
    else:
        yield f"kubectl delete --ignore-not-found {_all_but_namespace(manifests)}"
    yield "# To come back, with all that was there:"
    yield f"#   kubectl apply -f {manifests}/"


def _all_but_namespace(manifests: str) -> str:
    """The files without the first, which holds the namespace and nothing but what is about it."""
    from constructs_st2.construct.plans import PLANS

    first = PLANS["namespace"].file
    files = sorted(path.name for path in Path(manifests).glob("*.yaml") if first not in path.name)
    return " ".join(f"-f {manifests}/{name}" for name in files) or f"-f {manifests}/"


def but_backups(cluster: Cluster, manifests: str) -> Iterator[str]:
    """Remove the data, and keep backups with the key that opens them."""
    from constructs_st2.facts.components import BACKUP
    from constructs_st2.facts.keeping import ALLOWED
    from constructs_st2.facts.secrets import contract

    release = cluster.release
    kubectl = f"kubectl -n {release.namespace}"
    others = f"{INSTANCE_LABEL}={release.name},{NAME_LABEL}!={BACKUP}"
    key = cluster.secret(contract.DATASTORE)
    yield from list(stop(cluster, manifests))[:-2]
    yield f"# DESTROYS the database, messages and packs. Backups stay, and {key}, without which secret items are lost."
    yield f"{kubectl} annotate pvc -l '{others}' {ALLOWED}=true --overwrite"
    yield f"{kubectl} delete pvc -l '{others}'"
    # The user's own are not this release's.
    made = [spec for spec in contract.required(cluster.values) if not spec.replaced_by(cluster.values)]
    gone = " ".join(name for name in map(cluster.secret, made) if name != key)
    yield f"for secret in {gone}; do"
    yield f"  {kubectl} annotate secret $secret {ALLOWED}=true --overwrite 2>/dev/null || continue"
    yield f"  {kubectl} delete secret $secret"
    yield "done"


def everything(cluster: Cluster, manifests: str) -> Iterator[str]:
    """Remove everything."""
    from constructs_st2.facts.keeping import ALLOWED, policy_name
    from constructs_st2.facts.priorities import class_names

    release = cluster.release
    yield f"# DESTROYS everything in the namespace {release.namespace}, backups in volumes too. Those in a bucket stay."
    yield f"kubectl annotate namespace {release.namespace} {ALLOWED}=true --overwrite"
    yield f"kubectl delete -f {manifests}/ --ignore-not-found --wait=false"
    if not cluster.values.namespace.create:
        mine = f"-l {INSTANCE_LABEL}={release.name},{MANAGED_BY_LABEL}={MANAGED_BY}"
        yield f"kubectl -n {release.namespace} delete pvc,secret {mine}"
    if classes := class_names(cluster.values, release):
        yield "# What is in no namespace:"
        yield f"kubectl delete priorityclass --ignore-not-found {' '.join(classes)}"
    if cluster.values.namespace.protect_data:
        yield "# The policy that kept the data goes last."
        for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
            patch = """-p '{"metadata":{"finalizers":null}}'"""
            yield f"kubectl patch {kind} {policy_name(release)} --type=merge {patch}"
    yield "# Volumes whose storage class retains them:"
    yield "kubectl get pv"


_SCRIPTS: Mapping[str, Callable[[Cluster, str], Iterator[str]]] = {
    "data": stop,
    "backups": but_backups,
    "nothing": everything,
}
