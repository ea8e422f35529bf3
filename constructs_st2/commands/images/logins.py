"""Logins to registries, as `docker login` leaves them.

https://docs.docker.com/reference/cli/docker/login/#credential-stores; Podman and others write the same file.
"""

from __future__ import annotations

import binascii
import json
import os
import subprocess
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from constructs_st2.commands.images.distribution import HUB, HUB_SERVER, Login, RegistryError

_HUB_NAMES = ("https://index.docker.io/v1/", "index.docker.io", HUB, HUB_SERVER)
_TOKEN_USER = "<token>"
"""The user by which helpers say that the password is an identity token."""
_SECONDS = 30


def login_of(registry: str) -> Login | None:
    """The login to a registry, or None.

    Raises:
        RegistryError: there may be one, but it cannot be read.
    """
    config = _config()
    names = _HUB_NAMES if registry == HUB else (registry, f"https://{registry}", f"https://{registry}/v2/")
    for name in names:
        helper = _mapping(config.get("credHelpers")).get(name) or config.get("credsStore")
        if helper and (login := _of_helper(str(helper), name)):
            return login
        if login := _of_entry(_mapping(_mapping(config.get("auths")).get(name)), registry):
            return login
    return None


def _config() -> Mapping[str, Any]:
    folder = os.environ.get("DOCKER_CONFIG")
    path = Path(folder) / "config.json" if folder else Path.home() / ".docker" / "config.json"
    try:
        return _mapping(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise RegistryError(f"{path} cannot be read: {error}") from error


def _of_entry(entry: Mapping[str, Any], registry: str) -> Login | None:
    if token := entry.get("identitytoken"):
        return Login("", "", str(token))
    if not entry.get("auth"):
        return None
    try:
        user, _, password = b64decode(str(entry["auth"]), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise RegistryError(f"the login to {registry} cannot be read; `docker login {registry}` renews it") from error
    return Login(user, password.rstrip("\x00"))


def _of_helper(helper: str, registry: str) -> Login | None:
    """What a program of the machine keeps: https://github.com/docker/docker-credential-helpers."""
    command = [f"docker-credential-{helper}", "get"]
    try:
        done = subprocess.run(command, input=registry, capture_output=True, text=True, timeout=_SECONDS, check=False)
        told = _mapping(json.loads(done.stdout)) if done.returncode == 0 else {}
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise RegistryError(f"{command[0]} does not tell the login to {registry}: {error}") from error
    if not told.get("Secret"):
        return None
    user, secret = str(told.get("Username", "")), str(told["Secret"])
    return Login("", "", secret) if user == _TOKEN_USER else Login(user, secret)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
