"""StackStorm's HTTP services, with the credentials of the st2 command line. Shared by the programs of Jobs.

Environment: ST2_AUTH_URL, ST2_API_URL and ST2_STREAM_URL end with a slash. ST2_CONFIG_FILE is the configuration of the
st2 command line: INI text with the section [credentials] and in it username and password, or api_key. ST2_CACERT is a
file with the authorities that certificates are checked with; without it they are those of the machine.

Paths and answers are those of st2common/openapi.yaml.j2; they are the same in st2 3.8 and 3.9.
"""

from __future__ import annotations

import base64
import configparser
import http.client
import json
import os
import socket
import ssl
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

TIMEOUT = 30.0
"""Seconds for one answer."""

_CONNECT_TIMEOUT = 3.0
"""Seconds for one attempt to connect: a pod accepts at once, or its node is lost."""
_CONNECT_ATTEMPTS = 4

_LONGEST_REASON = 400
"""Characters of what a service says about a failure."""


class Failure(Exception):
    """Something is not as it should be.

    Args:
        text: says what, in one line.
        service: which service is at fault, where that is known.
    """

    def __init__(self, text: str, service: str = "") -> None:
        super().__init__(text)
        self.service = service


class Answer(NamedTuple):
    """What a service answers. ``question`` names the service and the request."""

    question: str
    status: int
    content_type: str
    text: str
    service: str = ""

    def json(self, expected: int = 200) -> Any:
        """The content.

        Raises:
            Failure: the status is not the expected one, or the content is no JSON.
        """
        if self.status != expected:
            raise Failure(f"{self.question} is answered with {self.status}: {self.reason()}", self.service)
        try:
            return json.loads(self.text)
        except ValueError:
            text = f"{self.question} is answered with something that is no JSON: {self.reason()}"
            raise Failure(text, self.service) from None

    def reason(self) -> str:
        """What the service says about a failure: services of st2 answer ``{"faultstring": "..."}``."""
        return one_line(self.fault() or self.text)

    def fault(self) -> str:
        """The error message if this is an error of a service of st2, not of a proxy before it."""
        try:
            content = json.loads(self.text)
        except ValueError:
            return ""
        return str(content.get("faultstring", "")) if isinstance(content, dict) else ""


class Service:
    """An HTTP service.

    Args:
        name: what messages call it.
        url: ends with a slash; paths are added to it.
        verified: whether its certificate is checked.
        authorities: the file with the authorities that it is checked with; those of StackStorm by default.
    """

    def __init__(self, name: str, url: str, verified: bool = True, authorities: str = "") -> None:
        self.name = name
        self._url = urlsplit(url)
        self._verified = verified
        self._authorities = authorities

    def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = TIMEOUT,
    ) -> Answer:
        """Send a request, with a JSON body if any, and read the answer, whatever its status.

        Raises:
            Failure: there is none.
        """
        with self.open(method, path, body, headers, timeout) as response:
            text = response.read().decode("utf-8", "replace")
            content_type = response.getheader("Content-Type", "")
            return Answer(f"{method} {path} of {self.name}", response.status, content_type, text, self.name)

    @contextmanager
    def open(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = TIMEOUT,
    ) -> Iterator[http.client.HTTPResponse]:
        """The same for an answer that is read bit by bit. ``timeout`` is that of each bit, in seconds."""
        host, port = self._url.hostname or "", self._url.port
        connection = http.client.HTTPConnection(host, port, timeout=timeout)
        if self._url.scheme == "https":
            # As st2client, which takes the variable for the only authorities.
            authorities = self._authorities or os.environ.get("ST2_CACERT") or None
            context = ssl.create_default_context(cafile=authorities)
            if not self._verified:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
        content = None if body is None else json.dumps(body)
        try:
            sent = {"Content-Type": "application/json", **(headers or {})}
            _connect(connection, timeout)
            connection.request(method, f"{self._url.path}{path}", content, sent)
            with connection.getresponse() as response:
                yield response
        except (OSError, http.client.HTTPException) as error:
            reason = one_line(str(error)) or type(error).__name__
            raise Failure(f"{self.name} cannot be reached: {reason}", self.name) from None
        finally:
            connection.close()


def _connect(connection: http.client.HTTPConnection, timeout: float) -> None:
    """Connect, with more than one attempt: the next one may lead to another pod. Nothing has been sent yet."""
    connection.timeout = min(_CONNECT_TIMEOUT, timeout)
    end = time.monotonic() + timeout
    for left in reversed(range(_CONNECT_ATTEMPTS)):
        try:
            connection.connect()
            break
        except socket.timeout:  # noqa: UP041 - no TimeoutError before Python 3.10
            if not left or time.monotonic() >= end:
                raise
    connection.sock.settimeout(timeout)


