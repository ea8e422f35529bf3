"""By which names data is kept from being deleted with the manifests."""

from __future__ import annotations

from constructs_st2.facts.release import Release

ALLOWED = "constructs-st2.dev/allow-deletion"
"""The annotation of what may be deleted; on the Namespace, all in it may."""
PROTECT_DATA = "namespace.protectData"
"""The key that has the policy made."""
COMPONENT = "keeps-data"
"""How the policy is called."""
FINALIZER = f"constructs-st2.dev/{COMPONENT}"
"""What lets the policy outlast its deletion."""


def policy_name(release: Release) -> str:
    """The name of the policy, which belongs to no namespace."""
    return release.cluster_wide(COMPONENT)
