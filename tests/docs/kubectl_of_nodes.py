"""What stands for those commands of kubectl that take a node: it tells what could not work there.

Run by the script that stands for kubectl, with the command and all arguments, and the path of the real one in KUBECTL.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from docs.shell import exec_of

PARTS_OF_IMAGES = ("/etc/st2/st2.conf", "/opt/stackstorm/", "/usr/", "/bin/", "/dev/", "/proc/")
"""What images have."""
_PATH = re.compile(r"(?:^|=|\s)(/[\w.-]+(?:/[\w.-]+)+)")


def ask(*arguments: str) -> Any:
    """An object, as kubectl finds it."""
    done = subprocess.run(
        [os.environ["KUBECTL"], *arguments, "-o", "json"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def pod_of(target: str) -> Any:
    """The specification of a pod, of a workload or a pod."""
    kind, _, name = target.rpartition("/")
    found = ask("get", kind or "pod", name)
    template = found["spec"].get("template", found)
    return {**template["spec"], "annotations": template["metadata"].get("annotations", {})}


def run(words: list[str]) -> Iterator[str]:
    """What is wrong with running something in a pod."""
    asked = exec_of(words)
    assert asked
    pod = pod_of(asked.target)
    name = asked.container or pod["annotations"].get("kubectl.kubernetes.io/default-container")
    name = name or pod["containers"][0]["name"]
    container = next((each for each in pod["containers"] if each["name"] == name), None)
    if container is None:
        yield f"{asked.target} has no container {name}: {[each['name'] for each in pod['containers']]}"
        return
    mounts = [each["mountPath"] for each in container.get("volumeMounts", ())]
    for path in (found for word in asked.command for found in _PATH.findall(word)):
        mounted = any(path == mount or path.startswith(f"{mount}/") for mount in mounts)
        if not mounted and not path.startswith(PARTS_OF_IMAGES):
            yield f"{path} is not mounted in the container {name} of {asked.target}: {mounts}"


def forward(words: list[str]) -> Iterator[str]:
    """What is wrong with a way to a port."""
    rest = [word for word in _without_namespace(words[words.index("port-forward") + 1 :]) if not word.startswith("-")]
    target, *ports = rest
    pod = pod_of(target)
    known = {str(port["containerPort"]) for each in pod["containers"] for port in each.get("ports", ())}
    for port in ports:
        if port.rpartition(":")[2] not in known:
            yield f"{target} has no port {port}: {sorted(known)}"


def top(words: list[str]) -> Iterator[str]:
    """What is wrong with a look at usage, which the server of metrics tells."""
    options = words[words.index("top") + 1 :]
    if not ask("get", *options)["items"]:
        yield "there are no such pods"


def _without_namespace(words: list[str]) -> list[str]:
    return [word for before, word in zip(["", *words], words, strict=False) if "-n" not in (before, word)]


if __name__ == "__main__":
    verb, *arguments = sys.argv[1:]
    wrong = list({"exec": run, "port-forward": forward, "top": top}[verb](arguments))
    sys.exit("\n".join(wrong) if wrong else 0)
