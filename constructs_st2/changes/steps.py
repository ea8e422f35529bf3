"""Steps that cannot work: what data, quorums or locks do not survive, with the steps that they do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from constructs_st2.changes.difference import Difference
from constructs_st2.changes.findings import Finding, Section
from constructs_st2.changes.immutable import is_smaller, kubectl
from constructs_st2.checks.data import at, label, mappings
from constructs_st2.facts.backends import COORDINATION_BACKENDS, ETCD, MONGODB, RABBITMQ, REDIS_SENTINEL
from constructs_st2.facts.backends.rabbitmq import NODE_NAME, node_name
from constructs_st2.facts.backends.upgrades import (
    ACCEPTED_ANNOTATION,
    COMPATIBILITY_ANNOTATION,
    REPLICA_SET_ANNOTATION,
    UPGRADES,
    VERSION_ANNOTATION,
    Upgrades,
    Version,
    version_in,
)
from constructs_st2.facts.catalogue import (
    CATALOGUE,
    ST2CHATOPS,
    ST2CLIENT,
    ST2RULESENGINE,
    ST2SENSORCONTAINER,
    ST2TIMERSENGINE,
)
from constructs_st2.facts.keeping import ALLOWED
from constructs_st2.facts.pod_paths import SECRET_PATH
from constructs_st2.facts.secrets.contract import MONGODB_ROOT_PASSWORD
from constructs_st2.kube.documents import Document
from constructs_st2.kube.well_known import INSTANCE_LABEL
from constructs_st2.parts.pods.variables import OWN_POD_NAME


@dataclass(frozen=True)
class Backend:
    """A backend in both states."""

    difference: Difference

    @property
    def component(self) -> str:
        """Its name in the cluster, and its section in the values."""
        return self.difference.component

    @property
    def old(self) -> Document:
        """Its StatefulSet as it was."""
        assert self.difference.old is not None
        return self.difference.old

    @property
    def new(self) -> Document:
        """Its StatefulSet as it will be."""
        assert self.difference.new is not None
        return self.difference.new

    @property
    def kubectl(self) -> str:
        """The beginning of a command about it."""
        return kubectl(self.difference)


def refusals(differences: Iterable[Difference]) -> Iterator[Finding]:
    """The steps that cannot work."""
    found = list(differences)
    for difference in found:
        is_backend = difference.kind == "StatefulSet" and difference.component in UPGRADES
        if is_backend and difference.action == "changed":
            for rule in _RULES:
                yield from rule(Backend(difference))
    yield from _switched_coordination(found)


def server_version(stateful_set: Document) -> Version | None:
    """The version of a backend's server: as its builder noted it, or else as the tag of its image begins."""
    noted = at(stateful_set, "metadata", "annotations", VERSION_ANNOTATION)
    if isinstance(noted, str):
        return version_in(noted)
    containers = mappings(at(stateful_set, "spec", "template", "spec", "containers"))
    image = str(containers[0].get("image", "")) if containers else ""
    return version_in(image.rpartition(":")[2])


def _tag(stateful_set: Document) -> str:
    containers = mappings(at(stateful_set, "spec", "template", "spec", "containers"))
    return str(containers[0].get("image", "")).rpartition(":")[2] if containers else ""


def _refused(backend: Backend, what: str, text: str, steps: Sequence[str]) -> Finding:
    return Finding(Section.REFUSED, backend.component, text, tuple(steps), f"{backend.component}-{what}")


# --- versions


def _version(backend: Backend) -> Iterator[Finding]:
    old, new = server_version(backend.old), server_version(backend.new)
    if old is None or new is None or old == new:
        return
    upgrades = UPGRADES[backend.component]
    steps = upgrades.steps(old, new)
    accepted = at(backend.new, "metadata", "annotations", ACCEPTED_ANNOTATION)
    if (isinstance(accepted, str) and version_in(accepted) == old) or leads_back(backend.difference):
        return
    if steps is None:
        yield _refused(
            backend,
            "version",
            f"{upgrades.name} {old} -> {new}: an older server does not read the data of a newer one",
            [
                f"keep {backend.component}.image.tag: {_tag(backend.old)}",
                "or begin with new volumes, and restore a backup from before the upgrade: see docs/how-to/day-two.md"
                if backend.component == MONGODB.component
                else "or begin with new volumes, which lose what is in the old ones: see docs/how-to/day-two.md",
                _taken(backend, old),
            ],
        )
    elif len(steps) > 1:
        yield _refused(
            backend,
            "version",
            f"{upgrades.name} {old} -> {new} in one step: {upgrades.because}",
            [*_upgrade_steps(upgrades, backend, old, steps), _taken(backend, old)],
        )
    elif upgrades is UPGRADES[MONGODB.component] and not upgrades.same_step(old, new):
        yield from _compatibility(backend, old, new)


