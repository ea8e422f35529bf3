"""Two StackStorm clusters in one cdk8s app: this package as a library.

usage: two_releases.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

from constructs import Construct

from constructs_st2.app import add_cluster, documents
from constructs_st2.checks import check
from constructs_st2.cluster import Cluster
from constructs_st2.surroundings import surroundings
from constructs_st2.synth import new_app
from constructs_st2.values import from_mapping

TEAMS = {
    "network": {"st2actionrunner": {"replicas": 8}},
    "storage": {"profile": "dev"},
}


def main(folder: Path) -> None:
    """Write the manifests of all teams, one file for each team and tier."""
    app = new_app(folder)
    for team, values in TEAMS.items():
        cluster = Cluster.of(from_mapping(values), release="st2", namespace=f"stackstorm-{team}")
        tiers = add_cluster(Construct(app, team), cluster)
        for problem in check(documents(tiers), surroundings(cluster)):
            sys.exit(f"{team}: {problem}")
    app.synth()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "dist"))
