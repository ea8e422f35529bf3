"""What of a cluster the options of st2.conf follow from, and must agree with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from constructs_st2.facts.catalogue import BESIDES_RUNNING_WORK, CATALOGUE, ST2API, ST2AUTH, ST2STREAM
from constructs_st2.facts.pod_paths import CRYPTO_KEY_PATH
from constructs_st2.facts.secrets import contract
from constructs_st2.facts.timing import stop_timing
from constructs_st2.values.model import Values

ANY_ADDRESS = "0.0.0.0"
WITHIN_POD = "127.0.0.1"
"""Where a service listens: for other pods, or for its own alone."""


class ConfFacts(NamedTuple):
    """What the options must agree with.

    ``encryption_key_path`` is where pods have the key of the key-value store, None if they have none.
    ``time_to_finish`` is how long each service has between its signal and its end, in seconds, of which st2 needs
    ``margin`` after it has given up on running work. The services of ``ports`` listen on ``host``.
    """

    rbac_enabled: bool = False
    coordination: bool = True
    encryption_key_path: str | None = None
    time_to_finish: Mapping[str, int] = {}
    margin: int = BESIDES_RUNNING_WORK
    ports: Mapping[str, int] = {}
    host: str = ANY_ADDRESS
    sensor_partitions: int = 1
    replicas: Mapping[str, int] = {}

    @classmethod
    def of(cls, values: Values) -> ConfFacts:
        """Those of a cluster."""
        services = {entry: getattr(values, entry.name) for entry in CATALOGUE}
        timings = {entry.name: stop_timing(entry, settings) for entry, settings in services.items()}
        return cls(
            rbac_enabled=values.st2.rbac.enabled,
            coordination=values.coordination_backend != "none",
            encryption_key_path=CRYPTO_KEY_PATH if contract.DATASTORE.in_use(values) else None,
            time_to_finish={name: timing.grace - timing.drain for name, timing in timings.items()},
            ports={entry.name.removeprefix("st2"): entry.port for entry in (ST2AUTH, ST2API, ST2STREAM) if entry.port},
            # Where TLS ends beside a service, only what is in its pod may reach it without.
            host=WITHIN_POD if values.tls.internal.of_services else ANY_ADDRESS,
            sensor_partitions=values.st2sensorcontainer.deployments,
            replicas={entry.name: settings.greatest_replicas for entry, settings in services.items()},
        )
