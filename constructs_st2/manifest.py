"""The only door to cdk8s objects.

Objects are plain data until the very end, because crossing into the jsii kernel is what costs time, and because the
typed classes of cdk8s-plus-27 silently lose fields when they are patched. A `Manifest` is one such object in the
construct tree, a `Tier` the chart that becomes one file.
"""

from __future__ import annotations

from typing import Any

import cdk8s
from constructs import Construct

from constructs_st2.kubernetes import Document, identity
from constructs_st2.release import WAVE_ANNOTATION


class Tier(cdk8s.Chart):
    """One file of manifests.

    Args:
        scope: the app, or a construct that stands for one of several releases.
        id: name of the file, without its ending. Numbers in front make the order of files the order of applying.
        wave: Argo CD applies tiers of a lower wave first. Nothing depends on it: pods wait for what they need.
    """

    def __init__(self, scope: Construct, id: str, *, wave: int = 0) -> None:
        super().__init__(scope, id)
        self.wave = wave
        self.manifests: list[Manifest] = []

    def to_json(self) -> list[Any]:
        """The objects of this file. Asked once per file, not once per object, which halves the time of a synth."""
        return [manifest.document for manifest in self.manifests]


class Manifest(cdk8s.ApiObject):
    """One Kubernetes object, written exactly as given.

    Args:
        scope: the construct that it belongs to.
        tier: the file that it goes to.
        document: the object. It may still be changed until the app is synthesized.
    """

    def __init__(self, scope: Construct, tier: Tier, document: Document) -> None:
        metadata = document["metadata"]
        super().__init__(
            scope,
            f"{document['kind']}-{metadata['name']}",
            api_version=document["apiVersion"],
            kind=document["kind"],
            metadata={"name": metadata["name"]},
        )
        if tier.wave:
            # Some objects have a wave of their own.
            metadata["annotations"] = {WAVE_ANNOTATION: str(tier.wave), **metadata.get("annotations", {})}
        self.document = document
        tier.manifests.append(self)

    def __repr__(self) -> str:
        return f"<Manifest {identity(self.document)}>"
