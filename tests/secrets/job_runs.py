"""Runs of the bootstrap program against an API of this machine, and what must hold after them."""

from __future__ import annotations

import base64
import configparser
import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from constructs_st2.facts.secrets.programs.bootstrap import Api, Refused, bootstrap
from constructs_st2.facts.secrets.programs.sha512_crypt import verified
from constructs_st2.kube.documents import Document

from .kubernetes_api import KubernetesApi, Server, rules_of

BEFORE, BEGIN, AFTER = "2026-01-01T11:59:59Z", "2026-01-01T12:00:00Z", "2026-01-01T12:00:01Z"
"""When the Job was made, and the seconds around it."""

PUBLIC = {"ST2_AUTH_USERNAME", "public_key", "tls.crt"}
"""Keys of Secrets that hold no secret."""


class Killed(BaseException):
    """The program has ended in the middle."""


@dataclass
class Outcome:
    """What a run has told."""

    lines: list[str] = field(default_factory=list)
    problems: tuple[str, ...] = ()


class Applied:
    """A cluster to which the manifests of the Job were applied."""

    def __init__(self, server: Server, objects: Sequence[Document]) -> None:
        self.server = server
        (job,) = _of_kind(objects, "Job")
        account = job["spec"]["template"]["spec"]["serviceAccountName"]
        namespace = job["metadata"]["namespace"]
        self.api = KubernetesApi(namespace, [], f"system:serviceaccount:{namespace}:{account}")
        self.apply(objects)
        server.api = self.api

    def apply(self, objects: Sequence[Document]) -> None:
        """Apply other manifests of the Job."""
        (job,) = _of_kind(objects, "Job")
        (program,) = _of_kind(objects, "ConfigMap")
        self.plan: dict[str, Any] = json.loads(program["data"]["plan.json"])
        self.job: str = job["metadata"]["name"]
        self.api.rules = rules_of(objects, job)
        self.api.now = BEGIN
        if self.api.get("jobs", self.job) is None:
            self.api.act("POST", "jobs", body={"metadata": {"name": self.job}})

    def claim(self, name: str, made: str) -> None:
        """Make a volume claim."""
        self.api.now = made
        self.api.act("POST", "persistentvolumeclaims", body={"metadata": {"name": name}})

    def run(self, before: Callable[[int], object] = lambda _: None) -> Outcome:
        """Run the program, and look whether it tells a secret.

        Args:
            before: called before each request of the program with its number (from 1). What it raises ends the program.
        """
        outcome = Outcome()
        requests = 0

        def token() -> str:
            nonlocal requests
            requests += 1
            before(requests)
            return self.api.token

        try:
            bootstrap(self.plan, Api(self.server.url, token, None), self.job, outcome.lines.append)
        except Refused as refused:
            outcome.problems = refused.problems
        self.assert_silent("\n".join([*outcome.lines, *outcome.problems]))
        return outcome

    def run_killed(self, number: int) -> None:
        """Run the program until a request, which is not sent any more; wholly if it has fewer."""

        def kill() -> None:
            raise Killed

        with suppress(Killed):
            self.run(at(number, kill))

    def wanted(self) -> Iterator[tuple[str, str]]:
        """All keys of the plan, with the names of their Secrets."""
        return ((secret["name"], key) for secret in self.plan["secrets"] for key in secret["keys"])

    def missing(self) -> set[tuple[str, str]]:
        """The keys that are not there."""
        return {(name, key) for name, key in self.wanted() if key not in self.api.values(name)}

    def overwritten(self) -> set[tuple[str, str]]:
        """The keys that have had more than one value."""
        return {where for where, values in self.api.history.items() if len(values) > 1}

    def assert_whole(self) -> None:
        """Everything is there, and fits together: in the default cluster."""
        assert self.missing() == set()
        assert_consistent(self.api.values)

    def assert_kept(self) -> None:
        """Everything is there, fits together, and was never anything else."""
        self.assert_whole()
        assert self.overwritten() == set()

    def assert_silent(self, text: str) -> None:
        """A text, and the paths of all requests, tell no secret."""
        text = "\n".join([text, *(request.path for request in self.api.requests)])
        for (_, key), values in list(self.api.history.items()):
            if key not in PUBLIC:
                for value in values:
                    parts = base64.b64decode(value).decode("utf-8", "replace").split()
                    assert not any(part in text for part in [value, *parts] if len(part) >= 12), key


