"""The contract of one cluster, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from constructs_st2.checks.pods import PodTemplate
from constructs_st2.facts.cluster import Cluster
from constructs_st2.kube.documents import Document
from constructs_st2.parts.secrets.plan import PlannedSecret, expected


def consumers(objects: Sequence[Document]) -> Mapping[str, list[str]]:
    """The workloads whose pods read a Secret, by its name."""
    readers: dict[str, list[str]] = {}
    for document in objects:
        pod = PodTemplate.of(document)
        for name in sorted({use.name for use in pod.uses if use.kind == "Secret"}) if pod else ():
            readers.setdefault(name, []).append(document["metadata"]["name"])
    return readers


def listing(cluster: Cluster, objects: Sequence[Document]) -> str:
    """The Secrets that a cluster needs, with their keys and readers."""
    readers = consumers(objects)
    blocks = []
    for secret in expected(cluster):
        lines = [f"{secret.name}{_owner(secret)}: {secret.spec.purpose}"]
        lines += [f"  {key}: {spec.meaning}" for key, spec in secret.spec.keys.items()]
        lines += ["  keys of your choice"] if secret.spec.open_ended else []
        lines.append(f"  read by {', '.join(readers.get(secret.name, [])) or 'nobody yet'}")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _owner(secret: PlannedSecret) -> str:
    if not secret.own:
        return f" (yours: {secret.named_in})"
    return f" (made by {secret.made_by})" if secret.made_by else ""
