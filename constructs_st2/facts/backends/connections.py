"""How StackStorm reaches its backends: the sections [database], [messaging] and [coordination] of st2.secrets.conf.

One function for each way. Passwords stay references (see `secrets.composition`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias
from urllib.parse import quote, urlencode, urlsplit

from constructs_st2.errors import InvalidValues, ValueProblem
from constructs_st2.facts.backends import AMQPS_PORT, ETCD, MONGODB, RABBITMQ, REDIS_SENTINEL, in_cluster
from constructs_st2.facts.release import Release
from constructs_st2.facts.secrets import contract
from constructs_st2.facts.secrets.composition import ComposedText, SecretPart, joined
from constructs_st2.facts.secrets.programs.encodings import ENCODINGS, conf
from constructs_st2.facts.versions import ST2_RELEASES
from constructs_st2.values.model import Values
from constructs_st2.values.model.backends import (
    ETCD_SCHEMES,
    REDIS_SCHEME,
    ExternalCoordination,
    ExternalMongodb,
    ExternalRabbitmq,
)
from constructs_st2.values.model.images import St2Version
from constructs_st2.values.model.secrets import SecretKey, SecretValue
from constructs_st2.values.servers import MASTER

Options: TypeAlias = Mapping[str, ComposedText]
"""Options of one section."""

CA_DIRECTORY = "/etc/st2/ca"
"""Where pods find the authorities that the certificates of backends are checked with."""

SCALER_USER = "autoscaling"
"""The user of MongoDB by whom KEDA looks at StackStorm's work."""

_SOCKET_TIMEOUT = "socketTimeoutMS"
"""The option of MongoDB's connection strings."""

SOCKET_TIMEOUT = 5
"""Seconds after which a silent Redis counts as gone; tooz waits 30 by itself, longer than any failover takes."""


def ca_path(section: str, key: str) -> str:
    """Where pods find the authorities for the connection of a section."""
    return f"{CA_DIRECTORY}/{section}/{key}"


def _own_ca(values: Values, section: str) -> str | None:
    """The same for a backend that runs in the cluster; None without TLS."""
    return ca_path(section, contract.TLS_AUTHORITY) if values.tls.internal.enabled else None


def connections(values: Values, release: Release, version: St2Version) -> dict[str, Options]:
    """The options of each section that the cluster's values decide. What they do not, the user gives otherwise."""
    found: dict[str, Options] = {}
    if database := _database(values, release, version):
        found["database"] = database
    if messaging := _messaging(values, release):
        found["messaging"] = messaging
    if coordination := _coordination(values, release, version):
        found["coordination"] = coordination
    return found


def secrets_conf(sections: Mapping[str, Options]) -> ComposedText:
    """The text of st2.secrets.conf."""
    return joined((_section(name, options) for name, options in sections.items()), "\n")


def _section(name: str, options: Options) -> ComposedText:
    parts: list[str | SecretPart] = [f"[{name}]\n"]
    for option, value in options.items():
        parts += [f"{option} = ", *(_escaped(part) for part in value), "\n"]
    return tuple(parts)


def _escaped(part: str | SecretPart) -> str | SecretPart:
    # Secrets are encoded when they are filled in.
    return conf(part) if isinstance(part, str) else part


# --- the database


def scaler_url(values: Values, release: Release) -> ComposedText:
    """The URL by which KEDA reaches the replica set of the cluster."""
    secret = contract.MONGODB_AUTOSCALING
    password = SecretPart(secret.name(release, values), contract.MONGODB_AUTOSCALING_PASSWORD, "url")
    addresses = ",".join(
        f"{host}:{MONGODB.port}" for host in release.members(MONGODB.component, values.mongodb.replicas)
    )
    options = {"replicaSet": values.mongodb.replica_set_name, "authSource": "admin"}
    if values.tls.internal.enabled:
        # No file of ours is in KEDA's pod, and so it cannot check the certificate. SCRAM shows no password to anybody.
        options |= {"tls": "true", "tlsInsecure": "true"}
    return (f"mongodb://{SCALER_USER}:", password, f"@{addresses}/?{urlencode(options)}")


def _database(values: Values, release: Release, version: St2Version) -> Options | None:
    mongodb = values.mongodb
    if mongodb.enabled:
        return _replica_set(values, release, version)
    return (
        external_mongodb(mongodb.external, version, mongodb.socket_timeout_milliseconds) if mongodb.external else None
    )


