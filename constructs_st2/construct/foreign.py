"""Which objects this program has not made, or not alone: their fields are looked up in the description of the API."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from constructs_st2.facts.cluster import Cluster
from constructs_st2.kube.documents import Document, identity, pod_template
from constructs_st2.parts.tiers import Composed, documents_of

OF_USERS = "extra"
"""The tier of the user's own objects."""

_TYPED_VOLUMES = frozenset(
    {
        *("configMap", "csi", "downwardAPI", "emptyDir", "hostPath", "image", "name", "nfs"),
        *("persistentVolumeClaim", "projected", "secret"),
    }
)
"""Volumes whose fields values have types for; in the others they take whatever is written."""


def foreign(cluster: Cluster, composed: Composed, tiers: Collection[str] | None = None) -> list[Document]:
    """The objects whose fields nobody has looked at yet: the user's own, and those that were patched.

    Args:
        cluster: the cluster that they are of.
        composed: all of its objects.
        tiers: the names of the tiers that this program makes. Default: all but those of users.
    """
    own = frozenset(composed if tiers is None else tiers) - {OF_USERS}
    patched = {f"{patch.target.kind}/{patch.target.name}" for patch in cluster.values.patches}
    found = documents_of({name: parts for name, parts in composed.items() if name not in own})
    for document in documents_of({name: parts for name, parts in composed.items() if name in own}):
        if identity(document) in patched or any(kind not in _TYPED_VOLUMES for kind in _volumes(document)):
            found.append(document)
    return found


def _volumes(document: Document) -> Iterator[str]:
    """The kinds of volumes of a pod, and how each is called."""
    pod = pod_template(document)
    for volume in pod["spec"].get("volumes", ()) if pod else ():
        yield from volume
