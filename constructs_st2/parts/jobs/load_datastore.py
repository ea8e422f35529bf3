"""Loads key-value items and API keys through the API, with the st2 command line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from constructs_st2.facts.catalogue import Content, Need
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.content import datastore
from constructs_st2.facts.jobs import APIKEY_LOAD, KEY_LOAD
from constructs_st2.facts.pod_paths import STATE_PATH
from constructs_st2.facts.release import Release
from constructs_st2.facts.secrets import contract
from constructs_st2.facts.secrets.spec import SecretSpec
from constructs_st2.kube.documents import fingerprint
from constructs_st2.kube.parted import parted
from constructs_st2.parts.jobs import programs
from constructs_st2.parts.jobs.job import Login, Task, client_env, roles_of_administrator
from constructs_st2.parts.pods.volumes import Mount, Volume
from constructs_st2.parts.services.contents import mounts_of
from constructs_st2.values.model.datastore import ApiKey, KeyValue

_FILES = "/opt/constructs-st2-datastore"
_RENDERED = STATE_PATH
"""Where secrets are put into the files: in memory, and only there."""


@dataclass(frozen=True)
class Kind:
    """One kind of items: how the Job is called, the command of `st2` that loads them, and where they are."""

    name: str
    command: str
    secret: SecretSpec
    file: str

    @property
    def config_map(self) -> str:
        """The ConfigMap with the items that are no secrets, named as the Secret."""
        return self.secret.component


KEY_VALUES = Kind(KEY_LOAD, "key", contract.KEY_VALUES, contract.KEY_VALUES_FILE)
API_KEYS = Kind(APIKEY_LOAD, "apikey", contract.API_KEYS, contract.API_KEYS_FILE)


def key_load(cluster: Cluster) -> Task | None:
    """The Job for key-value items."""
    return _task(KEY_VALUES, datastore.key_values(cluster.values), cluster)


def apikey_load(cluster: Cluster) -> Task | None:
    """The Job for API keys."""
    return _task(API_KEYS, datastore.api_keys(cluster.values), cluster)


def config_maps(cluster: Cluster) -> Iterator[tuple[str, dict[str, str]]]:
    """Names and contents of the ConfigMaps with items."""
    yield from parted(KEY_VALUES.config_map, _files(KEY_VALUES, datastore.key_values(cluster.values))).items()
    yield from parted(API_KEYS.config_map, _files(API_KEYS, datastore.api_keys(cluster.values))).items()


def _files(kind: Kind, items: Sequence[KeyValue | ApiKey]) -> dict[str, str]:
    """The files of items: one, or as many as ConfigMaps are needed to hold them."""
    stem, _, ending = kind.file.rpartition(".")
    documents = datastore.documents(items)
    return {
        kind.file if index == 1 else f"{stem}-{index}.{ending}": text for index, text in enumerate(documents, start=1)
    }


def _task(kind: Kind, items: Sequence[KeyValue | ApiKey], cluster: Cluster) -> Task | None:
    """The Job; with RBAC it waits until its user may do what it does."""
    values = cluster.values
    content = _files(kind, items)
    given, own = _given(kind, items, content, cluster.release), _own_secret(kind, cluster)
    mounts = [*given, *own]
    if not mounts:
        return None
    files = [f"{mount.path}/{name}" for mount in given for name in content]
    files += [f"{mount.path}/{kind.file}" for mount in own]
    return Task(
        kind.name,
        command=[*values.image.entrypoint, *programs.LOAD_DATASTORE],
        args=[kind.command, f"{_RENDERED}/{kind.command}.json", *files],
        settings=values.jobs,
        env={**programs.ENVIRONMENT, **client_env(cluster.values)},
        mounts=[
            programs.mount(cluster.release),
            *mounts_of(Content.CREDENTIALS, cluster),
            *mounts,
            *_referenced(items),
            Mount(Volume.scratch_in_memory("rendered"), _RENDERED, writable=True),
        ],
        needs=(Need.AUTH, Need.API),
        login=Login(roles_of_administrator(cluster)),
    )


def _given(kind: Kind, items: Sequence[KeyValue | ApiKey], files: dict[str, str], release: Release) -> list[Mount]:
    if not items:
        return []
    content = fingerprint(datastore.document(items))
    config_maps = map(release.named, parted(kind.config_map, files))
    volume = Volume.config_maps(kind.config_map, config_maps, fingerprint=content)
    return [Mount(volume, f"{_FILES}/values")]


def _own_secret(kind: Kind, cluster: Cluster) -> list[Mount]:
    if not kind.secret.in_use(cluster.values):
        return []
    volume = Volume.secret("items-of-secret", cluster.secret(kind.secret), {kind.file: kind.file})
    return [Mount(volume, f"{_FILES}/secret")]


def _referenced(items: Sequence[KeyValue | ApiKey]) -> list[Mount]:
    """The Secrets that items name, each with the keys that are needed of it."""
    keys: dict[str, dict[str, str]] = {}
    for reference in datastore.references(items):
        keys.setdefault(reference.secret, {})[reference.key] = reference.key
    return [
        Mount(Volume.secret(f"secret-{index}", secret, files), f"{datastore.SECRETS_PATH}/{secret}")
        for index, (secret, files) in enumerate(sorted(keys.items()))
    ]
