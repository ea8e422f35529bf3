"""The only door to cdk8s objects.

Objects are plain data, because crossing into Node.js is what costs time, and because the typed classes of
cdk8s-plus-27 silently lose fields when they are patched. A `Manifest` is one such object in the construct tree.
Node.js holds its metadata, and gets the other fields when patches are applied to them.
"""

from __future__ import annotations

import inspect
import itertools
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import cdk8s
import jsii
from constructs import Construct, IConstruct, Node

from constructs_st2.errors import UserError
from constructs_st2.kube.documents import Document, copied, identity, pod_template, state_of
from constructs_st2.parts.tiers import Part


class Patient(Construct):
    """A construct that makes what is below it in Node.js only when somebody looks, because that is what takes time.

    Its ``node`` is no property, of which jsii would tell Node.js to ask Python for it from then on.

    What nobody looks at is made by the functions of jsii that the classes of cdk8s call: those first check the types of
    their arguments, for which jsii imports 80 modules, asyncio and unittest among them, in 25 ms.
    """

    seen = False
    """Whether somebody has looked at what is below it, and may have changed it."""

    __signature__: ClassVar[inspect.Signature]

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        # `help` and others would tell of the metaclass of jsii, which takes anything.
        whole = inspect.signature(cls.__init__)
        cls.__signature__ = whole.replace(parameters=list(whole.parameters.values())[1:])

    def __init__(self, scope: Construct, id: str) -> None:
        if isinstance(scope, Construct) and isinstance(id, str):
            jsii.create(type(self), self, [scope, id])
        else:
            # Says what is wrong with them.
            super().__init__(scope, id)

    # To type checkers it is the property of any construct: pyright would take no other for an `IConstruct`.
    if not TYPE_CHECKING:

        @cached_property
        def node(self) -> Node:
            """The node of the construct tree."""
            self.look()
            return self._own_node

    @cached_property
    def _own_node(self) -> Node:
        """The same, without making anything."""
        return super().node

    @cached_property
    def _root(self) -> IConstruct:
        """The app, or what else is above all."""
        return self._own_node.root

    def look(self) -> None:
        """Make what is below it."""
        self.seen = True

    @staticmethod
    def what_is_made(construct: IConstruct) -> list[IConstruct]:
        """A construct and all below it, as they are, without making anything."""
        node = construct._own_node if isinstance(construct, Patient) else construct.node
        found: list[IConstruct] = jsii.invoke(node, "findAll", [])
        return found


class PatientApp(Patient, cdk8s.App):
    """An app in which clusters are made only when somebody looks."""

    def __init__(self, outdir: str, resolvers: Sequence[cdk8s.IResolver] = ()) -> None:
        if resolvers:
            # They are asked about all that is made.
            self.seen = True
            cdk8s.App.__init__(self, outdir=outdir, resolvers=resolvers)
        else:
            jsii.create(type(self), self, [{"outdir": outdir}])
        self.waiting: list[Patient] = []
        """What has not been made."""

    def look(self) -> None:
        """Make all that waits for it."""
        super().look()
        for each in self.waiting:
            each.look()
        self.waiting.clear()

    @property
    def charts(self) -> list[cdk8s.Chart]:
        """All charts, those of clusters among them."""
        self.look()
        return super().charts

    def synth_yaml(self) -> str:
        """All objects as one YAML text, checked."""
        self.look()
        return super().synth_yaml()


