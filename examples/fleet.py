"""A fleet in one cdk8s app: a StackStorm for each site, alike but for what the site says. The app writes to dist/."""

from __future__ import annotations

from dataclasses import dataclass

import cdk8s

from constructs_st2 import StackStorm, Values
from constructs_st2.values.model import ActionRunner


@dataclass(frozen=True)
class Site:
    """What differs between sites."""

    name: str
    runners: int
    team: str


SITES = (
    Site("network", runners=8, team="network-team"),
    Site("storage", runners=4, team="storage-team"),
)


def stackstorm(app: cdk8s.App, site: Site) -> StackStorm:
    """The StackStorm of a site."""
    made = StackStorm(
        app,
        site.name,
        namespace=f"stackstorm-{site.name}",
        values=Values(st2actionrunner=ActionRunner(replicas=site.runners)),
    )
    # Whatever cdk8s can do with an object, it can do with these.
    made.api["st2api"]["Deployment"].metadata.add_annotation("example.org/owner", site.team)
    return made


app = cdk8s.App()
for site in SITES:
    stackstorm(app, site)
app.synth()
