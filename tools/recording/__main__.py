"""Makes the recording: ``python -m recording FILE``.

Kubernetes is an API server of the tests, without nodes: it takes what is applied, and starts nothing.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from servers import kubernetes_programs
from servers.kube_apiserver import ApiServer, Kubectl

from recording.terminal import picture, run, shortened

ROOT = Path(__file__).parents[2]


def main(output: Path) -> None:
    """Run the commands, and write the picture."""
    found, kubectl = kubernetes_programs.find(), kubernetes_programs.find_kubectl()
    if found is None or kubectl is None:
        raise SystemExit(kubernetes_programs.INSTALL)
    with tempfile.TemporaryDirectory() as name:
        folder, programs, data = (Path(name, each) for each in ("project", "bin", "data"))
        for each in (folder, programs, data):
            each.mkdir()
        shutil.copy(ROOT / "values.yaml", folder)
        with ApiServer(found, data) as server:
            (programs / "kubectl").symlink_to(kubectl)
            paths = [str(programs), str(Path(sys.executable).parent), os.environ["PATH"]]
            environment = {
                **Kubectl(kubectl, server, data).environment,
                "PATH": os.pathsep.join(paths),
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
