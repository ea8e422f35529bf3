"""One StackStorm cluster: everything that follows from its values, worked out once.

Constructs and builders read from here; nothing below this point looks at files or the environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from constructs_st2.facts import backends
from constructs_st2.facts.backends import Backend
from constructs_st2.facts.content import present
from constructs_st2.facts.fallbacks import with_fallbacks
from constructs_st2.facts.images import Images, st2_version
from constructs_st2.facts.release import Release, Role
from constructs_st2.facts.secrets import contract
from constructs_st2.facts.st2_conf.settings import Settings, settings_of
from constructs_st2.values.model import Values
from constructs_st2.values.model.images import St2Version


@dataclass(frozen=True)
class Cluster:
    """A release and its values, with the facts that follow from both.

    Nothing is checked here; `constructs_st2.construct.clusters.cluster_of` makes one of values that can be honoured.
    """

    release: Release
    values: Values

    @classmethod
    def of(cls, values: Values, release: str = "st2", namespace: str = "stackstorm") -> Cluster:
        """The cluster that values describe, under a name and in a namespace."""
        support: Literal["community", "enterprise"] = "enterprise" if values.enterprise.enabled else "community"
        identity = Release(release, namespace, values.cluster_domain, support)
        if values.scheduling.priority_classes.create:
            from constructs_st2.facts.priorities import with_priorities

            values = with_priorities(values, identity)
        return cls(identity, with_fallbacks(values))

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

    def secret(self, spec: contract.SecretSpec) -> str:
        """The name of the Secret that plays a part of the contract."""
        return spec.name(self.release, self.values)

    @cached_property
    def service_account(self) -> str:
        """The name of the service account for pods that want one."""
        return self.values.service_account.service_account_name or self.release.named("st2")
