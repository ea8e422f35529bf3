"""No key of the values is dead: each one changes the objects of some cluster when it is set to something else.

Fields of Kubernetes are not looked at one by one: what values hold of them goes into the objects whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, NamedTuple, get_args, get_origin

import pytest
from pydantic import BaseModel, ValidationError
from support import LONG

from constructs_st2.construct.clusters import cluster_of
from constructs_st2.construct.plans import PLANS, compose
from constructs_st2.errors import InvalidValues, UserError
from constructs_st2.facts.cluster import Cluster
from constructs_st2.parts.monitoring import statsd
from constructs_st2.parts.monitoring.mapping import mapping as make_mapping
from constructs_st2.parts.tiers import documents_of
from constructs_st2.values import from_mapping
from constructs_st2.values.layers import overlay
from constructs_st2.values.model import Values
from constructs_st2.values.paths import KeyPath, dotted
from constructs_st2.values.samples import others
from constructs_st2.values.shape import keys, plain_types

_OF_FILES = "names a folder of files, which become those keys; tests/values/test_folders.py"
_OF_RESTORE = "is used by constructs-st2 restore, whose Job is no part of the cluster; tests/operations/backup"
_OF_VERSION = "lets the checks of versions know what an image has whose tag does not say it"
_OF_EXPORTS = "is in what st2 exports, so that it can be pasted"

WITHOUT_EFFECT: Mapping[str, str] = {
    "backup.external.restore.authSource": _OF_RESTORE,
    "backup.external.restore.password.existingSecret": _OF_RESTORE,
    "backup.external.restore.password.key": _OF_RESTORE,
    "backup.external.restore.username": _OF_RESTORE,
    "jobs.extra_hooks[0].hook": "is checked: those of the chart that can be honoured mean the same here",
    "jobs.extra_hooks[0].hook_weight": "is in values of the chart; such Jobs wait for the registered content",
    "mongodb.version": _OF_VERSION,
    "etcd.version": _OF_VERSION,
    "redis.version": _OF_VERSION,
    "st2.keyvalue[0].secret": "is checked: a secret must have it, and its value elsewhere",
    "security.notSecret": "excuses what an object has; tests/values/test_clear_text.py",
    "st2.apikeys[0].created_at": _OF_EXPORTS,
    "st2.apikeys[0].uid": _OF_EXPORTS,
    "st2.apikeysFrom": _OF_FILES,
    "st2.keyvalueFrom": _OF_FILES,
    "st2.overridesFrom": _OF_FILES,
    "st2.packs.configsFrom": _OF_FILES,
    "st2.rbac.from": _OF_FILES,
}
"""Keys that change no object of a cluster, and why they are there."""

# --- clusters

CONTENT: dict[str, Any] = {
    "configs": {"a.yaml": "x: 1\n"},
    "images": [{"repository": "registry.example.org", "name": "packs", "tag": "1"}],
}
SCALED = {"autoscaling": {"enabled": True}}
CPU_SCALED = {"autoscaling": {"enabled": True, "mode": "cpu"}}
EDGE = {"tls": {"enabled": False}, "service": {"type": "LoadBalancer", "hostname": "st2.example.org"}}
SECRET = {"existingSecret": "mine", "key": "a"}
HASH = "0" * 128
CA = {"existingSecret": "ca", "key": "ca.crt"}
CLAIM = {"claim": {"create": {"size": "5Gi"}}}
VOLUME = {"create": {"size": "1Gi"}}

CLUSTERS: Mapping[str, dict[str, Any]] = {
    "as it is": {},
    "operated": {
        "st2web": {
            **SCALED,
            "tls": {"certManager": {"issuerRef": {"name": "ca"}}},
            "realIp": {"proxies": ["10.0.0.0/8"]},
        },
        **dict.fromkeys(("st2auth", "st2api", "st2stream", "st2actionrunner", "st2workflowengine"), SCALED),
        "st2scheduler": SCALED,
        "st2sensorcontainer": {"deployments": 2},
        "tls": {"internal": {"enabled": True, "certManager": {"enabled": True, "issuerRef": {"name": "ca"}}}},
        "networkPolicy": {"egress": {"enabled": True}},
        "monitoring": {"enabled": True, **{part: {"enabled": True} for part in ("rules", "podMonitors", "dashboards")}},
        "executionWatch": {"cleanup": {"enabled": True}},
        "backup": {"enabled": True, "destination": CLAIM},
        "docker-registry": {"enabled": True},
        "st2chatops": {"enabled": True, "tokens": {"HUBOT_SLACK_BOT_TOKEN": SECRET}, "apiKey": SECRET},
    },
    "with content": {
        "enterprise": {"enabled": True, "license": SECRET},
        "st2": {
            "packs": {**CONTENT, "sensors": [{"name": "rss", "ref": "rss.RssSensor"}]},
            "rbac": {"enabled": True},
            "keyvalue": [{"name": "a", "value": "b", "scope": "user", "user": "x"}],
            "apikeys": [{"user": "x", "id": "0" * 24, "key_hash": HASH}],
            "password": SECRET,
            "ssh_key": SECRET,
            "datastore_crypto_key": SECRET,
        },
        "st2actionrunner": {"pools": [{"name": "spot", **SCALED}]},
        "jobs": {
            "smokeTest": {"enabled": True},
            "extra": [{"name": "mine", "command": ["mine"]}],
            "extra_hooks": [{"name": "hook", "hook": "post-install", "command": ["mine"]}],
        },
        "extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}}],
    },
    "with content in Secrets": {
        "st2": {
            "keyvalue": [{"name": "a", "value": SECRET, "secret": True}],
            "apikeys": [{"user": "x", "id": "0" * 24, "key": SECRET}],
            "version": "3.8",
        },
        "image": {"tag": "3.8"},
        "st2chatops": {"enabled": True},
        "mongodb": {"auth": dict.fromkeys(("rootPassword", "password", "replicaSetKey"), SECRET)},
        "rabbitmq": {
            "image": {"tag": "other"},
            "version": "3.12",
            "auth": dict.fromkeys(("password", "erlangCookie"), SECRET),
        },
        "redis": {"auth": {"password": SECRET}},
        "secrets": {"mode": "bootstrap"},
    },
    "patched": {
        "patches": [
            {
                "target": {"kind": "Deployment", "name": "st2-st2api"},
                "patch": [{"op": "add", "path": "/metadata/labels/app", "value": "b"}],
            },
        ],
    },
    "patched by copies": {
        "patches": [
            {
                "target": {"kind": "Deployment", "name": "st2-st2api"},
                "patch": [{"op": "copy", "from": "/metadata/name", "path": "/metadata/labels/a"}],
            },
        ],
    },
    "with its own edge": {
        "st2web": EDGE,
        "st2auth": {"service": {"type": "LoadBalancer"}},
        "st2api": {"service": {"type": "LoadBalancer"}},
        "st2stream": {"service": {"type": "LoadBalancer"}},
        "ingress": {
            "enabled": True,
            "hosts": [{"host": "st2.example.org", "paths": [{"path": "/", "servicePort": 80}]}],
            "tls": [{"secretName": "tls", "hosts": ["st2.example.org"]}],
        },
    },
    "behind a gateway": {
        "st2web": {"tls": {"enabled": False}},
        "gateway": {"enabled": True, "parentRefs": [{"name": "web"}], "hostnames": ["st2.example.org"]},
    },
    "scaled by CPU": dict.fromkeys(("st2actionrunner", "st2workflowengine", "st2scheduler"), CPU_SCALED),
    "scraped": {"monitoring": {"enabled": True}},
    "with etcd": {
        "coordination": {"backend": "etcd"},
        "tls": {"internal": {"enabled": True}},
        "backup": {"enabled": True, "destination": CLAIM},
    },
    "on shared volumes": {
        "st2": {"packs": {**CONTENT, "volumes": {"enabled": True, "packs": VOLUME, "virtualenvs": VOLUME}}}
    },
    "with backends elsewhere": {
        "mongodb": {
            "enabled": False,
            "external": {
                "uri": "mongodb://db.example.org/",
                "username": "x",
                "password": SECRET,
                "tls": {"enabled": True, "ca": CA},
            },
        },
        "rabbitmq": {
            "enabled": False,
            "external": {
                "urls": ["amqp://mq.example.org/st2"],
                "username": "x",
                "password": SECRET,
                "tls": {"enabled": True, "ca": CA},
            },
        },
        "coordination": {
            "backend": "external",
            "external": {"url": "redis://r.example.org:6379?ssl=true", "username": "x", "password": SECRET, "ca": CA},
        },
        "autoscaling": {"existingSecret": "mine"},
        "st2actionrunner": SCALED,
        "backup": {
            "enabled": True,
            "destination": {
                "s3": {
                    "bucket": "backups",
                    "credentials": {"existingSecret": "s3"},
                    "serverSideEncryption": "aws:kms",
                    "kmsKeyId": "alias/backups",
                    "encryption": {"existingSecret": "crypt"},
                }
            },
            "external": {
                "username": "reader",
                "password": SECRET,
                "restore": {"username": "writer", "password": SECRET},
            },
        },
    },
    "with secrets from a store": {"secrets": {"mode": "external-secrets"}},
    "with secrets in the values": {"secrets": {"mode": "plain", "seed": "a seed of a cluster"}},
}
"""Where keys are tried, in this order, as far as a cluster has the section that the key is in."""

# --- other values

OTHER_VALUES: Mapping[str, Any] = {
    "apikeys.0.metadata": {"note": "other"},
    "apikeys.0.id": "1" * 24,
    "apikeys.0.key_hash": "1" * 128,
    "backup.schedule": "1 1 * * *",
    "backup.timeZone": "Europe/Berlin",
    "coordination.external.url": "redis://other.example.org:6379?ssl=true",
    "egress.free": [],
    "extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"}}],
    "extra_hooks.0.hook": "post-upgrade",
    "extra_volumes": [{"name": "other", "mount": {"mountPath": "/other"}, "volume": {"emptyDir": {}}}],
    "hosts.0.paths.0.service": "st2api",
    "hosts.0.paths.0.serviceName": "other",
    "jobs.skip": ["register_content"],
    "keyvalue.0.encrypted": True,
    "image.digests": {"docker.io/library/redis:8.0": f"sha256:{'0' * 64}"},
    "mongodb.configuration": {"net": {"maxIncomingConnections": 777}},
    "mongodb.external.uri": "mongodb://other.example.org/",
    "namespace.podSecurity": "none",
    "networkPolicy.allow": {"st2api": [{"podSelector": {}}]},
    "egress.allow": {"st2api": [{"podSelector": {}}]},
    "packs.volumes.configs": {"create": {"size": "7Gi"}},
    "packs.volumes.packs": {"create": {"size": "7Gi"}},
    "packs.volumes.virtualenvs": {"create": {"size": "7Gi"}},
    "packs.configs": {"other.yaml": "x: 1\n"},
    "patch.0.from": "/metadata/labels/app",
    "patch.0.op": "remove",
    "patch.0.path": "/metadata/labels/other",
    "patch.0.value": "other",
    "patches.0.target.kind": "Service",
    "patches.0.target.name": "st2-st2auth",
    "podMonitors.interval": "77s",
    "rabbitmq.external.urls": ["amqp://other.example.org/st2"],
    "rabbitmq.image.tag": "3.12",
    "rabbitmq.version": "3.13",
    "redis.enabled": False,
    "redis.image.tag": "7.0",
    "rbac.assignments": {"other.yaml": "{username: other, roles: [observer]}\n"},
    "rbac.mappings": {"other.yaml": "{group: other, roles: [observer]}\n"},
    "rbac.roles": {"other.yaml": "{name: other, description: other}\n"},
    "rules.disabled": ["StackStormExecutionsOrphaned"],
    "realIp.proxies": ["192.0.2.0/24"],
    "s3.endpoint": "https://s3.example.org",
    "s3.kmsKeyId": "alias/other",
    "secrets.external.refreshInterval": "7h",
    "secrets.seed": "another seed of a cluster",
    "st2.config": {"api": {"max_page_size": 77}},
    "st2.apikeysFiles": {"other.yaml": f"[{{user: x, id: '{'2' * 24}', key_hash: '{HASH}'}}]\n"},
    "st2.keyvalueFiles": {"other.yaml": "[{name: other, value: x}]\n"},
    "st2.overrides": {"other.yaml": "rules: {defaults: {enabled: false}}\n"},
    "st2chatops.adapter": "irc",
    "st2chatops.webuiUrl": "https://other.example.org",
    "statsdExporter.mappings": [{"match": "other.*", "name": "other"}],
    "terminationGracePeriodSeconds": 777,
}
"""What no type can tell, by the end of a key's path."""


