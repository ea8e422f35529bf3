"""A registry of images (Debian's docker-registry), empty or with what is put there, and who gives tokens for it."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import ssl
import subprocess
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from servers.certificates import Authority
from servers.ports import PATIENCE, accepts, eventually, free_port

from constructs_st2.facts.secrets import contract

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
USER, PASSWORD = "anna", "only for tests"
_HTPASSWD = f"{USER}:$2b$05$abcdefghijklmnopqrstuui3d48x2EmEcM8nS6p4.UqwA2W2X0bq2\n"
"""The password, by bcrypt."""
_SERVICE = "images"


def digest(content: bytes) -> str:
    """The digest of a manifest."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class OciRegistry:
    """A running registry. A context manager.

    Args:
        program: docker-registry.
        folder: an empty folder for its files.
        authority: who signs its certificate; None for plain HTTP.
        auth: the section of its configuration about logins.
    """

    def __init__(
        self, program: str, folder: Path, authority: Authority | None = None, auth: Mapping[str, Any] | None = None
    ) -> None:
        self._port = free_port()
        self.name = f"localhost:{self._port}"
        self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        settings: dict[str, Any] = {
            "version": "0.1",
            "log": {"level": "error"},
            "storage": {"filesystem": {"rootdirectory": str(folder / "images")}},
            "http": {"addr": f"127.0.0.1:{self._port}"},
        }
        if authority:
            for name, text in authority.secret(["localhost"], ["127.0.0.1"]).items():
                (folder / name).write_text(text)
            settings["http"]["tls"] = {
                "certificate": str(folder / contract.TLS_CERTIFICATE),
                "key": str(folder / contract.TLS_KEY),
            }
            context = ssl.create_default_context(cadata=authority.pem)
            self._connection = http.client.HTTPSConnection("127.0.0.1", self._port, timeout=PATIENCE, context=context)
        if auth:
            settings["auth"] = auth
        (folder / "config.yml").write_text(yaml.safe_dump(settings))
        self._log = (folder / "log").open("w")
        self._process = subprocess.Popen(
            [program, "serve", str(folder / "config.yml")], stderr=self._log, stdout=self._log
        )

    def __enter__(self) -> OciRegistry:
        try:
            eventually(lambda: accepts(self._port), "the registry listens")
        except TimeoutError:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        self._connection.close()
        self._process.kill()
        self._process.wait()
        self._log.close()

    def put(self, repository: str, tag: str, *, headers: Mapping[str, str] = MappingProxyType({})) -> str:
        """Put an image for two platforms there; the digest of its index."""
        made = []
        for platform in ("amd64", "arm64"):
            blob = json.dumps({"architecture": platform, "os": "linux", "of": f"{repository}:{tag}"}).encode()
            begun = self._request("POST", f"/v2/{repository}/blobs/uploads/", headers)
            place = urlsplit(begun.headers["Location"])
            self._request("PUT", f"{place.path}?{place.query}&digest={digest(blob)}", headers, blob)
            config = {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": digest(blob),
                "size": len(blob),
            }
            manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []}).encode()
            self._manifest(repository, digest(manifest), manifest, MANIFEST, headers)
            made.append(
                {
                    "mediaType": MANIFEST,
                    "digest": digest(manifest),
                    "size": len(manifest),
                    "platform": {"architecture": platform, "os": "linux"},
                }
            )
        index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": made}).encode()
        self._manifest(repository, tag, index, INDEX, headers)
        return digest(index)

    def _manifest(self, repository: str, name: str, text: bytes, media_type: str, headers: Mapping[str, str]) -> None:
        self._request("PUT", f"/v2/{repository}/manifests/{name}", {**headers, "Content-Type": media_type}, text)

    def _request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> http.client.HTTPResponse:
        self._connection.request(method, path, body, dict(headers))
        response = self._connection.getresponse()
        content = response.read()
        assert response.status in (201, 202), (method, path, response.status, content)
        return response


def with_passwords(folder: Path) -> dict[str, Any]:
    """A registry that asks for the password of `USER`."""
    (folder / "htpasswd").write_text(_HTPASSWD)
    return {"htpasswd": {"realm": _SERVICE, "path": str(folder / "htpasswd")}}


def basic(user: str = USER, password: str = PASSWORD) -> str:
    """The header of a login by password."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


class TokenServer:
    """Gives tokens for a registry, as Docker Hub does: to who logs in as `USER`. A context manager."""

    def __init__(self, folder: Path) -> None:
        authority = Authority()
        signer = authority.secret(["tokens"])
        self._key = serialization.load_pem_private_key(signer[contract.TLS_KEY].encode(), None)
        self._certificate = x509.load_pem_x509_certificate(signer[contract.TLS_CERTIFICATE].encode())
        (folder / "tokens.pem").write_text(authority.pem)
        tokens = self
        self.asked: list[dict[str, list[str]]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                tokens.asked.append(query)
                given = self.headers.get("Authorization") == basic()
                body = json.dumps({"token": tokens.token(query["scope"][0])} if given else {"errors": []}).encode()
                self.send_response(200 if given else 401)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.auth = {
            "token": {
                "realm": f"http://127.0.0.1:{self._server.server_address[1]}/token",
                "service": _SERVICE,
                "issuer": _SERVICE,
                "rootcertbundle": str(folder / "tokens.pem"),
            }
        }

    def __enter__(self) -> TokenServer:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def token(self, scope: str) -> str:
        """A token (JWT) with the rights of a scope, `repository:NAME:ACTION,…`."""
        kind, name, actions = scope.split(":")
        now = int(time.time())
        der = self._certificate.public_bytes(serialization.Encoding.DER)
        header = {"alg": "ES256", "typ": "JWT", "x5c": [base64.b64encode(der).decode()]}
        claims = {
            **{"iss": _SERVICE, "sub": USER, "aud": _SERVICE, "jti": str(now)},
            **{"iat": now - 60, "nbf": now - 60, "exp": now + 600},
            "access": [{"type": kind, "name": name, "actions": actions.split(",")}],
        }
        signed = ".".join(map(_encoded, (json.dumps(header).encode(), json.dumps(claims).encode())))
        assert isinstance(self._key, ec.EllipticCurvePrivateKey)
        r, s = utils.decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