def leads_back(difference: Difference) -> bool:
    """Whether a server goes back to an older version whose formats the values have held."""
    if difference.old is None or difference.new is None or difference.component not in UPGRADES:
        return False
    old, new = server_version(difference.old), server_version(difference.new)
    if old is None or new is None or new >= old:
        return False
    return UPGRADES[difference.component].returns(old, new) and held_formats(difference.old) == new


def held_formats(stateful_set: Document) -> Version | None:
    """The featureCompatibilityVersion that the values name."""
    noted = at(stateful_set, "metadata", "annotations", COMPATIBILITY_ANNOTATION)
    return version_in(noted) if isinstance(noted, str) else None


def _compatibility(backend: Backend, old: Version, new: Version) -> Iterator[Finding]:
    held = held_formats(backend.old)
    if held and held.major < old.major:
        yield _refused(
            backend,
            "version",
            f"MongoDB {old} -> {new}, while featureCompatibilityVersion is held at {held}: {new} does not start",
            [f'mongodb.featureCompatibilityVersion: "{old}", synth, apply; then this step'],
        )


def _upgrade_steps(upgrades: Upgrades, backend: Backend, old: Version, steps: Sequence[Version]) -> Iterator[str]:
    """What to set in the values, one after the other."""
    yield f'{upgrades.tag_key}: "{_tag(backend.old)}", which keeps it as it is while all else changes; synth, apply'
    for key, value in upgrades.settings(old, steps, held_formats(backend.old)):
        if key != upgrades.tag_key:
            yield f'{key}: "{value}"; synth, apply, wait until it is said to be set'
            continue
        if upgrades.before:
            yield f"enable all {upgrades.before}: {FEATURE_FLAGS}"
        yield f'{key}: "{value}"; synth, apply, wait for all members'


def _taken(backend: Backend, old: Version) -> str:
    """How data is taken that the members' guard would refuse, too."""
    return (
        f'or, where you know that it works: {backend.component}.persistence.acceptDataOf: "{old}", without which '
        "members stop before their servers start, also with --accept"
    )


FEATURE_FLAGS = "rabbitmqctl enable_feature_flag all"


# --- members and their volumes


