"""Loads items of the key-value store, or API keys, by the st2 command line, and keeps their secrets out of the log.

usage: python -m constructs_st2.parts.jobs.scripts.load_datastore key|apikey OUT FILE...

A Job runs it, with the Python of st2's virtualenv, which has PyYAML. Each FILE is a YAML list as `st2 key load` and
`st2 apikey load` take it. Besides, an item may have `value_file` instead of `value`, and an API key `key_file` instead
of `key_hash`: the path of the secret, a file of a mounted Secret. OUT (*.json) is what st2 is given; it holds secrets,
so it belongs on a volume in memory, and it is removed at the end.

Environment: ST2_CLI (the st2 program), and what that needs to log in.
Exits with the status of st2; with 1 if an item or a secret is not as it must be.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from constructs_st2.parts.jobs.scripts.st2_api import st2_program

SECONDS = 600
"""How long st2 may take."""
SALT = "saltnpepper"
"""What st2 puts before an API key to hash it (st2common/util/hash.py)."""
MASK = "********"
UPDATE_REFUSED = "Update of key_hash is not allowed"
"""What st2api says of an API key that it has with another hash (st2api/controllers/v1/auth.py)."""


class Failure(Exception):
    """The reason why nothing can be loaded, for the log."""


def main(arguments: list[str]) -> int:
    """Load what the files hold. Returns the exit status."""
    if len(arguments) < 3 or arguments[0] not in ("key", "apikey"):
        print("usage: load_datastore key|apikey OUT FILE...", file=sys.stderr)
        return 2
    kind, out, files = arguments[0], arguments[1], arguments[2:]
    complete = complete_key_value if kind == "key" else complete_api_key
    secrets: set[str] = set()
    try:
        items = [complete(item, where, secrets) for file in files for where, item in read(file)]
        if not items:
            print(f"no {kind} to load")
            return 0
        write(out, items)
        try:
            return load(kind, out, items, secrets)
        finally:
            Path(out).unlink()
    except Failure as error:
        print(error, file=sys.stderr)
        return 1


def read(path: str) -> list[tuple[str, dict[str, Any]]]:
    """The items of a file, each with what to call it in messages.

    Raises:
        Failure: the file is not a YAML list of mappings. The text says where, and shows nothing of the content.
    """
    try:
        with Path(path).open(encoding="utf-8") as file:
            items = yaml.safe_load(file) or []
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise Failure(f"{path}: is not YAML" + (f", from line {mark.line + 1} on" if mark else "")) from None
    except (OSError, ValueError) as error:
        raise Failure(f"{path}: cannot be read: {type(error).__name__}") from None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Failure(f'{path}: must be a list of items, each of which begins with "- "')
    return [(f"{path}: item {number}", item) for number, item in enumerate(items, start=1)]


def complete_key_value(item: dict[str, Any], where: str, secrets: set[str]) -> dict[str, Any]:
    """An item with its value in it. Secret values are added to ``secrets``."""
    require(item, where, "name", "value", instead="value_file")
    item = dict(item)
    path = item.pop("value_file", None)
    if path is not None:
        item["value"] = secret_of(path, f"key {item['name']}")
    if path is not None or item.get("secret") or item.get("encrypted"):
        value = item["value"]
        secrets.add(value if isinstance(value, str) else json.dumps(value, default=str))
    return item


def complete_api_key(item: dict[str, Any], where: str, secrets: set[str]) -> dict[str, Any]:
    """An API key with its hash in it, which is added to ``secrets``."""
    require(item, where, "user", "id", "key_hash", instead="key_file")
    # Without `enabled`, st2 would load a key that cannot be used (st2client/commands/auth.py).
    item = {"enabled": True, **item}
    path = item.pop("key_file", None)
    if path is not None:
        what = f"apikey {item['id']}"
        key = secret_of(path, what)
        if not key.isascii():
            raise Failure(f"{what}: the key in {path} must be ASCII text")
        item["key_hash"] = hashlib.sha512(f"{SALT}{key}".encode("ascii")).hexdigest()
    secrets.add(item["key_hash"])
    return item


def require(item: dict[str, Any], where: str, *names: str, instead: str) -> None:
    """Refuse an item that lacks something. In place of the last name there may be ``instead``.

    Raises:
        Failure: naming what is missing.
    """
    for name in names:
        if item.get(name) is None and not (name == names[-1] and item.get(instead)):
            known = item.get("name") or item.get("id") or item.get("user")
            raise Failure(f"{where}{f' ({known})' if known else ''}: {name} is required")


def secret_of(path: str, what: str) -> str:
    """The text of a mounted key of a Secret, without the line break at its end.

    Raises:
        Failure: there is none.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            text = file.read()
    except FileNotFoundError:
        raise Failure(f"{what}: {path} is missing; is the key in the Secret?") from None
    except (OSError, ValueError) as error:
        raise Failure(f"{what}: {path} cannot be read as text: {type(error).__name__}") from None
    for ending in ("\n", "\r"):
        text = text[:-1] if text.endswith(ending) else text
    if not text:
        raise Failure(f"{what}: {path} is empty; put the secret into that key of the Secret")
    return text


def write(path: str, items: list[dict[str, Any]]) -> None:
    """Write the items to a file that only this user can read."""
    if Path(path).exists():
        Path(path).unlink()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(items, file, default=str)


def load(kind: str, path: str, items: list[dict[str, Any]], secrets: set[str]) -> int:
    """Have st2 load the file. Its output holds all values, so it is shown only in part, and only if it fails.

    Raises:
        Failure: st2 cannot be run, or takes too long.
    """
    options = ["--convert"] if kind == "key" else []
    command = [st2_program(os.environ), kind, "load", *options, path]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS, check=False)
    except OSError as error:
        raise Failure(f"{command[0]} cannot be run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise Failure(f"st2 {kind} load: no end after {SECONDS} s") from None
    output = done.stdout.decode("utf-8", "replace")
    if done.returncode == 0:
        for item in items:
            print(f"{kind} {name_of(item)}: loaded")
        return 0
    print(f"st2 {kind} load failed with status {done.returncode}:", file=sys.stderr)
    print(masked(output, secrets).strip(), file=sys.stderr)
    if UPDATE_REFUSED in output:
        refused = [item["id"] for item in items if str(item.get("id")) in output]
        print(
            f"apikey {', '.join(refused) or '(one of the above)'}: st2 has another key with this id; give this one a "
            "new id, or delete the other: st2 apikey delete ID",
            file=sys.stderr,
        )
    return done.returncode if done.returncode > 0 else 1


def name_of(item: dict[str, Any]) -> str:
    """An item without its value, for the log."""
    if "key_hash" in item:
        return f"{item['id']} of {item['user']}"
    owner = item.get("user")
    return f"{item['name']} of {owner}" if owner else str(item["name"])


def masked(text: str, secrets: set[str]) -> str:
    """The text with the secrets hidden, also where they are written in JSON or Python, or line by line."""
    forms: set[str] = set()
    for secret in secrets:
        for part in (secret, *secret.splitlines()):
            forms |= {part, json.dumps(part)[1:-1], repr(part)[1:-1]}
    for form in sorted(forms - {""}, key=len, reverse=True):
        text = text.replace(form, MASK)
    return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
