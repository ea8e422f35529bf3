"""Makes the Secrets of a release that are missing, in the cluster. Runs as a Job; running it again changes nothing.

usage: python -m constructs_st2.facts.secrets.programs.bootstrap PLAN [FOLDER OF THE SERVICE ACCOUNT]

What is there is never overwritten, but for values that follow from others: where these have changed, and the old value
is still the one that was written here, it is made anew. A value that opens stored data is not made while a volume claim
of that data exists that is older than this Job: the data would be lost. A database that runs elsewhere is asked.

Runs by the Python of the st2 images (3.8 and later), with the standard library and `cryptography` only, and `pymongo`
where a database is asked.
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
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from constructs_st2.facts.secrets.programs.database import Unanswered, has_encrypted_items
from constructs_st2.facts.secrets.programs.generate import NotGiven, inputs, is_current, make, own_part

DERIVED = "constructs-st2.dev/derived"
"""Annotation with hashes of the values that were made of others, by key: what has another hash, somebody changed."""
ROUNDS = 100_000
"""Of these hashes. With another number, all values would seem to be changed."""

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
TIMEOUT = 30
"""Seconds for one answer of the API."""
PATIENCE = 300
"""Seconds for which an API that fails is asked again."""
PASSES = 50
"""How often all is looked at. Whoever is in the way writes each Secret once, and so is in the way once for each."""


class Refused(Exception):
    """What must be done by people. Each text is a line."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Denied(Refused):
    """What cannot be done with one object; others may do."""


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

    def create(self, path: str, body: Mapping[str, Any]) -> dict[str, Any] | None:
        """Make an object.

        Raises:
            Conflict: it is there already.
        """
        return self._ask("POST", path, body)

    def update(self, path: str, body: Mapping[str, Any]) -> dict[str, Any] | None:
        """Change an object, by a JSON merge patch.

        Raises:
            Conflict: it has changed since it was read, or is gone.
        """
        return self._ask("PATCH", path, body)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
        what = f"{method} {path}" + (f" of {body['metadata']['name']}" if body and method == "POST" else "")
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
                raise Refused(f"the Kubernetes API does not answer {what}: {trouble}")
            print(f"the Kubernetes API does not answer {what}: {trouble}; trying again", file=sys.stderr)
            time.sleep(pause)
            pause = min(2 * pause, 15.0)
        if status == 404 and method == "GET":
            return None
        if status == 409 or (status == 404 and method == "PATCH"):
            raise Conflict(what)
        if status >= 300:
            kind = Refused if status == 401 else Denied
            raise kind(f"the Kubernetes API refuses {what}: {status} {answer.get('message', '')}".rstrip())
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
            answer = None
        if isinstance(answer, dict):
            return response.status, answer
        if response.status < 300:
            # Of something between here and the API, or cut off.
            raise http.client.HTTPException("the answer is no object")
        return response.status, {}


class Cluster:
    """The Secrets of a plan, as they are in the cluster and as they should be."""

    def __init__(self, plan: Mapping[str, Any], api: Api, job: str) -> None:
        self.plan = plan
        self._api = api
        self._job = job
        self._namespace = plan["namespace"]
        self._found: dict[str, dict[str, Any] | None] = {}

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
            Denied: it cannot be changed.
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
            self._found[self._path("secrets", name)] = self._api.create(self._path("secrets"), body)
        elif secret.get("immutable"):
            raise Denied(
                f"Secret {name} is immutable and lacks {', '.join(sorted(values))}; make it anew with these keys"
            )
        else:
            version = {"resourceVersion": secret["metadata"]["resourceVersion"]}
            body = {"metadata": {**version, "annotations": annotations}, "data": data}
            self._found[self._path("secrets", name)] = self._api.update(self._path("secrets", name), body)

    def older_claim(self, claims: list[str]) -> str | None:
        """A volume claim that was there before this Job, if there is one."""
        for name in claims:
            claim = self._get(self._path("persistentvolumeclaims", name))
            if claim is None:
                continue
            job = self._get(f"/apis/batch/v1/namespaces/{self._namespace}/jobs/{self._job}")
            # Both times are written by the API, in UTC and in a form that sorts.
            if job is None or claim["metadata"]["creationTimestamp"] < job["metadata"]["creationTimestamp"]:
                return name
        return None

    def _secret(self, name: str) -> dict[str, Any] | None:
        return self._get(self._path("secrets", name))

    def _get(self, path: str) -> dict[str, Any] | None:
        if path not in self._found:
            self._found[path] = self._api.get(path)
        return self._found[path]

    def _path(self, kind: str, name: str = "") -> str:
        return f"/api/v1/namespaces/{self._namespace}/{kind}" + (f"/{name}" if name else "")


