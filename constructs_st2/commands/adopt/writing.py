"""The folder with everything that a move needs."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import yaml

from constructs_st2.commands.adopt import plan
from constructs_st2.commands.adopt.conversion import Converted, convert
from constructs_st2.commands.adopt.helm import HelmRelease
from constructs_st2.commands.cluster_options import ClusterOptions
from constructs_st2.construct.build import build
from constructs_st2.errors import UserError
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.secrets.given import references
from constructs_st2.parts.secrets.plan import expected
from constructs_st2.values.yaml_source import read

VALUES, COMPARISON, STEPS = "values.yaml", "comparison.md", "steps"
_HEADER = "# Made of the values of release {name}, revision {revision}, of chart {chart} {version}.\n"


def write_move(release: HelmRelease, folder: Path) -> Iterator[str]:
    """Write values, comparison and steps. What a run before has saved stays.

    Yields:
        What people should know, line by line.
    """
    steps, values = folder / STEPS, folder / VALUES
    steps.mkdir(parents=True, exist_ok=True)
    converted = _write_values(release, values)
    _copy_scripts(steps)
    (steps / "settings.sh").write_text(plan.settings(release, read(values).data), encoding="utf-8")
    (steps / "objects").write_text(plan.fates(release, None), encoding="utf-8")
    yield f"{values}: {len(converted.notes)} keys of the chart have changed, each with the reason"
    yield from (f"for you to change: {problem}" for problem in converted.problems)
    try:
        with ClusterOptions((values,), (), release.name, release.namespace).cluster() as cluster:
            objects = build(cluster).objects
            secrets = _secrets(cluster)
    except UserError as error:
        yield from (f"for you to change: {problem}" for problem in error.problems)
        yield f"then run: constructs-st2 synth -f {values} --release {release.name} --namespace {release.namespace}"
        return
    (steps / "objects").write_text(plan.fates(release, secrets), encoding="utf-8")
    (folder / COMPARISON).write_text(plan.comparison(release, objects), encoding="utf-8")
    yield f"{folder / COMPARISON}: what the chart had, and what you get"
    yield (
        f"next: constructs-st2 synth -f {values} --release {release.name} --namespace {release.namespace} "
        f"--output {folder / 'dist'}, then {steps / 'README.md'}"
    )


def _write_values(release: HelmRelease, values: Path) -> Converted:
    """Write the values of the release as they are here, and tell what has changed in them."""
    # Written twice: lines are told as they are in the file.
    given = yaml.safe_dump(dict(release.given), sort_keys=False, allow_unicode=True) if release.given else ""
    header = _HEADER.format(name=release.name, revision=release.revision, chart=release.chart, version=release.version)
    values.write_text(given, encoding="utf-8")
    converted = convert(given, read(values), sets=plan.names_and_versions(release), drop=plan.in_a_secret)
    values.write_text(header + converted.text, encoding="utf-8")
    return converted


def _copy_scripts(steps: Path) -> None:
    for script in resources.files(__package__).joinpath(STEPS).iterdir():
        if script.name.endswith((".sh", ".py", ".md")):
            target = steps / script.name
            target.write_text(script.read_text(encoding="utf-8"), encoding="utf-8")
            target.chmod(0o755 if script.name.endswith(".sh") else 0o644)


def _secrets(cluster: Cluster) -> set[str]:
    """The Secrets that the new manifests read, or from which values are taken."""
    named = {reference.existing_secret for reference in references(cluster.values)}
    return named | {secret.name for secret in expected(cluster)}
