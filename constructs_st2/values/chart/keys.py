"""The keys of the Helm chart `stackstorm-ha`, 0.32 to 1.1, and of its subcharts, that ours do not have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from constructs_st2.values.chart.translation import (
    ChartKey,
    Meaning,
    Rule,
    agrees,
    means_nothing,
    moved,
    off,
    refusal,
    refused,
)
from constructs_st2.values.model.services import HTTPS_SWITCH
from constructs_st2.values.paths import KeyPath, dotted
from constructs_st2.values.servers import MASTER, MONGODB_PORT, RABBITMQ_PORT, REDIS_PORT, SENTINEL_PORT

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

_OF_BITNAMI = "the images are the official ones, not Bitnami's: docs/explanation/backends.md tells what there is"
_ALL_ALIKE = "all members are alike; their settings are directly below redis"
_BACKENDS = ("mongodb", "rabbitmq", "redis")
_OLD_MONGODB = "4.0"
"""The default of charts before 1.0. Nothing here reads its data, and so nobody means it."""
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_PORTS = {"mongodb": MONGODB_PORT, "rabbitmq": RABBITMQ_PORT, "redis": REDIS_PORT}


def _enabled(value: Any, _: KeyPath) -> Meaning:
    """The chart has no such switch for services of st2: it runs them all."""
    if value is True:
        return Meaning("services always run")
    return refusal("set replicas: 0, which stops the service and keeps its settings")


def _client_config(value: Any, _: KeyPath) -> Meaning:
    lines = [line.split("#")[0].replace(" ", "") for line in str(value).splitlines()]
    if [line for line in lines if line] == _CLIENT_CONFIG:
        return Meaning("it is so anyway")
    return refusal("the key `config` of the Secret <release>-st2-client-config takes its place")


_CLIENT_CONFIG = ["[credentials]", "username=${ST2_AUTH_USERNAME}", "password=${ST2_AUTH_PASSWORD}"]


def _clustering(value: Any, _: KeyPath) -> Meaning:
    if isinstance(value, dict) and value.get("enabled", True) is True and value.get("addressType") != "ip":
        return Meaning("all nodes start together, so none has to be forced to boot")
    return refusal("remove it: nodes always form a cluster, also a single one (replicaCount: 1)")


def _load_definition(value: Any, _: KeyPath) -> Meaning:
    of_chart = isinstance(value, dict) and str(value.get("existingSecret", "")).endswith("-rabbitmq-definitions")
    if of_chart or (isinstance(value, dict) and value.get("enabled") is False):
        return Meaning("the definitions are made for you")
    return refusal("remove it: the definitions are made for you")


def _rabbitmq_conf(value: Any, _: KeyPath) -> Meaning:
    options = {}
    for line in str(value).splitlines():
        name, equals, setting = (part.strip() for part in line.partition("="))
        if name.startswith("#") or name in ("", "load_definitions"):
            continue
        if not equals:
            return refusal("use rabbitmq.configuration, a mapping of options to values")
        options[name] = setting
    if not options:
        return Meaning("the definitions are made and loaded for you")
    return Meaning("it is rabbitmq.configuration here, a mapping", {("rabbitmq", "configuration"): options})


def _plugins(value: Any) -> list[str]:
    return value.split() if isinstance(value, str) else value


def _redis_cluster(value: Any, path: KeyPath) -> Meaning | None:
    if not isinstance(value, dict):
        return None
    # The subchart reads no `resources` there.
    others = sorted(set(value) - {"slaveCount", "enabled", "resources"})
    if others:
        rest = ", ".join(dotted((*path, name)) for name in others)
        return refusal(f"use redis.replicaCount and, in the place of {rest}, keys directly below redis")
    count = value.get("slaveCount")
    sets: dict[KeyPath, Any] = {} if count is None else {("redis", "replicaCount"): count}
    return Meaning("it is redis.replicaCount here; one of the members accepts writes", sets)


def _secret_key(*target: str, key: str) -> Rule:
    """The name of a Secret in the place of the secret in it."""

    def rule(value: Any, _: KeyPath) -> Meaning:
        reference = {"existingSecret": value, "key": key}
        return Meaning(f"it is {dotted(target)} here, with the key", {tuple(target): reference})

    return rule


def _pull_secret(value: Any, path: KeyPath) -> Meaning:
    if isinstance(value, list) and len(value) == 1:
        (name,) = value
        name = name.get("name") if isinstance(name, dict) else name
        place = (*path[:-1], "pullSecret")
        return Meaning(f"it is {dotted(place)} here", {place: name})
    return refusal("use image.pullSecret, one name")


def _repository(value: Any, _: KeyPath) -> Meaning | None:
    if isinstance(value, str) and re.search(r"(^|/)bitnami\w*/", value):
        return refusal(f"{_OF_BITNAMI}; remove it, and the tag that goes with it")
    return None


def _tag(value: Any, path: KeyPath) -> Meaning | None:
    if path[0] == "mongodb" and value == _OLD_MONGODB:
        return Meaning("data of MongoDB 4.0 comes by a dump; members are of the version that goes with StackStorm's")
    found = re.match(r"(\d+\.\d+)\S*-debian-\d+-r\d+$", value) if isinstance(value, str) else None
    return refusal(f"{_OF_BITNAMI}; their tags have no distribution: {found[1]}") if found else None


def _bitnami_probe(value: Any, _: KeyPath) -> Meaning | None:
    """Bitnami's switch of a probe, and its timing of a check that is theirs."""
    if not isinstance(value, dict) or not value:
        return None
    rest = {name: item for name, item in value.items() if name != "enabled"}
    if value.get("enabled") is False:
        return Meaning("false removes the probe", keeps=False)
    if not rest.keys() & {"exec", "httpGet", "tcpSocket", "grpc"}:
        if "enabled" in value and not rest:
            return Meaning("there is a probe")
        timings = ", ".join(sorted(rest))
        return refusal(f"{timings} without a check (exec, httpGet, tcpSocket or grpc); remove it: there is a probe")
    return Meaning("there is a probe", keeps=rest) if "enabled" in value else None


