"""What the Helm chart `stackstorm-ha` is like where this project differs, so that a chart user's values file works."""

from __future__ import annotations

from collections.abc import Mapping

RAW_PATHS: tuple[tuple[str, ...], ...] = (
    ("st2", "packs", "configs"),
    ("st2", "overrides"),
    ("st2", "rbac"),
    ("st2", "keyvalueFiles"),
    ("st2", "apikeysFiles"),
    ("st2web", "config"),
    ("*", "postStartScript"),
    ("extraObjects",),
    ("patches",),
)
"""Where `{{ … }}` is content, such as Jinja of StackStorm, and no Helm template; nor does the chart render it."""

_NOT_YET = "remove it: this version has nothing that it could set"
_OF_BITNAMI = "the images are the official ones, not Bitnami's; see docs/backends.md for what there is instead"

RETIRED: Mapping[tuple[str, ...], str] = {
    ("jobs", "st2clientConfig"): "the key `config` of the Secret <release>-st2-client-config takes its place",
    ("st2client", "st2clientConfig"): "the key `config` of the Secret <release>-st2-client-config takes its place",
    ("secrets", "st2"): "its keys have moved below st2",
    ("external-dns",): "install external-dns by itself; st2web.service.hostname sets the annotation that it reads",
    ("mongodb", "architecture"): "remove it: members always form a replica set, also a single one (replicaCount: 1)",
    ("mongodb", "arbiter"): "remove it: there are no arbiters; replicaCount says how many members there are",
    ("mongodb", "auth", "enabled"): "remove it: authentication is always on",
    ("rabbitmq", "clustering"): "remove it: all nodes start together, so none has to be forced to boot",
    ("rabbitmq", "loadDefinition"): "remove it: the definitions are made for you",
    ("rabbitmq", "extraConfiguration"): "use rabbitmq.configuration, a mapping of options to values",
    ("rabbitmq", "advancedConfiguration"): "use rabbitmq.configuration, a mapping of options to values",
    ("rabbitmq", "extraPlugins"): "use rabbitmq.plugins, a list",
    ("rabbitmq", "rabbitmqMemoryHighWatermark"): 'use rabbitmq.configuration: {"vm_memory_high_watermark.absolute": …}',
    ("rabbitmq", "rabbitmqMemoryHighWatermarkType"): "use rabbitmq.configuration",
    ("rabbitmq", "memoryHighWatermark"): 'use rabbitmq.configuration: {"vm_memory_high_watermark.absolute": …}',
    ("redis", "cluster"): "use redis.replicaCount; all members are alike, and one of them accepts writes",
    ("redis", "architecture"): "remove it: redis.replicaCount says how many members there are",
    ("redis", "master"): "remove it: all members are alike; their settings are directly below redis",
    ("redis", "replica"): "remove it: all members are alike; their settings are directly below redis",
    ("redis", "slave"): "remove it: all members are alike; their settings are directly below redis",
    ("redis", "sentinel", "enabled"): "remove it: sentinels always run",
    ("redis", "sentinel", "staticID"): "remove it: sentinels keep their identity",
    ("redis", "sentinel", "usePassword"): "remove it: sentinels have a password wherever this st2 can use one",
    ("redis", "usePassword"): "remove it: passwords are always on",
    ("redis", "password"): "use redis.auth.password",
    ("redis", "existingSecret"): "use redis.auth.existingSecret",
    ("*", "networkPolicy"): _NOT_YET,
    ("*", "image", "registry"): "write it in front of image.repository; image.registry at the top is for all images",
    ("*", "persistence", "accessMode"): "use persistence.accessModes, a list",
    ("*", "persistence", "existingClaim"): "remove it: each member makes a claim of its own",
    ("*", "persistence", "mountPath"): _OF_BITNAMI,
    ("*", "volumePermissions"): "remove it: Kubernetes gives volumes to the group of the pod",
    ("*", "podAnnotations"): "use annotations",
    ("*", "podLabels"): "use labels",
    ("*", "commonLabels"): "use labels",
    ("*", "commonAnnotations"): "use annotations",
    ("*", "containerSecurityContext"): "use securityContext",
    ("*", "pdb"): "remove it: several members always have a disruption budget",
    ("*", "extraFlags"): "use configuration",
    ("*", "extraEnvVars"): _OF_BITNAMI,
    ("*", "initdbScripts"): _OF_BITNAMI,
    ("*", "updateStrategy"): "remove it: members are replaced one after the other",
    ("*", "podManagementPolicy"): "remove it: members always start together, or they would not come up after an outage",
}
"""Keys of the chart that cannot be honoured: what to do instead."""
