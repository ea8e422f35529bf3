"""A small cluster without any fault, and ways to put one in."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from functools import cache
from typing import Any

from constructs_st2.checks import Problem, Surroundings, api, check
from constructs_st2.kube.documents import Document, identity

Objects = dict[str, Document]
"""Objects by the names that messages call them by."""

Change = Callable[[Objects], None]
Finding = tuple[str, str, str]
"""Rule, object and field of a problem."""

NAMESPACE = "stackstorm"
SURROUNDINGS = Surroundings(
    secrets={"st2-st2-auth": frozenset({"htpasswd"}), "st2-env": None},
    services={"st2-rabbitmq": frozenset({5672})},
)
RESTRICTED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
REQUESTS = {"requests": {"cpu": "10m", "memory": "64Mi"}}

TEMPLATE = ("spec", "template")
POD = (*TEMPLATE, "spec")
MAIN = (*POD, "containers", 0)
API = "Deployment/st2-st2api"
MONGODB = "StatefulSet/st2-mongodb"
CONFIG = "ConfigMap/st2-st2-config"
API_MAIN = "spec.template.spec.containers[st2api]"


def labels(component: str, role: str = "backend") -> dict[str, str]:
    """The labels of an object of ours."""
    tier = {"tier": role} if role == "backend" else {}
    return {
        **selector(component),
        "app.kubernetes.io/component": role,
        "app.kubernetes.io/part-of": "stackstorm",
        "app.kubernetes.io/managed-by": "constructs-st2",
        "app": component,
        "release": "st2",
        "support": "community",
        "vendor": "stackstorm",
        **tier,
    }


def selector(component: str) -> dict[str, str]:
    """The labels that a component's pods are selected by."""
    return {"app.kubernetes.io/name": component, "app.kubernetes.io/instance": "st2"}


def document(kind: str, name: str, component: str, role: str = "backend", **fields: Any) -> Document:
    """An object of ours."""
    groups = {
        "Deployment": "apps/v1",
        "StatefulSet": "apps/v1",
        "Job": "batch/v1",
        "CronJob": "batch/v1",
        "PodDisruptionBudget": "policy/v1",
        "HorizontalPodAutoscaler": "autoscaling/v2",
        "Ingress": "networking.k8s.io/v1",
        "Role": "rbac.authorization.k8s.io/v1",
        "RoleBinding": "rbac.authorization.k8s.io/v1",
    }
    metadata: Document = {"name": name, "labels": labels(component, role)}
    if kind != "Namespace":
        metadata["namespace"] = NAMESPACE
    return {"apiVersion": groups.get(kind, "v1"), "kind": kind, "metadata": metadata, **fields}


def template(component: str, role: str = "backend", **fields: Any) -> Document:
    """A pod template; ``fields`` are those of its spec."""
    spec: Document = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container(component)],
        **fields,
    }
    return {"metadata": {"labels": labels(component, role)}, "spec": spec}


def container(name: str, **fields: Any) -> Document:
    """A container with nothing but what it must have."""
    needed = copy.deepcopy({"securityContext": RESTRICTED, "resources": REQUESTS})
    return {"name": name, "image": f"{name}:1.2", **needed, **fields}


