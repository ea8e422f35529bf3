"""The whole cluster on one page: its tiers, in the order in which they are applied.

Each tier is one file. Waves are a help for Argo CD only: every pod waits by itself for what it needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from constructs_st2.checks.cleartext import excuse
from constructs_st2.checks.pod_security import level_of
from constructs_st2.construct.flows import ClusterTable
from constructs_st2.facts import catalogue
from constructs_st2.facts.catalogue import CatalogueEntry
from constructs_st2.facts.clear_text import no_secrets
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.release import SERVICES_WAVE, WAVE_ANNOTATION
from constructs_st2.kube.documents import Document, pod_template, scope_of, scopes_defined_by
from constructs_st2.parts.backends.in_cluster import member_set
from constructs_st2.parts.backends.member_set import MemberSet
from constructs_st2.parts.backends.part import backend_part
from constructs_st2.parts.config import keeping, priority_classes
from constructs_st2.parts.config.files import config_maps
from constructs_st2.parts.config.namespace import namespace, service_account
from constructs_st2.parts.extras import apply_patches, extra_objects
from constructs_st2.parts.jobs import tasks
from constructs_st2.parts.jobs.job import WAVE
from constructs_st2.parts.optional import parts_of
from constructs_st2.parts.packs import claims
from constructs_st2.parts.secrets.modes import secret_documents
from constructs_st2.parts.services import chatops, client, runner, sensors, web
from constructs_st2.parts.services.part import service_part
from constructs_st2.parts.services.process import Process, st2_process
from constructs_st2.parts.services.workload import Workload
from constructs_st2.parts.tiers import Composed, Part, PartsOf, Plan, documents_of, loose
from constructs_st2.values.model import Values
from constructs_st2.values.model.services import Network


def compose(cluster: Cluster, plans: Mapping[str, Plan] | None = None) -> Composed:
    """The parts of all tiers of a cluster, with the patches of its values applied.

    Args:
        cluster: what to build.
        plans: the tiers, in their order. Default: `PLANS`.

    Raises:
        InvalidValues: the values cannot be honoured.
    """
    plans = PLANS if plans is None else plans
    composed = {name: list(plan.parts(cluster)) for name, plan in plans.items()}
    if cluster.values.namespace.create and "namespace" in composed:
        # The namespace is the first file, but what it enforces follows from the pods of all others.
        pods = [pod for document in documents_of(composed) if (pod := pod_template(document))]
        composed["namespace"][:0] = loose([namespace(cluster, level_of(pods))])
    defined = scopes_defined_by(documents_of(composed))
    for document in documents_of(composed):
        _set_namespace(document, cluster.release.namespace, defined)
    for name, parts in composed.items():
        if wave := plans[name].wave:
            for document in documents_of({name: parts}):
                _set_wave(document, wave)
    apply_patches(cluster.values.patches, documents_of(composed))
    if cluster.values.security.not_secret:
        excuse(documents_of(composed), no_secrets(cluster.values))
    return {name: parts for name, parts in composed.items() if parts}


def _set_namespace(document: Document, namespace: str, defined: Mapping[tuple[str, str], str]) -> None:
    # Objects of users, in values or in tiers of their own, need not name it.
    scope = defined.get((document["apiVersion"].rpartition("/")[0], document["kind"])) or scope_of(document)
    if scope == "Namespaced" and "namespace" not in document["metadata"]:
        document["metadata"] = {**document["metadata"], "namespace": namespace}


def _set_wave(document: Document, wave: int) -> None:
    # Some objects have a wave of their own.
    metadata = document["metadata"]
    metadata["annotations"] = {WAVE_ANNOTATION: str(wave), **metadata.get("annotations", {})}


def _namespace(cluster: Cluster) -> Iterator[Part]:
    """What keeps its data. The namespace itself `compose` makes last."""
    return loose(keeping.documents(cluster))


def _config(cluster: Cluster) -> Iterator[Part]:
    made: list[Document] = []
    if cluster.values.service_account.create:
        made.append(service_account(cluster))
    made += priority_classes.documents(cluster)
    made += config_maps(cluster)
    return loose(made)


def _secrets(cluster: Cluster) -> Iterator[Part]:
    return loose([*secret_documents(cluster), *_optional("secrets", cluster)])


def _mongodb(cluster: Cluster) -> Iterator[Part]:
    return _members(member_set("database", cluster), cluster)


def _rabbitmq(cluster: Cluster) -> Iterator[Part]:
    return _members(member_set("messaging", cluster), cluster)


def _coordination(cluster: Cluster) -> Iterator[Part]:
    return _members(member_set("coordination", cluster), cluster)


def _members(members: MemberSet | None, cluster: Cluster) -> Iterator[Part]:
    if members is not None:
        yield backend_part(members, cluster)


def _packs(cluster: Cluster) -> Iterator[Part]:
    return loose([*claims(cluster), *_optional("packs", cluster)])


def _api(cluster: Cluster) -> Iterator[Part]:
    for entry in catalogue.CATALOGUE:
        if entry.tier != "api":
            continue
        process = st2_process(entry, cluster)
        ports, config_maps = process.ports, []
        if cluster.values.tls.internal.of_services:
            from constructs_st2.parts.services import tls_proxy

            process = tls_proxy.behind_tls(process, entry, cluster)
            ports, config_maps = tls_proxy.service_ports(entry), tls_proxy.config_maps(entry, cluster)
        yield service_part(
            _workload(entry, cluster.values, process),
            cluster,
            network=getattr(cluster.values, entry.name).service,
            ports=ports,
            config_maps=config_maps,
        )


def _engines(cluster: Cluster) -> Iterator[Part]:
    for entry in catalogue.CATALOGUE:
        if entry.tier == "engines":
            yield service_part(_workload(entry, cluster.values, st2_process(entry, cluster)), cluster)


def _runners(cluster: Cluster) -> Iterator[Part]:
    for workload in runner.workloads(cluster):
        yield service_part(workload, cluster)
    yield from loose(files for files in (runner.pools_config(cluster), sensors.partition_config(cluster)) if files)
    for partition in sensors.partitions(cluster):
        yield service_part(sensors.workload(partition, cluster), cluster)


def _frontend(cluster: Cluster) -> Iterator[Part]:
    if cluster.values.st2web.tls.cert_manager is not None:
        from constructs_st2.parts.services.web_certificate import certificate

        # In the wave of the pods that wait for it: were it earlier, everything would wait; later, they would for good.
        yield from loose([certificate(cluster, cluster.values.st2web.tls.cert_manager)])
    yield service_part(
        _workload(catalogue.ST2WEB, cluster.values, web.process(cluster)),
        cluster,
        network=cluster.values.st2web.service,
        ports=web.ports(cluster.values),
        config_maps=web.config_maps(cluster),
    )


def _client(cluster: Cluster) -> Iterator[Part]:
    yield service_part(_workload(catalogue.ST2CLIENT, cluster.values, client.process(cluster)), cluster)


def _chatops(cluster: Cluster) -> Iterator[Part]:
    if cluster.values.st2chatops.enabled:
        process = chatops.process(cluster)
        # Nothing connects to the bot but a smoke test, which looks whether it is there.
        network = Network() if cluster.values.jobs.smoke_test.enabled else None
        workload = _workload(catalogue.ST2CHATOPS, cluster.values, process)
        yield service_part(workload, cluster, network=network, ports=process.ports)


def _jobs(cluster: Cluster) -> Iterator[Part]:
    return loose(tasks.documents(cluster))


def _extra(cluster: Cluster) -> Iterator[Part]:
    for index, document in enumerate(extra_objects(cluster.values)):
        # Kind and name alone need not be unique: there are other namespaces and other API groups.
        yield Part(f"extraObjects[{index}]", [document])


def _optional(tier: str, cluster: Cluster) -> Iterator[Document]:
    """The objects of the optional parts of a tier."""
    table = ClusterTable(cluster)
    for part in parts_of(cluster.values, tier):
        yield from part.documents(cluster, table)


def _only_optional(tier: str) -> PartsOf:
    """A tier that has optional parts and nothing else."""
    return lambda cluster: loose(_optional(tier, cluster))


def _workload(entry: CatalogueEntry, values: Values, process: Process) -> Workload:
    return Workload(entry, getattr(values, entry.name), process, component=entry.name)


PLANS: Mapping[str, Plan] = {
    "namespace": Plan("00-namespace", _namespace, wave=-30),
    "config": Plan("10-config", _config, wave=-20),
    "secrets": Plan("20-secrets", _secrets, wave=-10),
    "mongodb": Plan("30-mongodb", _mongodb),
    "rabbitmq": Plan("31-rabbitmq", _rabbitmq),
    "coordination": Plan("32-coordination", _coordination),
    "packs": Plan("35-packs", _packs, wave=5),
    "api": Plan("40-api", _api, wave=SERVICES_WAVE),
    "engines": Plan("50-engines", _engines, wave=SERVICES_WAVE),
    "runners": Plan("60-runners", _runners, wave=SERVICES_WAVE),
    "frontend": Plan("70-frontend", _frontend, wave=SERVICES_WAVE),
    "client": Plan("75-client", _client, wave=SERVICES_WAVE),
    "chatops": Plan("76-chatops", _chatops, wave=20),
    "jobs": Plan("80-jobs", _jobs, wave=WAVE),
    # The last wave: to Argo CD, an Ingress is healthy only once its controller has published an address. Some never do.
    "exposure": Plan("85-exposure", _only_optional("exposure"), wave=60),
    "operations": Plan("90-operations", _only_optional("operations")),
    # Argo CD waits for the claim, which many storage classes bind only when the first backup runs: nothing else waits.
    "backup": Plan("91-backup", _only_optional("backup"), wave=50),
    "extra": Plan("95-extra", _extra),
}
"""The tiers by their names, in the order of their files."""