class Manifest(cdk8s.ApiObject):
    """One Kubernetes object, written exactly as given unless it is changed by what every `cdk8s.ApiObject` has.

    Args:
        scope: the construct that it belongs to.
        tier: the tier that it is in.
        document: the object.
        id: its name in the construct tree.
    """

    def __init__(self, scope: Construct, tier: Tier, document: Document, id: str) -> None:
        self.document = document
        self.touched = False
        """Whether somebody may have changed it."""
        self._tier = tier
        self._patches: list[cdk8s.JsonPatch] = []
        self._made_before: tuple[bytes, Document] | None = None
        """What was made of it, and of which state."""
        self._told = copied(_known(document["metadata"]))
        """The metadata that Node.js was told of."""
        super().__init__(
            scope,
            id,
            api_version=document["apiVersion"],
            kind=document["kind"],
            metadata=self._told,
        )

    if not TYPE_CHECKING:

        @cached_property
        def metadata(self) -> cdk8s.ApiObjectMetadataDefinition:
            """The metadata, to be read and changed."""
            self.touched = True
            return super().metadata

    def add_json_patch(self, *operations: cdk8s.JsonPatch) -> None:
        """Change the object as the last thing before it is written, and before it is checked.

        Raises:
            TypeError: what is given is no `cdk8s.JsonPatch`.
        """
        for position, operation in enumerate(operations):
            if not isinstance(operation, cdk8s.JsonPatch):
                # The words of cdk8s, which has the types looked at when the patches are applied.
                given = type(operation).__name__
                raise TypeError(f"type of argument ops[{position}] must be cdk8s.JsonPatch; got {given} instead")
        self.touched = True
        self._patches += operations

    def to_json(self) -> Any:
        """The object as Kubernetes gets it.

        Raises:
            UserError: a patch cannot be applied to it.
        """
        whole = self._completed(super().to_json())
        return self._patched(self._resolved([], whole) if self._tier.resolvers else whole)

    def current(self) -> Document:
        """The same, without asking Node.js about what nobody has changed, nor doing to an object what was done to it.

        cdk8s asks for the checks once per chart, patches are applied by Node.js, and a resolver is asked about each
        value of each object.
        """
        resolvers = self._tier.resolvers
        if not self.touched and not resolvers:
            return self.document
        whole = self._completed(super().to_json()) if self.touched else self.document
        state = state_of([whole, len(self._patches)])
        if self._made_before is None or self._made_before[0] != state:
            resolved = self._resolved([], copied(whole)) if resolvers else whole
            self._made_before = (state, self._patched(resolved))
        made: Document = copied(self._made_before[1])
        return made

    @property
    def owner(self) -> IConstruct:
        """The cluster that its tier is part of."""
        return self._tier.owner

    @property
    def named(self) -> Document:
        """The object as far as its kind, namespace and name go, which only patches and resolvers can change."""
        return self.current() if self._patches or self._tier.resolvers else self.document

    def _patched(self, whole: Document) -> Document:
        if not self._patches:
            return whole
        try:
            patched: Document = cdk8s.JsonPatch.apply(whole, *self._patches)
        except RuntimeError as error:
            count = self._first_that_fails(whole)
            # What fast-json-patch says goes on with the whole object, a line for each field.
            reason = textwrap.shorten(str(error).partition("\ntree:")[0], 300, placeholder=" …")
            which = f"the JSON patch {count} of {len(self._patches)}" if len(self._patches) > 1 else "the JSON patch"
            raise UserError(f"{which} cannot be applied to {identity(self.document)}: {reason}") from error
        return patched

    def _first_that_fails(self, whole: Document) -> int:
        """Its number, from 1."""
        for count in range(1, len(self._patches)):
            try:
                cdk8s.JsonPatch.apply(whole, *self._patches[:count])
            except RuntimeError:
                return count
        return len(self._patches)

    def __repr__(self) -> str:
        return f"<Manifest {identity(self.document)}>"

    def _completed(self, known: Mapping[str, Any]) -> Document:
        """The object with what has changed in the metadata that Node.js knows of."""
        metadata = dict(self.document["metadata"])
        for key, value in known["metadata"].items():
            if key == "namespace" and key not in metadata:
                # The chart's; objects without one are of the whole cluster.
                continue
            told = self._told.get(key)
            if key == _OWNERS:
                metadata[key] = [*metadata.get(key, ()), *value]
            elif isinstance(value, dict):
                changed = {name: text for name, text in value.items() if not told or told.get(name) != text}
                metadata[key] = {**metadata.get(key, {}), **changed}
            elif value != told:
                metadata[key] = value
        # What a caller changes in it is not written, as of any other `cdk8s.ApiObject`.
        whole: Document = copied({**self.document, "metadata": metadata})
        return whole

    def _resolved(self, key: list[str], value: Any) -> Any:
        """A value as the resolvers of the app want it; they are asked again about what one has put there."""
        if value is None:
            return None
        for resolver in self._tier.resolvers:
            # Only what is written in Python does not mind whether Node.js has made it.
            made = isinstance(type(resolver), jsii.JSIIMeta)
            context: Any = (cdk8s.ResolutionContext if made else _Context)(self, key, value)
            resolver.resolve(context)
            if context.replaced:
                return self._resolved(key, context.replaced_value)
        if isinstance(value, dict):
            return {name: self._resolved([*key, name], item) for name, item in value.items()}
        if isinstance(value, list):
            return [self._resolved([*key, str(index)], item) for index, item in enumerate(value)]
        return value


