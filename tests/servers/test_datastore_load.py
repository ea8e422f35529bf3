"""The program that loads the datastore, with the real st2 command line, against an HTTP server that stands for st2."""

from __future__ import annotations

import hashlib
import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from servers.job_programs import PACKAGE, tree
from servers.ports import PATIENCE
from support import Environment

from constructs_st2.facts.content import datastore
from constructs_st2.values import from_mapping

USER, PASSWORD, TOKEN = "st2admin", "pass%word", "a-token"
SECRET = """geheim "quo'ted" back\\slash\nsecond line"""
KEY = "the-key-of-the-bot"
KEY_HASH = hashlib.sha512(f"saltnpepper{KEY}".encode()).hexdigest()
ID = "5c14491c6cb8de1a9207e3a2"
IN_SECRET = {"existingSecret": "mine", "key": "secret"}
API_KEY = {"id": ID, "user": "bot", "key": {"existingSecret": "mine", "key": "apikey"}, "metadata": {"for": "chat"}}

_KEY_VALUE_ATTRIBUTES = {"id", "name", "value", "secret", "encrypted", "scope", "ttl", "user"}


class St2(ThreadingHTTPServer):
    """The parts of st2auth and st2api that matter here. ``asked`` is what was asked: method, path, content."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.api_keys: dict[str, dict[str, Any]] = {}
        self.refused: set[str] = set()

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        self.asked.append((method, path, body))
        kind, _, name = path.removeprefix("/v1/").partition("/")
        if name in self.refused:
            # Worse than st2api: it tells what it was told, also as JSON and Python write it, and line by line.
            lines = body["value"].splitlines()
            return 400, {"faultstring": f"refused {body} {json.dumps(body)} {lines} {' / '.join(lines)}"}
        if kind == "keys":
            if not isinstance(body["value"], str) or set(body) - _KEY_VALUE_ATTRIBUTES:
                return 400, {"faultstring": "does not fit the schema"}
            return 200, {**body, "id": ID}
        if method == "POST":
            self.api_keys[body["id"]] = body
            return 201, {**body, "key": None}
        if name not in self.api_keys:
            return 404, {"faultstring": "ApiKey with key_or_id=... not found."}
        if self.api_keys[name]["key_hash"] != body["key_hash"]:
            return 400, {"faultstring": "Update of key_hash is not allowed."}
        return 200, {**body, "uid": "api_key:..."}


class _Handler(BaseHTTPRequestHandler):
    server: St2

    def _answer(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, answer = 401, {"faultstring": "Unauthorized"}
        if self.path == "/tokens":
            status, answer = 201, {"user": USER, "token": TOKEN, "expiry": "2038-01-01T00:00:00.000000Z"}
        elif self.headers["X-Auth-Token"] == TOKEN:
            status, answer = self.server.answer(self.command, self.path, json.loads(content))
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_PUT = do_POST = _answer

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged."""


class Pod:
    """A Job's pod: it has the items of some values, the keys of Secrets, and the st2 command line."""

    def __init__(self, folder: Path, python: Path, st2: St2) -> None:
        self.folder = folder
        self.out = folder / "memory" / "load.json"
        self._python = python
        for name in ("memory", "home"):
            (folder / name).mkdir()
        config = folder / "config"
        config.write_text(f"[credentials]\nusername = {USER}\npassword = {PASSWORD}\n")
        config.chmod(0o600)
        self._variables = {
            "PYTHONPATH": str(tree(folder)),
            "ST2_CONFIG_FILE": str(config),
            "ST2_AUTH_URL": st2.url,
            "ST2_API_URL": f"{st2.url}/v1",
            "HOME": str(folder / "home"),
            "LC_ALL": "C.UTF-8",
        }

    def secret(self, key: str, content: bytes) -> None:
        path = self.folder / "secrets" / "mine" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text.replace(datastore.SECRETS_PATH, str(self.folder / "secrets")))
        return path

    def loads(self, kind: str, *files: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._python, "-m", f"{PACKAGE}.load_datastore", kind, self.out, *files],
            env={**self._variables, **variables},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def key_values(self, *items: dict[str, Any]) -> Path:
        return self.file(
            "kv.yaml", datastore.document(datastore.key_values(from_mapping({"st2": {"keyvalue": list(items)}})))
        )

    def api_keys(self, *items: dict[str, Any]) -> Path:
        text = datastore.document(datastore.api_keys(from_mapping({"st2": {"apikeys": list(items)}})))
        return self.file("apikeys.yaml", text)


@pytest.fixture
def st2() -> Iterator[St2]:
    server = St2()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def pod(environment: Environment, tmp_path: Path, st2: St2) -> Pod:
    return Pod(tmp_path, environment("secrets-3.9"), st2)