def assert_consistent(values: Callable[[str], dict[str, str]]) -> None:
    """Values of the default cluster that were made of others hold those others."""
    auth, rabbitmq, redis = values("st2-st2-auth"), values("st2-rabbitmq"), values("st2-redis")
    name, password = auth["ST2_AUTH_USERNAME"], auth["ST2_AUTH_PASSWORD"]
    assert verified(password, users(auth["htpasswd"])[name])
    client = _ini(values("st2-st2-client-config")["config"])["credentials"]
    assert (client["username"], client["password"]) == (name, password)

    settings = _ini(values("st2-st2-secrets-conf")["st2.secrets.conf"])
    assert settings["database"]["password"] == values("st2-mongodb")["mongodb-password"]
    brokers = settings["messaging"]["cluster_urls"].split(",")
    assert {urlsplit(url).password for url in brokers} == {rabbitmq["rabbitmq-password"]}
    coordination = urlsplit(settings["coordination"]["url"])
    assert coordination.password == redis["redis-password"]
    assert parse_qs(coordination.query)["sentinel_password"] == [redis["redis-sentinel-password"]]

    (user,) = json.loads(rabbitmq["definitions.json"])["users"]
    salted = base64.b64decode(user["password_hash"])
    assert salted[4:] == hashlib.sha256(salted[:4] + rabbitmq["rabbitmq-password"].encode()).digest()

    ssh, tls = values("st2-st2-ssh"), values("st2-st2web-tls")
    public = load_pem_private_key(ssh["private_key"].encode(), None).public_key()
    line = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    assert ssh["public_key"].split()[:2] == line.split()
    of_web = load_pem_private_key(tls["tls.key"].encode(), None).public_key()
    assert x509.load_pem_x509_certificate(tls["tls.crt"].encode()).public_key() == of_web


def at(number: int, act: Callable[[], object]) -> Callable[[int], None]:
    """Lets something happen before a request."""

    def before(found: int) -> None:
        if found == number:
            act()

    return before


def users(htpasswd: str) -> dict[str, str]:
    """The users of a htpasswd file, with their hashes."""
    return dict(line.split(":", 1) for line in htpasswd.splitlines() if line and not line.startswith("#"))


class Turns:
    """Lets some programs send their requests one after the other, in a given order, as long as there are two or more.

    Args:
        order: whose turn it is: a number, of which the remainder counts.
        players: the programs.
    """

    def __init__(self, order: Iterable[int], players: Iterable[int]) -> None:
        self._order = iter(order)
        self._active = set(players)
        self._waiting: set[int] = set()
        self._turn: int | None = None
        self._changed = threading.Condition()

    def wait(self, player: int) -> None:
        """Wait until it is a program's turn."""
        with self._changed:
            self._waiting.add(player)
            self._choose()
            assert self._changed.wait_for(lambda: self._turn == player, timeout=30)
            self._waiting.discard(player)
            self._turn = None

    def leave(self, player: int) -> None:
        """A program has ended."""
        with self._changed:
            self._active.discard(player)
            self._choose()

    def _choose(self) -> None:
        # A request is over when its sender waits again: so all that still run have to wait.
        if self._turn is None and self._waiting and self._waiting == self._active:
            ready = sorted(self._waiting)
            self._turn = ready[next(self._order, 0) % len(ready)]
            self._changed.notify_all()


def _of_kind(objects: Sequence[Document], kind: str) -> list[Document]:
    return [document for document in objects if document["kind"] == kind and "secrets-bootstrap" in _name(document)]


def _name(document: Document) -> str:
    name: str = document["metadata"]["name"]
    return name


def _ini(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    return parser
