"""Names and labels of one release."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from constructs_st2.errors import UserError
from constructs_st2.kube import names
from constructs_st2.kube.names import LABEL_LENGTH
from constructs_st2.kube.well_known import (
    CLUSTER_DOMAIN,
    COMPONENT_LABEL,
    INSTANCE_LABEL,
    MANAGED_BY_LABEL,
    NAME_LABEL,
    PART_OF_LABEL,
    VERSION_LABEL,
)

DEFAULT_RELEASE = "st2"
DEFAULT_NAMESPACE = "stackstorm"
"""What a release and its namespace are called that nobody gives another name."""

MANAGED_BY = "constructs-st2"
PART_OF = "stackstorm"
"""The values of the labels of those names, of all that a release has."""
SERVICES_WAVE = 10
"""The sync wave of the services: behind the backends, before the Jobs that load content."""
WAVE_ANNOTATION = "argocd.argoproj.io/sync-wave"
CHECKSUM_ANNOTATION = "checksum/"
"""What the annotations of pods begin with that change when something changes which they read; its name follows."""
WAIT_FOR = "wait-for-"
"""What the names of init containers begin with that hold a pod back; what they wait for follows."""
SECRETS_MODE_LABEL = "constructs-st2.dev/secrets-mode"
"""Secrets labelled ``plain`` were asked for: the user chose to have them in the manifests."""
TEMPLATES_ANNOTATION = "constructs-st2.dev/templates"
"""With `kept`, templates in an object are meant for whoever reads it."""

LONGEST_COMPONENT = "job-register-content-0123456789"
"""The longest name that follows a release's; object names end up as DNS labels and label values."""

RELEASE_LABEL = "release"
"""The label of the Helm chart that names the release."""
_DNS_LABEL = re.compile(names.LABEL)

Role = Literal["backend", "frontend", "database", "messaging", "coordination", "operations"]
"""What a component is for. StackStorm's own services are ``backend`` or ``frontend``, as in its documentation."""


@dataclass(frozen=True)
class Release:
    """One StackStorm cluster: where it lives, and how its objects are called and labelled.

    Raises:
        UserError: the name or the namespace cannot be used.
    """

    name: str = DEFAULT_RELEASE
    namespace: str = DEFAULT_NAMESPACE
    cluster_domain: str = CLUSTER_DOMAIN
    support: Literal["community", "enterprise"] = "community"

    def __post_init__(self) -> None:
        given = (("release name", self.name), ("namespace", self.namespace))
        if wrong := [f"{what} must be text, not {text!r}" for what, text in given if not isinstance(text, str)]:
            raise UserError(wrong)
        longest = LABEL_LENGTH - len(f"-{LONGEST_COMPONENT}")
        problems = [
            f'{what} "{text}" must consist of small letters, digits and "-", and begin and end with a letter or digit'
            for what, text in given
            if not _DNS_LABEL.fullmatch(text)
        ]
        if len(self.name) > longest:
            problems.append(
                f'release name "{self.name}" has {len(self.name)} characters; at most {longest} keep '
                f'"{self.name}-{LONGEST_COMPONENT}" within {LABEL_LENGTH}'
            )
        if len(self.namespace) > LABEL_LENGTH:
            problems.append(f'namespace "{self.namespace}" has more than {LABEL_LENGTH} characters')
        if problems:
            raise UserError(problems)

    def named(self, component: str) -> str:
        """The name of an object: ``st2-st2api``."""
        return f"{self.name}-{component}"

    def cluster_wide(self, component: str) -> str:
        """The name of an object that is in no namespace, where releases of one name must not meet:
        ``stackstorm-st2-keeps-data``."""
        return f"{self.namespace}-{self.name}-{component}"

    def host(self, component: str) -> str:
        """The name in the cluster's DNS of the Service of a component."""
        return f"{self.named(component)}.{self.namespace}.svc.{self.cluster_domain}"

    def service_names(self, component: str) -> list[str]:
        """All names of the Service of a component, from the shortest to the full one."""
        name = self.named(component)
        return [name, f"{name}.{self.namespace}", f"{name}.{self.namespace}.svc", self.host(component)]

    def headless(self, component: str) -> str:
        """The name of the Service that gives each member of a component a name of its own."""
        return self.named(_headless(component))

    def members_domain(self, component: str) -> str:
        """The domain in the cluster's DNS in which each member of a component has its name."""
        return self.host(_headless(component))

    def members(self, component: str, count: int) -> list[str]:
        """The names in the cluster's DNS of the members of a component, in order of their ordinals."""
        name, domain = self.named(component), self.members_domain(component)
        return [f"{name}-{ordinal}.{domain}" for ordinal in range(count)]

    def selector(self, component: str) -> dict[str, str]:
        """The labels that select a component's pods. Selectors are immutable: nothing versioned goes in."""
        return {NAME_LABEL: component, INSTANCE_LABEL: self.name}

    def labels(
        self, component: str, role: Role, *, app: str | None = None, version: str | None = None
    ) -> dict[str, str]:
        """All labels of an object or pod.

        Args:
            component: which part of the cluster; unique per workload.
            role: what that part is for.
            app: the StackStorm service, where several workloads run the same one. Default: the component.
            version: version of the software in the pods.
        """
        labels = {
            **self.selector(component),
            COMPONENT_LABEL: role,
            PART_OF_LABEL: PART_OF,
            MANAGED_BY_LABEL: MANAGED_BY,
            "app": app or component,
            RELEASE_LABEL: self.name,
            "support": self.support,
            "vendor": "stackstorm",
        }
        if role in ("backend", "frontend"):
            labels["tier"] = role
        if version is not None:
            labels[VERSION_LABEL] = version
        return labels


def _headless(component: str) -> str:
    return f"{component}-headless"


RESERVED_LABELS = frozenset(Release("x", "x").labels("x", "backend", version="x"))
"""Labels by which objects and pods of a release are known. Nobody else gives them a value."""
