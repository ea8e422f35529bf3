"""What controllers do with a release, as far as a move meets it: nobody else acts upon what the API server takes."""

from __future__ import annotations

import json
import ssl
import threading
import time
import traceback
from collections.abc import Iterator
from typing import Any

from servers.kube_apiserver import TOKEN, ApiServer

from constructs_st2.facts.components import SECRETS_BOOTSTRAP
from constructs_st2.facts.secrets.programs.bootstrap import Api, Conflict, Refused, bootstrap
from constructs_st2.kube.documents import Document

MERGE = "application/merge-patch+json"
_PAUSE = 0.2


class Controllers:
    """Members get claims, volumes and pods, workloads become ready, Jobs complete, and what belongs to nobody goes.

    The Job that makes Secrets runs its program. A context manager.
    """

    def __init__(self, server: ApiServer, namespace: str) -> None:
        self._server = server.client()
        self._namespace = namespace
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._found: dict[str, list[Document]] = {}
        self.said: list[str] = []
        """What Jobs have said."""
        self.trouble: list[str] = []

    def __enter__(self) -> Controllers:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._server.close()

    def _run(self) -> None:
        acted = ""
        while not self._ended.wait(_PAUSE):
            # Where nobody has written anything since, there is nothing to do.
            if (revision := self._server.revision()) == acted:
                continue
            acted = revision
            # What they do themselves they see in the next round.
            self._found.clear()
            for act in (self._collect, self._volumes, self._sets, self._deployments, self._jobs):
                # Somebody else may be faster; the next round sees it.
                try:
                    act()
                except Exception:  # what goes wrong here must be seen in the test, and end nothing
                    self.trouble.append(traceback.format_exc())

    # --- what the API is asked

    def _path(self, group: str, kind: str, name: str = "", namespaced: bool = True) -> str:
        base = f"/apis/{group}" if "/" in group else f"/api/{group}"
        space = f"/namespaces/{self._namespace}" if namespaced else ""
        return f"{base}{space}/{kind}" + (f"/{name}" if name else "")

    def _all(self, group: str, kind: str, namespaced: bool = True) -> list[Document]:
        """The objects as they were in the beginning of the round."""
        path = self._path(group, kind, namespaced=namespaced)
        if path not in self._found:
            status, answer = self._server.request("GET", path)
            self._found[path] = answer.get("items", []) if status == 200 else []
        return self._found[path]

    def _patch(self, path: str, body: Document) -> None:
        self._server.request("PATCH", path, body, MERGE)

    def _status(self, path: str, found: Document, wanted: Document) -> None:
        there = found.get("status", {})
        if any(there.get(key) != value for key, value in wanted.items()):
            self._patch(f"{path}/status", {"status": wanted})

    # --- what they do

    def _collect(self) -> None:
        """Garbage: pods of owners that are gone. And protection that nobody needs any more."""
        owners = {each["metadata"]["uid"] for each in self._all("apps/v1", "statefulsets")}
        pods = self._all("v1", "pods")
        for pod in pods:
            if any(owner["uid"] not in owners for owner in pod["metadata"].get("ownerReferences", ())):
                self._server.request(
                    "DELETE", self._path("v1", "pods", pod["metadata"]["name"]), {"gracePeriodSeconds": 0}
                )
        used = {claim for pod in pods for claim in _claims_of(pod)}
        for kind, namespaced in (("persistentvolumeclaims", True), ("persistentvolumes", False)):
            for each in self._all("v1", kind, namespaced):
                name, metadata = each["metadata"]["name"], each["metadata"]
                if metadata.get("deletionTimestamp") and metadata.get("finalizers") and name not in used:
                    self._patch(self._path("v1", kind, name, namespaced), {"metadata": {"finalizers": None}})

    def _volumes(self) -> None:
        """Bind claims, each to a volume of its own; and do with volumes of claims that are gone what they say."""
        claims = {each["metadata"]["uid"]: each for each in self._all("v1", "persistentvolumeclaims")}
        volumes = {each["metadata"]["name"]: each for each in self._all("v1", "persistentvolumes", namespaced=False)}
        for volume in volumes.values():
            path = self._path("v1", "persistentvolumes", volume["metadata"]["name"], namespaced=False)
            claim = volume["spec"].get("claimRef")
            if claim is None:
                self._status(path, volume, {"phase": "Available"})
            elif claim.get("uid") not in claims and claim.get("uid"):
                if volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete":
                    self._server.request("DELETE", path)
                else:
                    self._status(path, volume, {"phase": "Released"})
        for uid, claim in claims.items():
            if claim.get("status", {}).get("phase") != "Bound" and "deletionTimestamp" not in claim["metadata"]:
                self._bind(uid, claim, volumes)

    def _bind(self, uid: str, claim: Document, volumes: dict[str, Document]) -> None:
        name = claim["metadata"]["name"]
        path = self._path("v1", "persistentvolumeclaims", name)
        volume = claim["spec"].get("volumeName") or f"pv-{uid}"
        reference = {"kind": "PersistentVolumeClaim", "namespace": self._namespace, "name": name, "uid": uid}
        if volume not in volumes:
            spec = {
                "capacity": claim["spec"]["resources"]["requests"],
                "accessModes": claim["spec"]["accessModes"],
                "persistentVolumeReclaimPolicy": "Delete",
                "hostPath": {"path": f"/volumes/{uid}"},
                "claimRef": reference,
            }
            body = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": volume}, "spec": spec}
            self._server.request("POST", self._path("v1", "persistentvolumes", namespaced=False), body)
        else:
            bound = volumes[volume]["spec"].get("claimRef")
            if bound and bound.get("uid") not in (None, uid):
                return
            at = self._path("v1", "persistentvolumes", volume, namespaced=False)
            self._patch(at, {"spec": {"claimRef": reference}})
        self._patch(path, {"spec": {"volumeName": volume}})
        self._patch(f"{path}/status", {"status": {"phase": "Bound"}})
        self._patch(
            f"{self._path('v1', 'persistentvolumes', volume, namespaced=False)}/status", {"status": {"phase": "Bound"}}
        )

    def _sets(self) -> None:
        there = {
            (kind, each["metadata"]["name"])
            for kind in ("persistentvolumeclaims", "pods")
            for each in self._all("v1", kind)
        }
        for each in self._all("apps/v1", "statefulsets"):
            metadata, spec = each["metadata"], each["spec"]
            if metadata.get("deletionTimestamp"):
                continue
            for ordinal in range(spec["replicas"]):
                self._member(each, f"{metadata['name']}-{ordinal}", there)
            ready = _ready(each) | {"currentReplicas": spec["replicas"], "currentRevision": "1", "updateRevision": "1"}
            self._status(self._path("apps/v1", "statefulsets", metadata["name"]), each, ready)

    def _member(self, owner: Document, name: str, there: set[tuple[str, str]]) -> None:
        metadata, spec = owner["metadata"], owner["spec"]
        volumes = []
        for template in spec.get("volumeClaimTemplates", ()):
            kind = template["metadata"]["name"]
            labels = {**template["metadata"].get("labels", {}), **spec["selector"]["matchLabels"]}
            claim = {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": f"{kind}-{name}", "labels": labels},
                "spec": template["spec"],
            }
            if ("persistentvolumeclaims", f"{kind}-{name}") not in there:
                self._server.request("POST", self._path("v1", "persistentvolumeclaims"), claim)
            volumes.append({"name": kind, "persistentVolumeClaim": {"claimName": f"{kind}-{name}"}})
        if ("pods", name) in there:
            return
        template = spec["template"]
        owned = {"apiVersion": "apps/v1", "kind": "StatefulSet", "controller": True}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name,
                "labels": template["metadata"]["labels"],
                "ownerReferences": [{**owned, "name": metadata["name"], "uid": metadata["uid"]}],
            },
            "spec": {**template["spec"], "volumes": [*template["spec"].get("volumes", ()), *volumes]},
        }
        status, answer = self._server.request("POST", self._path("v1", "pods"), pod)
        if status >= 300 and status != 409:
            self.trouble.append(f"pod {name}: {answer.get('message')}")

    def _deployments(self) -> None:
        for each in self._all("apps/v1", "deployments"):
            available = {"conditions": [{"type": "Available", "status": "True"}]}
            if each.get("status", {}).get("conditions"):
                available = {}
            self._status(self._path("apps/v1", "deployments", each["metadata"]["name"]), each, _ready(each) | available)

    def _jobs(self) -> None:
        for each in self._all("batch/v1", "jobs"):
            name = each["metadata"]["name"]
            if each.get("status", {}).get("completionTime"):
                continue
            if SECRETS_BOOTSTRAP in name and not self._bootstrap(name):
                continue
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            conditions = [
                {"type": kind, "status": "True", "lastTransitionTime": now, "reason": "CompletionsReached"}
                for kind in ("SuccessCriteriaMet", "Complete")
            ]
            done = {"startTime": now, "completionTime": now, "succeeded": 1, "conditions": conditions}
            self._patch(f"{self._path('batch/v1', 'jobs', name)}/status", {"status": done})

    def _bootstrap(self, job: str) -> bool:
        name = job[: job.index(SECRETS_BOOTSTRAP) + len(SECRETS_BOOTSTRAP)]
        status, program = self._server.request("GET", self._path("v1", "configmaps", name))
        if status != 200:
            return False
        context = ssl._create_unverified_context()
        try:
            plan: dict[str, Any] = json.loads(program["data"]["plan.json"])
            bootstrap(plan, Api(self._server.url, lambda: TOKEN, context), job, self.said.append)
        except (Refused, Conflict) as refused:
            self.said.append(str(refused))
            return False
        return True


def _ready(each: Document) -> Document:
    replicas = each["spec"]["replicas"]
    counts = ("replicas", "readyReplicas", "updatedReplicas", "availableReplicas")
    return {"observedGeneration": each["metadata"]["generation"], **{key: replicas for key in counts if replicas}}


def _claims_of(pod: Document) -> Iterator[str]:
    for volume in pod["spec"].get("volumes", ()):
        if claim := volume.get("persistentVolumeClaim"):
            yield claim["claimName"]
