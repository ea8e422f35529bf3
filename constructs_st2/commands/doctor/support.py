"""A folder for support: findings, objects, events and logs of a release, without secrets.

Of a Secret there are only its name and the names of its keys. Everything goes through one door, `_Folder.write`, which
takes out what looks like a secret; where Secrets may be read, what they hold is searched for literally, too, and kept
nowhere.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from constructs_st2.checks.data import mapping, mappings, name_of
from constructs_st2.commands.doctor import reading, text
from constructs_st2.commands.doctor.expected import Expected
from constructs_st2.commands.doctor.facts import Facts, Pod, Thing
from constructs_st2.commands.doctor.findings import Report
from constructs_st2.commands.doctor.hiding import HIDDEN, hidden, writings
from constructs_st2.commands.kubectl import Ended, Kubectl, as_json
from constructs_st2.errors import UserError
from constructs_st2.facts.secrets.formats import Format
from constructs_st2.kube.documents import Document
from constructs_st2.kube.well_known import INSTANCE_LABEL, LAST_APPLIED
from constructs_st2.values import secret_looks

AS_KNOWN = "<as in the manifests>"
_LINES = 1000
_BYTES = 400_000
"""How much of a log is taken: its end."""
_MOST_PODS = 60
_SECONDS = 30.0
_NOT_SECRET = frozenset({Format.NAME, Format.CERTIFICATE, Format.SSH_PUBLIC_KEY})
"""What stands in Secrets, and is none."""
_KINDS = (
    "configmaps",
    "services",
    "endpointslices.discovery.k8s.io",
    "ingresses.networking.k8s.io",
    "networkpolicies.networking.k8s.io",
    "poddisruptionbudgets.policy",
    "serviceaccounts",
    "replicasets.apps",
)
"""What is gathered besides what has been looked at."""


def prepare(folder: Path) -> None:
    """See that the folder can be written, before anything takes time.

    Raises:
        UserError: it is there already, and not empty, or cannot be made.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder}: is not empty; name a new folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}") from error


def gather(folder: Path, expected: Expected, found: reading.Reading, report: Report, kubectl: Kubectl) -> None:
    """Gather everything in a folder."""
    asker = _Asker(expected, kubectl)
    secrets = asker.secrets()
    target = _Folder(folder, writings(secrets or ()))
    target.write("doctor.txt", text.terminal(report, colours=False, width=120))
    target.write("doctor.json", text.as_json(report))
    target.write("README.txt", _readme(expected, found.facts, searched=secrets is not None))
    target.write("secrets.txt", "\n".join(_secrets(expected, found.facts)))
    for name, documents in {**found.documents, **asker.further()}.items():
        brief = (_without_known_texts(each, expected) for each in documents)
        shown = json.dumps([_stripped(each) for each in brief], indent=1, ensure_ascii=False)
        target.write(f"objects/{name.partition('.')[0]}.json", shown)
    for path, log in asker.logs(found.facts):
        target.write(path, log)


class _Folder:
    """The one door through which everything is written."""

    def __init__(self, path: Path, known: Collection[str]) -> None:
        self._path = path
        self._known = known

    def write(self, name: str, content: str) -> None:
        """Write a file, without secrets."""
        path = self._path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{hidden(content, self._known).rstrip()}\n", encoding="utf-8")


class _Asker:
    def __init__(self, expected: Expected, kubectl: Kubectl) -> None:
        self._expected = expected
        self._kubectl = kubectl

    def _ask(self, *arguments: str) -> Ended | None:
        """An answer; None where there is none in time."""
        try:
            return self._kubectl.run("--namespace", self._expected.namespace, *arguments, seconds=_SECONDS)
        except UserError:
            return None

    def secrets(self) -> list[str] | None:
        """What the Secrets of the release hold, to be searched for; None where that is not to be known."""
        names = [secret.name for secret in self._expected.secrets]
        answer = self._ask("get", "secrets", *names, "--ignore-not-found", "--output", "json")
        documents = _items(as_json(answer.output)) if answer else []
        open_keys = {
            (secret.name, key)
            for secret in self._expected.secrets
            for key, spec in secret.keys.items()
            if spec.format in _NOT_SECRET
        }
        found = [
            value
            for document in documents
            for key, encoded in mapping(document.get("data")).items()
            if (name_of(document), key) not in open_keys and (value := _decoded(encoded))
        ]
        return found if answer and not answer.status else (found or None)

    def further(self) -> dict[str, Sequence[Document]]:
        """Objects that have not been looked at."""
        labels = f"{INSTANCE_LABEL}={self._expected.cluster.release.name}"

        def ask(kind: str) -> Ended | None:
            return self._ask("get", kind, "--selector", labels, "--output", "json")

        with ThreadPoolExecutor(reading.AT_ONCE) as pool:
            answers = list(pool.map(ask, _KINDS))
        return {kind: _items(as_json(answer.output)) for kind, answer in zip(_KINDS, answers, strict=True) if answer}

    def logs(self, facts: Facts) -> Iterator[tuple[str, str]]:
        """The ends of all logs, by the names of their files; also of containers that ran before."""
        asked = list(_asked(facts))

        def ask(which: tuple[str, str, bool]) -> Ended | None:
            pod, container, previous = which
            bounds = ("--tail", str(_LINES), "--limit-bytes", str(_BYTES), "--timestamps")
            return self._ask("logs", pod, "--container", container, *bounds, *(("--previous",) if previous else ()))

        with ThreadPoolExecutor(reading.AT_ONCE) as pool:
            for (pod, container, previous), answer in zip(asked, pool.map(ask, asked), strict=True):
                if answer and not answer.status and answer.output.strip():
                    yield f"logs/{pod}/{container}{'.previous' if previous else ''}.log", answer.output


