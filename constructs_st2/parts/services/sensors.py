"""st2sensorcontainer: all sensors in one pod, hash-range partitions, or one sensor per pod."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from constructs_st2.facts import ini
from constructs_st2.facts.catalogue import ST2SENSORCONTAINER, sensor_component
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.pod_paths import CONF_DIRECTORY
from constructs_st2.facts.st2_conf.settings import Settings
from constructs_st2.kube.documents import Document, fingerprint
from constructs_st2.parts.config_maps import config_map
from constructs_st2.parts.pods.volumes import Mount, Volume
from constructs_st2.parts.services.process import st2_process
from constructs_st2.parts.services.workload import Workload
from constructs_st2.values.model.services import SensorContainer

HASH_SPACE = 2**32
"""Sensors are spread over partitions by a hash in [0, 2**32) of their reference (st2reactor, hash_partitioner.py)."""

PARTITIONS_CONFIG = "st2-sensor-partitions"
TOKEN_TTL = 365 * 24 * 60 * 60
"""Seconds for which the token of a sensor is good. It gets one at its start, and loses access to the API with it.

The same option is how long the token of an execution is good, which a runner makes for each (by default a day): so it
is longer for sensors alone (process_container.py of st2reactor, container/base.py of st2actions).
"""

_TOKEN_TTL_OPTION = ("auth", "service_token_ttl")
_CONF_PATH = f"{CONF_DIRECTORY}/st2.sensorcontainer.conf"
_MODE = "stackstorm/sensor-mode"
_RANGES = "stackstorm/sensor-hash-ranges"


class Partition(NamedTuple):
    """One pod's share of the sensors."""

    component: str
    settings: SensorContainer
    annotations: Mapping[str, str]
    args: tuple[str, ...] = ()
    conf: Mapping[str, Mapping[str, ini.ConfValue]] = {}


def partitions(cluster: Cluster) -> Iterator[Partition]:
    """The pods that run sensors, by the mode that the values ask for."""
    settings = cluster.values.st2sensorcontainer
    tokens = _tokens(cluster.settings)
    if sensors := cluster.values.st2.packs.sensors:
        for sensor in sensors:
            yield Partition(
                component=sensor_component(sensor.name),
                settings=sensor.over(settings),
                annotations={_MODE: "one-sensor-per-pod"},
                args=("--single-sensor-mode", f"--sensor-ref={sensor.ref}"),
                conf=tokens,
            )
    elif settings.deployments == 1:
        yield Partition(
            component=ST2SENSORCONTAINER.name,
            settings=settings,
            annotations={_MODE: "all-sensors-in-one-pod"},
            conf=tokens,
        )
    else:
        for number, ranges in enumerate(hash_ranges(settings.deployments)):
            component = sensor_component(number)
            yield Partition(
                component=component,
                settings=settings,
                annotations={_MODE: "multiple-sensors-per-pod", _RANGES: ranges},
                conf={
                    **tokens,
                    "sensorcontainer": {
                        "sensor_node_name": component,
                        "partition_provider": {"name": "hash", "hash_ranges": ranges},
                    },
                },
            )


def _tokens(settings: Settings) -> Mapping[str, Mapping[str, ini.ConfValue]]:
    """How long the tokens of sensors are good, unless the user says it for everybody."""
    section, option = _TOKEN_TTL_OPTION
    return {} if (section, option) in settings.options else {section: {option: TOKEN_TTL}}


def hash_ranges(count: int) -> list[str]:
    """The hash space in ``count`` ranges. They are half-open, so each one ends where the next begins."""
    bounds = [HASH_SPACE * number // count for number in range(count)]
    return [f"{start}..{end}" for start, end in zip(bounds, [*map(str, bounds[1:]), "MAX"], strict=True)]


def workload(partition: Partition, cluster: Cluster) -> Workload:
    """The Deployment to be of one partition."""
    conf = []
    if partition.conf:
        config_map = cluster.release.named(PARTITIONS_CONFIG)
        volume = Volume.config_map("st2-sensor-partition", config_map, fingerprint=fingerprint(partition.conf))
        conf = [Mount(volume, _CONF_PATH, sub_path=_file(partition))]
    return Workload(
        entry=ST2SENSORCONTAINER,
        settings=partition.settings,
        process=st2_process(
            ST2SENSORCONTAINER,
            cluster,
            args=partition.args,
            conf=conf,
            component=partition.component,
            settings=partition.settings,
        ),
        component=partition.component,
        role_annotations=partition.annotations,
    )


def partition_config(cluster: Cluster) -> Document | None:
    """The ConfigMap with the further st2.conf of each partition."""
    files = {_file(partition): ini.render(partition.conf) for partition in partitions(cluster) if partition.conf}
    if not files:
        return None
    return config_map(PARTITIONS_CONFIG, files, cluster, component=ST2SENSORCONTAINER.name)


def _file(partition: Partition) -> str:
    return f"{partition.component}.conf"
