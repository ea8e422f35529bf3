"""Resources of the containers that help others: those that wait, prepare or look after something."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

from constructs_st2.values.model.base import StrictModel, key
from constructs_st2.values.model.kubernetes import ResourceRequirements

Helper: TypeAlias = Literal["waiting", "login", "packs", "tls", "bootstrap", "scripts", "reconcile", "sentinel"]
"""A kind of helping container; each is a key of `HelperResources`."""


class HelperResources(StrictModel):
    """Requests and limits of containers that help others. The defaults come from the profile."""

    every: ResourceRequirements = key(
        "What all kinds have whose own key does not say otherwise, such as `limits: {cpu: 500m}` where a ResourceQuota "
        "or LimitRange asks for limits of CPU.",
        {},
    )
    waiting: ResourceRequirements = key("Init containers that wait for a backend or service (`wait-for-…`).", {})
    login: ResourceRequirements = key("The init container of Jobs that waits until it can log in.", {})
    packs: ResourceRequirements = key(
        "Init containers that bring packs and their configurations. Their limit of `ephemeral-storage` bounds the "
        "volumes with packs and virtualenvs of a pod.",
        {},
    )
    tls: ResourceRequirements = key("nginx beside st2auth, st2api and st2stream, with `tls.internal`.", {})
    bootstrap: ResourceRequirements = key("The Job that makes Secrets (`secrets.mode: bootstrap`).", {})
    scripts: ResourceRequirements = key(
        "Scripts in the pods of backends: `prepare` of MongoDB, `formation` of RabbitMQ, `guard` of Redis, `join` and "
        "`witness` of etcd.",
        {},
    )
    reconcile: ResourceRequirements = key("The shell of MongoDB beside each member.", {})
    sentinel: ResourceRequirements = key("The sentinel beside each Redis.", {})

    def of(self, helper: Helper) -> ResourceRequirements:
        """The resources of a kind of container."""
        own: ResourceRequirements = getattr(self, helper)

        def both(shared: Mapping[str, str], special: Mapping[str, str]) -> dict[str, str]:
            return {**shared, **special}

        return {
            "requests": both(self.every.get("requests", {}), own.get("requests", {})),
            "limits": both(self.every.get("limits", {}), own.get("limits", {})),
        }
