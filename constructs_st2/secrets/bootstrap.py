"""Makes the Secrets of a release that are missing, in the cluster. Runs as a Job; running it again changes nothing.

usage: python -m constructs_st2.secrets.bootstrap PLAN

What is there is never overwritten, but for values that follow from others: where these have changed, and the old value
is still the one that was written here, it is made anew. A value that opens stored data is not made while a volume claim
of that data exists that is older than this Job: the data would be lost.

Runs by the Python of the st2 images (3.8 and later), with the standard library and `cryptography` only.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import ssl
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from constructs_st2.secrets.generate import NotGiven, inputs, is_current, make, own_part

DERIVED = "constructs-st2.dev/derived"
"""Annotation with hashes of the values that were made of others, by key: what has another hash, somebody changed."""

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
TIMEOUT = 30
"""Seconds for one answer of the API."""
PATIENCE = 300
"""Seconds for which an API that fails is asked again."""
PASSES = 10
"""How often all is looked at anew because somebody else has changed something meanwhile."""


class Refused(Exception):
    """What must be done by people. Each text is a line."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Conflict(Exception):
    """Somebody else was faster."""


class Api:
    """The part of the Kubernetes API that is needed.

    Args:
        server: its URL.
        token: gives the token, which changes while the pod runs.
        context: TLS settings; None for plain HTTP.
    """

    def __init__(self, server: str, token: Callable[[], str], context: ssl.SSLContext | None) -> None:
        self._url = urlsplit(server)
        self._token = token
        self._context = context

    def get(self, path: str) -> dict[str, Any] | None:
        """An object, or None if there is none."""
        return self._ask("GET", path)

    def create(self, path: str, body: Mapping[str, Any]) -> None:
        """Make an object.

        Raises:
            Conflict: it is there already.
        """
        self._ask("POST", path, body)

    def update(self, path: str, body: Mapping[str, Any]) -> None:
        """Change an object, by a JSON merge patch.

        Raises:
            Conflict: it has changed since it was read.
        """
        self._ask("PATCH", path, body)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
        end = time.monotonic() + PATIENCE
        pause = 1.0
        while True:
            try:
                status, answer = self._try(method, path, body)
                if status < 500 and status != 429:
                    break
                trouble = f"status {status}"
            except (OSError, http.client.HTTPException) as error:
                # The request may have been carried out all the same: then the next one meets a conflict.
                trouble = str(error) or type(error).__name__
            if time.monotonic() + pause > end:
                raise Refused(f"the Kubernetes API does not answer {method} {path}: {trouble}")
            print(f"the Kubernetes API does not answer {method} {path}: {trouble}; trying again", file=sys.stderr)
            time.sleep(pause)
            pause = min(2 * pause, 15.0)
        if status == 404 and method == "GET":
            return None
        if status == 409:
            raise Conflict(path)
        if status >= 300:
            raise Refused(f"the Kubernetes API refuses {method} {path}: {status} {answer.get('message', '')}".rstrip())
        return answer

    def _try(self, method: str, path: str, body: Mapping[str, Any] | None) -> tuple[int, dict[str, Any]]:
        host = self._url.netloc
        connection: http.client.HTTPConnection = (
            http.client.HTTPSConnection(host, timeout=TIMEOUT, context=self._context)
            if self._context
            else http.client.HTTPConnection(host, timeout=TIMEOUT)
        )
        try:
            kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
            headers = {"Authorization": f"Bearer {self._token()}", "Accept": "application/json", "Content-Type": kind}
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        try:
            answer = json.loads(content)
        except ValueError:
            answer = {}
        return response.status, answer if isinstance(answer, dict) else {}