def _asked(facts: Facts) -> Iterator[tuple[str, str, bool]]:
    """Whose logs are read: those of pods that are not well come first."""
    pods: Sequence[Pod] = sorted(facts.pods, key=lambda pod: pod.ready or pod.is_done)
    for pod in pods[:_MOST_PODS]:
        for container in pod.containers:
            if container.state != "waiting" or container.restarts:
                yield pod.name, container.name, False
            if container.restarts:
                yield pod.name, container.name, True


def _items(answer: Any) -> Sequence[Document]:
    found = mapping(answer)
    return mappings(found["items"]) if "items" in found else [found] if found else []


def _decoded(encoded: object) -> str:
    try:
        return base64.b64decode(str(encoded), validate=True).decode("utf-8")
    except ValueError:
        return ""


def _without_known_texts(document: Document, expected: Expected) -> Document:
    """A ConfigMap without the texts that the manifests have, too: they are long, and known."""
    if document.get("kind") != "ConfigMap":
        return document
    known = mapping(mapping(expected.index.find("ConfigMap", expected.namespace, name_of(document))).get("data"))
    data = {key: AS_KNOWN if known.get(key) == value else value for key, value in mapping(document.get("data")).items()}
    return {**document, "data": data, **({"binaryData": "<left out>"} if "binaryData" in document else {})}


def _stripped(document: Document) -> Document:
    """An object without what nobody reads, and without values that their names make secret."""
    metadata = {key: value for key, value in mapping(document.get("metadata")).items() if key != "managedFields"}
    # What kubectl noted there is the whole object once more, as it was applied.
    noted = {key: value for key, value in mapping(metadata.get("annotations")).items() if key != LAST_APPLIED}
    if noted:
        metadata["annotations"] = noted
    else:
        metadata.pop("annotations", None)
    shown: Document = _shown({**document, "metadata": metadata}, "")
    return shown


def _shown(value: Any, name: str) -> Any:
    """Plain data without secret texts: by their names, which variables have beside them, and by their forms."""
    if isinstance(value, dict):
        variable = value.get("name") if isinstance(value.get("name"), str) else None
        return {key: _shown(item, variable if key == "value" and variable else str(key)) for key, item in value.items()}
    if isinstance(value, list):
        arguments = [item for item in value if isinstance(item, str)]
        looks = secret_looks.in_arguments(arguments) if len(arguments) == len(value) else ()
        secret = {position for position, _ in looks}
        return [HIDDEN if position in secret else _shown(item, name) for position, item in enumerate(value)]
    if isinstance(value, str):
        if secret_looks.is_secret(name, value):
            return HIDDEN
        # Here a text still has its own lines.
        return hidden(value)
    return value


def _secrets(expected: Expected, facts: Facts) -> Iterable[str]:
    """The Secrets by name, with the names of their keys."""
    for secret in expected.secrets:
        keys = facts.things.get(Thing("secrets", expected.namespace, secret.name))
        yield secret.name if keys is not None else f"{secret.name} (is not there)"
        yield from (f"    {key}" for key in sorted(keys or ()))


def _readme(expected: Expected, facts: Facts, *, searched: bool) -> str:
    release = expected.cluster.release
    how = (
        "What its Secrets hold was searched for literally; so was what looks like a secret by its form or name."
        if searched
        else "Its Secrets could not be read: only what looks like a secret by its form or name was hidden."
    )
    return (
        f"Release {release.name} in {release.namespace}, gathered {facts.now:%Y-%m-%d %H:%M:%S %Z}\n"
        f"Kubernetes {facts.server}, kubectl {facts.client}\n"
        f"st2 {expected.cluster.version}, profile {expected.cluster.values.profile}\n\n"
        f"Secrets are left out, and stand as {HIDDEN}. {how}\n"
        "Names of hosts, users and packs are in it. Look it over before you pass it on.\n"
    )