def shown(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout + done.stderr


def test_items_arrive_with_their_values(pod: Pod, st2: St2) -> None:
    pod.secret("secret", SECRET.encode() + b"\n")
    items = pod.key_values(
        {"name": "color", "value": "1.10"},
        {"name": "size", "value": 3, "ttl": 60, "scope": "user", "user": "eva"},
        {"name": "on", "value": True},
        {"name": "tree", "value": {"b": [1, "x"], "a": None}},
        {"name": "pack.Sensor:last_id", "value": "zwölf\nlines\n"},
        {"name": "hidden", "value": IN_SECRET, "secret": True},
        {"name": "cipher", "value": "6A0B", "encrypted": True},
    )
    done = pod.loads("key", items)
    assert (done.returncode, done.stderr) == (0, "")
    arrived = {path.removeprefix("/v1/keys/"): body for _, path, body in st2.asked}
    values = {name: body["value"] for name, body in arrived.items()}
    assert values == {
        "color": "1.10",
        "size": "3",
        "on": "true",
        "tree": '{"b": [1, "x"], "a": null}',
        "pack.Sensor:last_id": "zwölf\nlines\n",
        "hidden": SECRET,
        "cipher": "6A0B",
    }
    assert arrived["size"].items() >= {"scope": "user", "user": "eva", "ttl": 60}.items()
    assert arrived["hidden"]["secret"] is True
    assert "encrypted" not in arrived["hidden"]
    assert arrived["cipher"]["encrypted"] is True
    assert not {"secret", "encrypted", "ttl", "user"} & set(arrived["color"])
    assert done.stdout.splitlines() == [
        "key color: loaded",
        "key size of eva: loaded",
        "key on: loaded",
        "key tree: loaded",
        "key pack.Sensor:last_id: loaded",
        "key hidden: loaded",
        "key cipher: loaded",
    ]
    assert not pod.out.exists()


def test_keys_are_made_once_and_then_updated(pod: Pod, st2: St2) -> None:
    pod.secret("apikey", KEY.encode() + b"\n")
    keys = pod.api_keys(API_KEY, {"id": ID[::-1], "user": "eva", "key_hash": "0" * 128, "enabled": False})
    first, second = pod.loads("apikey", keys), pod.loads("apikey", keys)
    assert (first.returncode, second.returncode) == (0, 0)
    assert first.stdout.splitlines() == [f"apikey {ID} of bot: loaded", f"apikey {ID[::-1]} of eva: loaded"]
    assert [method for method, _, _ in st2.asked] == ["PUT", "POST", "PUT", "POST", "PUT", "PUT"]
    assert st2.api_keys[ID] == {
        "id": ID,
        "user": "bot",
        "key_hash": KEY_HASH,
        "metadata": {"for": "chat"},
        "enabled": True,
    }
    assert st2.api_keys[ID[::-1]]["enabled"] is False
    assert KEY not in shown(first) + shown(second)


def test_a_file_of_the_user_may_hold_whole_items(pod: Pod, st2: St2) -> None:
    first = pod.file("kv.yaml", "- {name: a, value: 2020-01-01, secret: true}\n")
    done = pod.loads(
        "key", pod.file("none.yaml", "# nothing\n"), first, pod.file("more.yaml", "- {name: b, value: x}\n")
    )
    assert done.returncode == 0
    assert [(body["name"], body["value"]) for _, _, body in st2.asked] == [("a", "2020-01-01"), ("b", "x")]
    keys = pod.file(
        "apikeys.yaml", f"- {{id: {ID}, user: u, key_hash: '{KEY_HASH}', uid: x, created_at: 2018-12-15}}\n"
    )
    assert pod.loads("apikey", keys).returncode == 0
    assert st2.api_keys[ID]["enabled"] is True


def test_no_items_need_no_st2(pod: Pod, st2: St2) -> None:
    done = pod.loads("key", pod.key_values(), ST2_CLI="/bin/false")
    assert (done.returncode, done.stdout) == (0, "no key to load\n")
    assert st2.asked == []


def test_a_refusal_shows_the_reason_but_no_secret(pod: Pod, st2: St2) -> None:
    pod.secret("secret", SECRET.encode())
    st2.refused = {"hidden"}
    items = pod.key_values({"name": "open", "value": "x"}, {"name": "hidden", "value": IN_SECRET, "secret": True})
    done = pod.loads("key", items)
    assert (done.returncode, done.stdout) == (1, "")
    assert "st2 key load failed with status 1:" in done.stderr
    assert "refused" in done.stderr
    assert "/v1/keys/hidden" in done.stderr
    assert "********" in done.stderr
    assert not any(part in shown(done) for part in ("geheim", "ted", "slash", "second line"))
    assert not pod.out.exists()


def test_another_key_with_the_same_id_is_refused_with_advice(pod: Pod, st2: St2) -> None:
    st2.api_keys[ID] = {"key_hash": "f" * 128}
    pod.secret("apikey", KEY.encode())
    done = pod.loads("apikey", pod.api_keys(API_KEY))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"apikey {ID}: st2 has another key with this id; give this one a new id, or delete the other: "
        "st2 apikey delete ID"
    )
    assert KEY_HASH not in shown(done)
    assert KEY not in shown(done)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is missing; is the key in the Secret?"),
        (b"", "is empty; put the secret into that key of the Secret"),
        (b"\n", "is empty; put the secret into that key of the Secret"),
        (b"\xff\xfe", "cannot be read as text: UnicodeDecodeError"),
    ],
)
def test_a_secret_that_is_not_there_is_named(pod: Pod, st2: St2, content: bytes | None, message: str) -> None:
    if content is not None:
        pod.secret("secret", content)
    done = pod.loads("key", pod.key_values({"name": "hidden", "value": IN_SECRET, "secret": True}))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"key hidden: {pod.folder}/secrets/mine/secret {message}\n"
    assert st2.asked == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"two\n\n", "two\n"), (b"windows\r\n", "windows"), (b" blanks ", " blanks ")],
)
def test_of_a_secret_only_the_last_line_break_is_taken_away(pod: Pod, st2: St2, content: bytes, expected: str) -> None:
    pod.secret("secret", content)
    assert pod.loads("key", pod.key_values({"name": "hidden", "value": IN_SECRET, "secret": True})).returncode == 0
    assert st2.asked[0][2]["value"] == expected


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("key", "- name: a\n  value: 'geheim\n", "is YAML"),
        ("key", "name: a\nvalue: geheim\n", 'must be a list of items, each of which begins with "- "'),
        ("key", "- geheim\n", 'must be a list of items, each of which begins with "- "'),
        ("key", "- name: a\n", "item 1 (a): value is required"),
        ("key", "- value: geheim\n", "item 1: name is required"),
        ("apikey", f"- user: u\n  id: {ID}\n", f"item 1 ({ID}): key_hash is required"),
        ("apikey", "- user: u\n  key_hash: geheim\n", "item 1 (u): id is required"),
    ],
)
def test_a_wrong_file_is_refused_without_showing_it(pod: Pod, st2: St2, kind: str, text: str, message: str) -> None:
    file = pod.file("mine.yaml", text)
    done = pod.loads(kind, file)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{file}: ")
    assert message.replace("is YAML", "is not YAML, from line") in done.stderr
    assert "geheim" not in done.stderr
    assert st2.asked == []


