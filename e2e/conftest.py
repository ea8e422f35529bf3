"""What the suite has: a cluster that is reached by the current context of kubectl, and a release in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.release import Release

NAMESPACE = os.environ.get("ST2_E2E_NAMESPACE", "stackstorm-e2e")
VALUES = [Path(name).absolute() for name in os.environ.get("ST2_E2E_VALUES", "").split(os.pathsep) if name]
SECONDS = float(os.environ.get("ST2_E2E_SECONDS", "1200"))
KEEP = bool(os.environ.get("ST2_E2E_KEEP"))


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """The release, before anything is applied. At the end all of it goes, unless somebody wants to look at it."""
    made = Release(NAMESPACE, VALUES, tmp_path_factory.mktemp("e2e"), SECONDS)
    if made.kubectl.run("get", "namespace", NAMESPACE).status == 0:
        pytest.exit(f"the namespace {NAMESPACE} is there; delete it, or name another one in ST2_E2E_NAMESPACE", 1)
    yield made
    if not KEEP:
        made.remove()


_failed: list[str] = []


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Each test goes on from where the one before has left the release."""
    if _failed and "release" in getattr(item, "fixturenames", ()):
        pytest.skip(f"{_failed[0]} has failed")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember the first failure."""
    if report.failed:
        _failed.append(report.nodeid)
