"""`constructs-st2 upgrade`: the steps to a newer version, one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from constructs_st2.commands.cluster_options import DEFAULT_VALUES, ClusterOptions, with_cluster_options
from constructs_st2.kube.well_known import MANIFESTS

if TYPE_CHECKING:
    from constructs_st2.facts.backends.upgrades import Upgrades, Version
    from constructs_st2.facts.cluster import Cluster

MONGODB = "mongodb"
BACKENDS = (MONGODB, "rabbitmq", "redis", "etcd")


@dataclass(frozen=True)
class Step:
    """Values that are set together, what must be so before, and how one sees that it is done."""

    values: Mapping[str, str]
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@click.command()
@with_cluster_options
@click.argument("what", type=click.Choice(["st2", *BACKENDS]))
@click.argument("version")
@click.option("--write", is_flag=True, help="Set the values of the next step in the values file.")
def upgrade(options: ClusterOptions, what: str, version: str, write: bool) -> None:
    """Print the steps to another version of StackStorm or of a backend: values, waits and checks.

    They begin where the values are. With --write, the values of the next step are set in the last values file; apply
    them, see that they have worked, and run the command again.
    """
    with options.cluster() as cluster:
        steps = list(steps_to(cluster, what, version))
        if not steps:
            click.echo(f"{what} is at {version}: nothing is left to do")
            return
        for number, step in enumerate(steps, start=1):
            click.echo("\n".join(_told(number, step)))
    if write:
        file = (options.files or (DEFAULT_VALUES,))[-1]
        _write(steps[0], str(file))
        click.echo(f"\nStep 1 is set in {file}. See what it does: constructs-st2 plan")


def _told(number: int, step: Step) -> Iterator[str]:
    yield f"# Step {number}: " + ", ".join(f'{key}: "{value}"' for key, value in step.values.items())
    yield from (f"{line}" for line in step.before)
    settings = " ".join(f"--set {key}={value}" for key, value in step.values.items())
    yield f"#   in the values file, or: constructs-st2 plan {settings}"
    yield f"make synth && kubectl apply -f {MANIFESTS}/"
    yield from step.after


def _write(step: Step, file: str) -> None:
    from pathlib import Path

    from constructs_st2.values.editing import with_value

    path = Path(file)
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    for key, value in step.values.items():
        text = with_value(text, key.split("."), value)
    path.write_text(text, encoding="utf-8")


def steps_to(cluster: Cluster, what: str, version: str) -> Iterator[Step]:
    """The steps that are left.

    Raises:
        UserError: no way leads there.
    """
    from constructs_st2.errors import UserError
    from constructs_st2.facts.backends.upgrades import UPGRADES, version_in
    from constructs_st2.facts.versions import ST2_RELEASES

    wanted = version_in(version)
    if wanted is None:
        raise UserError(f'"{version}" is no version: give major and minor, such as 7.0')
    if what == "st2":
        yield from _st2(cluster, version)
        return
    old = _current(cluster, what)
    if old is None:
        raise UserError(f"{what} does not run in this cluster")
    newest = ST2_RELEASES[cluster.version].newest.get(what)
    if newest and wanted > newest:
        raise UserError(
            f"st2 {cluster.version} works with {what} {'.'.join(map(str, newest))} at most: upgrade st2 first"
        )
    steps = UPGRADES[what].steps(old, wanted)
    if steps is None and wanted > old:
        raise UserError(f"{what} {old} -> {version}: no known version leads there; does {version} exist?")
    if steps is None:
        raise UserError(f"{what} {old} -> {wanted}: there is no way back; see docs/how-to/day-two.md for a backup")
    yield from _backend(cluster, UPGRADES[what], old, steps)


def _current(cluster: Cluster, what: str) -> Version | None:
    from constructs_st2.parts.backends.in_cluster import member_set

    for role, backend in cluster.backends.items():
        members = member_set(role, cluster) if backend.component == what else None
        if members is not None:
            return members.version
    return None


def _backend(cluster: Cluster, upgrades: Upgrades, old: Version, steps: list[Version]) -> Iterator[Step]:
    from constructs_st2.facts.backends.upgrades import version_in

    kubectl = f"kubectl -n {cluster.release.namespace}"
    members = f"statefulset/{cluster.release.named(upgrades.component)}"
    ready = f"{kubectl} rollout status {members} --timeout=1h"
    before = [ready]
    if upgrades.component == MONGODB:
        before.append(f"{kubectl} get jobs -l app=backup   # is there a backup of today? docs/how-to/backup.md")
    if upgrades.before:
        flags = f"{kubectl} exec {cluster.release.named(upgrades.component)}-0 -c {upgrades.component} -- rabbitmqctl"
        listed = f"{flags} list_feature_flags name state stability   # all enabled, but experimental ones"
        before += [f"{flags} enable_feature_flag all", listed]
    held = version_in(cluster.values.mongodb.feature_compatibility_version or "")
    for key, value in upgrades.settings(old, steps, held):
        if key == upgrades.tag_key:
            yield Step({key: value}, tuple(before), (ready,))
        else:
            yield Step({key: value}, after=(_compatibility_is_set(cluster, value),))


def _compatibility_is_set(cluster: Cluster, version: str) -> str:
    """Waits for every member: each notes what its own data has."""
    release, count = cluster.release, cluster.values.mongodb.replicas
    members = ",".join(f"{key}={value}" for key, value in release.selector(MONGODB).items())
    logs = f"kubectl -n {release.namespace} logs -l {members} -c reconcile --tail=-1 --prefix"
    said = f"grep 'its data has featureCompatibilityVersion {version}' | sort -u | wc -l"
    return f'until test "$({logs} | {said})" -ge {count}; do sleep 5; done'


def _st2(cluster: Cluster, version: str) -> Iterator[Step]:
    """StackStorm alone: backends keep their versions, which else follow from its."""
    from constructs_st2.errors import UserError
    from constructs_st2.facts.backends.upgrades import version_in
    from constructs_st2.facts.versions import ST2_RELEASES, ST2_VERSIONS

    target = next((each for each in ST2_VERSIONS if version == each or version.startswith(f"{each}.")), None)
    if target is None:
        raise UserError(f"st2 {version} is not supported; use one of {', '.join(ST2_VERSIONS)}")
    if cluster.values.image.tag == version:
        return
    if ST2_VERSIONS.index(target) < ST2_VERSIONS.index(cluster.version):
        raise UserError(f"st2 {cluster.version} -> {version}: there is no way back without a backup of the database")
    kubectl = f"kubectl -n {cluster.release.namespace}"
    following = [
        backend.component
        for backend in cluster.backends.values()
        if getattr(cluster.values, backend.component).image.tag is None
        and len({getattr(ST2_RELEASES[each], backend.component) for each in (cluster.version, target)}) > 1
    ]
    kept = {f"{each}.image.tag": getattr(ST2_RELEASES[cluster.version], each) for each in following}
    newest = {each: version_in(getattr(ST2_RELEASES[target], each)) for each in following}
    follow = tuple(f"# then: constructs-st2 upgrade {each} {newest[each]}" for each in following)
    yield Step(
        {**kept, "image.tag": version},
        (f"{kubectl} get jobs -l app=backup   # is there a backup of today? docs/how-to/backup.md",),
        (f"{kubectl} rollout status deployment -l release={cluster.release.name} --timeout=1h", *follow),
    )