def fingerprint(value: str, where: str) -> str:
    """Tells whether a value is still the same. Slow, because annotations are shown where passwords are not."""
    return hashlib.pbkdf2_hmac("sha256", value.encode("utf-8", "surrogateescape"), where.encode(), ROUNDS).hex()[:32]


class Pass:
    """One look at all Secrets of a plan, in its order: each stands behind those that it is made of."""

    def __init__(self, cluster: Cluster, say: Callable[[str], None]) -> None:
        self._cluster = cluster
        self._say = say
        self._values: dict[str, dict[str, str]] = {}
        self._explained: set[tuple[str, str]] = set()
        """The values that are missing, and of which a problem tells why."""
        self.changed = False
        self.problems: list[str] = []

    def run(self) -> None:
        """Make what is missing, as far as that is possible.

        Raises:
            Conflict: somebody has changed a Secret meanwhile.
            Refused: there is no sense in going on.
        """
        for wanted in self._cluster.plan["secrets"]:
            try:
                self._secret(wanted)
            except Denied as denied:
                self._refuse(wanted, wanted["keys"], *denied.problems)

    def _secret(self, wanted: Mapping[str, Any]) -> None:
        name = wanted["name"]
        present = self._cluster.values(name)
        values = self._values.setdefault(name, dict(present))
        derived = self._cluster.derived(name)
        if not wanted["own"] and not self._cluster.exists(name):
            problem = f"there is no Secret {name}, which {wanted['named_in']} names; make it"
            self._refuse(wanted, wanted["keys"], problem)
            return
        changes: dict[str, str] = {}
        for key, recipe in wanted["keys"].items():
            try:
                changed = self._key(wanted, key, recipe, values.get(key), derived.get(key))
            except Denied as denied:
                self._refuse(wanted, [key], *denied.problems)
            except (NotGiven, ValueError) as error:
                self._refuse(wanted, [key], f"Secret {name}, key {key}: {error}")
            else:
                if changed is not None:
                    changes[key] = values[key] = changed
                    if _is_derived(recipe):
                        derived[key] = fingerprint(own_part(recipe, changed, self._read), f"{name}/{key}")
        # What is not written must not become part of anything.
        self._values[name] = present
        # A Secret of a type with required keys cannot be made in parts.
        if changes and all(key in values for key in wanted["required"]):
            self._cluster.write(wanted, changes, derived)
            self._values[name] = values
            self.changed = True
            for key in changes:
                self._say(f"Secret {name}: {key} {'made anew' if key in present else 'made'}")

    def _key(
        self, wanted: Mapping[str, Any], key: str, recipe: Mapping[str, Any], value: str | None, known: str | None
    ) -> str | None:
        """The new value of a key, or None to leave it."""
        where = f"{wanted['name']}/{key}"
        if value is None:
            if not wanted["own"] and not _is_derived(recipe):
                raise NotGiven(f"is missing; add it, because {wanted['named_in']} names this Secret")
            if recipe["make"] == "given":
                raise NotGiven(recipe["hint"])
            if not _is_derived(recipe) and (claim := self._cluster.older_claim(wanted["claims"])):
                raise NotGiven(
                    f"is missing, but the volume claim {claim} exists, whose data it opens: it is not made anew. "
                    "Restore the Secret; or, if the data is not wanted, delete the claims"
                )
            if not _is_derived(recipe) and wanted.get("database"):
                self._look_for_items(wanted["database"])
            return make(recipe, self._read, where)
        if not _is_derived(recipe) or (known is None and not wanted["own"]) or is_current(recipe, value, self._read):
            return None
        part = own_part(recipe, value, self._read)
        # What is not in a text that was never written here is added to it, such as the first user to others.
        if known != fingerprint(part, where) and (part or known):
            self._say(
                f"Secret {wanted['name']}: {key} does not follow from what it is made of, and somebody else wrote it: "
                "left alone"
            )
            return None
        return make(recipe, self._read, where, before=value)

    def _look_for_items(self, where: Mapping[str, Any]) -> None:
        """Make sure that a database holds nothing that another key has encrypted.

        Raises:
            NotGiven: it does, or does not tell.
        """
        given = where["password"]
        password = self._read(given["object"], given["key"]) if isinstance(given, dict) else given
        try:
            found = has_encrypted_items(where, password)
        except Unanswered as unanswered:
            raise NotGiven(
                f"is missing, and the database {where['name']}, in which items may be encrypted by it, does not tell: "
                f"{unanswered}"
            ) from None
        if found:
            raise NotGiven(
                f"is missing, but the database {where['name']} holds items that are encrypted by it: it is not made "
                "anew. Restore the Secret; or, if these items are not wanted, delete them"
            )

    def _read(self, secret: str, key: str) -> str:
        if secret not in self._values:
            self._values[secret] = self._cluster.values(secret)
        if key not in self._values[secret]:
            if (secret, key) in self._explained:
                raise Denied
            self._explained.add((secret, key))
            raise NotGiven(f"needs {key} of Secret {secret}, which is missing")
        value = self._values[secret][key]
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError(f"{key} of Secret {secret} is no text") from None
        return value

    def _refuse(self, wanted: Mapping[str, Any], keys: Iterable[str], *problems: str) -> None:
        self._explained |= {(wanted["name"], key) for key in keys}
        self.problems += [problem for problem in problems if problem not in self.problems]


