"""Which version of a server reads the data of which other, and what an upgrade takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple

VERSION_ANNOTATION = "constructs-st2.dev/server-version"
"""On the StatefulSet of a backend: the version of the server in its image, whatever the tag of that is."""
COMPATIBILITY_ANNOTATION = "constructs-st2.dev/feature-compatibility-version"
"""On the StatefulSet of MongoDB, where the values name it."""
ACCEPTED_ANNOTATION = "constructs-st2.dev/accepted-data"
"""On the StatefulSet of a backend, where the values take the data of a version that the guard would refuse."""
REPLICA_SET_ANNOTATION = "constructs-st2.dev/replica-set"
"""On the StatefulSet of MongoDB: the name of the replica set, which is in the data."""

_MANY = 40
"""More minor versions than any major one has."""
_LEADING_MINOR = re.compile(r"v?(\d+)\.(\d+)(?![0-9])")


class Version(NamedTuple):
    """A minor version of a server."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


def version_in(text: str) -> Version | None:
    """The version that a tag or a text begins with."""
    found = _LEADING_MINOR.match(text)
    return Version(int(found[1]), int(found[2])) if found else None


class Upgrades(NamedTuple):
    """How the data of a server comes to a newer version.

    ``following`` is the only version that reads the data of an older one, besides those of the same step; None where
    every newer one does. ``same_step`` tells whether two versions differ so little that each reads the other's data
    upwards. ``because`` says what happens otherwise. ``tag`` makes the tag of the official image of a version.
    ``before`` must be done on the old version; ``after`` is the key of the values by which the new one then uses its
    formats, before the next step. ``bitnami`` is what is
    on a volume of Bitnami's image, which the Helm chart runs, as a pattern of a shell; only a volume that no member of
    ours has noted is looked at. ``returns`` tells whether an older version can be started on what a newer one has had,
    as long as the formats are still those of the older one.
    """

    component: str
    name: str
    because: str
    following: Callable[[Version], Version] | None = None
    same_step: Callable[[Version, Version], bool] = lambda old, new: old == new
    tag: Callable[[Version], str] = str
    before: str | None = None
    after: str | None = None
    bitnami: str | None = None
    returns: Callable[[Version, Version], bool] = lambda _newer, _older: False

    def steps(self, old: Version, new: Version) -> list[Version] | None:
        """The versions to go through, the new one last; none where it is the same step, None where no way leads."""
        if self.same_step(old, new):
            return [] if new == old else [new] if new > old else None
        if new < old:
            return None
        if self.following is None:
            return [new]
        steps = [old]
        while steps[-1] < new and not self.same_step(steps[-1], new):
            steps.append(self.following(steps[-1]))
            if len(steps) > _MANY:
                return None
        return [*steps[1:-1], new]

    @property
    def tag_key(self) -> str:
        """The key of the values that names the image's tag."""
        return f"{self.component}.image.tag"

    def settings(self, old: Version, steps: Sequence[Version], held: Version | None) -> Iterator[tuple[str, str]]:
        """What to set in the values to go through some versions: keys and values, one after the other.

        ``held`` is the version whose formats the values name, where a server keeps older ones until it is told.
        """
        reached = old
        for version in steps:
            if self.after and held != reached and not self.same_step(reached, version):
                yield f"{self.component}.{self.after}", str(reached)
            yield self.tag_key, self.tag(version)
            held = held if self.same_step(reached, version) else None
            reached = version
        if self.after and held != reached:
            yield f"{self.component}.{self.after}", str(reached)

    def reads(self, data: Version, server: Version) -> bool:
        """Whether a version of the server can be started on the data of another."""
        if server < data or self.same_step(data, server):
            return server >= data
        following = self.following(data) if self.following else server
        return following >= server or self.same_step(following, server)

    def returning(self, server: Version) -> list[str]:
        """The newer versions from which a version of the server leads back, as patterns of a shell."""
        return [f"{major}.*" for major in range(server.major + 1, _MANY) if self.returns(Version(major, 0), server)]

    def readable(self, server: Version) -> list[str]:
        """The versions whose data a version of the server reads, as patterns of a shell: ``6.*``, ``7.0``."""
        return list(_readable(self, server))


@cache
def _readable(upgrades: Upgrades, server: Version) -> tuple[str, ...]:
    patterns: list[str] = []
    for major in range(1, server.major + 1):
        versions = [Version(major, minor) for minor in range(_MANY)]
        read = [str(version) for version in versions if upgrades.reads(version, server)]
        patterns += [f"{major}.*"] if len(read) == len(versions) else read
    return tuple(patterns)


MONGODB = Upgrades(
    "mongodb",
    "MongoDB",
    # https://www.mongodb.com/docs/manual/release-notes/7.0-upgrade-replica-set/
    because="it reads the data of one major version before it only, and only once featureCompatibilityVersion is that",
    following=lambda version: Version(version.major + 1, 0),
    same_step=lambda old, new: old.major == new.major,
    tag=str,
    after="featureCompatibilityVersion",
    # From 7.0 on, MongoDB's Community Edition supports no older binary any more:
    # https://www.mongodb.com/docs/v7.0/release-notes/7.0-downgrade-replica-set/
    returns=lambda newer, older: newer.major == older.major + 1 and newer.major < 7,
    # Its volume is /bitnami/mongodb, with the server's data in data/db; that of the official image is /data/db.
    bitnami="data/db",
)
RABBITMQ = Upgrades(
    "rabbitmq",
    "RabbitMQ",
    # https://www.rabbitmq.com/docs/upgrade#rabbitmq-version-upgradability
    because="nodes of two versions work together only where one follows the other, with all feature flags enabled",
    following=lambda version: Version(4, 0) if version == (3, 13) else Version(version.major, version.minor + 1),
    tag=lambda version: f"{version}-management",
    before="feature flags",
    # Its volume is /bitnami/rabbitmq/mnesia, where each node has a folder.
    bitnami="rabbit@*",
)
REDIS = Upgrades("redis", "Redis", because="an older Redis does not read the data of a newer one")
ETCD = Upgrades(
    "etcd",
    "etcd",
    # https://etcd.io/docs/v3.6/upgrades/
    because="members of two versions work together only where one follows the other",
    following=lambda version: Version(version.major, version.minor + 1),
    tag=lambda version: f"v{version}.0",
)

UPGRADES: Mapping[str, Upgrades] = {each.component: each for each in (MONGODB, RABBITMQ, REDIS, ETCD)}
"""By the component of the backend."""
