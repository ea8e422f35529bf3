"""A cluster to type commands at: an API server with all objects, and what controllers would have made of them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from servers.kube_apiserver import ApiServer, Refused

from constructs_st2.kube.documents import Document, pod_template

NAMESPACE = "stackstorm"
_OF_THE_SERVER = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid")
_MADE = {
    "PersistentVolumeClaim": "/api/v1/namespaces/stackstorm/persistentvolumeclaims",
    "Pod": "/api/v1/namespaces/stackstorm/pods",
    "Secret": "/api/v1/namespaces/stackstorm/secrets",
    "Job": "/apis/batch/v1/namespaces/stackstorm/jobs",
}
"""The kinds of which commands and controllers make more than the manifests have."""
_WORKLOADS = ("Deployment", "StatefulSet", "Job")

_STORAGE: Document = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "default", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
    "provisioner": "example.org/a",
    "allowVolumeExpansion": True,
}


class Cluster:
    """The objects of a namespace, which can be brought back to what they were.

    Args:
        server: an API server that knows all kinds.
        objects: the manifests, which are applied there already.
    """

    def __init__(self, server: ApiServer, objects: Sequence[Document]) -> None:
        self._server = server
        server.apply(_STORAGE)
        self._paths = {*_MADE.values(), *(server.path(each) for each in objects)}
        self._seen: tuple[str, dict[str, Document]] = ("", {})
        self._acted = ""
        self.act()
        self._before = {**self._found()}
        self._restored = self._server.revision()

    def act(self) -> None:
        """Do what controllers and kubelets do: make pods and claims, end Jobs, and let go what is deleted."""
        if self._server.revision() == self._acted:
            # Nobody has written anything since.
            return
        found = self._found()
        if self._let_go(found):
            found = self._found()
        there = list(found.values())
        names = {(each["kind"], each["metadata"]["name"]) for each in there}
        made = [each for workload in there if workload["kind"] in _WORKLOADS for each in _made_of(workload)]
        missing = [each for each in made if (each["kind"], each["metadata"]["name"]) not in names]
        after = {**found, **{_path_of(each): self._server.create(each) for each in missing}}
        for path, each in after.items():
            if each["kind"] == "PersistentVolumeClaim" and "volumeName" not in each["spec"]:
                after[path] = self._bind(each)
            if each["kind"] == "Job" and "completionTime" not in each.get("status", {}):
                after[path] = self._end(each)
        self._acted = self._server.revision()
        # Nobody else has written anything meanwhile.
        self._seen = self._acted, after

    def _bind(self, claim: Document) -> Document:
        """Give a claim a volume, which can grow."""
        path = _path_of(claim)
        bound = {"phase": "Bound", "accessModes": claim["spec"]["accessModes"]}
        self._patch(path, {"spec": {"volumeName": claim["metadata"]["name"]}})
        return self._patch(f"{path}/status", {"status": bound})

    def _patch(self, path: str, part: Document) -> Document:
        status, answer = self._server.request("PATCH", path, part, "application/merge-patch+json")
        assert status < 300, answer
        return answer

    def restore(self) -> None:
        """Bring back what was changed or deleted since the beginning, and delete what has been made since."""
        if self._server.revision() == self._restored:
            return
        now = self._found()
        if self._let_go(now):
            now = self._found()
        for path in now.keys() - self._before.keys():
            self._delete(path)
        for path, before in self._before.items():
            found = now.get(path)
            if found is None:
                self._make(path, before)
            elif found["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"]:
                metadata = {**before["metadata"], "resourceVersion": found["metadata"]["resourceVersion"]}
                status, answer = self._server.request("PUT", path, {**before, "metadata": metadata})
                if status >= 300:
                    # What cannot be changed back is made anew.
                    self._delete(path)
                    self._make(path, before)
                else:
                    self._before[path] = answer
        self._restored = self._server.revision()

    def _make(self, path: str, before: Document) -> None:
        document = copy.deepcopy(before)
        document.pop("status", None)
        for name in _OF_THE_SERVER:
            document["metadata"].pop(name, None)
        if document["kind"] == "Job":
            # The server numbers them anew.
            for labels in (document["metadata"]["labels"], document["spec"]["template"]["metadata"]["labels"]):
                for name in [name for name in labels if "controller-uid" in name]:
                    del labels[name]
            document["spec"].pop("selector", None)
        status, answer = self._server.request("POST", path.rpartition("/")[0], document)
        assert status < 300, answer
        self._before[path] = self._end(answer) if document["kind"] == "Job" else answer

    def _end(self, job: Document) -> Document:
        time = job["metadata"]["creationTimestamp"]
        conditions = [
            {"type": kind, "status": "True", "lastProbeTime": time, "lastTransitionTime": time}
            for kind in ("SuccessCriteriaMet", "Complete")
        ]
        ended = {"startTime": time, "completionTime": time, "succeeded": 1, "conditions": conditions}
        return self._patch(f"{_path_of(job)}/status", {"status": ended})

    def _let_go(self, found: Mapping[str, Document]) -> bool:
        """Nothing finalizes here, and no node ends its pods: whether there was anything to end."""
        going = [path for path, item in found.items() if "deletionTimestamp" in item["metadata"]]
        for path in going:
            nothing = {"metadata": {"finalizers": None}}
            self._server.request("PATCH", path, nothing, "application/merge-patch+json")
        return bool(going)

    def _delete(self, path: str) -> None:
        # The policy that guards data lets go what says so.
        allowed = {"metadata": {"annotations": {"constructs-st2.dev/allow-deletion": "true"}, "finalizers": None}}
        self._server.request("PATCH", path, allowed, "application/merge-patch+json")
        self._server.request("DELETE", f"{path}?gracePeriodSeconds=0&propagationPolicy=Background")

    def _found(self) -> dict[str, Document]:
        """All objects, by path. Nobody else writes while it looks, and where nobody has written, it looks no more."""
        revision = self._server.revision()
        if revision != self._seen[0]:
            self._seen = revision, self._all()
        return self._seen[1]

    def _all(self) -> dict[str, Document]:
        return {f"{path}/{item['metadata']['name']}": item for path in sorted(self._paths) for item in self._list(path)}

    def _list(self, path: str) -> list[dict[str, Any]]:
        status, answer = self._server.request("GET", path)
        if status != 200:
            raise Refused(f"{path}: {answer}")
        kind = {"kind": answer["kind"].removesuffix("List"), "apiVersion": answer["apiVersion"]}
        return [{**kind, **item} for item in answer["items"]]


def _path_of(made: Document) -> str:
    return f"{_MADE[made['kind']]}/{made['metadata']['name']}"


def _made_of(workload: Document) -> Iterator[Document]:
    """The pods and claims that a controller makes."""
    template = pod_template(workload)
    assert template
    name, spec, kind = workload["metadata"]["name"], workload["spec"], workload["kind"]
    ordinals = range(spec.get("replicas", 1))
    labels = {**template["metadata"].get("labels", {}), **({"job-name": name} if kind == "Job" else {})}
    for ordinal in ordinals:
        pod = f"{name}-{ordinal}" if kind == "StatefulSet" else f"{name}-made{ordinal}"
        volumes = [*template["spec"].get("volumes", ())]
        for claim in spec.get("volumeClaimTemplates", ()):
            metadata = {**claim["metadata"], "name": f"{claim['metadata']['name']}-{pod}", "namespace": NAMESPACE}
            labelled = {**metadata, "labels": {**metadata.get("labels", {}), **spec["selector"]["matchLabels"]}}
            yield {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": labelled, "spec": claim["spec"]}
            source = {"persistentVolumeClaim": {"claimName": metadata["name"]}}
            volumes.append({"name": claim["metadata"]["name"], **source})
        metadata = {**template["metadata"], "labels": labels, "name": pod, "namespace": NAMESPACE}
        pod_spec = {**template["spec"], "volumes": volumes}
        yield {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod_spec}
