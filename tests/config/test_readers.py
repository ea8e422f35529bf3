"""Which services restart for an option."""

from __future__ import annotations

import pytest
from support import MakeCluster

from constructs_st2.facts.catalogue import CATALOGUE
from constructs_st2.facts.st2_conf import readers
from constructs_st2.facts.st2_options import options_for
from constructs_st2.facts.versions import ST2_VERSIONS

SERVICES = [entry.name for entry in CATALOGUE]


def changed(cluster: MakeCluster, config: str) -> set[str]:
    """The services for which an option makes a difference."""
    before, after = cluster().settings, cluster({"st2": {"config": config}}).settings
    return {service for service in SERVICES if before.fingerprint(service) != after.fingerprint(service)}


@pytest.mark.parametrize("version", ST2_VERSIONS)
def test_every_name_is_an_option_and_a_service(version: str) -> None:
    options = options_for(version)
    assert set(readers._SECTIONS) <= set(options)
    assert [place for place in readers._OPTIONS if place[1] not in options[place[0]]] == []
    assert {*readers._SECTIONS.values(), *readers._OPTIONS.values()} <= set(SERVICES)


@pytest.mark.parametrize(
    ("config", "services"),
    [
        ("[garbagecollector]\ntraces_ttl = 3\n", {"st2garbagecollector"}),
        ("[actionrunner]\nworkflows_pool_size = 3\n", {"st2actionrunner"}),
        ("[auth]\nbackend_kwargs = {}\n", {"st2auth"}),
        ("[api_pecan]\ntemplate_path = x\n", {"st2api"}),
        ("[timer]\nlocal_timezone = UTC\n", {"st2timersengine"}),
        ("[log]\nexcludes = x\n", set(SERVICES)),
        ("[auth]\ntoken_ttl = 3\n", set(SERVICES)),
        ("", set()),
        ("# a comment\n[auth]\n\n", set()),
        ("[garbagecollector]\n# what it is already\ntraces_ttl = 30\n", set()),
    ],
)
def test_an_option_changes_only_the_services_that_read_it(
    config: str, services: set[str], cluster: MakeCluster
) -> None:
    assert changed(cluster, config) == services
