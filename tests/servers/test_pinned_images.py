"""`constructs-st2 images --pin` against a real registry: with and without TLS, passwords and tokens."""

from __future__ import annotations

import base64
import json
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from servers.certificates import Authority
from servers.oci_registry import PASSWORD, USER, OciRegistry, TokenServer, basic, digest, with_passwords
from servers.ports import free_port
from support import Require, Synth

from constructs_st2.commands.images.cli import images
from constructs_st2.commands.images.distribution import Reference
from constructs_st2.errors import UserError
from constructs_st2.facts.images import pulled_by

Start = Callable[..., OciRegistry]


@pytest.fixture
def start(require: Require, tmp_path: Path) -> Iterator[Start]:
    """Starts a registry."""
    with ExitStack() as running:

        def begin(**arguments: Any) -> OciRegistry:
            folder = tmp_path / "registry"
            folder.mkdir(exist_ok=True)
            return running.enter_context(OciRegistry(require("docker-registry"), folder, **arguments))

        yield begin


@pytest.fixture
def pin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs the command in an empty folder, with no login to any registry."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))

    def run(values: Mapping[str, Any], *arguments: str) -> Result:
        Path("values.yaml").write_text(yaml.safe_dump({**values}))
        return CliRunner().invoke(images, ["--pin", "-f", "values.yaml", *arguments])

    return run


def log_in(tmp_path: Path, **config: Any) -> None:
    (tmp_path / "docker").mkdir(exist_ok=True)
    (tmp_path / "docker" / "config.json").write_text(json.dumps(config))


def from_registry(registry: OciRegistry, **more: Any) -> dict[str, Any]:
    """Values of a cluster that pulls from one registry."""
    return {"image": {"registry": registry.name}, **more}


def filled(
    registry: OciRegistry, synth: Synth, values: Mapping[str, Any], headers: Mapping[str, str]
) -> dict[str, str]:
    """Puts all images of a cluster there; their digests."""
    found = {}
    for reference in pulled_by(synth(values)):
        name, _, tag = reference.removeprefix(f"{registry.name}/").rpartition(":")
        found[reference] = registry.put(name, tag, headers=headers)
    return found


def test_every_container_is_pinned_once_and_for_all(start: Start, pin: Callable[..., Result], synth: Synth) -> None:
    registry = start()
    few = {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "16Mi"}}
    mine = {"name": "mine", "image": f"{registry.name}/mine/tool:2", "resources": few}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "extra"}, "spec": {"containers": [mine]}}
    values = from_registry(
        registry,
        st2api={"sidecars": [mine]},
        jobs={"initContainers": [mine]},
        st2={"packs": {"images": [{"repository": f"{registry.name}/packs", "name": "ours", "tag": "1"}]}},
        monitoring={"enabled": True},
        backup={"enabled": True, "destination": {"claim": {"create": {"size": "1Gi"}}}},
        extraObjects=[pod],
    )
    found = filled(registry, synth, values, {})
    assert {f"{registry.name}/mine/tool:2", f"{registry.name}/packs/ours:1"} <= found.keys()
    result = pin(values, "-o", "pinned.yaml")
    assert (result.exit_code, result.output) == (0, "")
    given = yaml.safe_load(Path("pinned.yaml").read_text())
    assert given == {"image": {"digests": found}}

    both = {**values, "image": {**values["image"], **given["image"]}}
    assert {reference.rpartition("@")[2] for reference in pulled_by(synth(both))} == set(found.values())


def test_a_tag_that_moves_is_pinned_to_what_it_means_now(
    start: Start, pin: Callable[..., Result], synth: Synth
) -> None:
    registry = start()
    values = from_registry(registry)
    busybox = f"{registry.name}/library/busybox:1.37"
    old = filled(registry, synth, values, {})
    values["image"]["digests"] = {busybox: f"sha256:{'0' * 64}"}
    assert yaml.safe_load(pin(values).output)["image"]["digests"] == old