def _packs_image(value: Any, path: KeyPath) -> Meaning | None:
    if not isinstance(value, dict):
        return None
    if not value.get("repository"):
        return Meaning("without a repository the chart has no image")
    if "images" in path:
        return None
    return Meaning("it is st2.packs.images here, a list", {("st2", "packs", "images"): [value]})


def _whole_sensor_container(value: Any, _: KeyPath) -> Meaning | None:
    """Until 0.70 of the chart, a sensor without a name was the container of all sensors."""
    if not isinstance(value, list) or len(value) != 1 or not isinstance(value[0], dict):
        return None
    if value[0].get("name") or value[0].get("ref"):
        return None
    settings = {name: item for name, item in value[0].items() if item not in (None, {}, [], "")}
    return Meaning("without a name it is st2sensorcontainer", {("st2sensorcontainer",): settings})


def _certificate(value: Any, _: KeyPath) -> Meaning | None:
    """The chart's way to bring a certificate: a volume over nginx's."""
    if not isinstance(value, list):
        return None
    for index, extra in enumerate(value):
        secret = _secret_volume(extra, "/etc/ssl/st2")
        if secret is None:
            continue
        files = {item.get("path"): item.get("key") for item in secret.get("items", []) if isinstance(item, dict)}
        if files == {"st2.crt": "tls.crt", "st2.key": "tls.key"} and secret.get("secretName"):
            rest = [other for position, other in enumerate(value) if position != index]
            sets: dict[KeyPath, Any] = {("st2web", "tls", "existingSecret"): secret["secretName"]}
            return Meaning("it is st2web.tls.existingSecret here", sets, keeps=rest or None)
        return refusal(
            "nginx has its certificate of st2web.tls: put it into a Secret with the keys tls.crt and tls.key, and name "
            "that in st2web.tls.existingSecret"
        )
    return None