class _Context:
    """A `cdk8s.ResolutionContext` that asks nothing of Node.js: there is one for each value of each object."""

    def __init__(self, obj: cdk8s.ApiObject, key: list[str], value: object) -> None:
        self.obj = obj
        self.key = key
        self.value = value
        self.replaced = False
        self.replaced_value: Any = None

    def replace_value(self, new_value: object) -> None:
        """Replace the value."""
        self.replaced = True
        self.replaced_value = new_value


C = TypeVar("C", bound=IConstruct)


def among(constructs: Mapping[str, C], present: Iterable[IConstruct]) -> Mapping[str, C]:
    """Those constructs that are among others: those that nobody has removed from the construct tree."""
    kept = frozenset(map(id, present))
    return {name: each for name, each in constructs.items() if id(each) in kept}


def by_name(objects: Iterable[Manifest]) -> dict[str, Manifest]:
    """Objects by kind and name, ``ConfigMap/a``; a second one of the same by its namespace too, ``ConfigMap/b/a``."""
    known = list(objects)
    return dict(zip(_names(each.document for each in known), known, strict=True))


def _names(documents: Iterable[Document]) -> list[str]:
    """What objects are called, each in another way."""
    named: dict[str, None] = {}
    for document in documents:
        named[next(name for name in _possible_names(document) if name not in named)] = None
    return list(named)


def _possible_names(document: Document) -> Iterator[str]:
    metadata = document["metadata"]
    yield identity(document)
    yield f"{document['kind']}/{metadata.get('namespace', '')}/{metadata['name']}"
    # Of two API groups; or twice the same, of which the checks tell.
    yield from (f"{identity(document)}/{number}" for number in itertools.count(2))


def _made(scope: Construct, tier: Tier, documents: Sequence[Document]) -> dict[str, Manifest]:
    """Objects in the construct tree, as `by_name` calls them."""
    return {
        name: Manifest(scope, tier, document, name.replace("/", "-"))
        for name, document in zip(_names(documents), documents, strict=True)
    }


def charts_around(construct: Construct) -> list[cdk8s.Chart]:
    """The charts that a construct is in, the nearest one last. A chart is in itself."""
    if isinstance(construct, cdk8s.App):
        return []
    return [each for each in construct.node.scopes if isinstance(each, cdk8s.Chart)]


class Component(Construct):
    """A service or a backend in the construct tree: the objects that are its own, by kind and name.

    Args:
        tier: the tier that it is part of.
        part: what it is made of.
    """

    def __init__(self, tier: Tier, part: Part) -> None:
        super().__init__(tier, part.name)
        self._objects = _made(self, tier, part.documents)
        workloads = [each for each in self._objects.values() if pod_template(each.document)]
        if len(workloads) == 1:
            # What `cdk8s.ApiObject.of` finds.
            self.node.default_child = workloads[0]

    @property
    def objects(self) -> Mapping[str, Manifest]:
        """Its objects, but for those that were removed from the construct tree."""
        return among(self._objects, self.node.children)

    def __getitem__(self, wanted: str) -> Manifest:
        """The object called ``Deployment/st2-st2api``, or the only one of a kind: ``Deployment``.

        Raises:
            KeyError: there is none, or there are several.
        """
        return _found(self.objects, wanted)

    def __contains__(self, wanted: object) -> bool:
        objects = self.objects
        return wanted in objects or [name.partition("/")[0] for name in objects].count(str(wanted)) == 1

    def __iter__(self) -> Iterator[str]:
        return iter(self.objects)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.node.path}>"


