"""The locks of requirements/ have what pyproject.toml asks for, on every Python and system that it can run on.

`make lock` makes them anew.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
GROUPS: dict[str, list[str]] = PROJECT["dependency-groups"]
RUN = [*PROJECT["project"]["dependencies"], *GROUPS["build"]]
ASKED: Mapping[str, list[str]] = {
    "run": RUN,
    "node": [*RUN, *EXTRAS["node"]],
    "dev": [*RUN, *EXTRAS["node"], *EXTRAS["dev"]],
    "supply": [*RUN, *GROUPS["supply"]],
}
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]
SYSTEMS = {"linux": ("Linux", "x86_64"), "darwin": ("Darwin", "arm64")}
_ENTRY = re.compile(r"^(?P<pin>[A-Za-z0-9].*?)(?: \\\n {4}--hash=(?P<hashes>.*(?:\n {4}--hash=.*)*))?$", re.MULTILINE)
_HASH = re.compile(r"sha256:[0-9a-f]{64}")


class Pin(NamedTuple):
    """A version of a package, and what its files may be."""

    requirement: Requirement
    hashes: list[str]


def pins(lock: str) -> Iterator[Pin]:
    text = (ROOT / "requirements" / f"{lock}.lock").read_text(encoding="utf-8")
    for entry in _ENTRY.finditer(text):
        yield Pin(Requirement(entry["pin"]), _HASH.findall(entry["hashes"] or ""))


def environments() -> Iterator[dict[str, str]]:
    for python in PYTHONS:
        for system, (name, machine) in SYSTEMS.items():
            yield {
                **{key: str(value) for key, value in default_environment().items()},
                **{"python_version": python, "python_full_version": f"{python}.9"},
                **{"implementation_version": f"{python}.9", "implementation_name": "cpython"},
                **{"platform_python_implementation": "CPython", "os_name": "posix"},
                **{"sys_platform": system, "platform_system": name, "platform_machine": machine},
            }


def versions(lock: Iterable[Pin], environment: Mapping[str, str]) -> dict[str, list[str]]:
    """The versions of each package that the lock has there."""
    found: dict[str, list[str]] = {}
    for requirement, _ in lock:
        if requirement.marker is None or requirement.marker.evaluate(dict(environment)):
            (exact,) = requirement.specifier
            assert exact.operator == "=="
            found.setdefault(canonicalize_name(requirement.name), []).append(exact.version)
    return found


@pytest.mark.parametrize("name", ASKED)
def test_a_lock_has_one_fitting_version_of_all_that_is_asked_for(name: str) -> None:
    lock = list(pins(name))
    asked = [Requirement(each) for each in ASKED[name]]
    for environment in environments():
        found = versions(lock, environment)
        assert [package for package, several in found.items() if len(several) > 1] == []
        for each in asked:
            if each.marker is None or each.marker.evaluate(dict(environment)):
                assert each.specifier.contains(found[canonicalize_name(each.name)][0]), (each, environment)


@pytest.mark.parametrize("name", ASKED)
def test_every_file_has_a_hash(name: str) -> None:
    assert [str(pin.requirement) for pin in pins(name) if not pin.hashes] == []


def test_tests_run_with_what_users_run_with() -> None:
    run, dev = list(pins("run")), list(pins("dev"))
    for environment in environments():
        used = versions(dev, environment)
        assert {name: used[name] for name in versions(run, environment)} == versions(run, environment)
