"""The whole cluster on one page: its tiers, in the order in which they are applied.

Each tier is one file. The numbers in their names leave room for others and are never given anew, so that the files of
a cluster keep their names. Waves are a help for Argo CD only: every pod waits by itself for what it needs.
"""

from __future__ import annotations

from collections.abc import Iterable

from constructs import Construct

from constructs_st2.backends.construct import BackendMembers
from constructs_st2.backends.tiers import member_sets
from constructs_st2.checks.pod_security import level_of
from constructs_st2.cluster import Cluster
from constructs_st2.config.files import config_maps
from constructs_st2.content.packs import claims
from constructs_st2.extras import extra_objects
from constructs_st2.jobs import tasks
from constructs_st2.jobs.job import WAVE
from constructs_st2.kubernetes import Document, pod_template
from constructs_st2.manifest import Manifest, Tier
from constructs_st2.namespace import namespace, service_account
from constructs_st2.release import SERVICES_WAVE
from constructs_st2.secrets.modes import secret_documents
from constructs_st2.services import catalogue, chatops, client, runner, sensors, web
from constructs_st2.services.catalogue import CatalogueEntry
from constructs_st2.services.construct import StackStormService
from constructs_st2.services.process import Process, st2_process
from constructs_st2.services.workload import Workload
from constructs_st2.values.model.services import Network


def add_cluster(scope: Construct, cluster: Cluster) -> list[Tier]:
    """Add one StackStorm cluster to an app.

    Args:
        scope: the app; or, for several releases in one app, a construct for each.
        cluster: what to build.

    Returns:
        The tiers that hold objects, in the order of their files.
    """
    tiers = [
        _config(scope, cluster),
        *_secrets(scope, cluster),
        *_backends(scope, cluster),
        *_packs(scope, cluster),
        _api(scope, cluster),
        _engines(scope, cluster),
        _runners(scope, cluster),
        _frontend(scope, cluster),
        _client(scope, cluster),
        *_chatops(scope, cluster),
        *_jobs(scope, cluster),
        *_exposure(scope, cluster),
        *_operations(scope, cluster),
        *_backup(scope, cluster),
        *_extra(scope, cluster),
    ]
    # The namespace is the first file, but what it enforces follows from the pods of all others.
    return [*_namespace(scope, cluster, tiers), *tiers]


def documents(tiers: Iterable[Tier]) -> list[Document]:
    """All objects of some tiers, in order: the objects themselves, not copies."""
    return [manifest.document for tier in tiers for manifest in tier.manifests]


def _namespace(scope: Construct, cluster: Cluster, others: Iterable[Tier]) -> list[Tier]:
    if not cluster.values.namespace.create:
        return []
    pods = [pod for document in documents(others) if (pod := pod_template(document))]
    tier = Tier(scope, "00-namespace", wave=-30)
    Manifest(tier, tier, namespace(cluster, level_of(pods)))
    return [tier]


def _config(scope: Construct, cluster: Cluster) -> Tier:
    tier = Tier(scope, "10-config", wave=-20)
    if cluster.values.service_account.create:
        Manifest(tier, tier, service_account(cluster))
    if cluster.values.scheduling.priority_classes.create:
        from constructs_st2.operations.autoscaling.priorities import classes

        for document in classes(cluster.release):
            Manifest(tier, tier, document)
    for document in config_maps(cluster):
        Manifest(tier, tier, document)
    return tier


def _secrets(scope: Construct, cluster: Cluster) -> list[Tier]:
    made = secret_documents(cluster)
    if cluster.values.tls.internal.cert_manager.enabled:
        from constructs_st2 import certificates

        made += certificates.documents(cluster)
    return _tier_of(made, scope, "20-secrets", wave=-10)


def _backends(scope: Construct, cluster: Cluster) -> list[Tier]:
    tiers = []
    for name, members in member_sets(cluster):
        tier = Tier(scope, name)
        BackendMembers(tier, members, cluster)
        tiers.append(tier)
    return tiers


def _packs(scope: Construct, cluster: Cluster) -> list[Tier]:
    made = list(claims(cluster))
    if cluster.values.docker_registry.enabled:
        from constructs_st2 import registry

        made += registry.documents(cluster)
    return _tier_of(made, scope, "35-packs", wave=5)


def _api(scope: Construct, cluster: Cluster) -> Tier:
    tier = Tier(scope, "40-api", wave=SERVICES_WAVE)
    for entry in (catalogue.ST2AUTH, catalogue.ST2API, catalogue.ST2STREAM):
        process = st2_process(entry, cluster)
        ports, config_maps = process.ports, []
        if cluster.values.tls.internal.of_services:
            from constructs_st2.services import tls_proxy

            process = tls_proxy.behind_tls(process, entry, cluster)
            ports, config_maps = tls_proxy.service_ports(entry), tls_proxy.config_maps(entry, cluster)
        StackStormService(
            tier,
            _workload(entry, cluster, process),
            cluster,
            network=getattr(cluster.values, entry.name).service,
            ports=ports,
            config_maps=config_maps,
        )
    return tier


