"""The last guard of the data: a member that cannot read what is on its volume stops before its server starts."""

from __future__ import annotations

from constructs_st2.facts.backends.upgrades import UPGRADES, Version
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.images import Image
from constructs_st2.parts.pods import scripts
from constructs_st2.parts.pods.pod import Container
from constructs_st2.parts.pods.variables import OWN_POD_NAME, POD_NAME, env_text

NAME = "guard-data"
"""How its container is called."""
_SCRIPT = "guard-data.sh"
_PACKAGE = "constructs_st2.parts.backends.data_guard.scripts"
PATH = "/data"
"""Where it has the volume, wherever the server has it."""


def texts() -> dict[str, str]:
    """The script."""
    return scripts.texts(_PACKAGE)


def container(component: str, version: Version, accepted: str | None, image: Image, cluster: Cluster) -> Container:
    """The init container that comes first. It needs the volume at `PATH`, and the scripts of the backend.

    Args:
        component: the backend.
        version: that of its server.
        accepted: the version whose data it takes, whatever is known of that; somebody has the responsibility.
        image: an image with a shell.
        cluster: the cluster that it belongs to.
    """
    release = cluster.release
    upgrades = UPGRADES[component]
    texts = {
        "FOREIGN": upgrades.bitnami,
        "FORMATS": upgrades.after,
        "RETURNING": " ".join(upgrades.returning(version)),
        "ACCEPTED": accepted,
    }
    member = f"{release.namespace}/{OWN_POD_NAME}"
    return Container(
        name=NAME,
        image=image,
        command=scripts.command(_SCRIPT),
        args=[upgrades.name, str(version), member, *upgrades.readable(version)],
        env=[
            POD_NAME,
            *(env_text(variable, text) for variable, text in texts.items() if text),
        ],
        resources=cluster.values.helper_resources.of("scripts"),
    )
