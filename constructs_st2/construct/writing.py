"""An app that writes its folder as a whole, or not at all, into files that are named after what is in them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import cdk8s

from constructs_st2.construct.manifest import PatientApp
from constructs_st2.construct.output import MANIFEST_SUFFIX, replacing
from constructs_st2.construct.stackstorm import StackStorm
from constructs_st2.errors import UserError
from constructs_st2.kube.documents import Document
from constructs_st2.kube.yaml_text import yaml_text

_DEFAULT_ID = "Default"


class App(PatientApp):
    """A `cdk8s.App` with a file for each chart, in which StackStorm clusters are written fast.

    It differs from a plain app in what concerns its folder: that is replaced as a whole when all has gone well; and a
    file is called by the path of its chart, without a hash and without a number that changes with dependencies.

    Args:
        outdir: the folder. Default: what the program `cdk8s` wants (``CDK8S_OUTDIR``), or ``dist``.
    """

    def __init__(self, *, outdir: Path | str | None = None) -> None:
        self._folder = Path(outdir or os.environ.get("CDK8S_OUTDIR") or "dist")
        # Absolute, because Node.js stays in the folder in which it was started.
        super().__init__(str(self._folder.absolute()))

    def synth(self) -> None:
        """Check everything, and write it.

        Raises:
            UserError: the objects do not hold together, or the folder cannot be written.
        """
        with replacing(self._folder) as folder:
            for name, documents in self._files().items():
                (folder / f"{name}{MANIFEST_SUFFIX}").write_text(yaml_text(documents), encoding="utf-8")
            if os.environ.get("CDK8S_RECORD_CONSTRUCT_METADATA") == "true":
                (folder / "construct-metadata.json").write_text(json.dumps(self._metadata()), encoding="utf-8")

    def _metadata(self) -> Mapping[str, object]:
        """What the program `cdk8s` wants to know for its validations: the place of each object in the tree."""
        objects = [each for each in self.node.find_all() if isinstance(each, cdk8s.ApiObject)]
        return {"version": "1.0.0", "resources": {each.name: {"path": each.node.path} for each in objects}}

    def _files(self) -> Mapping[str, list[Document]]:
        """The objects of each file."""
        below = self._own_node.find_all()
        clusters = [each for each in below if isinstance(each, StackStorm)]
        if not self.seen and len(below) == len(clusters) + 1:
            # Nobody has looked at anything, nor added anything: what has been planned is what there is.
            _refuse(line for cluster in clusters for line in cluster.complaints(cluster.planned))
            return _named(
                (f"{cluster.id}/{file}", documents)
                for cluster in clusters
                for file, documents in cluster.planned_files.items()
            )
        self.look()
        _refuse(line for cluster in clusters for line in cluster.complaints())
        return _named((chart.node.path, chart.to_json()) for chart in self.charts)


def _refuse(complaints: Iterable[str]) -> None:
    found = list(complaints)
    if found:
        raise UserError(found)


def _named(files: Iterable[tuple[str, list[Document]]]) -> Mapping[str, list[Document]]:
    named: dict[str, list[Document]] = {}
    for path, documents in files:
        name = re.sub(r"[^0-9A-Za-z_.-]", "-", "-".join(part for part in path.split("/") if part != _DEFAULT_ID))
        if name in named:
            raise UserError(f"two charts would be written to {name}{MANIFEST_SUFFIX}; give one of them another id")
        named[name] = documents
    return named
