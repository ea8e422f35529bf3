"""Valid values for keys of the values whose type alone does not tell what they may be: by their path, or their name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SECRET = {"existingSecret": "other", "key": "other"}
_PEER = {"podSelector": {"matchLabels": {"app": "other"}}}
_OWN_CONTAINER = {"name": "mine", "image": "example.com/mine:1"}

VALID_VALUES: Mapping[str, Any] = {
    "affinity": {"podAntiAffinity": {}},
    "backup.destination.claim.existingClaim": "mine",
    "backup.timeZone": "Europe/Berlin",
    "behavior": {"scaleDown": {"stabilizationWindowSeconds": 77}},
    "coordination.external.url": "redis://other",
    "digest": "sha256:" + 64 * "a",
    "dnsConfig": {"nameservers": ["10.1.2.3"]},
    "etcd.image.tag": "v3.6.1",
    "extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}}],
    "extra_volumes": [{"name": "mine", "volume": {"emptyDir": {}}, "mount": {"mountPath": "/mine"}}],
    "gateway.parentRefs": [{"name": "other"}],
    "hostAliases": [{"ip": "10.1.2.3", "hostnames": ["mine"]}],
    "image.tag": "3.9.1",
    "ingress.hosts": [{"host": "other.example.com"}],
    "ingress.tls": [{"secretName": "mine", "hosts": ["st2.example.com"]}],
    "initContainers": [_OWN_CONTAINER],
    "jobs.extra": [{"name": "other", "command": ["true"]}],
    "jobs.extra_hooks": [{"name": "other", "hook": "post-install", "command": ["true"]}],
    "jobs.skip": ["register_content"],
    "livenessProbe": {"exec": {"command": ["true"]}},
    "mongodb.external.uri": "mongodb://other/db",
    "mongodb.image.tag": "6.0",
    "monitoring.rules.disabled": ["StackStormApiErrors"],
    "monitoring.statsdExporter.mappings": [{"match": "mine.*", "name": "mine"}],
    "networkPolicy.allow": {"st2api": [_PEER]},
    "networkPolicy.egress.allow": {"st2api": [_PEER]},
    "networkPolicy.egress.dns.peers": [_PEER],
    "networkPolicy.egress.free": ["st2api"],
    "networkPolicy.kedaFrom": [_PEER],
    "networkPolicy.metricsFrom": [_PEER],
    "patches": [
        {
            "target": {"kind": "Deployment", "name": "st2-st2api"},
            "patch": [{"op": "add", "path": "/metadata/labels/mine", "value": "mine"}],
        }
    ],
    "podSecurityContext": {"fsGroup": 4242},
    "rabbitmq.image.tag": "4.1-management",
    "redis.image.tag": "8.2",
    "rabbitmq.external.urls": ["amqp://other"],
    "readinessProbe": {"exec": {"command": ["true"]}},
    "resources": {"requests": {"cpu": "123m"}},
    "securityContext": {"runAsUser": 4242},
    "sidecars": [_OWN_CONTAINER],
    "st2.apikeys": [{"id": "639777ae1f7c142f8b241a7d", "user": "mine", "key_hash": 128 * "a"}],
    "st2.apikeysFiles": {"mine.yaml": f"- id: 639777ae1f7c142f8b241a7d\n  user: mine\n  key_hash: {128 * 'a'}\n"},
    "st2.config": {"api": {"max_page_size": 77}},
    "st2.keyvalue": [{"name": "other", "value": "thing"}],
    "st2.keyvalueFiles": {"mine.yaml": "- name: mine\n  value: thing\n"},
    "st2.overrides": {"_global.yaml": "actions:\n  defaults:\n    enabled: false\n"},
    "st2.packs.configs": {"mine.yaml": "some: thing\n"},
    "st2.packs.images": [{"repository": "example.com/other", "tag": "2"}],
    "st2.packs.sensors": [{"name": "mine", "ref": "mine.Sensor"}],
    "st2.packs.volumes.configs": {"hostPath": {"path": "/other"}},
    "st2.packs.volumes.packs": {"hostPath": {"path": "/other"}},
    "st2.packs.volumes.virtualenvs": {"hostPath": {"path": "/other"}},
    "st2.rbac.assignments": {"mine.yaml": "username: mine\nroles: [observer]\n"},
    "st2.rbac.mappings": {"mine.yaml": "group: mine\nroles: [observer]\n"},
    "st2.rbac.roles": {"mine.yaml": "name: mine\ndescription: mine\npermission_grants: []\n"},
    "st2actionrunner.pools": [{"name": "other"}],
    "st2chatops.hubotScriptsVolume": {"emptyDir": {}},
    "st2chatops.tokens": {"HUBOT_SLACK_BOT_TOKEN": _SECRET},
    "st2web.tls.certManager.duration": "2222h",
    "startupProbe": {"exec": {"command": ["true"]}},
    "tolerations": [{"key": "mine", "operator": "Exists"}],
    "topologySpread": [{"maxSkew": 2, "topologyKey": "mine", "whenUnsatisfiable": "DoNotSchedule"}],
    "version": "8.2",
}
