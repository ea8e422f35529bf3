"""Prints which assertions of the chart's unit suites hold of our objects, and which do not.

What the chart does without being asked is asked for, and values that are refused on purpose are put right, as their
messages tell: so that all else is compared.

usage: python -m chart_suites CHECKOUT_OF_THE_CHART      in the folder tools/
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml

from chart_suites.assertions import has_effect, holds
from constructs_st2.commands.cluster_options import ClusterOptions
from constructs_st2.construct.build import build
from constructs_st2.errors import UserError
from constructs_st2.kube.documents import Document
from constructs_st2.values.layers import overlay

_SERVICES = (
    *("st2auth", "st2api", "st2stream", "st2web", "st2rulesengine", "st2timersengine", "st2workflowengine"),
    *("st2scheduler", "st2notifier", "st2sensorcontainer", "st2actionrunner", "st2garbagecollector", "st2client"),
    "st2chatops",
)
"""In the order of the chart's deployments.yaml, which assertions count by."""
_JOBS = ("job-apply-rbac", "job-load-apikeys", "job-load-datastore", "job-register-content", "job-packs-write-test")
_KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "deployments.yaml": ("Deployment", _SERVICES),
    "services.yaml": ("Service", ("st2auth", "st2api", "st2stream", "st2web", "st2chatops")),
    "ingress.yaml": ("Ingress", ("st2web-ingress",)),
    "secrets_datastore_crypto_key.yaml": ("Secret", ("st2-datastore-crypto-key",)),
    "secrets_ssh.yaml": ("Secret", ("st2-ssh",)),
    "secrets_st2apikeys.yaml": ("Secret", ("st2-apikeys",)),
    "secrets_st2auth.yaml": ("Secret", ("st2-auth",)),
    "secrets_st2chatops.yaml": ("Secret", ("st2chatops",)),
    "secrets_st2kv.yaml": ("Secret", ("st2-kv",)),
    "secrets_rabbitmq.yaml": ("Secret", ("rabbitmq",)),
    "configmaps_overrides.yaml": ("ConfigMap", ("st2-overrides-configs",)),
    "configmaps_packs.yaml": ("ConfigMap", ("st2-pack-configs",)),
    "configmaps_rbac.yaml": ("ConfigMap", ("st2-rbac-roles", "st2-rbac-assignments", "st2-rbac-mappings")),
    "configmaps_st2-conf.yaml": ("ConfigMap", ("st2-config",)),
    "configmaps_st2-urls.yaml": ("ConfigMap", ("st2-urls",)),
    "configmaps_st2web.yaml": ("ConfigMap", ("st2web-config",)),
    "configmaps_post-start-script.yaml": ("ConfigMap", tuple(f"{name}-post-start-script" for name in _SERVICES)),
}
"""The kind of the objects that each template makes, and their names without that of the release, in its order."""

_APP_VERSION = "{{ .Chart.AppVersion }}"
AS_THE_CHART: dict[str, Any] = {
    "secrets": {"mode": "plain", "seed": "a seed for comparisons only, of no real cluster"},
    "serviceAccount": {"serviceAccountName": "stackstorm-ha"},
    "st2": {"version": "3.8"},
}


Verdict = Literal["holds", "same effect", "no object", "refused", "differs"]
"""To the letter, in effect, or not: because there is no such object, because values are refused, or otherwise."""


AGREE: tuple[Verdict, ...] = ("holds", "same effect")


class Outcome(NamedTuple):
    """What became of an assertion."""

    suite: str
    test: str
    kind: str
    about: str
    verdict: Verdict


def of_template(template: str, objects: list[Document], release: str, values: Any) -> list[Document | None]:
    """Our objects in the places of those that a template of the chart makes; None where we have none."""
    if template == "service-account.yaml":
        # Those of ours that begin with the release are of what the chart does not have.
        return [
            each
            for each in objects
            if each["kind"] == "ServiceAccount" and not each["metadata"]["name"].startswith(f"{release}-")
        ]
    if template == "jobs.yaml":
        return _jobs(objects, release, values)
    kind, names = _KINDS[template]
    return [
        each
        for name in names
        for each in objects
        if each["kind"] == kind and _is_called(_component(each, release), name)
    ]


def _jobs(objects: list[Document], release: str, values: Any) -> list[Document | None]:
    """The chart makes Jobs also where they have nothing to do."""
    packs, rbac = (values.get("st2", {}).get(name) or {} for name in ("packs", "rbac"))
    absent = {
        *([] if rbac.get("enabled") else ["job-apply-rbac"]),
        *([] if (packs.get("volumes") or {}).get("enabled") else ["job-packs-write-test"]),
    }
    jobs = {_component(each, release): each for each in objects if each["kind"] == "Job"}
    found: list[Document | None] = []
    for name in _JOBS:
        if name not in absent:
            found.append(next((job for component, job in jobs.items() if component.startswith(name)), None))
    return [*found, *(job for component, job in jobs.items() if component.startswith("job-extra"))]