class Tier(cdk8s.Chart):
    """One file of manifests: services and backends by their names, and objects that belong to all of it.

    Args:
        scope: the cluster that it is part of.
        file: the name of its file, without ending.
        parts: what it is made of.
        namespace: the namespace of objects that are added to it.
        labels: labels of objects that are added to it.
    """

    def __init__(
        self, scope: Construct, file: str, parts: Iterable[Part], namespace: str, labels: Mapping[str, str]
    ) -> None:
        super().__init__(scope, file, namespace=namespace, labels=dict(labels) or None)
        self.owner = scope
        """What it is part of."""
        self._components: dict[str, Component] = {}
        self._objects = by_name([each for part in parts for each in self._add(part)])

    @property
    def components(self) -> Mapping[str, Component]:
        """Its services and backends, but for those that were removed from the construct tree."""
        return among(self._components, self.node.children)

    @property
    def objects(self) -> Mapping[str, Manifest]:
        """All objects that it was made with, but for those that were removed from the construct tree."""
        return among(self._objects, self.node.find_all())

    @cached_property
    def resolvers(self) -> Sequence[cdk8s.IResolver]:
        """What the app wants to replace in objects, besides what only objects made in Node.js can hold."""
        return [each for each in cdk8s.App.of(self).resolvers if not isinstance(each, _RESOLVERS_OF_CDK8S)]

    def _add(self, part: Part) -> Iterable[Manifest]:
        if not part.name:
            return _made(self, self, part.documents).values()
        self._components[part.name] = component = Component(self, part)
        return component.objects.values()

    @property
    def api_objects(self) -> list[cdk8s.ApiObject]:
        """All objects in it; of any other chart, cdk8s gives those alone that are in no construct within it."""
        return [each for each in self.node.find_all() if isinstance(each, cdk8s.ApiObject)]

    def __getitem__(self, name: str) -> Component:
        """The service or backend of a name: ``stack.runners["st2actionrunner"]``.

        Raises:
            KeyError: there is none.
        """
        components = self.components
        if name not in components:
            raise KeyError(f"there is no {name}; there are: {', '.join(components) or 'none'}")
        return components[name]

    def __contains__(self, name: object) -> bool:
        return name in self.components

    def __iter__(self) -> Iterator[str]:
        return iter(self.components)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.node.path}>"

    def generate_object_name(self, api_object: cdk8s.ApiObject) -> str:
        """The name of an object that is given none: as a chart around the cluster makes it, with a hash or without."""
        *around, _ = charts_around(self)
        return around[-1].generate_object_name(api_object) if around else super().generate_object_name(api_object)


_RESOLVERS_OF_CDK8S = (cdk8s.LazyResolver, cdk8s.ImplicitTokenResolver, cdk8s.NumberStringUnionResolver)


def _found(objects: Mapping[str, Manifest], wanted: str) -> Manifest:
    if wanted in objects:
        return objects[wanted]
    of_kind = [manifest for name, manifest in objects.items() if name.partition("/")[0] == wanted]
    if len(of_kind) != 1:
        raise KeyError(f"there is {'more than one' if of_kind else 'no'} {wanted}; there are: {', '.join(objects)}")
    return of_kind[0]


_TEXTS = ("labels", "annotations")
_OWNERS = "ownerReferences"
"""What Node.js is not told of: all that it has of these has been added since."""


def _known(metadata: Document) -> dict[str, Any]:
    """The metadata that cdk8s has types for. What a user's own object has besides, or wrong, is only written."""
    return {
        key: value
        for key, value in metadata.items()
        if (key in ("name", "namespace") and isinstance(value, str))
        or (key in _TEXTS and value and isinstance(value, dict) and _all_texts([*value, *value.values()]))
        or (key == "finalizers" and value and isinstance(value, list) and _all_texts(value))
    }


def _all_texts(values: Iterable[object]) -> bool:
    return all(isinstance(value, str) for value in values)
