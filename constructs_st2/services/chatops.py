"""st2chatops: Hubot, configured by environment variables."""

from __future__ import annotations

from constructs_st2.cluster import Cluster
from constructs_st2.config.files import urls
from constructs_st2.pod import Mount, Volume, fingerprint
from constructs_st2.secrets import contract
from constructs_st2.services.catalogue import ST2CHATOPS
from constructs_st2.services.process import Process, http_probes, scratch

_SCRIPTS_PATH = "/opt/stackstorm/chatops/scripts"
_HOME = "/home/hubot"


def process(cluster: Cluster) -> Process:
    """The bot. Its tokens come from a Secret, everything else from `st2chatops.env`."""
    values = cluster.values.st2chatops
    mounts = scratch(_HOME)
    if values.hubot_scripts_volume:
        mounts.append(Mount(Volume("hubot-scripts", {**values.hubot_scripts_volume}), _SCRIPTS_PATH))
    port = ST2CHATOPS.port
    return Process(
        command=["bin/hubot"],
        env={"HOME": _HOME, "EXPRESS_PORT": str(port)},
        env_from=[
            {"configMapRef": {"name": cluster.release.named("st2-urls")}},
            {"secretRef": {"name": cluster.secret(contract.CHATOPS)}},
        ],
        ports={"http": port} if port else {},
        mounts=mounts,
        probes=http_probes({"tcpSocket": {"port": "http"}}),
        reads={"st2-urls": fingerprint(urls(cluster))},
    )
