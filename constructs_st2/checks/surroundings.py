"""What the objects of a cluster may refer to although no manifest makes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from constructs_st2.checks import Surroundings
from constructs_st2.checks.data import at
from constructs_st2.facts.catalogue import CATALOGUE
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.secrets import contract
from constructs_st2.kube.documents import Document
from constructs_st2.kube.well_known import INSTANCE_LABEL
from constructs_st2.parts.optional import parts_of
from constructs_st2.parts.secrets.plan import planned
from constructs_st2.parts.services.contents import mounts_of
from constructs_st2.values.model import Values
from constructs_st2.values.model.names import ANYTHING
from constructs_st2.values.named import objects_named_by, texts


def surroundings(cluster: Cluster) -> Surroundings:
    """The Secrets of the contract, and all that the user's own settings name."""
    values = cluster.values
    named = objects_named_by(values)
    anything = named.get(ANYTHING, frozenset())
    secrets = [*named.get("Secret", ()), *_referred_in_items(values), *anything]
    return Surroundings(
        secrets={**dict.fromkeys(secrets), **contract.keys_by_name(cluster.release, values)},
        config_maps=named.get("ConfigMap", frozenset()) | anything,
        service_accounts=frozenset({cluster.service_account}),
        services=_services(cluster),
        claims=named.get("PersistentVolumeClaim", frozenset()) | anything,
        content={
            entry.name: frozenset(mount.path for content in entry.contents for mount in mounts_of(content, cluster))
            for entry in CATALOGUE
        },
        made_secrets=frozenset(secret.name for secret in planned(cluster) if secret.own)
        if values.secrets.were_bootstrapped
        else frozenset(),
    )


def surroundings_of_unknown(objects: Iterable[Document]) -> Surroundings:
    """The same for manifests whose values are not known: whatever does not begin with the release's name is the user's.

    Of the release's own, every Secret of the contract may exist elsewhere.
    """
    objects = list(objects)
    releases = {release for document in objects if (release := _release_of(document))}
    own = tuple(f"{release}-" for release in releases)
    foreign = frozenset(text for text in texts(objects) if not text.startswith(own))
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
    name = at(document, "metadata", "labels", INSTANCE_LABEL)
    return name if isinstance(name, str) else None


def _referred_in_items(values: Values) -> Iterator[str]:
    """Secrets that items of the datastore refer to, those in texts too."""
    if values.st2.has_items:
        from constructs_st2.facts.content import datastore

        references = datastore.references([*datastore.key_values(values), *datastore.api_keys(values)])
        yield from (reference.secret for reference in references)


def _services(cluster: Cluster) -> Mapping[str, frozenset[int]]:
    """Services of others that optional parts lead to."""
    return {name: ports for part in parts_of(cluster.values) for name, ports in part.services(cluster).items()}
