"""Storage classes, claims, and how full volumes are."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_st2.commands.doctor.expected import Expected, VolumeWish
from constructs_st2.commands.doctor.facts import Facts, StorageClass
from constructs_st2.commands.doctor.findings import Finding, Level
from constructs_st2.commands.doctor.wording import listed

_FOR_ONE_NODE = frozenset(
    {
        "disk.csi.azure.com",
        "disk.csi.cloud.com",
        "dobs.csi.digitalocean.com",
        "ebs.csi.aws.com",
        "csi.hetzner.cloud",
        "kubernetes.io/aws-ebs",
        "kubernetes.io/azure-disk",
        "kubernetes.io/gce-pd",
        "linodebs.csi.linode.com",
        "pd.csi.storage.gke.io",
        "rancher.io/local-path",
        "topolvm.io",
    }
)
"""Provisioners of volumes that one node at a time can have."""
_BY_HAND = "kubernetes.io/no-provisioner"
_FULL, _NEARLY_FULL = 0.95, 0.85
_GET = ("kubectl get storageclass",)


def classes(expected: Expected, facts: Facts) -> Iterator[Finding]:
    """The classes of the volumes that are asked for."""
    bound = {claim.name for claim in facts.claims if claim.phase == "Bound"}
    wishes = [wish for wish in expected.volumes if not set(wish.claims) <= bound]
    known = {each.name: each for each in facts.storage_classes}
    defaults = [each for each in facts.storage_classes if each.default]
    used: dict[str, list[VolumeWish]] = {}
    without_class = []
    for wish in expected.volumes:
        # The empty class is for volumes that were made by hand.
        if wish.storage_class:
            used.setdefault(wish.storage_class, []).append(wish)
        elif wish.storage_class is None and defaults:
            used.setdefault(defaults[0].name, []).append(wish)
        elif wish.storage_class is None and wish in wishes:
            without_class.append(wish.owner)
    if without_class:
        text = f"no storage class is the default, and these volumes name none: {listed(without_class)}"
        steps = (*_GET, "set persistence.storageClass of each, or mark a class as the default")
        yield Finding(Level.BROKEN, "Storage", text, steps)
    if len(defaults) > 1:
        text = f"several classes are the default; the newest counts: {listed([each.name for each in defaults])}"
        yield Finding(Level.WARNING, "Storage", text, _GET)
    for name, owners in used.items():
        if name in known:
            yield from _of_class(known[name], owners, facts)
        elif any(wish in wishes for wish in owners):
            text = f"is not there; volumes of {_owners(owners)} wait for it"
            yield Finding(Level.BROKEN, f"StorageClass {name}", text, _GET)


def _of_class(found: StorageClass, wishes: list[VolumeWish], facts: Facts) -> Iterator[Finding]:
    subject = f"StorageClass {found.name}"
    shared = [wish for wish in wishes if wish.shared]
    if shared and found.provisioner in _FOR_ONE_NODE:
        text = f"{found.provisioner} makes volumes for one node, and {_owners(shared)} must be shared by several"
        yield Finding(Level.BROKEN, subject, text, _GET)
    zones = {node.zone for node in facts.nodes if node.zone}
    if found.immediate and len(zones) > 1 and found.provisioner != _BY_HAND:
        text = (
            "makes volumes at once, in a zone that may not be that of the pod; a class with volumeBindingMode: "
            "WaitForFirstConsumer waits until it is known"
        )
        yield Finding(Level.WARNING, subject, text, (f"kubectl get storageclass {found.name} -o yaml",))
    if found.provisioner == _BY_HAND:
        yield Finding(Level.NOTE, subject, f"volumes are made by hand: {_owners(wishes)}", ("kubectl get pv",))
        return
    remarks = []
    if not found.expands:
        remarks.append("its volumes cannot grow (allowVolumeExpansion): bigger ones are a move, member by member")
    if found.reclaim == "Delete":
        remarks.append("a claim that is deleted takes its data with it (reclaimPolicy: Delete)")
    if remarks:
        text = f"for {_owners(wishes)}: {'; '.join(remarks)}"
        yield Finding(Level.NOTE, subject, text, (f"kubectl get storageclass {found.name} -o yaml",))


def _owners(wishes: list[VolumeWish]) -> str:
    return listed([wish.owner for wish in wishes])


def claims(expected: Expected, facts: Facts) -> Iterator[Finding]:
    """Claims that have no volume, or have lost it, or wait to grow."""
    used = {claim for pod in facts.pods for claim in pod.claims}
    for claim in facts.claims:
        subject, step = f"Claim {claim.name}", f"{expected.kubectl} describe pvc {claim.name}"
        if claim.phase == "Lost":
            yield Finding(Level.BROKEN, subject, "its volume is gone", (step, "kubectl get pv"))
        elif claim.phase == "Pending" and (claim.name in used or not facts.sees("pods")):
            said = facts.events_of("PersistentVolumeClaim", claim.name)
            text = f"has no volume yet: {said[0].message if said else 'no event says why'}"
            yield Finding(Level.BROKEN if said else Level.WARNING, subject, text, (step,))
        for condition in claim.conditions:
            if condition.status == "True" and condition.type == "FileSystemResizePending":
                text = "its volume has grown; the file system follows when its pod restarts"
                yield Finding(Level.WARNING, subject, text, (step,))
            elif condition.status == "True" and condition.type.endswith("Error"):
                yield Finding(Level.BROKEN, subject, f"cannot grow: {condition.message}", (step,))


def usage(expected: Expected, facts: Facts) -> Iterator[Finding]:
    """How full volumes are."""
    for each in facts.usages:
        share = each.used / each.capacity if each.capacity else 0
        if share >= _NEARLY_FULL:
            level = Level.BROKEN if share >= _FULL else Level.WARNING
            text = f"{share:.0%} of its volume is used: raise persistence.size"
            steps = (f"{expected.kubectl} get pvc {each.claim}", "constructs-st2 plan")
            yield Finding(level, f"Claim {each.claim}", text, steps)
