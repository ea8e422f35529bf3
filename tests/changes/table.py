"""Changes of values, as people make them: what is there, and what is changed over it."""

from __future__ import annotations

from typing import Any

Values = dict[str, Any]


def conf(text: str) -> Values:
    return {"st2": {"config": text}}


RBAC: Values = {"st2": {"rbac": {"enabled": True, "roles": {"a.yaml": "{name: a, description: x}\n"}}}}
ETCD: Values = {"coordination": {"backend": "etcd"}}
BACKUP: Values = {"backup": {"enabled": True, "destination": {"claim": {"create": {"size": "10Gi"}}}}}
MONITORING: Values = {"monitoring": {"enabled": True}}
PLAIN_WEB: Values = {"st2web": {"tls": {"enabled": False}}}


def ingress(host: str) -> Values:
    return {**PLAIN_WEB, "ingress": {"enabled": True, "hosts": [{"host": host}]}}


KEYVALUE: Values = {"st2": {"keyvalue": [{"name": "a", "value": "b"}]}}
SCALED: Values = {"st2api": {"autoscaling": {"enabled": True, "minReplicas": 2, "maxReplicas": 5}}}
PACKS: Values = {"st2": {"packs": {"images": [{"repository": "images", "tag": "1"}]}}}
OLD: Values = {"image": {"tag": "3.8"}}
PINNED: Values = {
    "mongodb": {"image": {"tag": "4.4.30"}},
    "rabbitmq": {"image": {"tag": "3.13-management"}},
    "redis": {"image": {"tag": "7.2"}},
}


def mongo(tag: str, **more: Any) -> Values:
    return {"mongodb": {"image": {"tag": tag}, **more}}


def rabbit(tag: str) -> Values:
    return {"rabbitmq": {"image": {"tag": tag}}}