NO_SECRET = {"existingSecret": None}
COMPANIONS: Mapping[str, dict[str, Any]] = {
    "backup.destination.claim.existingClaim": {"backup": {"destination": {"claim": {"create": None}}}},
    "backup.destination.s3.serverSideEncryption": {"backup": {"destination": {"s3": {"kmsKeyId": None}}}},
    "backup.serviceAccount.annotations": {"backup": {"serviceAccount": {"create": True}}},
    "backup.serviceAccount.labels": {"backup": {"serviceAccount": {"create": True}}},
    "coordination.external.ca.configMap": {"coordination": {"external": {"ca": NO_SECRET}}},
    "mongodb.enabled": {"mongodb": {"external": {"uri": "mongodb://db.example.org/"}}},
    "mongodb.external.tls.ca.configMap": {"mongodb": {"external": {"tls": {"ca": NO_SECRET}}}},
    "rabbitmq.enabled": {"rabbitmq": {"external": {"urls": ["amqp://mq.example.org/st2"]}}},
    "rabbitmq.external.tls.ca.configMap": {"rabbitmq": {"external": {"tls": {"ca": NO_SECRET}}}},
    "redis.enabled": {"coordination": {"external": {"url": "redis://r.example.org:6379"}}},
    "st2.packs.volumes.enabled": {"st2": {"packs": {"volumes": {"packs": VOLUME, "virtualenvs": VOLUME}}}},
    "st2chatops.adapter": {"st2chatops": {"existingSecret": "mine"}},
    "st2web.tls.certManager.serviceNames": {"st2web": {"tls": {"certManager": {"dnsNames": ["st2.example.org"]}}}},
}
"""What must be set together with a key."""


