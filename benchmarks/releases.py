"""Many releases in one process. usage: releases.py COUNT FOLDER; prints objects and seconds as JSON."""

from __future__ import annotations

import gc
import json
import sys
import time
from pathlib import Path

from constructs import Construct

from constructs_st2.app import add_cluster, documents
from constructs_st2.checks import check
from constructs_st2.cluster import Cluster
from constructs_st2.surroundings import surroundings
from constructs_st2.synth import new_app
from constructs_st2.values import from_mapping


def main(count: int, folder: Path) -> None:
    """Synthesize ``count`` default clusters, each with values, checks and files of its own."""
    gc.disable()
    app = new_app(folder)
    begin = time.perf_counter()
    objects = 0
    for number in range(count):
        cluster = Cluster.of(from_mapping({}), release=f"st2-{number}", namespace=f"stackstorm-{number}")
        made = documents(add_cluster(Construct(app, f"release-{number}"), cluster))
        assert check(made, surroundings(cluster)) == []
        objects += len(made)
    app.synth()
    print(json.dumps({"objects": objects, "seconds": time.perf_counter() - begin}))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
