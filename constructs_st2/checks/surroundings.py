"""What the objects of a cluster may refer to although no manifest makes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from constructs_st2.checks import Surroundings
from constructs_st2.facts.catalogue import CATALOGUE
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.secrets import contract
from constructs_st2.kube.documents import Document
from constructs_st2.parts.backends import authorities as outside
from constructs_st2.parts.optional import parts_of
from constructs_st2.parts.services.contents import mounts_of
from constructs_st2.values.model.services import RunnerPool, Sensor


def surroundings(cluster: Cluster) -> Surroundings:
    """The Secrets of the contract, and all that the user's own settings name."""
    values = cluster.values
    named = frozenset(_named_by_user(cluster))
    return Surroundings(
        secrets={**dict.fromkeys(named), **contract.keys_by_name(cluster.release, values)},
        config_maps=named,
        service_accounts=frozenset({cluster.service_account}),
        services=_services(cluster),
        claims=named,
        content={
            entry.name: frozenset(mount.path for content in entry.contents for mount in mounts_of(content, cluster))
            for entry in CATALOGUE
        },
    )


def surroundings_of_unknown(objects: Iterable[Document]) -> Surroundings:
    """The same for manifests whose values are not known: whatever does not begin with the release's name is the user's.

    Of the release's own, every Secret of the contract may exist elsewhere.
    """
    objects = list(objects)
    releases = {release for document in objects if (release := _release_of(document))}
    own = tuple(f"{release}-" for release in releases)
    foreign = frozenset(text for text in _texts(objects) if not text.startswith(own))
    return Surroundings(
        secrets={
            **dict.fromkeys(foreign),
            **{
                f"{release}-{secret.component}": None if secret.open_ended else frozenset(secret.keys)
                for release in releases
                for secret in contract.CONTRACT
            },
        },
        config_maps=foreign,
        service_accounts=foreign | {f"{release}-st2" for release in releases},
        claims=foreign,
    )


def _release_of(document: Document) -> str | None:
    name: str | None = document.get("metadata", {}).get("labels", {}).get("app.kubernetes.io/instance")
    return name


def _named_by_user(cluster: Cluster) -> Iterator[str]:
    values = cluster.values
    yield from _texts(
        [
            values.image.pull_secret,
            values.service_account.pull_secret,
            values.st2.existing_config_secret,
            values.st2chatops.hubot_scripts_volume,
            [token.existing_secret for token in values.st2chatops.tokens.values()],
            values.st2chatops.api_key and values.st2chatops.api_key.existing_secret,
            values.st2.packs.existing_configs_secret,
            [image.pull_secret for image in values.st2.packs.images],
            [getattr(values.st2.packs.volumes, volume) for volume in ("packs", "virtualenvs", "configs")],
            values.docker_registry.persistence.existing_claim,
            values.docker_registry.image.pull_secret,
            values.docker_registry.extra_volumes,
            values.docker_registry.init_containers,
            values.backup.image.pull_secret,
            values.backup.storage_image.pull_secret,
            values.backup.extra_volumes,
            values.backup.init_containers,
            values.backup.existing_objects,
            values.monitoring.statsd_exporter.image.pull_secret,
            values.monitoring.statsd_exporter.extra_volumes,
            values.monitoring.statsd_exporter.init_containers,
            values.execution_watch.extra_volumes,
            values.execution_watch.init_containers,
            values.extra_objects,
            [tls.secret_name for tls in values.ingress.tls],
        ]
    )
    for entry in CATALOGUE:
        settings = getattr(values, entry.name)
        yield from _texts(
            [
                settings.env,
                settings.env_from_secrets,
                settings.image.pull_secret,
                settings.extra_volumes,
                settings.sidecars,
                settings.init_containers,
            ]
        )
    if values.st2.has_items:
        from constructs_st2.facts.content import datastore

        references = datastore.references([*datastore.key_values(values), *datastore.api_keys(values)])
        yield from (reference.secret for reference in references)
    jobs = values.jobs
    yield from _texts([jobs.env, jobs.env_from_secrets, jobs.image.pull_secret, jobs.extra_volumes])
    yield from _texts(jobs.init_containers)
    for members in (values.mongodb, values.rabbitmq, values.redis, values.etcd):
        yield from _texts([members.image.pull_secret, members.extra_volumes, members.sidecars, members.init_containers])
    for authorities in outside.authorities(cluster).values():
        yield from _texts([authorities.config_map, authorities.existing_secret])
    services: list[Sensor | RunnerPool] = [*values.st2.packs.sensors, *values.st2actionrunner.pools]
    for one in (*services, *jobs.extra, *jobs.extra_hooks):
        yield from _texts([one.env, one.env_from_secrets, one.image.pull_secret, one.extra_volumes])
        yield from _texts(one.init_containers)
    yield from _texts([one.sidecars for one in services])


def _services(cluster: Cluster) -> Mapping[str, frozenset[int]]:
    """Services of others that optional parts lead to."""
    return {name: ports for part in parts_of(cluster.values) for name, ports in part.services(cluster).items()}


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