class Cluster:
    """The Secrets of a plan, as they are in the cluster and as they should be."""

    def __init__(self, plan: Mapping[str, Any], api: Api, job: str) -> None:
        self.plan = plan
        self._api = api
        self._job = job
        self._namespace = plan["namespace"]
        self._secrets: dict[str, dict[str, Any] | None] = {}

    def values(self, name: str) -> dict[str, str]:
        """The values of a Secret."""
        secret = self._secret(name)
        data = (secret or {}).get("data") or {}
        return {key: base64.b64decode(value).decode("utf-8", "surrogateescape") for key, value in data.items()}

    def exists(self, name: str) -> bool:
        """Whether there is such a Secret."""
        return self._secret(name) is not None

    def derived(self, name: str) -> dict[str, str]:
        """The hashes of the values of a Secret that were made of others."""
        metadata = (self._secret(name) or {}).get("metadata") or {}
        try:
            found = json.loads((metadata.get("annotations") or {}).get(DERIVED, "{}"))
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def write(self, wanted: Mapping[str, Any], values: Mapping[str, str], derived: Mapping[str, str]) -> None:
        """Make a Secret, or add values to it and put others in the place of those there.

        Raises:
            Conflict: it is no longer what was read.
            Refused: it cannot be changed.
        """
        name = wanted["name"]
        data = {
            key: base64.b64encode(value.encode("utf-8", "surrogateescape")).decode() for key, value in values.items()
        }
        annotations = {DERIVED: json.dumps(derived, sort_keys=True)} if derived else {}
        secret = self._secret(name)
        if secret is None:
            metadata = {
                "name": name,
                "labels": wanted["labels"],
                "annotations": {**self.plan["annotations"], **annotations},
            }
            body = {"apiVersion": "v1", "kind": "Secret", "type": wanted["type"], "metadata": metadata, "data": data}
            self._api.create(self._path("secrets"), body)
        elif secret.get("immutable"):
            raise Refused(
                f"Secret {name} is immutable and lacks {', '.join(sorted(values))}; make it anew with these keys"
            )
        else:
            version = {"resourceVersion": secret["metadata"]["resourceVersion"]}
            self._api.update(
                self._path("secrets", name), {"metadata": {**version, "annotations": annotations}, "data": data}
            )

    def older_claim(self, claims: list[str]) -> str | None:
        """A volume claim that was there before this Job, if there is one."""
        begin = None
        for name in claims:
            claim = self._api.get(self._path("persistentvolumeclaims", name))
            if claim is None:
                continue
            if begin is None:
                job = self._api.get(f"/apis/batch/v1/namespaces/{self._namespace}/jobs/{self._job}")
                begin = job["metadata"]["creationTimestamp"] if job else ""
            # Both times are written by the API, in UTC and in a form that sorts.
            if claim["metadata"]["creationTimestamp"] < begin or not begin:
                return name
        return None

    def _secret(self, name: str) -> dict[str, Any] | None:
        if name not in self._secrets:
            self._secrets[name] = self._api.get(self._path("secrets", name))
        return self._secrets[name]

    def _path(self, kind: str, name: str = "") -> str:
        return f"/api/v1/namespaces/{self._namespace}/{kind}" + (f"/{name}" if name else "")


def fingerprint(value: str) -> str:
    """Tells whether a value is still the same."""
    return hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()[:32]


