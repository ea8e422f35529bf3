"""Objects as a cluster has them: what controllers and kubelets make of manifests, with the status that a test wants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

from constructs_st2.checks.data import at, mappings, name_of
from constructs_st2.checks.index import Index, Surroundings
from constructs_st2.kube.documents import Document

NAMESPACE = "stackstorm"
NOW = datetime.now(timezone.utc).replace(microsecond=0)


def ago(**time: float) -> str:
    """A moment in the past, as the API server writes it."""
    return (NOW - timedelta(**time)).strftime("%Y-%m-%dT%H:%M:%SZ")


def node(number: int, **labels: str) -> Document:
    """A node that is ready."""
    known = {"kubernetes.io/arch": "amd64", "topology.kubernetes.io/zone": f"zone-{number}", **labels}
    resources = {"cpu": "8", "memory": "32Gi", "pods": "110"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": f"node{number}", "labels": known},
        "spec": {"podCIDR": f"10.1.{number}.0/24", "podCIDRs": [f"10.1.{number}.0/24"]},
        "status": {
            "allocatable": resources,
            "capacity": resources,
            "conditions": [{"type": "Ready", "status": "True"}],
            "nodeInfo": {**dict.fromkeys(_NODE_INFO, ""), "kubeletVersion": "v1.36.1"},
        },
    }


_NODE_INFO = (
    *("machineID", "systemUUID", "bootID", "kernelVersion", "osImage", "containerRuntimeVersion", "kubeProxyVersion"),
    *("operatingSystem", "architecture"),
)


def storage_class(**fields: object) -> Document:
    """The default class."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "fast", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "ebs.csi.aws.com",
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowVolumeExpansion": True,
        "reclaimPolicy": "Retain",
        **fields,
    }


def running(name: str, **fields: object) -> Document:
    """The status of a container that runs, and is ready."""
    state = {"running": {"startedAt": ago(hours=1)}}
    return {"name": name, "image": "i", "imageID": "", "ready": True, "restartCount": 0, "state": state, **fields}


def ended(name: str, code: int = 0, message: str = "", reason: str = "Completed") -> Document:
    """That of one that has ended."""
    state = {"terminated": {"exitCode": code, "reason": reason, "message": message, "finishedAt": ago(minutes=1)}}
    return running(name, ready=code == 0, state=state)


def waiting(name: str, reason: str, message: str = "", last: Document | None = None, restarts: int = 0) -> Document:
    """That of one that does not run."""
    state = {"waiting": {"reason": reason, "message": message}}
    return running(name, ready=False, state=state, restartCount=restarts, lastState=(last or {}).get("state", {}))


def pods(objects: Iterable[Document]) -> Iterator[Document]:
    """The pods of workloads, all well. Those of Jobs have ended."""
    index = Index(list(objects), Surroundings())
    number = 0
    for template in index.pods:
        owner = template.owner
        count = index.scale_of(owner).least if owner["kind"] in ("Deployment", "StatefulSet") else 1
        if owner["kind"] == "CronJob":
            continue
        for ordinal in range(count):
            number += 1
            name = f"{name_of(owner)}-{ordinal}" if owner["kind"] == "StatefulSet" else f"{name_of(owner)}-x{ordinal}"
            yield _pod(template.document, owner, name, f"node{number % 3 + 1}")


def _pod(template: Document, owner: Document, name: str, node_name: str) -> Document:
    spec: dict[str, Any] = {**template["spec"], "nodeName": node_name}
    claims = [
        {"name": name_of(claim), "persistentVolumeClaim": {"claimName": f"{name_of(claim)}-{name}"}}
        for claim in mappings(at(owner, "spec", "volumeClaimTemplates"))
    ]
    spec["volumes"] = [*mappings(spec.get("volumes")), *claims]
    done = owner["kind"] == "Job"
    containers = [each["name"] for each in spec["containers"]]
    status = {
        "phase": "Succeeded" if done else "Running",
        "conditions": [
            {"type": "Ready", "status": "False" if done else "True"},
            {"type": "PodScheduled", "status": "True"},
        ],
        "initContainerStatuses": [ended(each["name"]) for each in spec.get("initContainers", ())],
        "containerStatuses": [ended(each) if done else running(each) for each in containers],
    }
    made_by = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": name_of(owner), "uid": "1"}
    metadata = {**template["metadata"], "name": name, "namespace": NAMESPACE, "ownerReferences": [made_by]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}


def claims(objects: Iterable[Document]) -> Iterator[Document]:
    """The claims of members, bound."""
    for owner in objects:
        for template in mappings(at(owner, "spec", "volumeClaimTemplates")):
            for ordinal in range(owner["spec"]["replicas"]):
                name = f"{name_of(template)}-{name_of(owner)}-{ordinal}"
                metadata = {**template["metadata"], "name": name, "namespace": NAMESPACE}
                spec = {**template["spec"], "storageClassName": "fast", "volumeName": f"volume-{name}"}
                status = {"phase": "Bound"}
                claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}
                yield {**claim, "status": status}


def statuses(objects: Iterable[Document]) -> Iterator[Document]:
    """Workloads and Jobs that are well."""
    for each in objects:
        bare = {key: each[key] for key in ("apiVersion", "kind")}
        bare["metadata"] = {"name": name_of(each), "namespace": NAMESPACE}
        if each["kind"] in ("Deployment", "StatefulSet"):
            count = each["spec"].get("replicas", 1)
            names = ("replicas", "readyReplicas", "availableReplicas", "updatedReplicas")
            yield {**bare, "status": {**dict.fromkeys(names, count), "observedGeneration": 1}}
        elif each["kind"] == "Job":
            end = {"completionTime": ago(minutes=59), "succeeded": 1}
            yield {**bare, "status": {**job_status("SuccessCriteriaMet", "Complete"), **end}}


def job_status(*conditions: str, reason: str = "", message: str = "") -> Document:
    """The status of a Job of which some conditions are true."""
    said = {"status": "True", "reason": reason, "message": message, "lastTransitionTime": ago(minutes=5)}
    return {
        "conditions": [{"type": each, **said, "lastProbeTime": None} for each in conditions],
        "startTime": ago(hours=1),
        "uncountedTerminatedPods": {},
    }


def event(kind: str, name: str, reason: str, message: str, **when: float) -> Document:
    """Something that went wrong."""
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{name}.{reason.lower()}", "namespace": NAMESPACE},
        "involvedObject": {"kind": kind, "name": name, "namespace": NAMESPACE},
        "type": "Warning",
        "reason": reason,
        "message": message,
        "firstTimestamp": ago(hours=1),
        "lastTimestamp": ago(**(when or {"minutes": 1})),
        "count": 7,
        "source": {"component": "tests"},
    }
