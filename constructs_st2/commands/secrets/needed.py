"""Every Secret that a cluster needs: those of the contract, and all that values and objects name besides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from constructs_st2.checks.data import annotations_of, at, mapping, mappings, name_of, namespace_of
from constructs_st2.checks.index import Index, Surroundings
from constructs_st2.checks.pods import PodTemplate
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.components import SECRETS_BOOTSTRAP
from constructs_st2.facts.secrets import contract, given
from constructs_st2.facts.secrets.formats import Format
from constructs_st2.kube.documents import Document, identity
from constructs_st2.parts.secrets.plan import PlannedSecret, expected
from constructs_st2.values.named import Reference, references
from constructs_st2.values.paths import dotted

_NOTHING = Surroundings()


@dataclass(frozen=True)
class NeededKey:
    """A key of a Secret: what it holds, and its form, as far as they are known."""

    meaning: str = ""
    format: Format | None = None


@dataclass(frozen=True)
class NeededSecret:
    """A Secret that somebody reads.

    ``purpose`` is empty for one that the contract does not have. ``maker`` is who makes it, of those whom the user does
    not have to ask; empty where the user makes it, or the mode of Secrets says who. ``places`` are the keys of values
    that name it. ``own`` is false for one of the user's.
    """

    name: str
    purpose: str
    keys: Mapping[str, NeededKey]
    any_keys: bool = False
    own: bool = False
    maker: str = ""
    places: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()
    optional: bool = False

    @property
    def description(self) -> str:
        """What it is for, or else who wants it."""
        if self.purpose:
            return self.purpose
        wanted_by = self.places or self.readers
        several = len(wanted_by) > 1
        verb = ("name" if several else "names") if self.places else ("need" if several else "needs")
        return f"{', '.join(wanted_by)} {verb} it"


@dataclass
class _Found:
    """What is known so far of one that the contract does not have."""

    keys: dict[str, NeededKey] = field(default_factory=dict)
    readers: list[str] = field(default_factory=list)
    optional: bool = True


@dataclass(frozen=True)
class _Reading:
    """That somebody reads keys of a Secret; without keys, whatever it has."""

    secret: str
    reader: str
    keys: tuple[str, ...] = ()
    optional: bool = False


def needed(cluster: Cluster, objects: Sequence[Document]) -> list[NeededSecret]:
    """The Secrets, those of the contract first."""
    readers = consumers(objects)
    places: dict[str, list[str]] = {}
    named = [reference for reference in references(cluster.values) if reference.kind == "Secret"]
    for reference in named:
        places.setdefault(reference.name, []).append(dotted(reference.place))
    made = [_of_contract(secret, readers) for secret in expected(cluster)]
    known = {secret.name for secret in made}
    others: dict[str, _Found] = {}
    for reading in (*_in_objects(cluster, objects), *_in_values(cluster, named)):
        if reading.secret in known:
            continue
        found = others.setdefault(reading.secret, _Found())
        found.keys |= {key: NeededKey() for key in reading.keys}
        found.optional &= reading.optional
        if reading.reader and reading.reader not in found.readers:
            found.readers.append(reading.reader)
    index = Index(objects, _NOTHING)
    for name, found in others.items():
        provider = index.provider("Secret", cluster.release.namespace, name)
        made.append(
            NeededSecret(
                name=name,
                purpose="",
                keys=found.keys,
                any_keys=not found.keys,
                own=provider is not None,
                maker=_maker(provider),
                places=tuple(dict.fromkeys(places.get(name, ()))),
                readers=tuple(found.readers),
                optional=found.optional,
            )
        )
    return made


def _maker(provider: Document | None) -> str:
    if provider is None:
        return ""
    return "the manifests" if provider["kind"] == "Secret" else identity(provider)


def _of_contract(secret: PlannedSecret, readers: Mapping[str, list[str]]) -> NeededSecret:
    return NeededSecret(
        name=secret.name,
        purpose=secret.spec.purpose,
        keys={key: NeededKey(spec.meaning, spec.format) for key, spec in secret.spec.keys.items()},
        any_keys=secret.spec.open_ended,
        own=secret.own,
        maker=(secret.made_by or "") if secret.own else "",
        places=() if secret.own else (secret.named_in,),
        readers=tuple(readers.get(secret.name, ())),
    )


def consumers(objects: Sequence[Document]) -> Mapping[str, list[str]]:
    """The workloads whose pods read a Secret, by its name."""
    readers: dict[str, list[str]] = {}
    for document in objects:
        pod = PodTemplate.of(document)
        for name in sorted({use.name for use in pod.uses if use.kind == "Secret"}) if pod else ():
            readers.setdefault(name, []).append(name_of(document))
    return readers


def _in_objects(cluster: Cluster, objects: Sequence[Document]) -> Iterator[_Reading]:
    for document in objects:
        if namespace_of(document) != cluster.release.namespace:
            continue
        if pod := PodTemplate.of(document):
            yield from _in_pods(pod)
        elif document["kind"] == "ServiceAccount":
            for secret in mappings(document.get("imagePullSecrets")):
                yield _Reading(str(secret.get("name")), identity(document), (contract.PULL_CREDENTIALS,))
        elif document["kind"] == "Ingress":
            yield from _in_ingress(document)


def _in_pods(pod: PodTemplate) -> Iterator[_Reading]:
    reader = name_of(pod.owner)
    for use in pod.uses:
        if use.kind == "Secret":
            keys = (contract.PULL_CREDENTIALS,) if "imagePullSecrets[" in use.field else use.keys
            yield _Reading(use.name, reader, keys, use.optional)
    # Of a volume of which each mount takes one file, these files are its keys.
    secrets = {
        str(volume.get("name")): str(name)
        for _, volume in pod.volumes
        if (name := at(volume, "secret", "secretName")) and not at(volume, "secret", "items")
    }
    optional = {use.name for use in pod.uses if use.kind == "Secret" and use.optional}
    for container in pod.containers:
        for mount in mappings(container.spec.get("volumeMounts")):
            secret, file = secrets.get(str(mount.get("name"))), mount.get("subPath")
            if secret and isinstance(file, str) and file:
                yield _Reading(secret, reader, (file,), secret in optional)


def _in_ingress(ingress: Document) -> Iterator[_Reading]:
    """The certificates of an Ingress; cert-manager makes those of one that is annotated for it."""
    if any(str(key).startswith("cert-manager.io/") for key in annotations_of(ingress)):
        return
    for tls in mappings(at(ingress, "spec", "tls")):
        if name := mapping(tls).get("secretName"):
            yield _Reading(str(name), identity(ingress), (contract.TLS_CERTIFICATE, contract.TLS_KEY))


def _in_values(cluster: Cluster, named: Sequence[Reference]) -> Iterator[_Reading]:
    """Those that no pod names: what the Job that makes Secrets copies from, and what goes elsewhere."""
    reader = cluster.release.named(SECRETS_BOOTSTRAP) if cluster.values.secrets.mode == "bootstrap" else ""
    for secret in given.references(cluster.values):
        yield _Reading(secret.existing_secret, reader, (secret.key,))
    for reference in named:
        yield _Reading(reference.name, "", reference.keys, reference.optional)