def _secret_volume(extra: Any, mount_path: str) -> Mapping[str, Any] | None:
    if not isinstance(extra, dict) or not isinstance(extra.get("mount"), dict):
        return None
    if str(extra["mount"].get("mountPath", "")).rstrip("/") != mount_path:
        return None
    volume = extra.get("volume")
    secret = volume.get("secret") if isinstance(volume, dict) else None
    return secret if isinstance(secret, dict) else {}


def _number(value: Any, _: KeyPath) -> Meaning | None:
    return Meaning("a number", keeps=int(value)) if isinstance(value, str) and value.isdecimal() else None


def _impatience(value: Any, _: KeyPath) -> Meaning | None:
    """The chart's default, with which services give up before there is another primary."""
    if not isinstance(value, str):
        return None
    changed = re.sub(r"(?m)^[ \t]*connection_timeout[ \t]*=[ \t]*5000[ \t]*$", "", value)
    if changed == value:
        return None
    return Meaning("connection_timeout of the chart is too short for an election; there is a longer one", keeps=changed)


def _plain_http(value: Any, _: KeyPath) -> Meaning | None:
    """In the chart st2web serves HTTP, and port 80 of it behind an Ingress has no other meaning.

    That is also the port where the Ingress has no hosts of its own, but that of st2web's Service.
    """
    if not isinstance(value, dict) or value.get("enabled") is not True:
        return None
    if not value.get("hosts"):
        return None if _speaks_https(value.get("annotations")) else _ends_tls(value)
    if not isinstance(value.get("hosts"), list):
        return None
    paths = [each for host in value["hosts"] if isinstance(host, dict) for each in host.get("paths") or ()]
    to_web = [
        each
        for each in paths
        if isinstance(each, dict)
        and str(each.get("serviceName", "")).endswith("st2web")
        and each.get("servicePort") == 80
    ]
    return _ends_tls(value) if to_web else None


def _speaks_https(annotations: Any) -> bool:
    """Whether the controller is told to speak HTTPS to Services."""
    given = annotations if isinstance(annotations, dict) else {}
    return any("backend-protocol" in str(name) and str(text).lower() == "https" for name, text in given.items())


def _ends_tls(value: Any) -> Meaning:
    place = ("st2web", "tls", "enabled")
    return Meaning(f"the Ingress ends TLS: port 80 of st2web is {dotted(place)}: false", {place: False}, keeps=value)


def _rbac_option(__: Any, path: KeyPath) -> Meaning:
    return refusal(f"it is an option of StackStorm: write it into st2.config, section [rbac], option {path[-1]}")


def _port(value: Any, path: KeyPath) -> Meaning:
    port = _PORTS[str(path[0])]
    service = value if isinstance(value, dict) else {}
    given = service.get("port", next(iter(service.get("ports", {}).values()), port))
    if given == port and service.get("type", "ClusterIP") == "ClusterIP" and not service.get("annotations"):
        return Meaning("the Service is so anyway")
    return refusal(f"remove it: the Service has the type ClusterIP, and the port {port}")


def _each(names: tuple[str, ...], *rest: str, rule: Rule, known: bool = False) -> list[ChartKey]:
    return [ChartKey((name, *rest), rule, known) for name in names]


