"""How long a synth takes, beside the floor that cdk8s sets. Prints medians of paired runs.

Runs alternate between the floor and the synth, so that what else the machine does falls on both. On a machine that is
not quiet, look at the times of the processors.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from constructs_st2 import node
from constructs_st2.checks import Surroundings, check
from constructs_st2.checks.surroundings import surroundings
from constructs_st2.construct.clusters import cluster_of
from constructs_st2.construct.foreign import foreign
from constructs_st2.construct.plans import compose
from constructs_st2.kube.documents import Document
from constructs_st2.parts.tiers import documents_of
from constructs_st2.values import from_mapping

HERE = Path(__file__).parent
PAIRS = 11
RATIO_TARGET = 1.5
MILLISECONDS_PER_OBJECT_TARGET = 1.0
MILLISECONDS_OF_CHECKS_TARGET = 5.0
"""For as many objects as `OBJECTS_CHECKED`."""
OBJECTS_CHECKED = 64
RELEASES = (1, 10, 100)
FLEET = 20
PLAN_RATIO_TARGET = 2.0


class Spent(NamedTuple):
    """Seconds on the clock, and of the processors."""

    wall: float
    cpu: float


class Cost(NamedTuple):
    """What a number of releases in one process cost."""

    objects: int
    bytes: int
    spent: Spent


def main() -> None:
    """Measure, and print what was measured beside the targets."""
    # Compiled modules, as everybody has them after the first run.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    node.prepare(os.environ)
    print(f"load of the machine {os.getloadavg()[0]:.1f}{'':42} wall     CPU")
    with tempfile.TemporaryDirectory() as folder:
        compare_with_floor(Path(folder) / "dist")
        compare_releases(Path(folder) / "releases")
        compare_plan(Path(folder) / "fleet")
    time_checks()


def compare_with_floor(output: Path) -> None:
    """The default synth beside the least that any cdk8s program does."""
    floor = [sys.executable, str(HERE / "floor.py"), str(output)]
    synth = [sys.executable, str(HERE.parent / "main.py"), "--quiet", "--output", str(output)]
    run(floor)
    run(synth)
    pairs = [(run(floor), run(synth)) for _ in range(PAIRS)]
    report("floor (import cdk8s, synth an empty App), s", medians([pair[0] for pair in pairs]))
    report("default synth, s", medians([pair[1] for pair in pairs]))
    ratios = [Spent(whole.wall / least.wall, whole.cpu / least.cpu) for least, whole in pairs]
    report(f"ratio, median of {PAIRS} pairs", medians(ratios), RATIO_TARGET)


def compare_releases(output: Path) -> None:
    """What further objects cost, from one release to a hundred."""
    costs = {count: releases(count, output) for count in RELEASES}
    for count, cost in costs.items():
        report(f"{count} releases in one process, {cost.objects} objects, ms each", each(cost.spent, cost.objects))
    first, last = costs[RELEASES[0]], costs[RELEASES[-1]]
    further = Spent(last.spent.wall - first.spent.wall, last.spent.cpu - first.spent.cpu)
    size = last.bytes / last.objects / 1024
    name = f"each further object, {size:.1f} KiB of YAML, ms"
    report(name, each(further, last.objects - first.objects), MILLISECONDS_PER_OBJECT_TARGET)


def compare_plan(output: Path) -> None:
    """What a synth over an older state costs, whose step is looked at: all pods of StackStorm get another image."""
    written, planned = [], []
    for _ in range(3):
        shutil.rmtree(output, ignore_errors=True)
        written.append(release_run(FLEET, output, "3.9.0"))
        planned.append(release_run(FLEET, output, "3.9.1"))
        if not planned[-1]["changes"] > FLEET:
            sys.exit(f"nothing was planned: {planned[-1]}")
    before, after = (medians([spent_of(each) for each in runs]) for runs in (written, planned))
    report(f"synth of {FLEET} releases in one app, s", before)
    report(f"the same over an older state, with its plan of {planned[0]['changes']} changes, s", after)
    report("ratio", Spent(after.wall / before.wall, after.cpu / before.cpu), PLAN_RATIO_TARGET)


def time_checks() -> None:
    """What the checks of a release cost, as `build` has them: the first, others of other names, and one again."""
    fleet = [composed(f"st2-{number}", f"stackstorm-{number}") for number in range(FLEET)]
    first, *further = [checked(*release) for release in fleet]
    again = [checked(*fleet[0]) for _ in range(20)]
    share = len(fleet[0][0]) / OBJECTS_CHECKED
    name = f"checks, for {OBJECTS_CHECKED} objects of a release"
    report(f"{name}, the first of a process, ms", each(first, share))
    report(f"{name}, further ones, ms", each(medians(further), share), MILLISECONDS_OF_CHECKS_TARGET)
    report(f"{name}, the same again, ms", each(medians(again), share), MILLISECONDS_OF_CHECKS_TARGET)


def composed(release: str, namespace: str) -> tuple[Sequence[Document], Surroundings, Sequence[Document]]:
    """What is checked of a default cluster."""
    cluster = cluster_of(from_mapping({}), release, namespace)
    parts = compose(cluster)
    return documents_of(parts), surroundings(cluster), foreign(cluster, parts)


def checked(objects: Sequence[Document], around: Surroundings, strange: Sequence[Document]) -> Spent:
    """What one check spends."""
    begin = time.perf_counter(), time.process_time()
    check(objects, around, strange)
    return Spent(time.perf_counter() - begin[0], time.process_time() - begin[1])


def report(name: str, spent: Spent, target: float | None = None) -> None:
    """Print one line."""
    suffix = "" if target is None else f"    target: at most {target}"
    print(f"{name:60} {spent.wall:7.3f} {spent.cpu:7.3f}{suffix}")


def medians(spent: Sequence[Spent]) -> Spent:
    """The median of each."""
    return Spent(statistics.median(one.wall for one in spent), statistics.median(one.cpu for one in spent))


def each(spent: Spent, count: float) -> Spent:
    """Milliseconds for each of a number."""
    return Spent(1000 * spent.wall / count, 1000 * spent.cpu / count)


def run(command: list[str]) -> Spent:
    """What a program and those that it starts spend."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Spent(time.perf_counter() - begin, cpu)


def releases(count: int, output: Path) -> Cost:
    """The cost of so many releases: the median of three runs."""
    runs = [release_run(count, output) for _ in range(3)]
    written = sum(path.stat().st_size for path in output.iterdir())
    return Cost(int(runs[0]["objects"]), written, medians([spent_of(each) for each in runs]))


def release_run(count: int, output: Path, *tag: str) -> dict[str, float]:
    """What a program says of its synth of so many releases."""
    command = [sys.executable, str(HERE / "releases.py"), str(count), str(output), *tag]
    said: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return said


def spent_of(said: Mapping[str, float]) -> Spent:
    """What a program says it has spent."""
    return Spent(said["seconds"], said["cpu"])


if __name__ == "__main__":
    main()
