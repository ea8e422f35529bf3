"""As which user programs of st2 run, and how they find its name."""

from __future__ import annotations

import posixpath

from constructs_st2.facts.catalogue import CatalogueEntry
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.images import SERVICE_UID, ST2_UID
from constructs_st2.facts.pod_paths import home_of
from constructs_st2.parts.packs import Delivery, delivery
from constructs_st2.parts.pods.volumes import Mount
from constructs_st2.parts.services.waiting import scripts_mount
from constructs_st2.values.model import Values
from constructs_st2.values.model.pods import PodTemplate

PASSWD = "passwd"
"""The file with the name of the user, among the scripts of services."""

_NAMES = "/etc/passwd"
_PLACES_OF_NAMES = (_NAMES, "/etc")

_OF_THE_POD = frozenset(("configMap", "downwardAPI", "emptyDir", "ephemeral", "image", "projected", "secret"))
"""Sources of volumes that are no older than the pod."""


def user_of_service(entry: CatalogueEntry, settings: PodTemplate, cluster: Cluster) -> int:
    """The user of the pods of a service, unless the values ask for another."""
    if entry.is_stanley:
        return ST2_UID
    return user_of_files(settings, cluster) if entry.keeps_files else SERVICE_UID


def user_of_files(settings: PodTemplate, cluster: Cluster) -> int:
    """The same of pods that write files: `stanley` of the images where they find those of other or former pods."""
    shares = delivery(cluster.values) is Delivery.SHARED
    keeps = any(not _OF_THE_POD & each["volume"].keys() for each in settings.extra_volumes)
    return ST2_UID if shares or keeps else SERVICE_UID


def name_mounts(user: int, settings: PodTemplate, cluster: Cluster) -> list[Mount]:
    """What gives our user a name, in containers of st2's images; those have names for all others.

    Not only people ask for it: programs of st2 do when they load some runners (LOGGED_USER_USERNAME in
    st2common/models/system/action.py), as the scheduler does when a policy cancels an execution, and so does ssh.
    """
    values = cluster.values
    contexts = (
        values.pod_security_context,
        values.security_context,
        settings.pod_security_context,
        settings.security_context,
    )
    if user != SERVICE_UID or any("runAsUser" in each for each in contexts) or _brings_names(settings):
        return []
    return [Mount(scripts_mount(cluster.release).volume, _NAMES, sub_path=PASSWD)]


def _brings_names(settings: PodTemplate) -> bool:
    """Whether a volume of the user's has the names, or the folder: in one that is read-only, nothing can be mounted."""
    return any(posixpath.normpath(each["mount"]["mountPath"]) in _PLACES_OF_NAMES for each in settings.extra_volumes)


def passwd(values: Values) -> str:
    """The users that containers of st2 know. Only root could become another one."""
    user = f"{values.st2.system_user.user}:x:{SERVICE_UID}:{ST2_UID}::{home_of(values)}:/bin/bash"
    return f"root:x:0:0:root:/root:/bin/bash\n{user}\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
