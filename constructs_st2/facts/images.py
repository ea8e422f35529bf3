"""Image references, and the st2 version that they stand for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from constructs_st2.errors import InvalidValues, ValueProblem
from constructs_st2.facts.versions import ST2_VERSIONS
from constructs_st2.kube import names
from constructs_st2.kube.documents import Document, containers, pod_template
from constructs_st2.kube.well_known import ARCHITECTURE_LABEL
from constructs_st2.values.deferred import made_of
from constructs_st2.values.model import Values
from constructs_st2.values.model.backends import ServerImage
from constructs_st2.values.model.content import PacksImage
from constructs_st2.values.model.images import ImageOverride, St2Version

ST2_UID = 1000
"""The user `stanley` of every st2 image; any other uid crashes the action runner, which looks its name up."""

SERVICE_UID = 10001
"""The user of all others whose files are those of their pod alone: a number of nobody, on the node neither.

Their group is that of stanley, by which they read what the others do.
"""

NODES = {ARCHITECTURE_LABEL: "amd64"}
"""Labels of the nodes that can run the images of st2: they are built for one architecture only."""

_COMMUNITY = "stackstorm"
ENTERPRISE_REGISTRY = "docker.stackstorm.com"
_LEADING_MINOR = re.compile(r"v?(\d+\.\d+)(?![0-9])")
_LABEL_VALUE = re.compile(names.QUALIFIED)


def st2_version(values: Values) -> St2Version:
    """The st2 minor version: ``st2.version``, or else what ``image.tag`` begins with.

    Raises:
        InvalidValues: the tag names no version, or one that is not supported.
    """
    if values.st2.version is not None:
        return values.st2.version
    known = ", ".join(ST2_VERSIONS)
    found = _LEADING_MINOR.match(values.image.tag)
    if found is None:
        raise InvalidValues(
            ValueProblem(
                "image.tag",
                f'"{values.image.tag}" does not begin with an st2 version; say which one the images contain '
                f"in st2.version (one of {known})",
            )
        )
    for version in ST2_VERSIONS:
        if found[1] == version:
            return version
    raise InvalidValues(ValueProblem("image.tag", f"st2 {found[1]} is not supported; use one of {known}"))


def with_registry(reference: str, registry: str | None) -> str:
    """``reference`` as pulled from ``registry``: only the registry's host is replaced, the path stays."""
    if registry is None:
        return reference
    first, separator, rest = reference.partition("/")
    names_a_host = separator and ("." in first or ":" in first or first == "localhost")
    path = rest if names_a_host else reference if separator else f"library/{reference}"
    return f"{registry}/{path}"


def pinned(reference: str, digests: Mapping[str, str]) -> str:
    """``reference`` with its digest, where there is one. The tag stays, for people: what is pulled is the digest."""
    return f"{reference}@{digests[reference]}" if reference in digests else reference


def _label(tag: str) -> str:
    """A tag as the value of a label, where it can be one."""
    return tag if len(tag) <= names.LABEL_LENGTH and _LABEL_VALUE.fullmatch(tag) else "custom"


class Image(NamedTuple):
    """An image as a container names it."""

    reference: str
    pull_policy: str
    version: str
    """Value for the label app.kubernetes.io/version."""
    pull_secrets: tuple[str, ...] = ()

    def fields(self) -> dict[str, str]:
        """The fields of a container."""
        return {"image": self.reference, "imagePullPolicy": self.pull_policy}


class Images:
    """Resolves the images of one set of values."""

    def __init__(self, values: Values, license_secret: str) -> None:
        self._values = values.image
        self._default_repository = ENTERPRISE_REGISTRY if values.enterprise.enabled else _COMMUNITY
        shared = [license_secret] if values.enterprise.enabled else []
        self._pull_secrets = (*shared, *([self._values.pull_secret] if self._values.pull_secret else ()))

    def st2(self, name: str, override: ImageOverride) -> Image:
        """The image of a StackStorm service."""
        return self._of_st2(name, override, self._default_repository)

    def community(self, name: str) -> Image:
        """The image of a StackStorm service that needs no license."""
        return self._of_st2(name, made_of(ImageOverride, {}), _COMMUNITY)

    def _of_st2(self, name: str, override: ImageOverride, default_repository: str) -> Image:
        repository = override.repository or self._values.repository or default_repository
        tag = override.tag or self._values.tag
        reference = f"{repository}/{override.name or name}:{tag}"
        if override.digest:
            reference = f"{repository}/{override.name or name}@{override.digest}"
        reference = with_registry(reference, self._values.registry)
        own_secret = [override.pull_secret] if override.pull_secret else []
        return Image(
            reference=(reference := pinned(reference, self._values.digests)),
            pull_policy=override.pull_policy or self._values.pull_policy,
            version=_label(tag),
            pull_secrets=tuple(dict.fromkeys((*self._pull_secrets, *own_secret))),
        )

    def of_packs(self, packs: PacksImage, own: Image) -> Image:
        """An image with packs, in a pod of another image."""
        return Image(
            reference=packs.reference,
            pull_policy=packs.pull_policy or self._values.pull_policy,
            version=own.version,
            pull_secrets=tuple(dict.fromkeys((*own.pull_secrets, *([packs.pull_secret] if packs.pull_secret else ())))),
        )

    def utility(self) -> Image:
        """The small image of the init containers that wait."""
        return self.other(self._values.utility_image)

    def other(self, reference: str, override: ServerImage | None = None) -> Image:
        """An image that is not StackStorm's.

        Args:
            reference: repository and tag.
            override: what the user says of digest, pull policy and pull Secret.
        """
        repository, _, tag = reference.rpartition(":")
        pull_secrets = list(self._pull_secrets)
        if override and override.digest:
            reference = f"{repository}@{override.digest}"
        if override and override.pull_secret:
            pull_secrets.append(override.pull_secret)
        return Image(
            reference=(reference := pinned(with_registry(reference, self._values.registry), self._values.digests)),
            pull_policy=(override and override.pull_policy) or self._values.pull_policy,
            version=_label(tag),
            pull_secrets=tuple(dict.fromkeys(pull_secrets)),
        )


def pulled_by(objects: Iterable[Document]) -> Mapping[str, list[str]]:
    """Every image that some objects name, and the workloads that pull it."""
    users: dict[str, list[str]] = {}
    for document in objects:
        pod = pod_template(document)
        for reference in dict.fromkeys(each[field] for each, field in _images_of(pod)) if pod else ():
            users.setdefault(reference, []).append(document["metadata"]["name"])
    return dict(sorted(users.items()))


def pin(document: Document, digests: Mapping[str, str]) -> None:
    """Give the images of an object their digests."""
    for place, field in _images_of(pod) if (pod := pod_template(document)) else ():
        place[field] = pinned(place[field], digests)


def _images_of(pod: Document) -> Iterator[tuple[Document, str]]:
    """Where a pod names images: its containers, and volumes that are images."""
    yield from ((container, "image") for container in containers(pod))
    for volume in pod["spec"].get("volumes", ()):
        if "reference" in (volume.get("image") or {}):
            yield volume["image"], "reference"
