"""The servers that backends run: images, and the versions that they stand for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from constructs_st2.errors import InvalidValues, ValueProblem
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.images import Image, St2Version
from constructs_st2.values.model.backends import Members

_LEADING_MINOR = re.compile(r"v?(\d+)\.(\d+)(?![0-9])")


class Version(NamedTuple):
    """A minor version of a server."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


@dataclass(frozen=True)
class Server:
    """A program that members of a backend run.

    ``key`` is its section in the values; ``tags`` are the tags of the official image by version of st2; ``oldest`` is
    the oldest version that the configuration works with, ``newest`` the newest one that a version of st2 works with.
    """

    key: str
    name: str
    repository: str
    tags: Mapping[St2Version, str]
    oldest: Version
    newest: Mapping[St2Version, Version] = field(default_factory=dict)

    def image(self, settings: Members, cluster: Cluster) -> Image:
        """The image of the members."""
        repository = settings.image.repository or self.repository
        return cluster.images.other(f"{repository}:{self._tag(settings, cluster.version)}", settings.image)

    def version(self, settings: Members, cluster: Cluster) -> Version:
        """The version in the image: as the user says, or as its tag begins.

        Raises:
            InvalidValues: the tag names no version, or the version is not supported.
        """
        said = settings.version or self._tag(settings, cluster.version)
        key = f"{self.key}.version" if settings.version else f"{self.key}.image.tag"
        found = _LEADING_MINOR.match(said)
        if found is None:
            message = f'"{said}" does not begin with a version; say in {self.key}.version which one the image contains'
            raise InvalidValues(ValueProblem(key, message))
        version = Version(int(found[1]), int(found[2]))
        if version < self.oldest:
            message = f"{self.name} {version} is not supported; use {self.oldest} or newer"
            raise InvalidValues(ValueProblem(key, message))
        newest = self.newest.get(cluster.version)
        if newest and version > newest:
            message = f"st2 {cluster.version} works with {self.name} {newest} at most, not with {version}"
            raise InvalidValues(ValueProblem(key, message))
        return version

    def _tag(self, settings: Members, st2: St2Version) -> str:
        return settings.image.tag or self.tags[st2]
