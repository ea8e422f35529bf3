"""StackStorm as a construct, for any cdk8s app."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import takewhile
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, overload

import cdk8s
import jsii
from constructs import Construct, Dependable, IConstruct, IValidation, Node
from typing_extensions import Self

from constructs_st2.checks import Problem, Surroundings, check
from constructs_st2.checks.surroundings import surroundings
from constructs_st2.checks.warnings import warnings as warnings_of
from constructs_st2.construct import order
from constructs_st2.construct.clusters import cluster_of, further_problems
from constructs_st2.construct.foreign import foreign
from constructs_st2.construct.manifest import Manifest, Patient, PatientApp, among, by_name, charts_around
from constructs_st2.construct.plans import compose
from constructs_st2.construct.tiers import (
    TIERS,
    Api,
    Backup,
    Chatops,
    Client,
    Config,
    Coordination,
    Engines,
    Exposure,
    Extra,
    Frontend,
    Jobs,
    Mongodb,
    Operations,
    Packs,
    Rabbitmq,
    Runners,
    Secrets,
    Tier,
    plans_of,
)
from constructs_st2.errors import InvalidValues, UserError
from constructs_st2.facts.release import DEFAULT_NAMESPACE, DEFAULT_RELEASE, Release
from constructs_st2.facts.secrets.contract import required
from constructs_st2.kube.documents import Document, identity, is_identified, place, state_of
from constructs_st2.parts.tiers import documents_of
from constructs_st2.values import GivenValues, ValuesLike

if TYPE_CHECKING:
    from constructs_st2.changes.plan import Plan as ChangePlan


T = TypeVar("T", bound=Tier)


class NoSuchTier(LookupError, AttributeError):
    """A cluster has no such tier, so that `hasattr` is false of it."""


class TierAttribute(Generic[T]):
    """A tier of a cluster as an attribute of its name, whose class editors and mypy know.

    Raises:
        NoSuchTier: the cluster has no objects in this tier, or `StackStorm.TIERS` names another class for it.
    """

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind
        self.__doc__ = kind.__doc__

    def __set_name__(self, owner: type[StackStorm], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, stack: None, owner: type[StackStorm]) -> Self: ...
    @overload
    def __get__(self, stack: StackStorm, owner: type[StackStorm]) -> T: ...
    def __get__(self, stack: StackStorm | None, owner: type[StackStorm]) -> Self | T:
        if stack is None:
            return self
        tiers = stack.tiers
        tier = tiers.get(self._name)
        if tier is None:
            raise NoSuchTier(f"there is no tier {self._name} in this cluster; there are: {', '.join(tiers)}")
        if not isinstance(tier, self._kind):
            raise NoSuchTier(
                f"the tier {self._name} of this cluster is no {self._kind.__name__}, but of {type(tier).__name__}; "
                f'take it from tiers["{self._name}"], or derive its class from {self._kind.__name__}'
            )
        return tier


class StackStorm(Patient):
    """A Highly Available StackStorm cluster.

    Args:
        scope: the app; or any construct in it, such as a chart, whose namespace and labels then hold here too.
        id: its name in the construct tree. Files of an `App` begin with it, unless it is ``Default``.
        values: what differs from the default cluster: `Values`, a mapping like a values file, or what
            `load_values` has read.
        release: name of the release, with which the names of all objects begin.
        namespace: namespace of the release. Default: that of the nearest chart around it that has one, or else
            ``stackstorm``.
        strict: refuse to be written where there are `warnings`, too.

    Raises:
        UserError: the values cannot be used, or two tiers have one file. All problems are told at once.
    """

    TIERS: ClassVar[Mapping[str, type[Tier]]] = TIERS
    """The class of each tier, in the order of their files. A subclass may replace some, leave some out, or add some:
    ``TIERS = {**StackStorm.TIERS, "runners": OurRunners}``. A tier of the cluster is an attribute of its name, such as
    ``stack.runners``; one that a subclass adds is in `tiers`."""

    config = TierAttribute(Config)
    secrets = TierAttribute(Secrets)
    mongodb = TierAttribute(Mongodb)
    rabbitmq = TierAttribute(Rabbitmq)
    coordination = TierAttribute(Coordination)
    packs = TierAttribute(Packs)
    api = TierAttribute(Api)
    engines = TierAttribute(Engines)
    runners = TierAttribute(Runners)
    frontend = TierAttribute(Frontend)
    client = TierAttribute(Client)
    chatops = TierAttribute(Chatops)
    jobs = TierAttribute(Jobs)
    exposure = TierAttribute(Exposure)
    operations = TierAttribute(Operations)
    backup = TierAttribute(Backup)
    extra = TierAttribute(Extra)

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        values: ValuesLike = None,
        release: str = DEFAULT_RELEASE,
        namespace: str | None = None,
        strict: bool = False,
    ) -> None:
        if not isinstance(scope, Construct):
            raise UserError(f"scope must be the app, or a construct in it, not {type(scope).__name__}")
        if not isinstance(scope, cdk8s.App) and not isinstance(root := Node.of(scope).root, cdk8s.App):
            raise UserError(f"scope must be in an app, not in a {type(root).__name__}")
        around = charts_around(scope)
        if namespace is None:
            namespace = next((chart.namespace for chart in reversed(around) if chart.namespace), DEFAULT_NAMESPACE)
        # Names first: what is wrong with them is not about the values.
        Release(release, namespace)
        self._loaded = loaded = GivenValues.of(values).resolve(
            release, namespace, lambda given: further_problems(given, release, namespace)
        )
        self._plans = plans_of(self.TIERS)
        try:
            self.cluster = cluster_of(loaded.values, release, namespace)
            self._composed = compose(self.cluster, self._plans)
        except InvalidValues as error:
            raise UserError(loaded.report(error.problems)) from error
        self._labels = {key: text for chart in around for key, text in chart.labels.items()}
        for document in self.planned if self._labels else ():
            document["metadata"]["labels"] = {**self._labels, **document["metadata"].get("labels", {})}
        self._sound: bytes | None = None
        """The state of the objects when nothing was found wrong with them."""
        self._strict = strict
        self._dependencies: list[IConstruct] = []
        self.step: ChangePlan | None = None
        """What the last synth of its app changed in the folder; None where there was nothing, or nothing changed."""
        super().__init__(scope, id)
        if isinstance(scope, PatientApp) and not scope.seen and not self._makes_more():
            scope.waiting.append(self)
        else:
            self.look()

    @property
    def planned(self) -> list[Document]:
        """The objects that the values brought about, as nobody has changed them in the construct tree."""
        return documents_of(self._composed)

    @property
    def planned_files(self) -> Mapping[str, list[Document]]:
        """The same, by the paths of their charts in the construct tree."""
        path = self._own_node.path
        return {
            f"{path}/{self._plans[name].file}": documents_of({name: parts}) for name, parts in self._composed.items()
        }

    @property
    def tiers(self) -> Mapping[str, Tier]:
        """The tiers that have any objects, by their names, but for those that were removed from the construct tree."""
        self.look()
        return among(self._tiers, self._own_node.children)

    def look(self) -> None:
        """Make the tiers."""
        if self.seen:
            return
        # Before anybody can have changed anything: then only the fields of what is not ours alone are looked up.
        warnings = self.warnings(self.planned)
        super().look()
        self._own_node.add_validation(_Validation(self))
        Dependable.implement(self, _AllTiers(self))
        # cdk8s knows only of what depends on something else in a chart.
        vars(self.node)["add_dependency"] = self.add_dependency
        for warning in warnings:
            self._own_node.add_metadata("warning", warning)
        self._tiers = {
            name: self.TIERS[name](self, self._plans[name].file, parts, self.cluster.release.namespace, self._labels)
            for name, parts in self._composed.items()
        }

    def __repr__(self) -> str:
        release = self.cluster.release
        return f"<{type(self).__name__} {self._own_node.path}: {release.name} in {release.namespace}>"

    def _makes_more(self) -> bool:
        """Whether a class of a tier may add to the construct tree what is not among its parts."""
        return any(self.TIERS[name].__init__ is not Tier.__init__ for name in self._composed)

    def add_dependency(self, *dependencies: IConstruct) -> None:
        """Let all of the cluster come after other charts or constructs, as `cdk8s.Chart.add_dependency` does.

        Raises:
            UserError: one of them is the cluster itself.
        """
        if any(each is self for each in dependencies):
            raise UserError(f'the cluster "{self.node.path}" cannot come after itself')
        self._dependencies += dependencies
        self._lead()

    def _lead(self) -> None:
        """Let the first tier come after what all of the cluster comes after.

        It alone, and the others by `keep_order`: cdk8s walks each way that there is from object to object along
        dependencies, and of those there are as many as the product of the numbers of objects.
        """
        for first in list(self.tiers.values())[:1]:
            first.add_dependency(*(each for each in self._dependencies if each is not first))

    def keep_order(self) -> None:
        """Keep the first tier in front of the others, where cdk8s does not do so by itself."""
        if self._dependencies:
            # The tier that was the first one may have been removed.
            self._lead()
        root, tiers = self._root, self.tiers
        if not tiers or not order.any_dependency(root):
            return
        first, *others = tiers.values()
        before = order.dependencies(root)
        if not order.parted([tier.node.path for tier in tiers.values()], before):
            return
        for tier in others:
            if not order.comes_after(first.node.path, tier.node.path, before):
                tier.add_dependency(first)
            elif self._dependencies:
                tier.add_dependency(*(each for each in self._dependencies if each is not tier))

    @property
    def objects(self) -> Mapping[str, Manifest]:
        """All objects that the values brought about, by kind and name: ``Deployment/st2-st2api``.

        Those that were removed from the construct tree are not among them.
        """
        return by_name(manifest for tier in self.tiers.values() for manifest in tier.objects.values())

    @property
    def secret_names(self) -> Mapping[str, str]:
        """The names of the Secrets that it reads, which are made in the cluster and are no objects here.

        They are found by what the reference of Secrets calls them: ``secret_names["st2-auth"]``.
        """
        return {spec.component: self.cluster.secret(spec) for spec in required(self.cluster.values)}

    def current(self) -> list[Document]:
        """All objects below this construct as they are now: those that were added to it, but not to a cluster in it."""
        if not self.seen:
            return self.planned
        below = self.what_is_made(self)
        inner = [f"{each._own_node.path}/" for each in below if isinstance(each, StackStorm) and each is not self]
        objects = [each for each in below if isinstance(each, cdk8s.ApiObject)]
        if inner:
            objects = [each for each in objects if not each.node.path.startswith(tuple(inner))]
        return [each.current() if isinstance(each, Manifest) else each.to_json() for each in objects]

    def problems(self, objects: Sequence[Document] | None = None) -> list[Problem]:
        """What is wrong with the objects as they are now. cdk8s asks for it before it writes anything.

        Args:
            objects: the objects, where they are known already.
        """
        if objects is None or not self.seen:
            # Who asks may change other charts of the app then; what nobody can have changed is asked about once.
            self._sound = None
            return self._found(self.current() if objects is None else objects)
        # cdk8s asks once per chart, as long as nothing is wrong.
        state = state_of(objects)
        if self._sound == state:
            return []
        found = self._found(objects)
        self.keep_order()
        self._sound = None if found else state
        return found

    def _found(self, objects: Sequence[Document]) -> list[Problem]:
        return [
            *check(objects, self._surroundings, self._foreign()),
            *self._shared(objects),
            *self._lost(),
        ]

    def warnings(self, objects: Sequence[Document] | None = None) -> list[str]:
        """What works, but lowers security or will surprise, one line each. With ``strict`` nothing is written then.

        Args:
            objects: the objects, where they are known already.
        """
        objects = self.current() if objects is None else objects
        found = warnings_of(objects, self._surroundings, self._foreign())
        if not found:
            return list(self.cluster.settings.warnings)
        from constructs_st2.construct.explaining import explained

        return [*self.cluster.settings.warnings, *explained(found, objects, self._loaded, with_rules=True)]

    @cached_property
    def _surroundings(self) -> Surroundings:
        """What the objects may refer to although no manifest makes it."""
        return surroundings(self.cluster)

    def complaints(self, objects: Sequence[Document] | None = None) -> list[str]:
        """The `problems` as lines of text, by the file, line and key of the value that is to blame, where one is known.

        Args:
            objects: the objects, where they are known already.
        """
        problems = self.problems(objects)
        if not problems:
            return []
        from constructs_st2.construct.explaining import explained

        return explained(problems, self.current() if objects is None else objects, self._loaded)

    def refusals(self, objects: Sequence[Document] | None = None) -> list[str]:
        """Why the objects cannot be written as they are now: `complaints`, and with ``strict`` `warnings`."""
        objects = self.current() if objects is None else objects
        return self.complaints(objects) or (self.warnings(objects) if self._strict else [])

    def _foreign(self) -> list[Document] | None:
        """The objects that this program has not made alone; None where anybody may have changed any of them."""
        if self.seen:
            return None
        own = [name for name, tier in self.TIERS.items() if tier is StackStorm.TIERS.get(name)]
        return foreign(self.cluster, self._composed, own)

    @property
    def app(self) -> IConstruct:
        """The app that it is in, or what else is above all."""
        return self._root

    def clusters_of_app(self) -> list[StackStorm]:
        """All clusters of the app, this one among them."""
        return _clusters(self.what_is_made(self._root))

    def _earlier(self, made: Iterable[IConstruct]) -> Iterator[StackStorm]:
        """The clusters of the app before this one: what two of them share is told once, by the later one."""
        return takewhile(lambda other: other is not self, _clusters(made))

    def _shared(self, objects: Sequence[Document]) -> Iterator[Problem]:
        """Objects that another cluster or a chart of the app has, too: the last one that is applied would win."""
        own = _by_place(objects)
        made = self.what_is_made(self._root)
        of_others: dict[IConstruct, list[Document]] = defaultdict(list)
        for each in made:
            if isinstance(each, Manifest) and each.owner is not self:
                of_others[each.owner].append(each.named)
        release = self.cluster.release
        for other in self._earlier(made):
            path = other._own_node.path
            if (release.name, release.namespace) == (other.cluster.release.name, other.cluster.release.namespace):
                message = (
                    f'is also that of the cluster "{path}"; give one of them another name or namespace, '
                    "and clusters that are for several Kubernetes clusters an app each"
                )
                yield Problem("unique", f"Release/{release.name}", f"namespace {release.namespace}", message)
                continue
            theirs = _by_place(of_others[other] if other.seen else other.planned)
            for document in (document for key, document in theirs.items() if key in own):
                hint = "set namespace.create to false" if document["kind"] == "Namespace" else "let one of them make it"
                message = f'is also an object of the cluster "{path}"; {hint}'
                yield Problem("unique", identity(document), "metadata.name", message)
        yield from self._shared_with_charts(own, made) if self.seen else ()

    def _shared_with_charts(self, own: Mapping[str, Document], made: Iterable[IConstruct]) -> Iterator[Problem]:
        """Objects that a chart of the app has, too, such as the namespace."""
        path, names = self._own_node.path, {document["metadata"]["name"] for document in own.values()}
        for each in made:
            if not isinstance(each, cdk8s.ApiObject) or isinstance(each, Manifest) or each.name not in names:
                continue
            shared = own.keys() & _by_place([document := each.to_json()])
            if shared and not each.node.path.startswith(f"{path}/"):
                hint = "set namespace.create to false" if document["kind"] == "Namespace" else "rename one of them"
                message = f'is also an object of the chart "{cdk8s.Chart.of(each).node.path}"; {hint}'
                yield Problem("unique", identity(document), "metadata.name", message)

    def _lost(self) -> Iterator[Problem]:
        """Objects for which cdk8s would write no file of their own, but over that of another."""
        root, types = self._root, cdk8s.YamlOutputType
        if isinstance(root, PatientApp) or not isinstance(root, cdk8s.App):
            return
        output = root.yaml_output_type
        if output not in (types.FILE_PER_RESOURCE, types.FOLDER_PER_CHART_FILE_PER_RESOURCE):
            return
        made, path = self.what_is_made(root), f"{self._own_node.path}/"
        earlier = frozenset(map(id, self._earlier(made)))
        own: Counter[tuple[str, str]] = Counter()
        others: set[tuple[str, str]] = set()
        for each in made:
            if not isinstance(each, cdk8s.ApiObject):
                continue
            if isinstance(each, Manifest):
                if not is_identified(document := each.named):
                    continue
                name, is_own, counts = identity(document), each.owner is self, id(each.owner) in earlier
            else:
                name, is_own, counts = f"{each.kind}/{each.name}", each.node.path.startswith(path), True
            file = "" if output is types.FILE_PER_RESOURCE else cdk8s.Chart.of(each).node.path, name
            if is_own:
                own[file] += 1
            elif counts:
                others.add(file)
        if lost := [file[1] for file, count in own.items() if count > 1 or file in others]:
            message = (
                f"{output.name} names files by kind and name, which {len(lost)} objects share with others, "
                f"such as {lost[0]}, and all but one of each would be lost; take another output type"
            )
            yield Problem("unique", f"Release/{self.cluster.release.name}", "yaml_output_type", message)


def of_each(clusters: Sequence[StackStorm], tell: Callable[[StackStorm], Iterable[str]]) -> Iterator[str]:
    """What is told of clusters. Of several, it begins with the place of each in the construct tree, as in cdk8s."""
    for cluster in clusters:
        place = f"[{cluster._own_node.path}] " if len(clusters) > 1 else ""
        yield from (f"{place}{line}" for line in tell(cluster))


def _clusters(made: Iterable[IConstruct]) -> list[StackStorm]:
    return [each for each in made if isinstance(each, StackStorm)]


def _by_place(objects: Iterable[Document]) -> Mapping[str, Document]:
    """Objects by what tells them from all others, but for those of which checks tell that they lack it."""
    return {str(place(each)): each for each in objects if is_identified(each)}


@jsii.implements(IValidation)
class _Validation:
    """Lets cdk8s refuse a cluster whose objects do not hold together."""

    def __init__(self, cluster: StackStorm) -> None:
        self._cluster = cluster

    def validate(self) -> list[str]:
        """What is wrong with it."""
        return self._cluster.refusals()


class _AllTiers(Dependable):
    """What depends on a cluster depends on its tiers: cdk8s knows only of dependencies between charts."""

    def __init__(self, cluster: StackStorm) -> None:
        super().__init__()
        self._cluster = cluster

    @property
    def dependency_roots(self) -> list[IConstruct]:
        """The tiers."""
        return list(self._cluster.tiers.values())