class Pass:
    """One look at all Secrets of a plan, in its order: each stands behind those that it is made of."""

    def __init__(self, cluster: Cluster, say: Callable[[str], None]) -> None:
        self._cluster = cluster
        self._say = say
        self._values: dict[str, dict[str, str]] = {}
        self.problems: list[str] = []

    def run(self) -> None:
        """Make what is missing.

        Raises:
            Conflict: somebody has changed a Secret meanwhile.
            Refused: people must do something; all that could be made was made.
        """
        for wanted in self._cluster.plan["secrets"]:
            self._secret(wanted)
        if self.problems:
            raise Refused(*self.problems)

    def _secret(self, wanted: Mapping[str, Any]) -> None:
        name = wanted["name"]
        present = self._cluster.values(name)
        values = self._values.setdefault(name, dict(present))
        derived = self._cluster.derived(name)
        if not wanted["own"] and not self._cluster.exists(name):
            self.problems.append(f"there is no Secret {name}, which {wanted['named_in']} names; make it")
            return
        changes: dict[str, str] = {}
        for key, recipe in wanted["keys"].items():
            try:
                changed = self._key(wanted, key, recipe, values.get(key), derived.get(key))
            except (NotGiven, ValueError, KeyError) as error:
                if not self._is_explained(recipe):
                    self.problems.append(f"Secret {name}, key {key}: {error}")
                continue
            if changed is not None:
                changes[key] = values[key] = changed
                if any(True for _ in inputs(recipe)):
                    derived[key] = fingerprint(own_part(recipe, changed, self._read))
        if changes and not self._is_whole(wanted, values):
            # A Secret of a type with required keys cannot be made in parts; and what is refused is explained already.
            return
        if changes:
            self._cluster.write(wanted, changes, derived)
            for key in changes:
                verb = "made anew" if key in present else "made"
                self._say(f"Secret {name}: {key} {verb}")

    def _key(
        self, wanted: Mapping[str, Any], key: str, recipe: Mapping[str, Any], value: str | None, known: str | None
    ) -> str | None:
        """The new value of a key, or None to leave it."""
        name = wanted["name"]
        purpose = f"{name}/{key}"
        has_inputs = any(True for _ in inputs(recipe))
        if value is None:
            if not wanted["own"] and not has_inputs:
                raise NotGiven(f"is missing; add it, because {wanted['named_in']} names this Secret")
            if recipe["make"] == "given":
                raise NotGiven(recipe["hint"])
            if not has_inputs and (claim := self._cluster.older_claim(wanted["claims"])):
                raise NotGiven(
                    f"is missing, but the volume claim {claim} exists, whose data it opens: it is not made anew. "
                    "Restore the Secret; or, if the data is not wanted, delete the claims"
                )
            return make(recipe, self._read, purpose)
        if not has_inputs or is_current(recipe, value, self._read):
            return None
        if known is None and not wanted["own"]:
            return None
        if known != fingerprint(own_part(recipe, value, self._read)):
            self._say(
                f"Secret {name}: {key} does not follow from what it is made of, but was changed by hand: left alone"
            )
            return None
        return make(recipe, self._read, purpose, before=value)

    def _read(self, secret: str, key: str) -> str:
        if secret not in self._values:
            self._values[secret] = self._cluster.values(secret)
        if key not in self._values[secret]:
            raise KeyError(f"needs {key} of Secret {secret}, which is missing")
        return self._values[secret][key]

    def _is_explained(self, recipe: Mapping[str, Any]) -> bool:
        """Whether what a value is made of is missing, which has been told already."""
        return bool(self.problems) and any(key not in self._values.get(name, {}) for name, key in inputs(recipe))

    @staticmethod
    def _is_whole(wanted: Mapping[str, Any], values: Mapping[str, str]) -> bool:
        return all(key in values for key in wanted["required"])


def bootstrap(plan: Mapping[str, Any], api: Api, job: str, say: Callable[[str], None] = print) -> None:
    """Make the Secrets of a plan that are missing.

    Raises:
        Refused: people must do something.
    """
    for _ in range(PASSES):
        try:
            Pass(Cluster(plan, api, job), say).run()
        except Conflict as conflict:
            say(f"{conflict} was changed by somebody else; looking again")
            continue
        say("all Secrets are there")
        return
    raise Refused("somebody else keeps changing the Secrets; run this again later")


def in_cluster() -> Api:
    """The API of the cluster in which this runs."""

    def token() -> str:
        return Path(ACCOUNT, "token").read_text(encoding="utf-8").strip()

    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    host = f"[{host}]" if ":" in host else host
    return Api(f"https://{host}:{port}", token, ssl.create_default_context(cafile=f"{ACCOUNT}/ca.crt"))


def main(path: str) -> int:
    """Run by the Job."""
    plan = json.loads(Path(path).read_text(encoding="utf-8"))
    try:
        bootstrap(plan, in_cluster(), os.environ["JOB_NAME"])
    except Refused as refused:
        for problem in refused.problems:
            print(f"error: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
