"""Digests of images, from their registries by the API of OCI Distribution.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pull and, for tokens,
https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.message import Message
from typing import NamedTuple

from constructs_st2 import __version__

HUB = "docker.io"
HUB_SERVER = "registry-1.docker.io"
"""How Docker Hub is called, and which of its servers has the images."""
_MANIFESTS = ", ".join(
    (
        # Those of several platforms first: nodes of all kinds then find their own image under one digest.
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PARAMETER = re.compile(r'([A-Za-z_]+)="([^"]*)"')
_LARGEST = 4 * 1024 * 1024
"""Bytes of a manifest, which registries need not take if it has more."""
_SECONDS = 30
_AT_ONCE = 4


class RegistryError(Exception):
    """Why a registry gave no digest."""


class Login(NamedTuple):
    """Who asks a registry: a user with a password, or a token that stands for both."""

    user: str
    password: str
    identity_token: str = ""


LoginOf = Callable[[str], Login | None]
"""The login to a registry, by the name that images have it by."""


@dataclass(frozen=True)
class Reference:
    """An image by name and tag."""

    registry: str
    repository: str
    tag: str

    @staticmethod
    def parse(text: str) -> Reference:
        """The parts of ``[registry/]repository[:tag]``, with the defaults of Docker."""
        first, slash, rest = text.partition("/")
        names_a_host = slash and ("." in first or ":" in first or first == "localhost")
        registry, path = (first, rest) if names_a_host else (HUB, text)
        repository, colon, tag = path.rpartition(":")
        repository, tag = (repository, tag) if colon else (path, "latest")
        if registry == HUB and "/" not in repository:
            repository = f"library/{repository}"
        return Reference(registry, repository, tag)


class Registries:
    """The registries of images.

    Args:
        login_of: who asks.
        plain_http: registries without TLS. Those of this machine need not be named.
    """

    def __init__(self, login_of: LoginOf, plain_http: frozenset[str] = frozenset()) -> None:
        self._login_of = login_of
        self._plain_http = plain_http

    def digest(self, image: Reference) -> str:
        """The digest of what a tag means now.

        Raises:
            RegistryError: the registry does not say it.
        """
        reason: object = ""
        for scheme in self._schemes(image.registry):
            try:
                return self._digest(scheme, image)
            except (OSError, http.client.HTTPException) as error:
                reason = error.reason if isinstance(error, urllib.error.URLError) else error
                # It has TLS, with a certificate that nobody should take.
                if isinstance(reason, ssl.SSLCertVerificationError):
                    break
        raise RegistryError(f"{image.registry} cannot be asked: {reason or type(reason).__name__}")

    def _schemes(self, registry: str) -> tuple[str, ...]:
        host = registry.rpartition(":")[0] or registry
        if registry in self._plain_http:
            return ("http",)
        return ("https", "http") if host == "localhost" or host.startswith("127.") else ("https",)

    def _digest(self, scheme: str, image: Reference) -> str:
        server = HUB_SERVER if image.registry == HUB else image.registry
        url = f"{scheme}://{server}/v2/{image.repository}/manifests/{image.tag}"
        # Docker Hub counts what is fetched, and not what is only looked at.
        headers = {"Accept": _MANIFESTS}
        answer = _ask(url, "HEAD", headers)
        if answer.status == http.client.UNAUTHORIZED:
            headers["Authorization"] = self._authorization(answer.headers, image)
            answer = _ask(url, "HEAD", headers)
        _expect_found(answer, image)
        said = answer.headers.get("Docker-Content-Digest", "")
        if _DIGEST.fullmatch(said):
            return said
        answer = _ask(url, "GET", headers)
        _expect_found(answer, image)
        return f"sha256:{hashlib.sha256(answer.body).hexdigest()}"

    def _authorization(self, headers: Message, image: Reference) -> str:
        """What answers the challenges of a registry."""
        challenges = {
            kind.lower(): dict(_PARAMETER.findall(parameters))
            for kind, _, parameters in (each.partition(" ") for each in headers.get_all("WWW-Authenticate", []))
        }
        login = self._login_of(image.registry)
        if "bearer" in challenges:
            return f"Bearer {_token(challenges['bearer'], login, image)}"
        if "basic" in challenges and login:
            return _basic(login)
        raise RegistryError(f"{image.registry} asks for a login; `docker login {image.registry}` makes one")


def digests_of(images: Iterable[str], registries: Registries) -> Mapping[str, str | RegistryError]:
    """The digest of each image, or why there is none."""

    def digest(image: str) -> str | RegistryError:
        try:
            return registries.digest(Reference.parse(image))
        except RegistryError as error:
            return error

    images = list(images)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip(images, pool.map(digest, images), strict=True))


class _Answer(NamedTuple):
    status: int
    headers: Message
    body: bytes


def _ask(url: str, method: str, headers: Mapping[str, str], data: bytes | None = None) -> _Answer:
    request = urllib.request.Request(url, data, method=method)
    request.add_header("User-Agent", f"constructs-st2/{__version__}")
    for name, value in headers.items():
        # Where a registry sends us elsewhere, nobody there learns of a login.
        request.add_unredirected_header(name, value) if name == "Authorization" else request.add_header(name, value)
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as response:
            body = response.read(_LARGEST + 1)
            if len(body) > _LARGEST:
                raise RegistryError(f"{url} answers with more than {_LARGEST} bytes")
            return _Answer(response.status, response.headers, body)
    except urllib.error.HTTPError as error:
        with error:
            return _Answer(error.code, error.headers, b"")


def _token(challenge: Mapping[str, str], login: Login | None, image: Reference) -> str:
    realm = challenge.get("realm", "")
    scope = challenge.get("scope") or f"repository:{image.repository}:pull"
    asked = {"service": challenge.get("service", ""), "scope": scope}
    if not realm.startswith(("https://", "http://")):
        raise RegistryError(f"{image.registry} names no place that gives tokens")
    if login and login.identity_token:
        form = {
            **asked,
            "grant_type": "refresh_token",
            "refresh_token": login.identity_token,
            "client_id": "constructs-st2",
        }
        answer = _ask(realm, "POST", {}, urllib.parse.urlencode(form).encode())
    else:
        separator = "&" if "?" in realm else "?"
        headers = {"Authorization": _basic(login)} if login else {}
        answer = _ask(f"{realm}{separator}{urllib.parse.urlencode(asked)}", "GET", headers)
    try:
        told = json.loads(answer.body or b"{}")
        token = told.get("token") or told.get("access_token")
    except (ValueError, AttributeError):
        token = None
    if not isinstance(token, str) or not token:
        message = f"{image.registry} gives no token to {'this login' if login else 'who has not logged in'}"
        raise RegistryError(f"{message} (status {answer.status}); `docker login {image.registry}` makes a login")
    return token


def _basic(login: Login) -> str:
    return f"Basic {b64encode(f'{login.user}:{login.password}'.encode()).decode()}"


def _expect_found(answer: _Answer, image: Reference) -> None:
    match answer.status:
        case http.client.OK:
            return
        case http.client.NOT_FOUND:
            message = f"{image.registry} has no tag {image.tag} of {image.repository}"
        case http.client.UNAUTHORIZED | http.client.FORBIDDEN:
            message = (
                f"{image.registry} does not show {image.repository} to this login, or has no such image; "
                f"`docker login {image.registry}` makes a login"
            )
        case http.client.TOO_MANY_REQUESTS:
            message = f"{image.registry} has been asked too often; try again later, or log in"
        case status:
            message = f"{image.registry} answers with status {status}"
    raise RegistryError(message)