SHOWN_IN: Mapping[str, str] = {
    "backup.etcd": "with etcd",
    "backup.external": "with backends elsewhere",
    "backup.scratchSize": "with backends elsewhere",
    "coordination.backend": "with etcd",
    "enterprise.existingPullSecret": "with content",
    "etcd": "with etcd",
    "gateway": "behind a gateway",
    "ingress": "with its own edge",
    "monitoring.scrapeAnnotations": "scraped",
    "patches[0].patch[0].from": "patched by copies",
    "secrets.external": "with secrets from a store",
    "secrets.seed": "with secrets in the values",
    "st2.packs.imageVolumes": "with content",
    "st2.packs.volumes": "on shared volumes",
    "st2stream.service": "with its own edge",
    "tls.internal.existingSecrets.etcd": "with etcd",
}
"""Where keys, and those below them, are tried first. It only saves time: without it, all clusters before are built."""


class Leaf(NamedTuple):
    """A key that has no keys of the model below it. ``0`` and ``*`` in its path stand for any item."""

    path: KeyPath
    type: Any
    owner: type[BaseModel]

    def __str__(self) -> str:
        return dotted(self.path)


def leaves(model: type[BaseModel], above: KeyPath = ()) -> Iterator[Leaf]:
    for name, key in (keys(model) or {}).items():
        below = list(models(key.type, (*above, name)))
        for inner, path in below:
            yield from leaves(inner, path)
        if not below:
            marks = key.field.metadata if key.field else []
            yield Leaf((*above, name), Annotated[(key.type, *marks)] if marks else key.type, model)