RULES: tuple[ChartKey, ...] = (
    # Of chart 0.x.
    ChartKey(("secrets", "st2", "*"), lambda value, path: moved("st2", str(path[-1]))(value, path)),
    ChartKey(("secrets", "st2"), means_nothing("its keys are below st2")),
    ChartKey(("enterprise", "rbac", "*"), lambda value, path: moved("st2", "rbac", str(path[-1]))(value, path)),
    ChartKey(("enterprise", "rbac"), means_nothing("its keys are below st2.rbac")),
    ChartKey(("st2", "packs", "image"), _packs_image),
    ChartKey(("st2", "packs", "sensors"), _whole_sensor_container, known=True),
    ChartKey(("st2", "existingDatastoreCryptoKeySecret"), moved(".", "existingDatastoreSecret")),
    ChartKey(("mongodb-ha", "replicas"), moved("mongodb", "replicaCount")),
    *(ChartKey(("mongodb-ha", name), moved("mongodb", name)) for name in ("enabled", "resources")),
    ChartKey(("mongodb-ha", "image"), refused("its data cannot be used as it is; mongodb.image is for new members")),
    ChartKey(("mongodb-ha", "auth", "enabled"), agrees(True, note="authentication is always on", otherwise="")),
    ChartKey(("mongodb-ha", "auth", "adminUser"), moved("mongodb", "auth", "rootUser")),
    ChartKey(("mongodb-ha", "auth", "adminPassword"), moved("mongodb", "auth", "rootPassword")),
    ChartKey(("mongodb-ha", "auth", "key"), moved("mongodb", "auth", "replicaSetKey")),
    ChartKey(("mongodb-ha", "auth"), means_nothing("its keys are below mongodb.auth")),
    ChartKey(("mongodb-ha",), lambda value, _: _empty(value) or refusal("use the keys of mongodb")),
    *(ChartKey(("rabbitmq-ha", name), moved("rabbitmq", name)) for name in ("enabled", "resources", "replicaCount")),
    ChartKey(("rabbitmq-ha", "rabbitmqUsername"), moved("rabbitmq", "auth", "username")),
    ChartKey(("rabbitmq-ha", "rabbitmqPassword"), moved("rabbitmq", "auth", "password")),
    ChartKey(("rabbitmq-ha", "rabbitmqErlangCookie"), moved("rabbitmq", "auth", "erlangCookie")),
    ChartKey(("rabbitmq-ha", "rabbitmqVhost"), means_nothing("the virtual host is made for you: rabbitmq.vhost")),
    ChartKey(("rabbitmq-ha", "definitions"), means_nothing("queues are replicated without policies")),
    ChartKey(("rabbitmq-ha", "persistentVolume"), moved("rabbitmq", "persistence")),
    ChartKey(("rabbitmq-ha",), lambda value, _: _empty(value) or refusal("use the keys of rabbitmq")),
    ChartKey(
        ("etcd-operator",), means_nothing("Redis is the coordination backend; etcd is coordination.backend: etcd")
    ),
    # Beside the release.
    ChartKey(
        ("external-dns",),
        off(
            "it is off",
            "install external-dns by itself; st2web.service.hostname sets the annotation that it reads",
        ),
    ),
    ChartKey(("global", "imageRegistry"), moved("image", "registry")),
    ChartKey(("global", "imagePullSecrets"), lambda value, _: _pull_secret(value, ("image", "pullSecrets"))),
    ChartKey(("global", "podLabels"), refused("set labels of each service")),
    ChartKey(
        ("global",),
        lambda value, _: (
            _empty(value)
            or refusal("it is for subcharts of a Helm chart, and there are none: set the keys of each service")
        ),
    ),
    ChartKey(("nameOverride",), refused("names begin with that of the release: --release")),
    ChartKey(("fullnameOverride",), refused("names begin with that of the release: --release")),
    # StackStorm.
    *(
        ChartKey(("st2", "rbac", name), _rbac_option)
        for name in ("sync_remote_groups", "enable", "backend", "permission_isolation", "custom_backend")
    ),
    *_each(("st2client", "jobs"), "st2clientConfig", rule=_client_config),
    ChartKey(("st2web", "extra_volumes"), _certificate, known=True),
    ChartKey(("st2web", HTTPS_SWITCH), refused("no chart reads it there; it is st2web.tls.enabled")),
    ChartKey(("ingress", "hosts", "*", "paths", "*", "servicePort"), _number, known=True),
    ChartKey(("ingress",), _plain_http, known=True, unless=(("st2web", "tls"), ("st2web", "env", HTTPS_SWITCH))),
    ChartKey(("st2", "config"), _impatience, known=True),
    # MongoDB.
    ChartKey(
        ("mongodb", "architecture"),
        agrees(
            "replicaset",
            note="members always form a replica set",
            otherwise="remove it: members always form a replica set, also a single one (replicaCount: 1)",
        ),
    ),
    ChartKey(("mongodb", "useStatefulSet"), means_nothing("members are always a StatefulSet")),
    ChartKey(
        ("mongodb", "auth", "enabled"),
        agrees(True, note="authentication is always on", otherwise="remove it: authentication is always on"),
    ),
    ChartKey(
        ("mongodb", "arbiter"),
        off(
            "there are no arbiters",
            "remove it: there are no arbiters; replicaCount says how many members there are",
        ),
    ),
    *_each(("mongodb", "rabbitmq"), "replicas", rule=moved(".", "replicaCount")),
    ChartKey(("mongodb", "externalAccess"), off("it is off", "make a Service of your own in extraObjects")),
    # RabbitMQ.
    ChartKey(("rabbitmq", "clustering"), _clustering),
    ChartKey(("rabbitmq", "loadDefinition"), _load_definition),
    ChartKey(("rabbitmq", "extraConfiguration"), _rabbitmq_conf),
    ChartKey(
        ("rabbitmq", "advancedConfiguration"), refused("use rabbitmq.configuration, a mapping of options to values")
    ),
    ChartKey(("rabbitmq", "extraPlugins"), moved(".", "plugins", by=_plugins)),
    *(
        ChartKey(
            ("rabbitmq", name),
            refused('use rabbitmq.configuration: {"vm_memory_high_watermark.absolute": …}'),
        )
        for name in ("rabbitmqMemoryHighWatermark", "rabbitmqMemoryHighWatermarkType", "memoryHighWatermark")
    ),
    ChartKey(
        ("rabbitmq", "auth", "existingPasswordSecret"),
        _secret_key("rabbitmq", "auth", "password", key="rabbitmq-password"),
    ),
    ChartKey(
        ("rabbitmq", "auth", "existingErlangSecret"),
        _secret_key("rabbitmq", "auth", "erlangCookie", key="rabbitmq-erlang-cookie"),
    ),
    # Redis.
    ChartKey(("redis", "cluster"), _redis_cluster),
    ChartKey(("redis", "replicas"), moved(".", "replicaCount")),
    *(
        ChartKey(("redis", "sentinel", name), rule)
        for name, rule in {
            "enabled": agrees(True, note="sentinels always run", otherwise="remove it: sentinels always run"),
            "staticID": means_nothing("sentinels keep their identity"),
            "usePassword": means_nothing("sentinels have a password wherever this st2 can use one"),
            "masterSet": agrees(MASTER, note="it is so anyway", otherwise=f"remove it: it is {MASTER}"),
            "port": agrees(SENTINEL_PORT, note="it is so anyway", otherwise=f"remove it: it is {SENTINEL_PORT}"),
            "image": refused("sentinels run from the image of redis: use redis.image"),
            "resources": moved("helperResources", "sentinel"),
        }.items()
    ),
    ChartKey(("redis", "architecture"), means_nothing("redis.replicaCount says how many members there are")),
    *(ChartKey(("redis", name), refused(f"remove it: {_ALL_ALIKE}")) for name in ("master", "replica", "slave")),
    ChartKey(("redis", "usePassword"), means_nothing("passwords are always on, and st2 is given them")),
    ChartKey(("redis", "password"), moved(".", "auth", "password")),
    ChartKey(("redis", "existingSecret"), _secret_key("redis", "auth", "password", key="redis-password")),
    ChartKey(("redis", "existingSecretPasswordKey"), refused("say it in redis.auth.password: {existingSecret, key}")),
    # All backends.
    *_each(
        _BACKENDS,
        "image",
        "registry",
        rule=agrees(
            "docker.io",
            note="it is so anyway",
            otherwise="write it in front of image.repository; image.registry at the top is for all images",
        ),
    ),
    *_each(_BACKENDS, "image", "repository", rule=_repository, known=True),
    *_each(_BACKENDS, "image", "tag", rule=_tag, known=True),
    *_each(_BACKENDS, "image", "debug", rule=agrees(False, note="it is off", otherwise=_OF_BITNAMI)),
    *_each(_BACKENDS, "image", "pullSecrets", rule=_pull_secret),
    *(key for probe in _PROBES for key in _each(_BACKENDS, probe, rule=_bitnami_probe, known=True)),
    *_each(_BACKENDS, "service", rule=_port),
    *_each(_BACKENDS, "persistence", "accessMode", rule=moved(".", "accessModes", by=lambda value: [value])),
    *_each(_BACKENDS, "persistence", "existingClaim", rule=refused("remove it: each member makes a claim of its own")),
    *_each(_BACKENDS, "persistence", "mountPath", rule=refused(_OF_BITNAMI)),
    *_each(_BACKENDS, "networkPolicy", rule=off("it is off", "use networkPolicy at the top, for the whole cluster")),
    *_each(_BACKENDS, "tls", rule=off("it is off", "use tls.internal, for the whole cluster")),
    *_each(_BACKENDS, "ingress", rule=off("it is off", "make an Ingress of your own in extraObjects")),
    *_each(
        _BACKENDS,
        "volumePermissions",
        rule=off(
            "Kubernetes gives volumes to the group of the pod",
            "remove it: Kubernetes gives volumes to the group of the pod",
        ),
    ),
    *_each(_BACKENDS, "serviceAccount", rule=means_nothing("members ask nothing of Kubernetes")),
    *_each(_BACKENDS, "rbac", rule=means_nothing("members ask nothing of Kubernetes")),
    *_each(_BACKENDS, "clusterDomain", rule=refused("use clusterDomain at the top")),
    *(
        key
        for name in ("nameOverride", "fullnameOverride")
        for key in _each(_BACKENDS, name, rule=refused("names begin with that of the release: --release"))
    ),
    *(
        key
        for name in ("pdb", "podDisruptionBudget")
        for key in _each(_BACKENDS, name, rule=means_nothing("several members always have a disruption budget"))
    ),
    *_each(_BACKENDS, "extraFlags", rule=refused("use configuration")),
    *(key for name in ("extraEnvVars", "initdbScripts") for key in _each(_BACKENDS, name, rule=refused(_OF_BITNAMI))),
    *_each(_BACKENDS, "updateStrategy", rule=refused("remove it: members are replaced one after the other")),
    *_each(
        _BACKENDS,
        "podManagementPolicy",
        rule=agrees(
            "Parallel",
            note="members always start together",
            otherwise="remove it: members always start together, or they would not come up after an outage",
        ),
    ),
    *_each(_BACKENDS, "commonLabels", rule=moved(".", "labels")),
    *_each(_BACKENDS, "commonAnnotations", rule=moved(".", "annotations")),
    *_each(_BACKENDS, "containerSecurityContext", rule=moved(".", "securityContext")),
    *(
        key
        for name in ("securityContext", "podSecurityContext")
        for key in _each(
            _BACKENDS,
            name,
            "enabled",
            rule=agrees(True, note="it is always on", otherwise="remove it: members always have one"),
        )
    ),
    # All services.
    ChartKey(("*", "enabled"), _enabled),
    ChartKey(("*", "replicaCount"), moved(".", "replicas")),
    ChartKey(("*", "podLabels"), moved(".", "labels")),
    ChartKey(("*", "podAnnotations"), moved(".", "annotations")),
    ChartKey(("*", "image", "registry"), refused("write it in front of image.repository; image.registry is for all")),
)
"""The keys in the order in which they are looked at: those within a mapping before the mapping itself."""


def _empty(value: Any) -> Meaning | None:
    return Meaning("nothing is left of it") if isinstance(value, dict) and not any(map(_says, value.values())) else None


def _says(value: Any) -> bool:
    return any(map(_says, value.values())) if isinstance(value, dict) else value not in (None, "", [])