CHANGES: dict[str, tuple[Values, Values]] = {
    "nothing": ({}, {}),
    # st2
    "an option of one service": ({}, conf("[scheduler]\npool_size = 20\n")),
    "an option of the runner": ({}, conf("[actionrunner]\nactions_pool_size = 80\n")),
    "a log option of all services": ({}, conf("[log]\nmask_secrets = False\n")),
    "a retention": ({}, conf("[garbagecollector]\naction_executions_ttl = 60\n")),
    "a comment": ({}, conf("# nothing\n")),
    "RBAC on": ({}, RBAC),
    "a role": (RBAC, {"st2": {"rbac": {"enabled": True, "roles": {"a.yaml": "{name: b, description: x}\n"}}}}),
    "a pack config": ({}, {"st2": {"packs": {"configs": {"aws.yaml": "region: eu\n"}}}}),
    "an item of the datastore": (KEYVALUE, {"st2": {"keyvalue": [{"name": "a", "value": "c"}]}}),
    "items gone": (KEYVALUE, {}),
    "the first user": ({}, {"st2": {"username": "root"}}),
    "another crypto key": ({}, {"st2": {"existingDatastoreSecret": "mine"}}),
    "a pack image": ({}, PACKS),
    "the tag of a pack image": (PACKS, {"st2": {"packs": {"images": [{"repository": "images", "tag": "2"}]}}}),
    "a patch of st2": ({}, {"image": {"tag": "3.9.0"}}),
    "st2 3.8 to 3.9": (OLD, {}),
    "st2 3.8 to 3.9, backends kept": (OLD, PINNED),
    "st2 3.9 to 3.8": (PINNED, OLD),
    "the image of one service": ({}, {"st2api": {"image": {"tag": "3.9.1"}}}),
    "another registry": ({}, {"image": {"registry": "mirror.example.org"}}),
    # sizes
    "more runners": ({}, {"st2actionrunner": {"replicas": 12}}),
    "fewer runners": ({}, {"st2actionrunner": {"replicas": 2}}),
    "no runners": ({}, {"st2actionrunner": {"replicas": 0}}),
    "memory of the API": ({}, {"st2api": {"resources": {"requests": {"memory": "1Gi"}}}}),
    "time for actions": ({}, {"st2actionrunner": {"terminationGracePeriodSeconds": 3630}}),
    "a variable of the API": ({}, {"st2api": {"env": {"REGION": "eu"}}}),
    "a node selector of sensors": ({}, {"st2sensorcontainer": {"nodeSelector": {"disk": "ssd"}}}),
    "partitions of sensors": ({}, {"st2sensorcontainer": {"deployments": 3}}),
    "a pool of runners": ({}, {"st2actionrunner": {"pools": [{"name": "big"}]}}),
    "an autoscaler": ({}, SCALED),
    "no autoscaler": (SCALED, {}),
    "the profile dev": ({}, {"profile": "dev"}),
    # backends
    "MongoDB: a patch": (mongo("7.0.1"), mongo("7.0.9")),
    "MongoDB: a major version": (mongo("6.0"), mongo("7.0")),
    "MongoDB: two major versions": (mongo("5.0"), mongo("7.0")),
    "MongoDB: back": (mongo("7.0"), mongo("6.0")),
    "MongoDB: more members": ({}, {"mongodb": {"replicaCount": 5}}),
    "MongoDB: fewer members": ({"mongodb": {"replicaCount": 5}}, {}),
    "MongoDB: an option": ({}, {"mongodb": {"configuration": {"operationProfiling": {"mode": "slowOp"}}}}),
    "MongoDB: bigger volumes": ({}, {"mongodb": {"persistence": {"size": "20Gi"}}}),
    "MongoDB: smaller volumes": ({}, {"mongodb": {"persistence": {"size": "1Gi"}}}),
    "MongoDB: another storage class": ({}, {"mongodb": {"persistence": {"storageClass": "fast"}}}),
    "MongoDB: no volumes": ({}, {"mongodb": {"persistence": {"enabled": False}}}),
    "MongoDB: elsewhere": ({}, {"mongodb": {"enabled": False, "external": {"uri": "mongodb://db.example.org/"}}}),
    "RabbitMQ: the next version": (rabbit("4.1-management"), rabbit("4.2-management")),
    "RabbitMQ: versions left out": (rabbit("3.13-management"), rabbit("4.2-management")),
    "RabbitMQ: back": (rabbit("4.2-management"), rabbit("4.1-management")),
    "RabbitMQ: more members": ({}, {"rabbitmq": {"replicaCount": 5}}),
    "RabbitMQ: fewer members": ({"rabbitmq": {"replicaCount": 5}}, {}),
    "RabbitMQ: an option": ({}, {"rabbitmq": {"configuration": {"heartbeat": 30}}}),
    "RabbitMQ: bigger volumes": ({}, {"rabbitmq": {"persistence": {"size": "20Gi"}}}),
    "Redis: a newer version": ({"redis": {"image": {"tag": "7.2"}}}, {}),
    "Redis: back": ({}, {"redis": {"image": {"tag": "7.2"}}}),
    "Redis: more members": ({}, {"redis": {"replicaCount": 5}}),
    "Redis: fewer members": ({"redis": {"replicaCount": 5}}, {}),
    "Redis: an option": ({}, {"redis": {"configuration": {"hz": 20}}}),
    "etcd instead of Redis": ({}, ETCD),
    "etcd: a minor version": (
        {**ETCD, "etcd": {"image": {"tag": "v3.5.0"}}},
        {**ETCD, "etcd": {"image": {"tag": "v3.6.0"}}},
    ),
    "etcd: two minor versions": (
        {**ETCD, "etcd": {"image": {"tag": "v3.4.0"}}},
        {**ETCD, "etcd": {"image": {"tag": "v3.6.0"}}},
    ),
    "etcd: fewer members": ({**ETCD, "etcd": {"replicas": 5}}, ETCD),
    # optional parts
    "no priority classes": ({}, {"scheduling": {"priorityClasses": {"create": False}}}),
    "pods may displace others": ({}, {"scheduling": {"priorityClasses": {"preempt": True}}}),
    "the chat bot": ({}, {"st2chatops": {"enabled": True}}),
    "an Ingress": (PLAIN_WEB, ingress("st2.example.org")),
    "no Ingress": (ingress("st2.example.org"), PLAIN_WEB),
    "another host of the Ingress": (ingress("st2.example.org"), ingress("other.example.org")),
    "network policies off": ({}, {"networkPolicy": {"enabled": False}}),
    "monitoring on": ({}, MONITORING),
    "monitoring off": (MONITORING, {}),
    "backups": ({}, BACKUP),
    "no backups": (BACKUP, {}),
    "another time of backups": (BACKUP, {"backup": {**BACKUP["backup"], "schedule": "1 2 * * *"}}),
    "the smoke test": ({}, {"jobs": {"smokeTest": {"enabled": True}}}),
    "resources of Jobs": ({}, {"jobs": {"resources": {"requests": {"cpu": "1"}}}}),
    "the type of the Service": ({}, {"st2web": {"service": {"type": "LoadBalancer"}}}),
    "TLS of the web UI off": ({}, {"st2web": {"tls": {"enabled": False}}}),
    "Secrets of your own": ({}, {"secrets": {"mode": "existing"}}),
    "an object of the user's": (
        {},
        {"extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}]},
    ),
}
"""By what they are."""