def models(declared: Any, path: KeyPath) -> Iterator[tuple[type[BaseModel], KeyPath]]:
    """The models in a type, each with the path of its keys."""
    for plain in plain_types(declared):
        if isinstance(plain, type) and issubclass(plain, BaseModel):
            yield plain, path
        elif get_origin(plain) in (list, dict):
            yield from models(get_args(plain)[-1], (*path, 0 if get_origin(plain) is list else "*"))


# --- the test


def at(values: Any, path: KeyPath) -> Any:
    """The typed value at a path, None where there is nothing; ``*`` is the first key of a mapping."""
    for segment in path:
        if isinstance(values, BaseModel):
            values = getattr(values, (keys(type(values)) or {})[str(segment)].attribute)
        elif values and isinstance(values, dict):
            values = next(iter(values.values()))
        elif values and isinstance(values, list):
            values = values[0]
        else:
            return None
    return values


def put(data: Any, path: KeyPath, value: Any) -> Any:
    """Data of a values file with another value at a path."""
    if not path:
        return value
    segment, *below = path
    if isinstance(data, list):
        return [put(data[0], tuple(below), value), *data[1:]]
    key = next(iter(data)) if segment == "*" else segment
    return {**data, key: put(data.get(key, {}), tuple(below), value)}


def values_of(cluster: str) -> dict[str, Any]:
    """The values of one of the clusters; or of one with nothing but a part on, by the key of its section."""
    return CLUSTERS.get(cluster, {cluster: {"enabled": True}})