class Credentials(NamedTuple):
    """Who logs in: a user with a password, or the owner of an API key."""

    user: str
    password: str
    api_key: str

    @classmethod
    def read(cls, path: str) -> Credentials:
        """Those of a configuration of the st2 command line, which prefers the user too where both are given.

        Raises:
            Failure: there are none.
        """
        # As st2client/config_parser.py reads it: values may contain percent signs.
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read_string(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError, configparser.Error) as error:
            # Messages of the parser show lines of the file.
            reason = error.strerror if isinstance(error, OSError) else "it is no INI text"
            raise Failure(f"cannot read {path}: {reason}") from None
        user, password, api_key = (
            parser.get("credentials", option, fallback="") for option in ("username", "password", "api_key")
        )
        if not (user and password) and not api_key:
            raise Failure(f"{path} has neither username and password nor api_key in [credentials]")
        return cls(user, password, "") if user and password else cls("", "", api_key)


class Session:
    """The services of a release, and a login.

    Args:
        environment: that of the process.

    Attributes:
        headers: those that log a request in; empty before ``log_in``.

    Raises:
        Failure: the environment lacks a variable.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.auth, self.api, self.stream = (
            Service(name, _variable(variable, environment))
            for name, variable in (
                ("st2auth", "ST2_AUTH_URL"),
                ("st2api", "ST2_API_URL"),
                ("st2stream", "ST2_STREAM_URL"),
            )
        )
        self._config = _variable("ST2_CONFIG_FILE", environment)
        self.headers: dict[str, str] = {}
        self._secrets: set[str] = set()

    def hide(self, text: str) -> str:
        """A text without the secrets of this session, whatever a service has said."""
        for secret in sorted(filter(None, self._secrets), key=len, reverse=True):
            text = text.replace(secret, "***")
        return text

    def credentials(self) -> Credentials:
        """Read anew each time: the kubelet updates the file when its Secret changes.

        Raises:
            Failure: there are none.
        """
        found = Credentials.read(self._config)
        self._secrets.update((found.password, found.api_key))
        return found

    def log_in(self, timeout: float = TIMEOUT) -> None:
        """Get a token of st2auth, or take the API key, which st2api has yet to accept.

        Raises:
            Failure: st2auth cannot be reached, or refuses the user.
        """
        credentials = self.credentials()
        if credentials.api_key:
            self.headers = key_headers(credentials.api_key)
            return
        answer = self.ask_for_token(credentials.user, credentials.password, timeout)
        if answer.status == 401:
            raise Failure(f"st2auth refuses user {credentials.user}: wrong password or unknown user", self.auth.name)
        token = str(answer.json(expected=201)["token"])
        self._secrets.add(token)
        self.headers = {"X-Auth-Token": token}

    def ask_for_token(self, user: str, password: str, timeout: float = TIMEOUT) -> Answer:
        """The answer of st2auth to these credentials."""
        basic = base64.b64encode(f"{user}:{password}".encode()).decode()
        return self.auth.ask("POST", "v1/tokens", {}, {"Authorization": f"Basic {basic}"}, timeout)

    def who_am_i(self, timeout: float = TIMEOUT) -> dict[str, Any]:
        """What st2api knows about the user: ``username``, and ``rbac`` with ``enabled`` and ``roles``.

        Raises:
            Failure: st2api cannot be reached, or refuses the login.
        """
        answer = self.api.ask("GET", "v1/user", headers=self.headers, timeout=timeout)
        if answer.status == 401:
            with_key = "St2-Api-Key" in self.headers
            text = f"st2api refuses the {'API key' if with_key else 'token'}: {answer.reason()}"
            raise LoginRefused(text, self.api.name)
        found: dict[str, Any] = answer.json()
        return found


class LoginRefused(Failure):
    """st2api does not know the token or the API key, or no longer."""


def describe(error: Exception) -> str:
    """A line about a failure, or about an answer which is so strange that reading it failed."""
    return str(error) if isinstance(error, Failure) else f"unexpected answer: {one_line(repr(error))}"


def timeout_until(end: float) -> float:
    """Seconds for an answer where no time is to be lost after a moment of the monotonic clock; not less than 1."""
    return max(1.0, min(TIMEOUT, end - time.monotonic()))


def key_headers(api_key: str) -> dict[str, str]:
    """The headers that log a request in with an API key."""
    return {"St2-Api-Key": api_key}


def require_roles(user: Mapping[str, Any], roles: Sequence[str]) -> None:
    """Check that a user, as st2api describes it, has roles.

    Raises:
        Failure: it lacks one, or st2api does not use RBAC.
    """
    if not user["rbac"]["enabled"]:
        raise Failure(f"st2api runs without RBAC, so user {user['username']} cannot have the roles {', '.join(roles)}")
    found = list(user["rbac"]["roles"])
    missing = ", ".join(role for role in roles if role not in found)
    if missing:
        held = f"the roles {', '.join(found)} but" if found else "no roles, so"
        raise Failure(f"user {user['username']} has {held} not {missing}: RBAC definitions have not been applied")


def one_line(text: str) -> str:
    """The begin of a text, without line breaks."""
    return " ".join(text.split())[:_LONGEST_REASON]


def st2_program(environment: Mapping[str, str]) -> str:
    """The program st2: ST2_CLI, or else that of the virtual environment of this Python."""
    return environment.get("ST2_CLI") or str(Path(sys.executable).with_name("st2"))


def _variable(name: str, environment: Mapping[str, str]) -> str:
    value = environment.get(name)
    if not value:
        raise Failure(f"the environment variable {name} is not set")
    return value
