"""Makes the recording: ``python -m recording FILE``.

Kubernetes is an API server of the tests, without nodes: it takes what is applied, and starts nothing.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from changes.api_server import api_server

from recording.terminal import picture, run, shortened

ROOT = Path(__file__).parents[2]


def main(output: Path) -> None:
    """Run the commands, and write the picture."""
    assets = Path(os.environ["KUBEBUILDER_ASSETS"])
    with tempfile.TemporaryDirectory() as name:
        folder, programs, data = (Path(name, each) for each in ("project", "bin", "data"))
        for each in (folder, programs, data):
            each.mkdir()
        shutil.copy(ROOT / "values.yaml", folder)
        with api_server(assets, data) as server:
            kubectl = programs / "kubectl"
            kubectl.write_text(f'#!/bin/sh\nexec {server.command} "$@"\n')
            kubectl.chmod(0o755)
            paths = [str(programs), str(Path(sys.executable).parent), os.environ["PATH"]]
            environment = {
                **os.environ,
                "PATH": os.pathsep.join(paths),
                "KUBECONFIG": os.devnull,
                "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20",
            }
            session = [
                shortened(run("constructs-st2 synth", folder, environment), 12, 0),
                shortened(run("kubectl apply -f dist/", folder, environment), 3, 2),
                run(
                    "constructs-st2 plan --against cluster --set st2actionrunner.replicas=8 "
                    "--set st2timersengine.resources.requests.memory=1Gi",
                    folder,
                    environment,
                ),
            ]
    output.write_text(picture(session, "constructs-st2: synth, apply, plan"), encoding="utf-8")


main(Path(sys.argv[1]))
