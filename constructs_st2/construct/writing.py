"""An app that writes its folder as a whole, or not at all, into files that are named after what is in them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import cdk8s

from constructs_st2.changes.states import concerned, names_before, previous
from constructs_st2.changes.states import documents as documents_of
from constructs_st2.construct import order
from constructs_st2.construct.manifest import PatientApp
from constructs_st2.construct.output import ACCEPT_VARIABLE, MANIFEST_SUFFIX, METADATA, replacing
from constructs_st2.construct.stackstorm import StackStorm, of_each
from constructs_st2.errors import UserError
from constructs_st2.kube.documents import Document
from constructs_st2.kube.well_known import MANIFESTS, MANIFESTS_VARIABLE
from constructs_st2.kube.yaml_text import yaml_text

_DEFAULT_ID = "Default"


class App(PatientApp):
    """A `cdk8s.App` with a file for each chart, in which StackStorm clusters are written fast.

    It differs from a plain app in what concerns its folder: that is replaced as a whole when all has gone well; and a
    file is called by the path of its chart, without a hash. It gets a number in front only where a chart depends on
    another that comes after it in the alphabet: files are applied in the order of their names.

    A step from what the folder held before that cannot work is refused, as long as nobody takes the responsibility.

    Args:
        outdir: the folder. Default: what the program `cdk8s` wants (``CDK8S_OUTDIR``), or ``dist``.
        accept: the names of refused steps that are to be taken all the same. Default: those in ``ST2_ACCEPT``.
        resolvers: as those of a `cdk8s.App`.
    """

    def __init__(
        self,
        *,
        outdir: Path | str | None = None,
        accept: Iterable[str] | None = None,
        resolvers: Sequence[cdk8s.IResolver] = (),
    ) -> None:
        if isinstance(accept, str):
            raise UserError(f"accept must be a list: [{accept!r}]")
        self._accepted = frozenset(os.environ.get(ACCEPT_VARIABLE, "").split() if accept is None else accept)
        self.written: Mapping[str, Sequence[Document]] = {}
        """The objects that the last synth has written, by the names of their files."""
        self._folder = Path(outdir or os.environ.get(MANIFESTS_VARIABLE) or MANIFESTS)
        # Absolute, because Node.js stays in the folder in which it was started.
        super().__init__(str(self._folder.absolute()), resolvers)

    def synth(self) -> None:
        """Check everything, and write it.

        Raises:
            UserError: the objects do not hold together, a strict cluster has warnings, the step to them cannot work,
                or the folder cannot be written.
        """
        with replacing(self._folder) as folder:
            files = {f"{name}{MANIFEST_SUFFIX}": documents for name, documents in self._files().items()}
            texts = {name: yaml_text(documents).encode() for name, documents in files.items()}
            self._look_at_step(files, texts)
            for name, text in texts.items():
                (folder / name).write_bytes(text)
            if os.environ.get("CDK8S_RECORD_CONSTRUCT_METADATA") == "true":
                (folder / METADATA).write_text(json.dumps(self._metadata()), encoding="utf-8")
        self.written = files

    def _look_at_step(self, files: Mapping[str, list[Document]], texts: Mapping[str, bytes]) -> None:
        """Work out what is changed by writing, and refuse what cannot work."""
        before = previous(self._folder)
        if not before or before == texts:
            return
        from constructs_st2.changes.plan import plan_of

        old, new = concerned(before, texts)
        # What is the same need not be read again.
        known = {name: documents for name, documents in files.items() if old.get(name) == texts[name]}
        step = plan_of(
            documents_of(old, known),
            documents_of(new, files),
            folder=str(self._folder),
            accepted=self._accepted,
            earlier=lambda names: names_before(names, "HEAD", self._folder),
        )
        if step.refused:
            raise UserError(line for finding in step.refused for line in finding.lines())
        for each in self.what_is_made(self):
            if isinstance(each, StackStorm):
                each.step = step

    def _metadata(self) -> Mapping[str, object]:
        """What the program `cdk8s` wants to know for its validations: the place of each object in the tree."""
        objects = [each for each in self.node.find_all() if isinstance(each, cdk8s.ApiObject)]
        return {"version": "1.0.0", "resources": {each.name: {"path": each.node.path} for each in objects}}

    def _files(self) -> Mapping[str, list[Document]]:
        """The objects of each file."""
        below = self.what_is_made(self)
        clusters = [each for each in below if isinstance(each, StackStorm)]
        if not self.seen and len(below) == len(clusters) + 1:
            # Nobody has looked at anything, nor added anything: what has been planned is what there is.
            _refuse(of_each(clusters, lambda cluster: cluster.refusals(cluster.planned)))
            return _named(file for cluster in clusters for file in cluster.planned_files.items())
        self.look()
        try:
            _refuse(of_each(clusters, StackStorm.refusals))
            return self._ordered({chart.node.path: chart.to_json() for chart in self.charts})
        except RuntimeError as error:
            if refusals := _refusals(str(error).removeprefix("Error: ")):
                raise UserError(refusals) from error
            raise

    def _ordered(self, charts: Mapping[str, list[Document]]) -> Mapping[str, list[Document]]:
        """The files of charts, with numbers where the names alone would put one before another that it depends on."""
        named = _named(charts.items())
        # As files are sorted: a hyphen comes before the full stop of the ending.
        names = {path: f"{name}{MANIFEST_SUFFIX}" for path, name in zip(charts, named, strict=True)}
        before: Mapping[str, Sequence[str]] = order.dependencies(self)
        for each in self.what_is_made(self) if before else ():
            if isinstance(each, StackStorm):
                before = order.first_in_front([tier.node.path for tier in each.tiers.values()], before)
        before = order.with_nested(before, charts)
        if all(names[other] < names[path] for path, others in before.items() for other in others):
            return named
        paths = order.in_order(names, before)
        sorted_names = (names[path].removesuffix(MANIFEST_SUFFIX) for path in paths)
        return dict(zip(order.numbered(sorted_names), (charts[path] for path in paths), strict=True))


_INVALID = "Validation failed with the following errors:\n  "
_CIRCLE = "Dependency cycle detected: "


def _refusals(text: str) -> list[str]:
    """What the user can put right, in the words of cdk8s: what the user's own validations say, and circles."""
    if text.startswith(_INVALID):
        return re.split(r"\n  (?=\[)", text.removeprefix(_INVALID))
    return [text] if text.startswith(_CIRCLE) else []


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
