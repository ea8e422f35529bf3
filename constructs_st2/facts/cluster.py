"""One StackStorm cluster: everything that follows from its values, worked out once.

Constructs and builders read from here; nothing below this point looks at files or the environment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Any, Literal, TypeVar

from constructs_st2.facts import backends
from constructs_st2.facts.backends import Backend, connections
from constructs_st2.facts.backends.rabbitmq import definitions
from constructs_st2.facts.backends.redis import METRICS_USER, own_address
from constructs_st2.facts.content import present
from constructs_st2.facts.digests import with_digests
from constructs_st2.facts.fallbacks import with_fallbacks
from constructs_st2.facts.images import Images, st2_version
from constructs_st2.facts.release import DEFAULT_NAMESPACE, DEFAULT_RELEASE, Release, Role
from constructs_st2.facts.secrets import contract
from constructs_st2.facts.secrets.composition import ComposedText, SecretPart
from constructs_st2.facts.secrets.spec import SecretSpec
from constructs_st2.facts.st2_conf.settings import Settings, settings_of
from constructs_st2.values.model import Values
from constructs_st2.values.model.images import St2Version
from constructs_st2.values.servers import REDIS_PORT

T = TypeVar("T")


@dataclass(frozen=True)
class Cluster:
    """A release and its values, with the facts that follow from both.

    Nothing is checked here; `constructs_st2.construct.clusters.cluster_of` makes one of values that can be honoured.
    """

    release: Release
    values: Values

    @classmethod
    def of(cls, values: Values, release: str = DEFAULT_RELEASE, namespace: str = DEFAULT_NAMESPACE) -> Cluster:
        """The cluster that values describe, under a name and in a namespace."""
        support: Literal["community", "enterprise"] = "enterprise" if values.enterprise.enabled else "community"
        identity = Release(release, namespace, values.cluster_domain, support)
        if values.scheduling.priority_classes.create:
            from constructs_st2.facts.priorities import with_priorities

            values = with_priorities(values, identity)
        return cls(identity, with_digests(with_fallbacks(values)))

    @cached_property
    def version(self) -> St2Version:
        """The minor version of st2."""
        return st2_version(self.values)

    @cached_property
    def images(self) -> Images:
        """The images of the cluster."""
        return Images(self.values, self.secret(contract.LICENSE))

    @cached_property
    def backends(self) -> Mapping[Role, Backend]:
        """The backends that run in the cluster, by what they are for."""
        return backends.in_cluster(self.values)

    @cached_property
    def settings(self) -> Settings:
        """The settings of st2."""
        return settings_of(self.values, self.release, self.version)

    @cached_property
    def role_files(self) -> Mapping[str, dict[str, str]]:
        """The files of roles, assignments and mappings, by the folder that they go to; none without RBAC."""
        given = self.values.st2.rbac
        if not given.enabled:
            return {}
        from constructs_st2.facts.content.rbac import assignments_of

        return {
            "roles": present(given.roles),
            "assignments": assignments_of(self.values),
            "mappings": present(given.mappings),
        }

    @cached_property
    def public_names(self) -> list[str]:
        """The name under which users reach the web UI, if it is known."""
        service = self.values.st2web.service
        return [service.hostname] if service.hostname and service.type != "ExternalName" else []

    @property
    def secrets_conf(self) -> ComposedText:
        """The text of st2.secrets.conf."""
        return connections.secrets_conf(self.settings.connections)

    @property
    def scaler_url(self) -> ComposedText:
        """The URL by which KEDA reaches the replica set of the cluster."""
        return connections.scaler_url(self.values, self.release)

    @property
    def rabbitmq_definitions(self) -> ComposedText:
        """The text of RabbitMQ's definitions.json, with the hash of the password."""
        password = SecretPart(self.secret(contract.RABBITMQ), contract.RABBITMQ_PASSWORD, "rabbitmq-hash")
        return definitions(self.values.rabbitmq, password)

    @property
    def exporter_passwords(self) -> ComposedText:
        """A password for one address: redis_exporter then tells it to no other, wherever it is aimed.

        Older versions look the address up, newer ones the address with the user (pwd_file.go, redis.go).
        """
        address = own_address(REDIS_PORT, tls=contract.REDIS_TLS.in_use(self.values))
        password = SecretPart(self.secret(contract.REDIS_METRICS), contract.REDIS_METRICS_PASSWORD, "json")
        of_user = address.replace("://", f"://{METRICS_USER}@")
        return (f'{{"{address}": ', password, f', "{of_user}": ', password, "}")

    def secret(self, spec: SecretSpec) -> str:
        """The name of the Secret that plays a part of the contract."""
        return spec.name(self.release, self.values)

    @cached_property
    def service_account(self) -> str:
        """The name of the service account for pods that want one."""
        return self.values.service_account.service_account_name or self.release.named("st2")

    @cached_property
    def _worked_out(self) -> dict[str, Any]:
        """What the functions that are `once_for_each_cluster` gave, by their names: those can be pickled."""
        return {}


def once_for_each_cluster(function: Callable[[Cluster], T]) -> Callable[[Cluster], T]:
    """Let a function be asked once about each cluster, as a `cached_property` is: for what layers above work out."""

    name = f"{function.__module__}.{function.__qualname__}"

    @wraps(function)
    def known(cluster: Cluster) -> T:
        worked_out = cluster._worked_out
        if name not in worked_out:
            worked_out[name] = function(cluster)
        found: T = worked_out[name]
        return found

    return known
