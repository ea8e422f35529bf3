"""The Docker registry of the manifests in a fake pod, with a client that pushes and pulls."""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from servers.pods import FakeCluster, Image, Pod
from servers.ports import PATIENCE, eventually
from support import MakeCluster, Require

from constructs_st2.kube.documents import Document
from constructs_st2.parts.registry import documents

NAME = "st2-docker-registry"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
COLLECT_GARBAGE = ["registry", "garbage-collect", "--delete-untagged", "/etc/constructs-st2/push.yml"]


class Response(NamedTuple):
    """What the registry answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Endpoint:
    """A client of one of the two addresses of the registry."""

    def __init__(self, pod: Pod, host: str, port: int) -> None:
        self._pod, self._host, self._port = pod, host, port

    def request(
        self, method: str, path: str, body: bytes | None = None, content_type: str = "application/octet-stream"
    ) -> Response:
        """Send a request below /v2/."""
        connection = http.client.HTTPConnection(self._host, self._port, timeout=PATIENCE)
        with self._pod.sandbox.inside(), closing(connection):
            headers = {"Content-Type": content_type, "Accept": MANIFEST}
            connection.request(method, path if path.startswith("/") else f"/v2/{path}", body, headers)
            response = connection.getresponse()
            return Response(response.status, dict(response.getheaders()), response.read())

    def push(self, repository: str, tag: str, layer: bytes) -> ImageOfOneLayer:
        """Push an image, as `docker push` does: blobs that are there already are not sent again."""
        image = ImageOfOneLayer(repository, layer)
        for blob in (image.config, layer):
            if self.request("HEAD", f"{repository}/blobs/{digest(blob)}").status == 200:
                continue
            begun = self.request("POST", f"{repository}/blobs/uploads/")
            assert begun.status == 202, begun
            upload = begun.headers["Location"].removeprefix(f"http://{self._host}:{self._port}")
            assert self.request("PUT", f"{upload}&digest={digest(blob)}", blob).status == 201
        assert self.request("PUT", f"{repository}/manifests/{tag}", image.manifest, MANIFEST).status == 201
        return image

    def pull(self, repository: str, tag: str) -> bytes | None:
        """The layer of an image; None where there is no such image."""
        manifest = self.request("GET", f"{repository}/manifests/{tag}")
        if manifest.status == 404:
            return None
        assert manifest.status == 200, manifest
        (layer,) = json.loads(manifest.body)["layers"]
        return self.blob(repository, layer["digest"])

    def blob(self, repository: str, name: str) -> bytes | None:
        """A blob of a repository; None where there is none."""
        found = self.request("GET", f"{repository}/blobs/{name}")
        assert found.status in (200, 404), found
        return found.body if found.status == 200 else None


class ImageOfOneLayer:
    """An image as the registry sees it."""

    def __init__(self, repository: str, layer: bytes) -> None:
        self.repository = repository
        self.layer = layer
        self.config = b"{}"
        self.manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": descriptor("application/vnd.oci.image.config.v1+json", self.config),
                "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", layer)],
            }
        ).encode()


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def descriptor(media_type: str, content: bytes) -> Document:
    return {"mediaType": media_type, "digest": digest(content), "size": len(content)}


class Registry:
    """The pod of the registry, and its addresses."""

    def __init__(self, cluster: FakeCluster) -> None:
        self._cluster = cluster
        self.start()

    def start(self) -> None:
        self.pod = self._cluster.deploy(NAME)
        eventually(self.pod.ready, "the registry is ready")
        eventually(self.pod.live, "the registry is alive")
        self.pull_from = Endpoint(self.pod, self.pod.ip, 5000)
        self.push_to = Endpoint(self.pod, "127.0.0.1", 5001)

    def blobs(self) -> set[str]:
        """The digests of all blobs that take up space."""
        folder = self._cluster.claim_named(NAME) / "docker" / "registry" / "v2" / "blobs" / "sha256"
        return {f"sha256:{data.parent.name}" for data in folder.glob("*/*/data")}

    def collect_garbage(self) -> None:
        done = self.pod.exec("push", COLLECT_GARBAGE)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def registry(cluster: MakeCluster, require: Require, tmp_path: Path) -> Iterator[Registry]:
    require("ip")
    require("wget")
    # Debian calls it otherwise than the image.
    image = Image(files={"/usr/local/bin/registry": f'#!/bin/sh\nexec {require("docker-registry")} "$@"\n'})
    objects = documents(cluster({"docker-registry": {"enabled": True}}))
    with FakeCluster(objects, {}, tmp_path / "cluster", images={"pull": image, "push": image}) as pods:
        yield Registry(pods)


def test_what_is_pushed_can_be_pulled_at_once(registry: Registry) -> None:
    # The first answers must not be remembered.
    assert registry.pull_from.pull("packs", "1") is None
    assert registry.pull_from.blob("packs", digest(b"the packs")) is None
    registry.push_to.push("packs", "1", b"the packs")
    assert registry.pull_from.pull("packs", "1") == b"the packs"
    registry.push_to.push("packs", "1", b"more packs")
    assert registry.pull_from.pull("packs", "1") == b"more packs"


def test_images_can_only_be_pulled_through_the_node_port(registry: Registry) -> None:
    image = registry.push_to.push("packs", "1", b"the packs")
    changes = [
        ("POST", "packs/blobs/uploads/", b""),
        ("PUT", "packs/manifests/2", image.manifest),
        ("DELETE", f"packs/manifests/{digest(image.manifest)}", None),
        ("DELETE", f"packs/blobs/{digest(image.layer)}", None),
    ]
    answers = {(method, path): registry.pull_from.request(method, path, body) for method, path, body in changes}
    assert {answer.status for answer in answers.values()} == {405}, answers
    assert registry.pull_from.pull("packs", "1") == b"the packs"
    assert registry.pull_from.pull("packs", "2") is None


def test_only_the_process_that_receives_images_can_write(registry: Registry) -> None:
    file = "/var/lib/registry/written"
    assert registry.pod.exec("pull", ["touch", file]).returncode != 0
    assert registry.pod.exec("push", ["touch", file]).returncode == 0


def test_images_are_received_on_the_loopback_of_the_pod_only(registry: Registry) -> None:
    assert registry.push_to.request("GET", "").status == 200
    with registry.pod.sandbox.inside(), pytest.raises(ConnectionRefusedError):
        socket.create_connection((registry.pod.ip, 5001), 1)


def test_a_pod_that_takes_no_images_is_not_alive(registry: Registry) -> None:
    probe = registry.pod.containers["push"].manifest["livenessProbe"]["exec"]["command"]
    assert registry.pod.exec("pull", probe).returncode == 0
    registry.pod.kill_container("push")
    assert registry.pod.exec("pull", probe).returncode != 0
    assert registry.pull_from.request("GET", "").status == 200


def test_garbage_collection_frees_what_was_deleted(registry: Registry) -> None:
    kept = registry.push_to.push("packs", "kept", b"kept")
    deleted = registry.push_to.push("packs", "deleted", b"deleted")
    answer = registry.push_to.request("DELETE", f"packs/manifests/{digest(deleted.manifest)}")
    assert answer.status == 202
    assert registry.pull_from.pull("packs", "deleted") is None
    assert digest(b"deleted") in registry.blobs()
    registry.collect_garbage()
    assert registry.blobs() == {digest(content) for content in (kept.config, kept.layer, kept.manifest)}
    assert registry.pull_from.blob("packs", digest(b"deleted")) is None
    assert registry.pull_from.pull("packs", "kept") == b"kept"


def test_garbage_collection_frees_images_whose_tag_has_moved(registry: Registry) -> None:
    registry.push_to.push("packs", "latest", b"old")
    registry.push_to.push("packs", "latest", b"new")
    registry.collect_garbage()
    assert digest(b"old") not in registry.blobs()
    assert registry.pull_from.pull("packs", "latest") == b"new"


def test_an_image_can_come_back_after_garbage_collection(registry: Registry) -> None:
    registry.push_to.push("packs", "1", b"the packs")
    registry.push_to.push("packs", "1", b"other packs")
    registry.collect_garbage()
    # A process that remembers the layer says that it is there, and nobody sends it again.
    registry.push_to.push("packs", "2", b"the packs")
    assert registry.pull_from.pull("packs", "2") == b"the packs"


def test_images_outlive_the_pod_which_stops_in_time(registry: Registry) -> None:
    registry.push_to.push("packs", "1", b"the packs")
    pod = registry.pod
    pod.stop()
    assert {name: container.exit_code for name, container in pod.containers.items()} == {"pull": 0, "push": 0}
    registry.start()
    assert registry.pull_from.pull("packs", "1") == b"the packs"
