"""From values to files: the one path that every synth takes."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from constructs_st2 import node
from constructs_st2.checks import check
from constructs_st2.cluster import Cluster
from constructs_st2.errors import UserError
from constructs_st2.extras import apply_patches
from constructs_st2.kubernetes import Document
from constructs_st2.output import replacing
from constructs_st2.surroundings import surroundings

if TYPE_CHECKING:
    import cdk8s


@dataclass(frozen=True)
class Built:
    """A cluster in an app, checked and ready to be written."""

    app: cdk8s.App
    objects: list[Document]
    files: int


def synthesize(cluster: Cluster, destination: Path) -> Built:
    """Build a cluster and write it to a folder, which then holds nothing else.

    Raises:
        InvalidValues: the values cannot be honoured.
        UserError: the objects do not hold together, the folder cannot be written, or Node.js is missing.
    """
    with replacing(destination) as folder:
        built = build(cluster, folder)
        built.app.synth()
    return built


def build(cluster: Cluster, folder: Path | None = None) -> Built:
    """Build a cluster in an app of its own, which writes to ``folder``, and check it.

    Raises:
        InvalidValues: the values cannot be honoured.
        UserError: the objects do not hold together, or Node.js is missing.
    """
    app = new_app(folder)
    from constructs_st2.app import add_cluster, documents

    tiers = add_cluster(app, cluster)
    objects = documents(tiers)
    apply_patches(cluster.values.patches, objects)
    problems = check(objects, surroundings(cluster))
    if problems:
        raise UserError(map(str, problems))
    return Built(app, objects, files=len(tiers))


def new_app(folder: Path | None = None) -> cdk8s.App:
    """Start cdk8s, which is a Node.js program.

    Raises:
        UserError: there is no usable Node.js.
    """
    node.prepare()
    try:
        import cdk8s
    except Exception as error:
        # jsii takes leave of a Node.js that is gone when Python ends, and the failure of that would be printed.
        sys.unraisablehook = lambda _: None
        raise node.problem() or error from error
    # Absolute, because Node.js stays in the folder in which it was started.
    return cdk8s.App(outdir=str(folder.absolute())) if folder else cdk8s.App()