def switched_on(leaf: Leaf) -> list[str]:
    """The section of a part that is off by default, in which a key is."""
    section = str(leaf.path[0])
    return [section] if getattr(at(original("as it is"), (section,)), "enabled", None) is False else []


@cache
def original(cluster: str) -> Values:
    return from_mapping(values_of(cluster))


@cache
def original_objects(cluster: str, tier: str) -> Any:
    return objects(cluster_of(original(cluster)), tier)


def objects(cluster: Cluster, tier: str) -> Any:
    # Patches look for their objects in all tiers.
    return documents_of(compose(cluster, PLANS if cluster.values.patches else {tier: PLANS[tier]}))


def changes(data: Mapping[str, Any], cluster: str, tiers: Sequence[str]) -> str | None:
    """The first tier whose objects are others with some values; None where all are the same."""
    changed = cluster_of(from_mapping(data))
    return next((tier for tier in tiers if objects(changed, tier) != original_objects(cluster, tier)), None)


Helped = dict[KeyPath, tuple[str, str]]
"""The cluster and the tier that have shown an effect of a key of a section: those of its other keys, and of sections in
it, show there, too."""


def problem_of(leaf: Leaf, helped: Helped) -> str | None:
    """Why a key seems dead; None where it is not."""
    section = leaf.path[:-1]
    above = [leaf.path[:length] for length in range(len(leaf.path), 0, -1)]
    before = next((helped[path] for path in above[1:] if path in helped), ("", ""))
    first = next((SHOWN_IN[dotted(path)] for path in above if dotted(path) in SHOWN_IN), before[0])
    tiers = sorted(PLANS, key=lambda name: name != before[1])
    tried = []
    for cluster in (*sorted(CLUSTERS, key=lambda name: name != first), *switched_on(leaf)):
        if not isinstance(at(original(cluster), section), BaseModel):
            continue
        for value in candidates(leaf, at(original(cluster), leaf.path)):
            data = overlay(put(values_of(cluster), leaf.path, value), COMPANIONS.get(str(leaf), {}))
            try:
                tier = changes(data, cluster, tiers)
            except (InvalidValues, UserError, ValidationError) as error:
                tried.append(f"{value!r} ({cluster}): {' '.join(str(error).split())[:200]}")
                continue
            if tier:
                helped[section] = (cluster, tier)
                return None
            tried.append(f"{value!r} ({cluster}): changes nothing")
            break
    return "; ".join(tried) or "no cluster of CLUSTERS has its section"


def candidates(leaf: Leaf, current: Any) -> list[Any]:
    """Other values for a key: the one of `OTHER_VALUES`, or those of its type."""
    names = [str(segment) for segment in leaf.path]
    for start in range(len(names)):
        ending = ".".join(names[start:])
        if ending in OTHER_VALUES:
            return [OTHER_VALUES[ending]]
    return list(others(leaf.type, current))


WHAT_TO_DO = """
These keys change no object of any cluster here:
{keys}
Either nothing reads them: use them, or remove them. Or it does not show in CLUSTERS, nor with `enabled: true` of their
section alone: turn their part on there, give a value in OTHER_VALUES that is right and something else, or what must go
with it in COMPANIONS. Or there is a reason for them to be without effect: say it in WITHOUT_EFFECT."""


def test_every_key_changes_the_objects_of_some_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    # The longest text of a cluster, which is the same in nearly all of them.
    texts: dict[str, str] = {}

    def mapping(prefix: str | None, further: Sequence[Any]) -> str:
        asked = repr((prefix, further))
        if asked not in texts:
            texts[asked] = make_mapping(prefix, further)
        return texts[asked]

    monkeypatch.setattr(statsd, "mapping", mapping)
    helped: Helped = {}
    tried = [leaf for leaf in leaves(Values) if str(leaf) not in WITHOUT_EFFECT]
    if not LONG:
        # Services share most of their keys: one of each will do.
        tried = list({(leaf.owner, leaf.path[-1]): leaf for leaf in tried}.values())
    dead = [f"{leaf}: {problem}" for leaf in tried if (problem := problem_of(leaf, helped))]
    assert not dead, WHAT_TO_DO.format(keys="\n".join(dead))


def test_clusters_that_are_tried_first_are_clusters() -> None:
    assert {*SHOWN_IN.values()} <= CLUSTERS.keys()


def test_keys_that_may_be_without_effect_are_keys() -> None:
    assert WITHOUT_EFFECT.keys() <= {str(leaf) for leaf in leaves(Values)}
