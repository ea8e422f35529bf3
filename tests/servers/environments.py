"""Virtual environments with the libraries by which st2 coordinates itself and reads secrets, and processes in them.

An environment stands for that of an st2 image: it has the releases of st2's fixed-requirements.txt, as far as the
Python of this machine can use them. What constructs-st2 adds to the image is not in it.
"""

from __future__ import annotations

import ast
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from servers import cache
from servers.ports import PATIENCE

_GREEN = "eventlet==0.39.1"
_COMMON = (
    _GREEN,
    "futurist==3.0.0",
    "oslo.utils==7.4.0",  # older ones need a C compiler for netifaces, and newer ones are not made for these tooz
    "setuptools==75.3.2",
)

_COORDINATION_38 = (
    *_COMMON,
    "redis==4.1.4",
    "requests==2.25.1",
    "stevedore==1.30.1",
    "tenacity==6.3.1",
    "tooz==2.8.0",
)
_COORDINATION_39 = (
    *_COMMON,
    "redis==6.1.1",
    "requests==2.32.4",
    "stevedore==5.3.0",
    "tenacity==9.0.0",
    "tooz==6.3.0",
)
_CONF = "oslo.config==9.6.0"
"""What reads st2.conf, for both: that of st2 3.8, 1.12.1, knows no Python after 3.9."""

ENVIRONMENTS: Mapping[str, tuple[str, ...]] = {
    "st2-3.8": (*_COORDINATION_38, _CONF),
    "st2-3.9": (*_COORDINATION_39, _CONF),
    "secrets-3.8": (
        _GREEN,
        "amqp==5.0.6",
        "bcrypt==3.2.0",
        "cryptography==39.0.1",
        "kombu==5.0.2",
        "mongoengine==0.23.0",
        "paramiko==2.11.0",
        "passlib==1.7.4",
        "pymongo==3.11.3",
        "st2-auth-backend-flat-file==0.3.0",
    ),
    "secrets-3.9": (
        _GREEN,
        "amqp==5.3.1",
        "bcrypt==5.0.0",
        "cryptography==43.0.3",
        "kombu==5.5.4",
        "mongoengine==0.29.1",
        "paramiko==3.5.1",
        "pymongo==4.6.3",
        "st2-auth-backend-flat-file==0.4.1",
        "standard-crypt==3.13.0; python_version >= '3.13'",  # what the one before imports
        "st2client==3.9.0",
    ),
}
"""What is installed in each environment."""


def python(name: str) -> Path | None:
    """The interpreter of an environment, or None where it is missing."""
    return _interpreter(name) if _installed(name).exists() else None


def install_commands(name: str) -> list[list[str]]:
    """What makes an environment."""
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", *ENVIRONMENTS[name]]
    return [[sys.executable, "-m", "venv", "--clear", str(_folder(name))], [str(_interpreter(name)), *install]]


def ensure() -> None:
    """Make the environments that are missing. Never fails: tests that lack one say so."""
    for name in ENVIRONMENTS:
        if python(name) is None and all(_run(command) for command in install_commands(name)):
            _installed(name).touch()


def _folder(name: str) -> Path:
    return cache.folder("environments", name, (ENVIRONMENTS[name], sys.base_prefix, sys.version_info[:3]))


def _interpreter(name: str) -> Path:
    return _folder(name) / "bin" / "python"


def _installed(name: str) -> Path:
    """Written last: it tells that the environment is whole."""
    return _folder(name) / "installed"


def _run(command: Sequence[str]) -> bool:
    print(" ".join(command), flush=True)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
    return done.returncode == 0


class Raised(Exception):
    """The name of the error that an expression ended with."""


Start = Callable[[Sequence[str], Mapping[str, str]], "subprocess.Popen[str]"]
"""Starts a command with an environment. Standard input and output are pipes."""


def start_here(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start a command on this machine."""
    return subprocess.Popen(
        command,
        env={"PATH": os.defpath, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


_COORDINATOR = """
import functools
import logging
from tooz import coordination

logging.basicConfig(level="INFO")
coordinator = coordination.get_coordinator({url!r}, {member!r}, lock_timeout={lock_timeout!r})
coordinator.start(start_heart=True)
lock = functools.lru_cache(None)(coordinator.get_lock)

def join(group, capabilities=b""):
    try:
        coordinator.create_group(group).get()
    except coordination.GroupAlreadyExist:
        pass
    coordinator.join_group(group, capabilities=capabilities).get()

def members(group):
    return coordinator.get_members(group).get()

def capabilities(group, member):
    return coordinator.get_member_capabilities(group, member).get()
"""


def coordinator(url: str, member: bytes, lock_timeout: int = 60) -> str:
    """The setup of an `Interpreter` that coordinates as a service of st2.

    It does what coordinator_setup in st2common/services/coordination.py does, and offers what the services use:
    `coordinator`, `lock(name)`, which remembers its locks, `join(group, capabilities)`, `members(group)` and
    `capabilities(group, member)`.
    """
    return _COORDINATOR.format(url=url, member=member, lock_timeout=lock_timeout)


_ANSWER = "answer: "
# $1: what is done first. Green, as all services of st2 are; only reading from the test is not.
_EVALUATE = f"""
import eventlet
eventlet.monkey_patch()
import sys
from eventlet import tpool

names = {{}}
exec(sys.argv[1], names)
for line in iter(lambda: tpool.execute(sys.stdin.readline), ""):
    try:
        answer = None, eval(line, names)
    except Exception as error:
        answer = type(error).__name__, None
    print("{_ANSWER}" + repr(answer), flush=True)
"""


_NAMES = {"EVENTLET_NO_GREENDNS": "yes"}
"""Names are in hosts files. Eventlet's own resolver takes a third of the time of a start, and it would ask a DNS server
for names that are gone: here is none to answer."""


class Interpreter:
    """A process that evaluates expressions of Python.

    Args:
        python: its interpreter, of an environment.
        setup: statements that make what the expressions use.
        variables: its environment variables.
        start: starts it.
    """

    def __init__(
        self, python: Path, setup: str, variables: Mapping[str, str] | None = None, start: Start = start_here
    ) -> None:
        self.process = start([str(python), "-u", "-c", _EVALUATE, setup], {**_NAMES, **(variables or {})})
        self.log: list[str] = []
        """What it has written besides its answers."""
        self._answers: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __call__(self, expression: str, seconds: float = PATIENCE) -> Any:
        """The value of an expression, a literal.

        Raises:
            Raised: it ended with an error.
        """
        self.begin(expression)
        return self.answer(seconds)

    def begin(self, expression: str) -> None:
        """Let it evaluate an expression, without waiting for the value."""
        assert self.process.stdin
        self.process.stdin.write(expression + "\n")
        self.process.stdin.flush()

    def answer(self, seconds: float = PATIENCE) -> Any:
        """The value of what was begun first of all that was not answered."""
        try:
            answer = self._answers.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError(f"no answer within {seconds} s:\n{''.join(self.log)}") from None
        if answer is None:
            raise RuntimeError(f"it has ended:\n{''.join(self.log)}")
        error, value = ast.literal_eval(answer)
        if error:
            raise Raised(error)
        return value

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()
        self._reader.join()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe
            pipe.close()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            if line.startswith(_ANSWER):
                self._answers.put(line[len(_ANSWER) :])
            else:
                self.log.append(line)
        self._answers.put(None)
