"""How long a synth takes, beside the floor that cdk8s sets. Prints medians of paired runs.

Runs alternate between the floor and the synth, so that what else the machine does falls on both.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from constructs_st2 import node

HERE = Path(__file__).parent
PAIRS = 11
RATIO_TARGET = 1.8
MILLISECONDS_PER_OBJECT_TARGET = 1.2
RELEASES = (1, 10, 100)


class Cost(NamedTuple):
    """What a number of releases in one process cost."""

    objects: int
    bytes: int
    seconds: float


def main() -> None:
    """Measure, and print what was measured beside the targets."""
    node.prepare(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        compare_with_floor(Path(folder) / "dist")
        compare_releases(Path(folder) / "releases")


def compare_with_floor(output: Path) -> None:
    """The default synth beside the least that any cdk8s program does."""
    floor = [sys.executable, str(HERE / "floor.py"), str(output)]
    synth = [sys.executable, str(HERE.parent / "main.py"), "--quiet", "--output", str(output)]
    seconds(floor)
    seconds(synth)
    pairs = [(seconds(floor), seconds(synth)) for _ in range(PAIRS)]
    ratio = statistics.median(synthesized / empty for empty, synthesized in pairs)
    print(f"floor (import cdk8s, synth an empty App)   {statistics.median(pair[0] for pair in pairs):6.3f} s")
    print(f"default synth                              {statistics.median(pair[1] for pair in pairs):6.3f} s")
    print(f"ratio, median of {PAIRS} pairs                  {ratio:6.2f}     target: at most {RATIO_TARGET}")


def compare_releases(output: Path) -> None:
    """What further objects cost, from one release to a hundred."""
    costs = {count: releases(count, output) for count in RELEASES}
    for count, cost in costs.items():
        each = 1000 * cost.seconds / cost.objects
        print(f"{count:3} releases in one process, {cost.objects:4} objects {each:6.2f} ms per object")
    first, last = costs[RELEASES[0]], costs[RELEASES[-1]]
    further = 1000 * (last.seconds - first.seconds) / (last.objects - first.objects)
    size = last.bytes / last.objects / 1024
    print(
        f"each further object, {size:.1f} KiB of YAML        {further:6.2f} ms"
        f"    target: at most {MILLISECONDS_PER_OBJECT_TARGET}"
    )


def seconds(command: list[str]) -> float:
    """Wall time of a program."""
    begin = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - begin


def releases(count: int, output: Path) -> Cost:
    """The cost of so many releases: the median of three runs."""
    command = [sys.executable, str(HERE / "releases.py"), str(count), str(output)]
    runs = [json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout) for _ in range(3)]
    written = sum(path.stat().st_size for path in output.iterdir())
    return Cost(runs[0]["objects"], written, statistics.median(run["seconds"] for run in runs))


if __name__ == "__main__":
    main()
