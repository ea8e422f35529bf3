"""A release on a cluster: what the suite does with it, by kubectl alone."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from constructs_st2.commands.kubectl import Kubectl
from constructs_st2.commands.trying.progress import KINDS, Progress, progress

BELOW: dict[str, Any] = {
    "profile": "dev",
    "st2web": {"service": {"type": "ClusterIP"}},
    "jobs": {"smokeTest": {"enabled": True}},
    "backup": {"enabled": True, "destination": {"claim": {"create": {"size": "1Gi"}}}},
}
_PAUSE = 2.0


class Release:
    """A release, and what is done to it.

    Args:
        namespace: where it is.
        values: files with values that lie over those of the suite.
        folder: an empty folder for its manifests.
        seconds: how long to wait for anything.
    """

    def __init__(self, namespace: str, values: Sequence[Path], folder: Path, seconds: float) -> None:
        self.kubectl = Kubectl()
        self.namespace = namespace
        self.seconds = seconds
        self.dist = folder / "dist"
        self._below = folder / "values.yaml"
        self._below.write_text(yaml.safe_dump(BELOW))
        self._files = [self._below, *values]

    def command(self, *words: str) -> str:
        """What a command of constructs-st2 prints, for this release."""
        files = [word for file in self._files for word in ("-f", str(file))]
        program = [sys.executable, "-c", "from constructs_st2.commands.entry import main; main()"]
        done = subprocess.run(
            [*program, *words, *files, "--namespace", self.namespace],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.dist.parent,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def apply(self) -> None:
        """Write the manifests, and apply them."""
        self.command("synth", "--quiet", "--output", str(self.dist))
        self.kubectl.must("apply", "-f", str(self.dist))

    def in_namespace(self, *words: str) -> str:
        """What kubectl prints, in the namespace of the release."""
        return self.kubectl.must("-n", self.namespace, *words)

    def objects(self, *kinds: str) -> list[dict[str, Any]]:
        """The live objects of some kinds."""
        found: list[dict[str, Any]] = json.loads(self.in_namespace("get", ",".join(kinds), "-o", "json"))["items"]
        return found

    def progress(self) -> Progress:
        """How far its pods and Jobs are."""
        jobs = [each["metadata"]["name"] for each in self.manifests() if each["kind"] == "Job"]
        return progress(self.objects(*KINDS), jobs)

    def manifests(self) -> list[dict[str, Any]]:
        """The objects of the manifests."""
        return [each for file in sorted(self.dist.glob("*.yaml")) for each in yaml.safe_load_all(file.read_text())]

    def has(self, kind: str, part_of_name: str) -> bool:
        """Whether the manifests have such an object."""
        return any(each["kind"] == kind and part_of_name in each["metadata"]["name"] for each in self.manifests())

    def wait_until_ready(self) -> None:
        """Wait until all pods are ready and all Jobs have ended well."""

        def is_ready() -> bool:
            now = self.progress()
            assert not now.failed, f"Jobs have failed: {now.failed}"
            return now.is_complete

        self.wait_for(is_ready, lambda: str(self.progress()))

    def wait_for(self, condition: Callable[[], bool], explain: Callable[[], str]) -> None:
        """Wait for a condition; say what is the matter where it does not come."""
        end = time.monotonic() + self.seconds
        while not condition():
            assert time.monotonic() < end, f"not after {self.seconds:g} s: {explain()}"
            time.sleep(_PAUSE)

    def st2(self, *words: str) -> Any:
        """What the st2 command line answers, as JSON where it is."""
        answer = self.in_namespace("exec", "deploy/st2-st2client", "--", "st2", *words)
        try:
            return json.loads(answer)
        except ValueError:
            return answer

    def started(self, command: str) -> str:
        """The id of an execution of a shell command that has been asked for."""
        # Asked for an execution without waiting for it, st2 answers in prose, whatever the format.
        found = re.search(
            r"execution get ([0-9a-f]{24})", str(self.st2("run", "--async", "core.local", f"cmd={command}"))
        )
        assert found is not None
        return found[1]

    def statuses(self, executions: Sequence[str]) -> list[str]:
        """What has become of executions."""
        return [str(self.st2("execution", "get", each, "--json", "--attr", "status")["status"]) for each in executions]

    def run_shell(self, text: str) -> None:
        """Run commands as they are printed for people to paste."""
        for line in text.splitlines():
            if line.strip() and not line.startswith("#"):
                subprocess.run(["sh", "-c", line], check=False, cwd=self.dist.parent, timeout=self.seconds)

    def remove(self) -> None:
        """Remove everything, as the product tells it."""
        self.run_shell(self.command("uninstall", "--keep", "nothing", "--manifests", str(self.dist)))
        gone = ["wait", "--for=delete", f"namespace/{self.namespace}", f"--timeout={self.seconds:g}s"]
        subprocess.run(["kubectl", *gone], check=False)

    def __str__(self) -> str:
        return f"{self.namespace} with {shlex.join(map(str, self._files))}"