def _replica_set(values: Values, release: Release, version: St2Version) -> Options:
    """The replica set of the cluster."""
    mongodb, database = values.mongodb, values.mongodb.auth.database
    # In milliseconds.
    timeout = mongodb.socket_timeout_milliseconds
    options = {
        "replicaSet": mongodb.replica_set_name,
        "authSource": database,
        # The default only since MongoDB 5; less could be rolled back after a failover.
        "w": "majority",
        "retryWrites": "true",
        # pymongo waits for an answer without end, and Linux gives up on a lost node only after 15 minutes.
        **({_SOCKET_TIMEOUT: str(timeout)} if timeout else {}),
    }
    addresses = ",".join(f"{host}:{MONGODB.port}" for host in release.members(MONGODB.component, mongodb.replicas))
    ca = _own_ca(values, "database")
    return {
        "host": (f"mongodb://{addresses}/{database}?{urlencode(options)}",),
        "db_name": (database,),
        "username": (mongodb.auth.username,),
        "password": (SecretPart(contract.MONGODB.name(release, values), contract.MONGODB_PASSWORD, "conf"),),
        **(_mongodb_tls(version, ca) if ca else {}),
    }


def _mongodb_tls(version: St2Version, ca: str | None) -> Options:
    tls, ca_file = ST2_RELEASES[version].database_tls
    return {tls: ("True",), **({ca_file: (ca,)} if ca else {})}


def external_mongodb(external: ExternalMongodb, version: St2Version, socket_timeout: int) -> Options:
    """A MongoDB that runs elsewhere. ``socket_timeout``, in milliseconds, counts unless its URI says something else."""
    uri = _with_option(external.uri, _SOCKET_TIMEOUT, str(socket_timeout)) if socket_timeout else external.uri
    options: dict[str, ComposedText] = {"host": (uri,), "db_name": (external.database,)}
    if external.username is not None:
        options["username"] = (external.username,)
    if external.password is not None:
        options["password"] = (_password(external.password, "conf"),)
    if external.tls.enabled or external.uri.startswith("mongodb+srv://"):
        ca = external.tls.ca
        options |= _mongodb_tls(version, ca_path("database", ca.key) if ca else None)
    return options


def _with_option(uri: str, option: str, value: str) -> str:
    """A connection string with an option, unless it has that already. Its options have no case."""
    hosts, _, query = uri.partition("?")
    if any(given.partition("=")[0].lower() == option.lower() for given in query.split("&")):
        return uri
    if "/" not in hosts.partition("://")[2]:
        hosts += "/"
    return f"{hosts}?{'&'.join(filter(None, (query, f'{option}={value}')))}"


# --- the message bus


def _messaging(values: Values, release: Release) -> Options | None:
    rabbitmq = values.rabbitmq
    if rabbitmq.enabled:
        return _rabbitmq_cluster(values, release)
    return external_rabbitmq(rabbitmq.external) if rabbitmq.external else None


def _rabbitmq_cluster(values: Values, release: Release) -> Options:
    """The RabbitMQ of the cluster.

    kombu takes the first address that it can join, and st2 cannot tell it to shuffle them: with the members alone,
    every client would be at the first. The Service leads each connection to some member that is ready. The members
    follow for the time when none is, and for a Service that still leads to one that is gone.
    """
    rabbitmq, port = values.rabbitmq, in_cluster(values)["messaging"].port
    password = SecretPart(contract.RABBITMQ.name(release, values), contract.RABBITMQ_PASSWORD, "url")
    hosts = [release.host(RABBITMQ.component), *release.members(RABBITMQ.component, rabbitmq.replicas)]
    user, vhost = quote(rabbitmq.auth.username, safe=""), quote(rabbitmq.vhost, safe="")
    urls: list[ComposedText] = [(f"amqp://{user}:", password, f"@{host}:{port}/{vhost}") for host in hosts]
    ca = _own_ca(values, "messaging")
    return {"cluster_urls": joined(urls, ","), **(_rabbitmq_tls(ca) if ca else {})}


def _rabbitmq_tls(ca: str | None) -> Options:
    return {"ssl": ("True",), "ssl_cert_reqs": ("required",), **({"ssl_ca_certs": (ca,)} if ca else {})}


def external_rabbitmq(external: ExternalRabbitmq) -> Options:
    """A RabbitMQ that runs elsewhere."""
    urls: list[ComposedText] = []
    uses_tls = external.tls.enabled
    for url in external.urls:
        parts = urlsplit(url)
        uses_tls = uses_tls or parts.scheme == "amqps"
        port = parts.port or (AMQPS_PORT if uses_tls else RABBITMQ.port)
        credentials = _credentials(external.username, external.password, "url")
        # TLS has options of its own, which kombu takes with the scheme amqp alone.
        urls.append(("amqp://", *credentials, f"{parts.hostname}:{port}{parts.path}"))
    options: dict[str, ComposedText] = {"cluster_urls": joined(urls, ",")}
    if uses_tls:
        ca = external.tls.ca
        options |= _rabbitmq_tls(ca_path("messaging", ca.key) if ca else None)
    return options


