"""What tests share besides fixtures."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from constructs_st2.facts.cluster import Cluster
from constructs_st2.kube.documents import Document, identity, pod_template

LONG = os.environ.get("ST2_TEST_LONG") == "1"
"""Whether to try what takes many minutes, too: with the servers of all releases, whatever can happen."""


def examples(number: int) -> int:
    """How many examples are tried of something that has very many: half of the number, and all in long runs."""
    return number if LONG else number // 2


class Objects(list[Document]):
    """Synthesized objects, with ways to find one."""

    def named(self, kind: str, name: str) -> Document:
        """The one object of a kind and name."""
        (found,) = (document for document in self if identity(document) == f"{kind}/{name}")
        return found

    def begins(self, kind: str, name: str) -> Document:
        """The one object of a kind whose name begins so."""
        (found,) = (document for document in self if identity(document).startswith(f"{kind}/{name}"))
        return found

    def of_kind(self, kind: str) -> list[Document]:
        """All objects of a kind."""
        return [document for document in self if document["kind"] == kind]

    def pod_templates(self) -> dict[str, Document]:
        """The pod template of each workload, by the workload's name."""
        return {d["metadata"]["name"]: pod for d in self if (pod := pod_template(d)) is not None}

    def pod(self, component: str) -> Document:
        """The pod spec of a workload of the release st2."""
        spec: Document = self.pod_templates()[f"st2-{component}"]["spec"]
        return spec

    def container(self, component: str) -> Document:
        """The main container of a workload of the release st2."""
        container: Document = self.pod(component)["containers"][0]
        return container


MakeCluster = Callable[..., Cluster]
Synth = Callable[..., Objects]
Require = Callable[[str], str]
"""The path of a program that the test needs."""
Environment = Callable[[str], Path]
"""The interpreter of a virtual environment that the test needs."""
Server = Callable[[str, str], Path]
"""The root of a newer server that the test needs, by its name and the suite of Debian."""