def _component(document: Document, release: str) -> str:
    return str(document["metadata"]["name"]).removeprefix(f"{release}-")


def _is_called(component: str, name: str) -> bool:
    return component == name or (name == "st2sensorcontainer" and component.startswith(f"{name}-"))


def put_right(values: Any, version: str | None) -> Any:
    """Values in which nothing is left that is refused on purpose, and which know the version of the test's chart."""
    if version:
        values.setdefault("image", {}).setdefault("tag", _APP_VERSION)
        values = json.loads(json.dumps(values).replace(_APP_VERSION, version))
    for hook in values.get("jobs", {}).get("extra_hooks", ()):
        # Nothing runs before an upgrade: only Helm knows of one.
        hook["hook"] = "post-install, post-upgrade"
    for section in values.values():
        for extra in section.get("extra_volumes", ()) if isinstance(section, dict) else ():
            if config_map := extra["volume"].get("configMap"):
                # Kubernetes would refuse the chart's object, too.
                config_map["name"] = config_map["name"].lower()
    return values


def outcomes(suite: Path) -> Iterator[Outcome]:
    """Run a suite."""
    loaded: dict[str, Any] = yaml.safe_load(suite.read_text(encoding="utf-8"))
    for test in loaded["tests"]:
        names = {**loaded.get("release", {}), **test.get("release", {})}
        release = str(names.get("name", "RELEASE-NAME")).lower()
        version = {**loaded.get("chart", {}), **test.get("chart", {})}.get("appVersion")
        given = overlay(loaded.get("set", {}), test.get("set", {}))
        expects_failure = any("failedTemplate" in each for each in test["asserts"])
        values = given if expects_failure else put_right(overlay(AS_THE_CHART, given), version)
        objects = _objects(values, release)
        templates = test.get("templates", [test.get("template", loaded["templates"][0])])
        for each in test["asserts"]:
            (kind,) = set(each) - {"documentIndex", "template"}
            for template in [each["template"]] if "template" in each else templates:
                yield _outcome(suite.stem, test["it"], each, kind, _chosen(each, template, objects, release, values))


def _chosen(
    each: Any, template: str, objects: list[Document] | None, release: str, values: Any
) -> list[Document | None] | None:
    """The objects that an assertion is about; None where the values are refused."""
    if objects is None:
        return None
    found = of_template(template, objects, release, values)
    index = each.get("documentIndex")
    return found if index is None else (found[index : index + 1] or [None])


def _outcome(suite: str, test: str, each: Any, kind: str, found: list[Document | None] | None) -> Outcome:
    wanted = each[kind]
    about = str(wanted.get("path", wanted) if isinstance(wanted, dict) else wanted)
    if kind == "failedTemplate":
        return Outcome(suite, test, kind, about, "holds" if found is None else "differs")
    if found is None:
        return Outcome(suite, test, kind, about, "refused")
    there = [document for document in found if document is not None]
    if kind != "hasDocuments" and not there:
        return Outcome(suite, test, kind, about, "no object")
    if holds(kind, wanted, there):
        return Outcome(suite, test, kind, about, "holds")
    return Outcome(suite, test, kind, about, "same effect" if has_effect(kind, wanted, there) else "differs")


def _objects(values: Any, release: str) -> list[Document] | None:
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(values, file)
        file.flush()
        try:
            with ClusterOptions((Path(file.name),), (), release, "namespace").cluster() as cluster:
                return list(build(cluster).objects)
        except UserError as error:
            for problem in error.problems:
                print(f"refused: {problem.partition(': ')[2]}", file=sys.stderr)
            return None


def main(arguments: list[str]) -> int:
    """Print the number of assertions that hold, and those that do not, by what they are about."""
    suites = sorted(Path(arguments[0], "tests/unit").glob("*_test.yaml"))
    found = [outcome for suite in suites for outcome in outcomes(suite)]
    verdicts = Counter(each.verdict for each in found)
    print(f"{len(found)} assertions: " + ", ".join(f"{count} {name}" for name, count in verdicts.most_common()))
    differences = Counter(
        (each.suite, each.kind, each.about, each.verdict) for each in found if each.verdict not in AGREE
    )
    for what, count in sorted(differences.items()):
        print(f"{count:5} {' | '.join(what)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