@pytest.mark.parametrize("way", ["auths", "helper"])
def test_tls_and_passwords(
    way: str,
    start: Start,
    pin: Callable[..., Result],
    synth: Synth,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "registry").mkdir()
    authority = Authority()
    registry = start(authority=authority, auth=with_passwords(tmp_path / "registry"))
    found = filled(registry, synth, from_registry(registry), {"Authorization": basic()})
    refused = pin(from_registry(registry))
    assert isinstance(refused.exception, UserError)
    assert len(refused.exception.problems) == len(found)
    assert "CERTIFICATE_VERIFY_FAILED" in refused.exception.problems[0]

    (tmp_path / "authority.pem").write_text(authority.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    refused = pin(from_registry(registry))
    assert isinstance(refused.exception, UserError)
    assert f"`docker login {registry.name}` makes one" in refused.exception.problems[0]

    if way == "auths":
        secret = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        log_in(tmp_path, auths={registry.name: {"auth": secret}})
    else:
        helper = tmp_path / "docker-credential-tests"
        told = json.dumps({"Username": USER, "Secret": PASSWORD})
        helper.write_text(f"#!/bin/sh\ngrep -qx {registry.name} && echo '{told}'\n")
        helper.chmod(helper.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        log_in(tmp_path, credsStore="tests")
    assert yaml.safe_load(pin(from_registry(registry)).output)["image"]["digests"] == found


def test_tokens(start: Start, pin: Callable[..., Result], synth: Synth, tmp_path: Path) -> None:
    (tmp_path / "registry").mkdir()
    with TokenServer(tmp_path / "registry") as tokens:
        registry = start(auth=tokens.auth)
        found = {}
        for reference in pulled_by(synth(from_registry(registry))):
            name, _, tag = reference.removeprefix(f"{registry.name}/").rpartition(":")
            header = {"Authorization": f"Bearer {tokens.token(f'repository:{name}:push,pull')}"}
            found[reference] = registry.put(name, tag, headers=header)
        refused = pin(from_registry(registry))
        assert isinstance(refused.exception, UserError)
        assert "gives no token to who has not logged in (status 401)" in refused.exception.problems[0]
        log_in(tmp_path, auths={registry.name: {"auth": base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}})
        assert yaml.safe_load(pin(from_registry(registry)).output)["image"]["digests"] == found
        assert all(len(query["scope"]) == 1 and query["scope"][0].endswith(":pull") for query in tokens.asked)


def test_what_fails_is_told_of_each_image_and_nothing_is_written(
    start: Start, pin: Callable[..., Result], synth: Synth
) -> None:
    registry = start()
    values = from_registry(registry)
    filled(registry, synth, values, {})
    nowhere = f"localhost:{free_port()}"
    values["image"]["utilityImage"] = "library/busybox:9"
    values["st2api"] = {"sidecars": [{"name": "mine", "image": f"{nowhere}/x:1"}]}
    result = pin(values, "-o", "pinned.yaml")
    assert isinstance(result.exception, UserError)
    assert set(result.exception.problems) == {
        f"{nowhere}/x:1: {nowhere} cannot be asked: [Errno 111] Connection refused",
        f"{registry.name}/library/busybox:9: {registry.name} has no tag 9 of library/busybox",
    }
    assert not Path("pinned.yaml").exists()


def test_a_registry_that_tells_no_digest(pin: Callable[..., Result]) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    result = pin({"image": {"registry": f"localhost:{server.server_address[1]}"}})
    server.shutdown()
    server.server_close()
    assert set(yaml.safe_load(result.output)["image"]["digests"].values()) == {digest(b"{}")}


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag"),
    [
        ("stackstorm/st2api:3.9", "docker.io", "stackstorm/st2api", "3.9"),
        ("docker.io/library/busybox:1.37", "docker.io", "library/busybox", "1.37"),
        ("busybox", "docker.io", "library/busybox", "latest"),
        ("registry.example.org:5000/a/b/c:1", "registry.example.org:5000", "a/b/c", "1"),
        ("localhost/x:1", "localhost", "x", "1"),
    ],
)
def test_references(text: str, registry: str, repository: str, tag: str) -> None:
    assert Reference.parse(text) == Reference(registry, repository, tag)
