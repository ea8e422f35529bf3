"""Many releases in one process. usage: releases.py COUNT FOLDER [TAG OF IMAGES]; prints objects and seconds as JSON."""

from __future__ import annotations

import gc
import json
import sys
import time

import constructs_st2 as st2


def main(count: int, folder: str, tag: str | None = None) -> None:
    """Synthesize ``count`` default clusters, each with values, checks and files of its own."""
    values = {"image": {"tag": tag}} if tag else None
    gc.disable()
    app = st2.App(outdir=folder)
    begin = time.perf_counter(), time.process_time()
    clusters = [
        st2.StackStorm(
            app, f"release-{number}", values=values, release=f"st2-{number}", namespace=f"stackstorm-{number}"
        )
        for number in range(count)
    ]
    app.synth()
    seconds = time.perf_counter() - begin[0]
    objects = sum(len(cluster.planned) for cluster in clusters)
    step = clusters[0].step
    changes = len(step.changes) if step else 0
    print(
        json.dumps({"objects": objects, "changes": changes, "seconds": seconds, "cpu": time.process_time() - begin[1]})
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
