"""The tiers of a cluster as classes, one each, so that a subclass can change one of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from constructs_st2.construct.manifest import Tier as AnyTier
from constructs_st2.construct.plans import PLANS
from constructs_st2.errors import UserError
from constructs_st2.facts.cluster import Cluster
from constructs_st2.kube.documents import copied
from constructs_st2.parts.tiers import Part, PartsOf, Plan


class Tier(AnyTier):
    """A tier of StackStorm. Subclasses say what is in it; see `StackStorm.TIERS` for how to replace one."""

    plan: ClassVar[Plan]

    @classmethod
    def parts(cls, cluster: Cluster) -> Sequence[Part]:
        """What it is made of: plain data, which may be changed, added to or left out.

        It is all its own: pods of other tiers and clusters have the same without being it.
        """
        return _copied(cls.plan.file, cls.plan.parts(cluster))


class Namespace(Tier):
    """The namespace."""

    plan = PLANS["namespace"]


class Config(Tier):
    """Settings of st2, the service account and the priority classes."""

    plan = PLANS["config"]


class Secrets(Tier):
    """What makes the Secrets."""

    plan = PLANS["secrets"]


class Mongodb(Tier):
    """The database."""

    plan = PLANS["mongodb"]


class Rabbitmq(Tier):
    """The message bus."""

    plan = PLANS["rabbitmq"]


class Coordination(Tier):
    """Redis or etcd: locks and the service registry."""

    plan = PLANS["coordination"]


class Packs(Tier):
    """Volumes and a registry for packs."""

    plan = PLANS["packs"]


class Api(Tier):
    """st2auth, st2api and st2stream."""

    plan = PLANS["api"]


class Engines(Tier):
    """The services that work out what has to be done."""

    plan = PLANS["engines"]


class Runners(Tier):
    """The services that run actions and sensors."""

    plan = PLANS["runners"]


class Frontend(Tier):
    """The web UI."""

    plan = PLANS["frontend"]


class Client(Tier):
    """A pod with the command line of st2."""

    plan = PLANS["client"]


class Chatops(Tier):
    """The chat bot."""

    plan = PLANS["chatops"]


class Jobs(Tier):
    """The Jobs that load content."""

    plan = PLANS["jobs"]


class Exposure(Tier):
    """Ingress and HTTPRoute."""

    plan = PLANS["exposure"]


class Operations(Tier):
    """Network policies, autoscaling, monitoring."""

    plan = PLANS["operations"]


class Backup(Tier):
    """Backups of the database."""

    plan = PLANS["backup"]


class Extra(Tier):
    """The user's own objects."""

    plan = PLANS["extra"]


TIERS: Mapping[str, type[Tier]] = {
    "namespace": Namespace,
    "config": Config,
    "secrets": Secrets,
    "mongodb": Mongodb,
    "rabbitmq": Rabbitmq,
    "coordination": Coordination,
    "packs": Packs,
    "api": Api,
    "engines": Engines,
    "runners": Runners,
    "frontend": Frontend,
    "client": Client,
    "chatops": Chatops,
    "jobs": Jobs,
    "exposure": Exposure,
    "operations": Operations,
    "backup": Backup,
    "extra": Extra,
}
"""The class of each tier, in the order of their files."""


def plans_of(tiers: Mapping[str, type[Tier]]) -> Mapping[str, Plan]:
    """The plans of all tiers.

    Raises:
        UserError: one is no tier, or has no plan; or two tiers have one file.
    """
    for name, tier in tiers.items():
        if not (isinstance(tier, type) and issubclass(tier, Tier) and hasattr(tier, "plan")):
            raise UserError(f'TIERS["{name}"] must be a class derived from Tier that has a plan, not {tier!r}')
    files: dict[str, str] = {}
    for name, tier in tiers.items():
        if (other := files.setdefault(tier.plan.file, name)) != name:
            raise UserError(f"the tiers {other} and {name} have the same file, {tier.plan.file}; give one another plan")
    return {name: Plan(tier.plan.file, _parts_of(name, tier), tier.plan.wave) for name, tier in tiers.items()}


def _parts_of(name: str, tier: type[Tier]) -> PartsOf:
    if next(each for each in tier.__mro__ if "parts" in vars(each)) is Tier:
        return tier.parts
    # A subclass may give the same objects to several clusters, none of which may see the changes of another.
    return lambda cluster: _copied(name, tier.parts(cluster))


def _copied(tier: str, given: Iterable[Part]) -> list[Part]:
    if not isinstance(given, Iterable):
        raise UserError(f"parts of the tier {tier} must give a list of Parts, not {type(given).__name__}")
    parts = [_part(tier, each) for each in given]
    names = [part.name for part in parts if part.name]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(f"the tier {tier} has two parts called {', '.join(twice)}; give one of them another name")
    return parts


def _part(tier: str, part: Part) -> Part:
    if not isinstance(part, Part):
        raise UserError(f"parts of the tier {tier} must give Parts, not {type(part).__name__}")
    for document in part.documents:
        for field in ("apiVersion", "kind", "metadata"):
            if not isinstance(document, Mapping) or field not in document:
                raise UserError(f'an object in the part "{part.name}" of the tier {tier} has no {field}: {document!r}')
        if "name" not in document["metadata"]:
            raise UserError(f'{document["kind"]} in the part "{part.name}" of the tier {tier} has no metadata.name')
    return Part(part.name, copied(part.documents))
