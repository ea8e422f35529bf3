"""st2client: a pod that waits for an administrator, with the st2 command line logged in."""

from __future__ import annotations

from constructs_st2.facts.catalogue import ST2CLIENT
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.pod_paths import home_of
from constructs_st2.kube.documents import Document, fingerprint
from constructs_st2.parts.pods.scripts import MOUNT_PATH, command
from constructs_st2.parts.services.contents import CLIENT_CONFIG_PATH
from constructs_st2.parts.services.process import Process, not_stuck, st2_process
from constructs_st2.parts.services.scripts import CLIENT
from constructs_st2.parts.services.urls import URLS, urls, urls_env
from constructs_st2.parts.services.waiting import scripts_mount


def process(cluster: Cluster) -> Process:
    """A shell that sleeps until it is told to stop.

    It has st2.conf as the services do, for the administration programs (st2-register-content and the like).
    """
    base = st2_process(ST2CLIENT, cluster)
    return base._replace(
        command=[*cluster.values.image.entrypoint, *command(CLIENT)],
        args=[CLIENT_CONFIG_PATH],
        env_from=[urls_env(cluster.release)],
        mounts=[*base.mounts, scripts_mount(cluster.release)],
        probes=_probes(cluster),
        reads={URLS: fingerprint(urls(cluster))},
    )


def _probes(cluster: Cluster) -> dict[str, Document]:
    """It is ready when the st2 command line finds its login; by then `kubectl exec` can use it."""
    has_login = {"exec": {"command": ["test", "-r", f"{home_of(cluster.values)}/.st2/config"]}}
    return {
        "readinessProbe": {"initialDelaySeconds": 2, **has_login, "periodSeconds": 10, "timeoutSeconds": 5},
        **not_stuck(f"{MOUNT_PATH}/{CLIENT}"),
    }