def _is_derived(recipe: Mapping[str, Any]) -> bool:
    return any(True for _ in inputs(recipe))


def bootstrap(plan: Mapping[str, Any], api: Api, job: str, say: Callable[[str], None] = print) -> None:
    """Make the Secrets of a plan that are missing.

    Raises:
        Refused: people must do something; all that could be made was made.
    """
    told: set[str] = set()

    def say_once(text: str) -> None:
        if text not in told:
            told.add(text)
            say(text)

    for _ in range(PASSES):
        look = Pass(Cluster(plan, api, job), say_once)
        try:
            look.run()
        except Conflict as conflict:
            say_once(f"{conflict}: somebody else was faster; looking again")
            continue
        if look.changed:
            # Somebody may have changed what the values were made of, after it was read.
            continue
        if look.problems:
            raise Refused(*look.problems)
        say("all Secrets are there")
        return
    raise Refused("somebody else keeps changing the Secrets; run this again later")


def in_cluster(account: str = ACCOUNT) -> Api:
    """The API of the cluster in which this runs.

    Args:
        account: the folder with the token of the service account.

    Raises:
        Refused: this does not run in a cluster.
    """

    def token() -> str:
        return Path(account, "token").read_text(encoding="utf-8").strip()

    try:
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ.get("KUBERNETES_SERVICE_PORT", "443")
        context = ssl.create_default_context(cafile=str(Path(account, "ca.crt")))
    except (KeyError, OSError) as error:
        raise Refused(f"there is no Kubernetes API here: {error!r}") from None
    host = f"[{host}]" if ":" in host else host
    return Api(f"https://{host}:{port}", token, context)


def main(path: str, account: str = ACCOUNT) -> int:
    """Run by the Job."""
    plan = json.loads(Path(path).read_text(encoding="utf-8"))
    try:
        bootstrap(plan, in_cluster(account), os.environ["JOB_NAME"])
    except Refused as refused:
        for problem in refused.problems:
            print(f"error: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