def spread(component: str) -> list[Document]:
    """Keeps the pods of a component apart."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": selector(component)},
        }
    ]


def budget(component: str, role: str = "backend", **fields: Any) -> Document:
    """Lets one pod of a component go at a time."""
    spec = {"selector": {"matchLabels": selector(component)}, **(fields or {"maxUnavailable": 1})}
    return document("PodDisruptionBudget", f"st2-{component}", component, role, spec=spec)


def service(name: str, component: str, port: int, role: str = "backend", **fields: Any) -> Document:
    """A Service in front of a component."""
    spec = {"selector": selector(component), "ports": [{"name": "main", "port": port, "targetPort": "main"}], **fields}
    return document("Service", name, component, role, spec=spec)


def deployment(component: str, replicas: int, pod: Document) -> Document:
    """A Deployment."""
    strategy = {"type": "Recreate" if replicas < 2 else "RollingUpdate"}
    spec = {"replicas": replicas, "selector": {"matchLabels": selector(component)}, "strategy": strategy}
    return document("Deployment", f"st2-{component}", component, spec={**spec, "template": pod})


def _api() -> Document:
    main = container(
        "st2api",
        ports=[{"name": "main", "containerPort": 9101}],
        readinessProbe={"tcpSocket": {"port": "main"}},
        command=["bash", "/scripts/on-term.bash", "INT", "10", "/bin/st2api"],
        env=[
            {"name": "MONGODB", "value": "mongodb://st2-mongodb:27017/st2"},
            {"name": "HTPASSWD", "valueFrom": {"secretKeyRef": {"name": "st2-st2-auth", "key": "htpasswd"}}},
        ],
        envFrom=[{"configMapRef": {"name": "st2-st2-config"}}, {"secretRef": {"name": "st2-env"}}],
        args=["--config-file", "/etc/st2/st2.conf"],
        volumeMounts=[
            {"name": "config", "mountPath": "/etc/st2/st2.conf", "subPath": "st2.conf"},
            {"name": "auth", "mountPath": "/etc/st2/auth"},
            {"name": "packs", "mountPath": "/opt/stackstorm/packs"},
        ],
    )
    wait = container("wait-for-mongodb", args=["mongodb", "600", "st2-mongodb", "27017"])
    return deployment(
        "st2api",
        2,
        template(
            "st2api",
            initContainers=[wait],
            containers=[main],
            topologySpreadConstraints=spread("st2api"),
            volumes=[
                {"name": "config", "configMap": {"name": "st2-st2-config"}},
                {"name": "auth", "secret": {"secretName": "st2-st2-auth", "items": [{"key": "htpasswd", "path": "f"}]}},
                {"name": "packs", "persistentVolumeClaim": {"claimName": "st2-packs"}},
            ],
        ),
    )


def _mongodb() -> Document:
    pod = template(
        "mongodb",
        "database",
        containers=[
            container(
                "mongod",
                ports=[{"name": "main", "containerPort": 27017}],
                volumeMounts=[{"name": "data", "mountPath": "/data/db"}],
            )
        ],
        topologySpreadConstraints=spread("mongodb"),
    )
    spec = {
        "replicas": 3,
        "serviceName": "st2-mongodb-headless",
        "selector": {"matchLabels": selector("mongodb")},
        "template": pod,
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": CLAIM}],
    }
    return document("StatefulSet", "st2-mongodb", "mongodb", "database", spec=spec)


def sound_objects() -> Objects:
    """A cluster of one service and one database, each with everything that belongs to it; anew for each who asks."""
    made: Objects = pickle.loads(_sound_objects())
    return made


@cache
def _sound_objects() -> bytes:
    conf = "[database]\nhost = st2-mongodb-0.st2-mongodb-headless.stackstorm.svc.cluster.local:27017\n"
    namespace = document("Namespace", NAMESPACE, "namespace", "operations")
    namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = "restricted"
    objects = [
        namespace,
        document("ConfigMap", "st2-st2-config", "st2", data={"st2.conf": conf}),
        document("PersistentVolumeClaim", "st2-packs", "st2", spec=CLAIM),
        _mongodb(),
        service("st2-mongodb", "mongodb", 27017, "database"),
        service("st2-mongodb-headless", "mongodb", 27017, "database", clusterIP="None"),
        budget("mongodb", "database"),
        _api(),
        service("st2-st2api", "st2api", 9101),
        budget("st2api"),
    ]
    return pickle.dumps({identity(each): each for each in objects})


def put(subject: str, *path: str | int, value: Any) -> Change:
    """Sets a field of an object. A position of -1 appends to a list."""

    def change(objects: Objects) -> None:
        target: Any = objects[subject]
        for key in path[:-1]:
            target = target.setdefault(key, {}) if isinstance(target, dict) else target[key]
        if path[-1] == -1:
            target.append(value)
        else:
            target[path[-1]] = value

    return change


def drop(subject: str, *path: str | int) -> Change:
    """Removes a field of an object; or the object, when there is no path."""

    def change(objects: Objects) -> None:
        target: Any = objects
        for key in (subject, *path)[:-1]:
            target = target[key]
        del target[(subject, *path)[-1]]

    return change


def add(*documents: Document) -> Change:
    """Adds objects; the key in the dictionary only needs to be another one."""

    def change(objects: Objects) -> None:
        objects.update({f"added {number}": copy.deepcopy(each) for number, each in enumerate(documents)})

    return change


def both(*changes: Change) -> Change:
    """Several changes."""

    def change(objects: Objects) -> None:
        for each in changes:
            each(objects)

    return change


def problems_after(change: Change, surroundings: Surroundings = SURROUNDINGS) -> list[Problem]:
    """What a check finds in the sound cluster after a change."""
    objects = sound_objects()
    change(objects)
    return check(list(objects.values()), surroundings)


def findings_after(change: Change, surroundings: Surroundings = SURROUNDINGS) -> list[Finding]:
    """The same, without the messages, and without what the API server refuses: most changes are no whole objects."""
    return [(p.rule, p.object, p.field) for p in problems_after(change, surroundings) if p.rule != api.RULE]