def test_a_key_that_no_header_can_carry_is_refused(pod: Pod) -> None:
    pod.secret("apikey", "schlüssel".encode())
    done = pod.loads("apikey", pod.api_keys(API_KEY))
    assert done.returncode == 1
    assert done.stderr == f"apikey {ID}: the key in {pod.folder}/secrets/mine/apikey must be ASCII text\n"


def test_what_st2_is_given_is_for_nobody_else(pod: Pod) -> None:
    copies = pod.folder / "st2"
    copies.write_text(f'#!/bin/sh\nstat -c %a "$4" >{pod.folder}/mode\n')
    copies.chmod(0o755)
    pod.out.write_text("left over")
    assert pod.loads("key", pod.key_values({"name": "a", "value": "b"}), ST2_CLI=str(copies)).returncode == 0
    assert (pod.folder / "mode").read_text() == "600\n"
    assert not pod.out.exists()


def test_the_status_of_st2_is_passed_on(pod: Pod) -> None:
    fails = pod.folder / "st2"
    fails.write_text("#!/bin/sh\necho no such thing\nexit 7\n")
    fails.chmod(0o755)
    items = pod.key_values({"name": "a", "value": "b"})
    done = pod.loads("key", items, ST2_CLI=str(fails))
    assert (done.returncode, done.stderr) == (7, "st2 key load failed with status 7:\nno such thing\n")
    done = pod.loads("key", items, ST2_CLI="/nowhere/st2")
    assert (done.returncode, done.stderr) == (1, "/nowhere/st2 cannot be run: No such file or directory\n")


def test_a_wrong_call_shows_the_usage(pod: Pod) -> None:
    done = pod.loads("keys", pod.out)
    assert (done.returncode, done.stderr) == (2, "usage: load_datastore key|apikey OUT FILE...\n")