# --- the coordination backend


def _coordination(values: Values, release: Release, version: St2Version) -> Options | None:
    match values.coordination_backend:
        case "redis":
            ca = _own_ca(values, "coordination")
            if ca and not ST2_RELEASES[version].sentinel_tls:
                message = f"cannot be used by st2 {version} with Redis; use st2 3.9, or coordination.backend etcd"
                raise InvalidValues(ValueProblem("tls.internal.enabled", message))
            secret = contract.REDIS.name(release, values)
            return redis_sentinel(
                hosts=release.members(REDIS_SENTINEL.component, values.redis.replicas),
                password=SecretPart(secret, contract.REDIS_PASSWORD, "url-verbatim"),
                sentinel_password=(
                    SecretPart(secret, contract.SENTINEL_PASSWORD, "url")
                    if ST2_RELEASES[version].sentinel_logins
                    else None
                ),
                ca=ca,
            )
        case "etcd":
            return etcd(release.host(ETCD.component), _own_ca(values, "coordination"))
        case "external":
            external = values.coordination.external
            return external_coordination(external, version) if external else None
        case "none":
            return None


def redis_sentinel(
    *, hosts: Sequence[str], password: SecretPart, sentinel_password: SecretPart | None, ca: str | None
) -> Options:
    """Redis behind sentinels, by the driver that comes with this package: each sentinel can tell where the master is.

    With ``ca``, all of them speak TLS.
    """
    first, *others = (f"{host}:{REDIS_SENTINEL.port}" for host in hosts)
    query = [
        ("sentinel", MASTER),
        *(("sentinel_fallback", address) for address in others),
        ("socket_timeout", str(SOCKET_TIMEOUT)),
        *([("ssl", "true"), ("sentinel_ssl", "true"), ("ssl_ca_certs", ca)] if ca else []),
    ]
    url: ComposedText = (f"{REDIS_SCHEME}://:", password, f"@{first}?{urlencode(query, safe=':/')}")
    return {"url": url if sentinel_password is None else (*url, "&sentinel_password=", sentinel_password)}


def etcd(host: str, ca: str | None) -> Options:
    """etcd, by the driver that comes with this package. It takes one address: that of the Service."""
    plain, encrypted = ETCD_SCHEMES
    return {"url": (f"{encrypted}://{host}:{ETCD.port}?ca_cert={ca}" if ca else f"{plain}://{host}:{ETCD.port}",)}


def external_coordination(external: ExternalCoordination, version: St2Version) -> Options:
    """A coordination backend that runs elsewhere.

    Raises:
        InvalidValues: this version of st2 cannot use a setting.
    """
    if not ST2_RELEASES[version].redis_credentials and external.url.startswith(("redis:", f"{REDIS_SCHEME}:")):
        # tooz 2.8 overlooks both, and would connect without.
        unusable = {"username": external.username, "ca": external.ca}
        problems = [
            ValueProblem(f"coordination.external.{key}", f"cannot be used by st2 {version}; it needs st2 3.9")
            for key, value in unusable.items()
            if value is not None
        ]
        if problems:
            raise InvalidValues(*problems)
    scheme, _, rest = external.url.partition("://")
    # tooz decodes the password of no URL.
    credentials = _credentials(external.username, external.password, "url-verbatim")
    parts: list[str | SecretPart] = [f"{scheme}://", *credentials, rest]
    if external.ca:
        option = "ca_cert" if scheme in ETCD_SCHEMES else "ssl_ca_certs"
        parts.append(f"{'&' if '?' in rest else '?'}{option}={ca_path('coordination', external.ca.key)}")
    return {"url": tuple(parts)}


def _credentials(username: str | None, password: SecretValue | None, encoding: str) -> Iterator[str | SecretPart]:
    if username is None and password is None:
        return
    yield quote(username or "", safe="")
    if password is not None:
        yield ":"
        yield _password(password, encoding)
    yield "@"


def _password(password: SecretValue, encoding: str) -> str | SecretPart:
    if isinstance(password, SecretKey):
        return SecretPart(password.existing_secret, password.key, encoding)
    return ENCODINGS[encoding](password)