def _engines(scope: Construct, cluster: Cluster) -> Tier:
    tier = Tier(scope, "50-engines", wave=SERVICES_WAVE)
    for entry in catalogue.CATALOGUE:
        if entry.tier == "engines":
            StackStormService(tier, _workload(entry, cluster, st2_process(entry, cluster)), cluster)
    return tier


def _runners(scope: Construct, cluster: Cluster) -> Tier:
    tier = Tier(scope, "60-runners", wave=SERVICES_WAVE)
    for workload in runner.workloads(cluster):
        StackStormService(tier, workload, cluster)
    files = sensors.partition_config(cluster)
    if files:
        Manifest(tier, tier, files)
    for partition in sensors.partitions(cluster):
        StackStormService(tier, sensors.workload(partition, cluster), cluster)
    return tier


def _frontend(scope: Construct, cluster: Cluster) -> Tier:
    tier = Tier(scope, "70-frontend", wave=SERVICES_WAVE)
    if cluster.values.st2web.tls.cert_manager is not None:
        from constructs_st2.exposure.certificate import certificate

        # In the wave of the pods that wait for it: were it earlier, everything would wait; later, they would for good.
        Manifest(tier, tier, certificate(cluster, cluster.values.st2web.tls.cert_manager))
    StackStormService(
        tier,
        _workload(catalogue.ST2WEB, cluster, web.process(cluster)),
        cluster,
        network=cluster.values.st2web.service,
        ports=web.ports(cluster),
        config_maps=web.config_maps(cluster),
    )
    return tier


def _client(scope: Construct, cluster: Cluster) -> Tier:
    tier = Tier(scope, "75-client", wave=SERVICES_WAVE)
    StackStormService(tier, _workload(catalogue.ST2CLIENT, cluster, client.process(cluster)), cluster)
    return tier


def _chatops(scope: Construct, cluster: Cluster) -> list[Tier]:
    if not cluster.values.st2chatops.enabled:
        return []
    tier = Tier(scope, "76-chatops", wave=20)
    process = chatops.process(cluster)
    # Nothing connects to the bot but a smoke test, which looks whether it is there.
    network = Network() if cluster.values.jobs.smoke_test.enabled else None
    StackStormService(
        tier, _workload(catalogue.ST2CHATOPS, cluster, process), cluster, network=network, ports=process.ports
    )
    return [tier]


def _jobs(scope: Construct, cluster: Cluster) -> list[Tier]:
    return _tier_of(tasks.documents(cluster), scope, "80-jobs", wave=WAVE)


def _exposure(scope: Construct, cluster: Cluster) -> list[Tier]:
    if not cluster.values.ingress.enabled and not cluster.values.gateway.enabled:
        return []
    from constructs_st2 import exposure

    # The last wave: to Argo CD, an Ingress is healthy only once its controller has published an address. Some never do.
    return _tier_of(exposure.documents(cluster), scope, "85-exposure", wave=60)


def _operations(scope: Construct, cluster: Cluster) -> list[Tier]:
    made: list[Document] = []
    if cluster.values.network_policy.enabled:
        from constructs_st2.operations import network_policy

        made += network_policy.documents(cluster)
    if cluster.values.has_autoscalers:
        from constructs_st2.operations import autoscaling

        made += autoscaling.documents(cluster)
    if cluster.values.monitoring.enabled:
        from constructs_st2.operations import monitoring

        made += monitoring.documents(cluster)
    if cluster.values.watches_executions:
        from constructs_st2.operations import executions

        made += executions.documents(cluster)
    return _tier_of(made, scope, "90-operations")


def _backup(scope: Construct, cluster: Cluster) -> list[Tier]:
    if not cluster.values.backup.enabled:
        return []
    from constructs_st2.operations.backup import cron_job

    # Argo CD waits for the claim, which many storage classes bind only when the first backup runs: nothing else waits.
    return _tier_of(cron_job.documents(cluster), scope, "91-backup", wave=50)


def _extra(scope: Construct, cluster: Cluster) -> list[Tier]:
    if not cluster.values.extra_objects:
        return []
    tier = Tier(scope, "95-extra")
    for index, document in enumerate(extra_objects(cluster)):
        # Kind and name alone need not be unique: there are other namespaces and other API groups.
        Manifest(Construct(tier, f"extraObjects[{index}]"), tier, document)
    return [tier]


def _tier_of(made: Iterable[Document], scope: Construct, name: str, *, wave: int = 0) -> list[Tier]:
    """A tier of plain documents; no file where there are none."""
    made = list(made)
    if not made:
        return []
    tier = Tier(scope, name, wave=wave)
    for document in made:
        Manifest(tier, tier, document)
    return [tier]


def _workload(entry: CatalogueEntry, cluster: Cluster, process: Process) -> Workload:
    return Workload(entry, getattr(cluster.values, entry.name), process, component=entry.name)
