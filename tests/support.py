"""What tests share besides fixtures."""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from constructs_st2.kube.documents import Document, identity, pod_template

if TYPE_CHECKING:
    from constructs_st2.facts.cluster import Cluster

LONG = os.environ.get("ST2_TEST_LONG") == "1"
"""Whether to try what takes many minutes, too: with the servers of all releases, whatever can happen."""


def examples(number: int) -> int:
    """How many examples are tried of something that has very many: half of the number, and all in long runs."""
    return number if LONG else number // 2


def each_of(names: str | tuple[str, ...], rows: Iterable[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """As `pytest.mark.parametrize`, but all rows are one test, which tells each of them that fails.

    For tables of very many rows that take no time: a test of its own for each would take far longer than what it tests.
    What fixtures give is the same for all rows.
    """
    arguments = (names,) if isinstance(names, str) else names
    table = [dict(zip(arguments, (row,) if isinstance(names, str) else row, strict=True)) for row in rows]
    assert table, "a table without rows tests nothing"

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def of_all(*instance: Any, **fixtures: Any) -> None:
            failed: list[tuple[str, Exception]] = []
            for row in table:
                try:
                    test(*instance, **fixtures, **row)
                except Exception as error:
                    failed.append((", ".join(f"{name}={value!r}" for name, value in row.items()), error))
            if failed:
                told = "\n".join(f"{row}: {type(error).__name__}: {error}" for row, error in failed)
                raise AssertionError(f"{len(failed)} of {len(table)} rows:\n{told}") from failed[0][1]

        signature = inspect.signature(test)
        fixtures = [each for name, each in signature.parameters.items() if name not in arguments]
        of_all.__signature__ = signature.replace(parameters=fixtures)  # type: ignore[attr-defined]
        return of_all

    return decorate


def not_run(reason: str) -> NoReturn:
    """End a test that this machine cannot run. With ST2_TEST_REQUIRE_ALL=1 that is a failure."""
    message = f"not run: {reason}"
    if os.environ.get("ST2_TEST_REQUIRE_ALL") == "1":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def need_root() -> None:
    """End a test of somebody who is not root as not run: it would make namespaces."""
    if os.geteuid() != 0:
        not_run(f"only root can make namespaces; sudo {sys.executable} -m pytest")


class Objects(list[Document]):
    """Synthesized objects, with ways to find one."""

    def named(self, kind: str, name: str) -> Document:
        """The one object of a kind and name."""
        (found,) = (document for document in self if identity(document) == f"{kind}/{name}")
        return found

    def begins(self, kind: str, name: str) -> Document:
        """The one object of a kind whose name begins so."""
        (found,) = (document for document in self if identity(document).startswith(f"{kind}/{name}"))
        return found

    def of_kind(self, kind: str) -> list[Document]:
        """All objects of a kind."""
        return [document for document in self if document["kind"] == kind]

    def pod_templates(self) -> dict[str, Document]:
        """The pod template of each workload, by the workload's name."""
        return {d["metadata"]["name"]: pod for d in self if (pod := pod_template(d)) is not None}

    def pod(self, component: str) -> Document:
        """The pod spec of a workload of the release st2."""
        spec: Document = self.pod_templates()[f"st2-{component}"]["spec"]
        return spec

    def container(self, component: str) -> Document:
        """The main container of a workload of the release st2."""
        container: Document = self.pod(component)["containers"][0]
        return container


MakeCluster = Callable[..., "Cluster"]
Synth = Callable[..., Objects]
Require = Callable[[str], str]
"""The path of a program that the test needs."""
Environment = Callable[[str], Path]
"""The interpreter of a virtual environment that the test needs."""
Server = Callable[[str, str], Path]
"""The root of a newer server that the test needs, by its name and the suite of Debian."""
