"""The servers that backends run: images, and the versions that they stand for."""

from __future__ import annotations

from typing import NamedTuple

from constructs_st2.errors import InvalidValues, ValueProblem
from constructs_st2.facts.backends.upgrades import Version, version_in
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.images import Image
from constructs_st2.facts.versions import ST2_RELEASES
from constructs_st2.values.model.backends import Members
from constructs_st2.values.model.images import St2Version

__all__ = ["Server", "Version"]


class Server(NamedTuple):
    """A program that members of a backend run.

    ``key`` is its section in the values, and its name in the table of st2's versions, which has the tags of the
    official image; ``oldest`` is the oldest version that the configuration works with.
    """

    key: str
    name: str
    repository: str
    oldest: Version

    def tag(self, st2: St2Version) -> str:
        """The tag of the official image for a version of st2."""
        tag: str = getattr(ST2_RELEASES[st2], self.key)
        return tag

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
        version = version_in(said)
        if version is None:
            message = f'"{said}" does not begin with a version; say in {self.key}.version which one the image contains'
            raise InvalidValues(ValueProblem(key, message))
        if version < self.oldest:
            message = f"{self.name} {version} is not supported; use {self.oldest} or newer"
            raise InvalidValues(ValueProblem(key, message))
        newest = ST2_RELEASES[cluster.version].newest.get(self.key)
        if newest and version > newest:
            message = f"st2 {cluster.version} works with {self.name} {Version(*newest)} at most, not with {version}"
            raise InvalidValues(ValueProblem(key, message))
        return version

    def _tag(self, settings: Members, st2: St2Version) -> str:
        return settings.image.tag or self.tag(st2)