def _members(backend: Backend) -> Iterator[Finding]:
    old, new = (at(each, "spec", "replicas") for each in (backend.old, backend.new))
    if not isinstance(old, int) or not isinstance(new, int) or old == new:
        return
    if new % 2 == 0:
        text = f"{old} -> {new} members: an even number survives no more failures than {new - 1}"
        yield _refused(backend, "members", text, [f"choose {new - 1} or {new + 1}"])
    leaving = [f"{backend.difference.name}-{ordinal}" for ordinal in reversed(range(new, old))]
    # Sentinels forget a Redis that is gone, and what it was the master of it has handed over.
    if leaving and backend.component != REDIS_SENTINEL.component:
        text = f"{old} -> {new} members: those that go still count, so {old // 2 + 1} of {old} must be there"
        yield _refused(backend, "members", text, list(_removal(backend, leaving, lasting=new > old // 2)))


def _removal(backend: Backend, leaving: Sequence[str], *, lasting: bool) -> Iterator[str]:
    """How members leave. ``lasting``: those that stay are a majority of all."""
    apply = f"synth with --accept {backend.component}-members, and apply"
    inside = f"{backend.kubectl} exec {backend.difference.name}-0 -c {backend.component} --"
    match backend.component:
        case MONGODB.component if lasting:
            # Not before: `reconcile` adds a member that is missing from the set.
            yield apply
            for member in leaving:
                yield (
                    f"{backend.kubectl} exec PRIMARY -c mongodb -- sh -c 'mongosh -u root -p \"$(cat "
                    f'{SECRET_PATH}/{MONGODB_ROOT_PASSWORD})" --eval "rs.remove(rs.conf().members'
                    f'.find(m => m.host.startsWith(\\"{member}.\\")).host)"\''
                )
        case MONGODB.component:
            yield "those that stay are no majority, so the set would have no primary: go down by a minority at a time"
            yield "to a single member: make a backup, and restore it into a new release"
        case RABBITMQ.component:
            nodes = [_node(backend.old, member) for member in leaving]
            yield from (f"{inside} rabbitmq-queues shrink {node}" for node in nodes)
            yield apply
            yield from (f"{inside} rabbitmqctl forget_cluster_node {node}" for node in nodes)
        case ETCD.component:
            yield f"{inside} etcdctl member list   # the IDs of {', '.join(leaving)}"
            yield from (f"{inside} etcdctl member remove ID   # of {member}" for member in leaving)
            yield apply
    for member in leaving if lasting or backend.component != MONGODB.component else ():
        yield f"{backend.kubectl} annotate pvc data-{member} {ALLOWED}=true   # its data is elsewhere"
        yield f"{backend.kubectl} delete pvc data-{member}"


def _node(stateful_set: Document, member: str) -> str:
    """The name of a node of RabbitMQ, in which the cluster's DNS domain is. Its pods are told it by a variable."""
    for container in mappings(at(stateful_set, "spec", "template", "spec", "containers")):
        for variable in mappings(container.get("env")):
            if variable.get("name") == NODE_NAME:
                return str(variable.get("value")).replace(OWN_POD_NAME, member)
    return node_name(member)


def _volumes(backend: Backend) -> Iterator[Finding]:
    claims = backend.difference.at("spec", "volumeClaimTemplates")
    for leaf in claims:
        if is_smaller(leaf):
            text = f"volumes {leaf.old} -> {leaf.new}: Kubernetes cannot make a volume smaller"
            steps = [f'{backend.component}.persistence.size: "{leaf.old}"']
            yield _refused(backend, "volumes", text, steps)
    had, has = (bool(at(each, "spec", "volumeClaimTemplates")) for each in (backend.old, backend.new))
    if had and not has:
        text = "persistence off: every member starts empty at its replacement, the data stays behind in the old volumes"
        yield _refused(backend, "persistence", text, [f"{backend.component}.persistence.enabled: true"])


def _replica_set(backend: Backend) -> Iterator[Finding]:
    old, new = (at(each, "metadata", "annotations", REPLICA_SET_ANNOTATION) for each in (backend.old, backend.new))
    if old and new and old != new:
        text = f"the replica set {old} -> {new}: the data of members has the old name, with which no other is formed"
        yield _refused(backend, "replica-set", text, [f"mongodb.replicaSetName: {old}"])


_RULES: Sequence[Callable[[Backend], Iterator[Finding]]] = (_version, _members, _volumes, _replica_set)


# --- coordination


def _switched_coordination(differences: Sequence[Difference]) -> Iterator[Finding]:
    """Half of the services would hold locks in one backend, and half in the other."""
    sets = [each for each in differences if each.kind == "StatefulSet" and each.component in COORDINATION_BACKENDS]
    for gone in (each for each in sets if each.action == "gone"):
        where = (gone.namespace, label(gone.document, INSTANCE_LABEL))
        for new in (each for each in sets if each.action == "new"):
            if where == (new.namespace, label(new.document, INSTANCE_LABEL)):
                yield _switch(gone, new)


def _switch(gone: Difference, new: Difference) -> Finding:
    release = label(gone.document, INSTANCE_LABEL) or ""
    command = kubectl(gone)
    stop = f"{command} scale deployment -l 'release={release},app in ({{}})' --replicas=0"
    # What asks for executions first; what works on them only when there are none.
    sources = (ST2SENSORCONTAINER.name, ST2TIMERSENGINE.name, ST2RULESENGINE.name, ST2CHATOPS.name)
    workers = [entry.name for entry in CATALOGUE if entry.registered_as and entry.name not in sources]
    running = f"{command} exec deploy/{release}-{ST2CLIENT.name} -- st2 execution list --status running"
    return Finding(
        Section.REFUSED,
        "coordination",
        f"{gone.component} -> {new.component} under running executions: while services are replaced, some hold their "
        "locks in one and some in the other, so two can work on the same workflow",
        (
            stop.format(",".join(sources)),
            f"{running}   # until it lists none",
            stop.format(",".join(workers)),
            "synth with --accept coordination, and apply: the manifests start everything again",
            f"{command} delete statefulset {gone.name}   # and its Services, see below",
        ),
        "coordination",
    )
