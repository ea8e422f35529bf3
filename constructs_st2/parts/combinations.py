"""Values that are right by themselves but not together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from pydantic import BaseModel

from constructs_st2.errors import ValueProblem
from constructs_st2.facts import catalogue
from constructs_st2.facts.jobs import SKIPPABLE, users_jobs, users_jobs_settings
from constructs_st2.facts.release import RELEASE_LABEL, RESERVED_LABELS, Release
from constructs_st2.kube.names import LABEL_LENGTH
from constructs_st2.kube.well_known import KEDA_AUTOSCALER
from constructs_st2.parts.config.namespace import POD_SECURITY, POD_SECURITY_MODES
from constructs_st2.values import tls
from constructs_st2.values.model import Values
from constructs_st2.values.model.jobs import JobSettings
from constructs_st2.values.model.services import HttpService
from constructs_st2.values.paths import KeyPath, dotted

_ADDRESS = re.compile(r"[0-9]+(\.[0-9]+){3}")
"""Of IPv4."""

_BACKEND_PROTOCOL = "service.beta.kubernetes.io/aws-load-balancer-backend-protocol"
"""By what a load balancer of AWS that ends TLS knows how to speak to the pods."""


def impossible_combinations(values: Values, release: Release) -> list[ValueProblem]:
    """What cannot be honoured about the values of a release."""
    return [
        *_of_sensors(values, release),
        *_of_backends(values),
        *_of_coordination(values),
        *_of_networks(values),
        *_of_packs(values),
        *_of_jobs(values, release),
        *tls.problems(values),
        *_of_pools(values, release),
        *_of_hosts(values),
        *_of_namespace(values),
        *_of_objects(values),
        *_of_labels(values, ()),
    ]


def _of_sensors(values: Values, release: Release) -> Iterator[ValueProblem]:
    sensors = values.st2.packs.sensors
    if sensors and values.st2sensorcontainer.deployments > 1:
        yield ValueProblem(
            "st2sensorcontainer.deployments",
            "cannot be more than 1 together with st2.packs.sensors: "
            "use hash ranges (deployments) or one sensor per pod (sensors), not both",
        )
    for index, sensor in enumerate(sensors):
        if sensor.ref in [other.ref for other in sensors[:index]]:
            message = f'"{sensor.ref}" has a pod already: it would emit every trigger twice'
            yield ValueProblem(f"st2.packs.sensors[{index}].ref", message)
    names = [sensor.name for sensor in sensors]
    yield from _of_names("st2.packs.sensors", "sensor", names, release.named(catalogue.sensor_component("")))


def _of_hosts(values: Values) -> Iterator[ValueProblem]:
    """Addresses are no names, for which certificates and DNS are asked."""
    manager = values.st2web.tls.cert_manager
    names = {"st2web.service.hostname": values.st2web.service.hostname}
    names |= {
        f"st2web.tls.certManager.dnsNames[{index}]": name
        for index, name in enumerate(manager.dns_names if manager else [])
    }
    names |= {f"gateway.hostnames[{index}]": name for index, name in enumerate(values.gateway.hostnames)}
    for key, name in names.items():
        if _ADDRESS.fullmatch(name):
            yield ValueProblem(key, f"must be the name of a host, not the address {name}")
        elif any(len(part) > LABEL_LENGTH for part in name.split(".")):
            yield ValueProblem(
                key, f"has more than {LABEL_LENGTH} characters between dots, which no name of a host has"
            )


def _of_objects(values: Values) -> Iterator[ValueProblem]:
    for index, document in enumerate(values.extra_objects):
        if document["kind"].endswith("List") and "items" in document:
            message = f"{document['kind']} is no object but several; give each as an item of extraObjects"
            yield ValueProblem(f"extraObjects[{index}].kind", message)


def _of_labels(part: object, path: KeyPath) -> Iterator[ValueProblem]:
    """Nothing takes the place of a label of the release: what is not lost would be selected by somebody else."""
    if isinstance(part, list):
        for index, item in enumerate(part):
            yield from _of_labels(item, (*path, index))
    if not isinstance(part, BaseModel):
        return
    for name in part.model_fields_set:
        value = getattr(part, name)
        if not isinstance(value, BaseModel | list | Mapping):
            continue
        field = type(part).model_fields.get(name)
        key = (*path, (field and field.alias) or name)
        if not name.endswith("labels"):
            yield from _of_labels(value, key)
            continue
        for label in value if isinstance(value, Mapping) else ():
            # A Prometheus of kube-prometheus-stack takes what has its own release in this label; nothing selects these.
            if label in RESERVED_LABELS and not (path[0] == "monitoring" and label == RELEASE_LABEL):
                message = "is set by the release: selectors and network policies go by it; take another label"
                yield ValueProblem(dotted((*key, label)), message)


def _of_namespace(values: Values) -> Iterator[ValueProblem]:
    if values.namespace.pod_security == "none":
        return
    for label in (f"{POD_SECURITY}/{mode}" for mode in POD_SECURITY_MODES):
        if label in values.namespace.labels:
            message = "is what namespace.podSecurity says; set that, or set it to none and say it here"
            yield ValueProblem(dotted(("namespace", "labels", label)), message)


def _of_pools(values: Values, release: Release) -> Iterator[ValueProblem]:
    names = [pool.name for pool in values.st2actionrunner.pools]
    prefix = f"{KEDA_AUTOSCALER}{release.named(catalogue.pool_component(''))}"
    yield from _of_names("st2actionrunner.pools", "pool", names, prefix)


def _of_names(key: str, what: str, names: Sequence[str], prefix: str) -> Iterator[ValueProblem]:
    """The names in a list differ, and are short enough for what is named after them."""
    for index, name in enumerate(names):
        where = f"{key}[{index}].name"
        if name in names[:index]:
            yield ValueProblem(where, f'"{name}" is already the name of another {what}')
        longest = LABEL_LENGTH - len(prefix)
        if len(name) > longest:
            message = f'"{name}" has {len(name)} characters; at most {longest} keep "{prefix}{name}"'
            yield ValueProblem(where, f"{message} within {LABEL_LENGTH}")


def _of_backends(values: Values) -> Iterator[ValueProblem]:
    elsewhere = {
        "mongodb": (values.mongodb.enabled, values.mongodb.external),
        "rabbitmq": (values.rabbitmq.enabled, values.rabbitmq.external),
    }
    for key, (enabled, external) in elsewhere.items():
        if enabled and external:
            yield ValueProblem(f"{key}.external", f"cannot be used together with {key}.enabled; set that to false")
        if not enabled and not external and not _may_be_said_in_st2_conf(values):
            message = f"leaves st2 without; give {key}.external, or the settings in st2.existingConfigSecret"
            yield ValueProblem(f"{key}.enabled", message)
    if values.coordination.external and values.coordination_backend != "external":
        message = f"cannot be used with coordination.backend {values.coordination_backend}; set that to external"
        yield ValueProblem("coordination.external", message)
    if values.redis.enabled is False and values.coordination_backend == "redis":
        message = "cannot be false with coordination.backend redis; set that to etcd, external or none"
        yield ValueProblem("redis.enabled", message)
    if (
        values.coordination_backend == "external"
        and not values.coordination.external
        and not _may_be_said_in_st2_conf(values)
    ):
        message = "external needs coordination.external, or the settings in st2.existingConfigSecret"
        yield ValueProblem("coordination.backend", message)


def _may_be_said_in_st2_conf(values: Values) -> bool:
    return bool(values.st2.existing_config_secret or values.st2.config)


def _of_coordination(values: Values) -> Iterator[ValueProblem]:
    if values.coordination_backend != "none":
        return
    for service in (entry.name for entry in catalogue.CATALOGUE if entry.shares_work):
        if getattr(values, service).replicas > 1:
            yield ValueProblem(
                f"{service}.replicas",
                'must be 1 with coordination.backend "none": without coordination, replicas work on the same items',
            )


def _of_networks(values: Values) -> Iterator[ValueProblem]:
    for service in (entry.name for entry in catalogue.CATALOGUE):
        settings = getattr(values, service)
        if not isinstance(settings, HttpService):
            continue
        network = settings.service
        if network.type == "ExternalName" and not network.hostname:
            yield ValueProblem(f"{service}.service.hostname", "is required with type ExternalName")
        if network.node_port is not None and network.type not in ("NodePort", "LoadBalancer"):
            yield ValueProblem(f"{service}.service.nodePort", f"cannot be used with type {network.type}; remove it")
    if values.st2web.tls.enabled and values.st2web.service.annotations.get(_BACKEND_PROTOCOL) == "http":
        message = "cannot be http while st2web serves HTTPS; set st2web.tls.enabled to false, or this to https"
        yield ValueProblem(f'st2web.service.annotations["{_BACKEND_PROTOCOL}"]', message)


def _of_packs(values: Values) -> Iterator[ValueProblem]:
    packs = values.st2.packs
    if packs.image_volumes and packs.volumes.enabled:
        message = "cannot be used together with volumes.enabled, to which images are copied; remove one of them"
        yield ValueProblem("st2.packs.imageVolumes", message)
    given = [name for name in ("packs", "virtualenvs", "configs") if getattr(packs.volumes, name)]
    if given and not packs.volumes.enabled:
        message = f"must be true for {', '.join(given)} to have an effect; set it, or remove them"
        yield ValueProblem("st2.packs.volumes.enabled", message)


def _of_jobs(values: Values, release: Release) -> Iterator[ValueProblem]:
    jobs = values.jobs
    named = users_jobs(jobs)
    own = [name for _, name in named]
    for position, (place, name) in enumerate(named):
        where = f"{place}.name"
        if name in own[:position] or name in SKIPPABLE.values():
            yield ValueProblem(where, f'"{name}" is already the name of another Job')
        too_long = len(release.named(f"job-{name}")) - LABEL_LENGTH
        if too_long > 0:
            message = (
                f"is {too_long} characters too long: {release.named(f'job-{name}')} must fit within {LABEL_LENGTH}"
            )
            yield ValueProblem(where, message)
    known = [*SKIPPABLE, *own]
    for index, name in enumerate(jobs.skip):
        if name not in known:
            from constructs_st2.values.problems import there_is_no

            yield ValueProblem(f"jobs.skip[{index}]", there_is_no("Job", name, known))
    all_settings: list[tuple[str, JobSettings]] = [("jobs", jobs), *users_jobs_settings(jobs)]
    for place, settings in all_settings:
        if settings.ttl_seconds_after_finished is not None and values.gitops.jobs == "argo-hooks":
            message = (
                "cannot be used with gitops.jobs argo-hooks: Argo CD deletes hooks itself, and waits for those it made"
            )
            yield ValueProblem(f"{place}.ttlSecondsAfterFinished", message)
