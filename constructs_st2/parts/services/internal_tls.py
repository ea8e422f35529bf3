"""TLS to st2auth, st2api and st2stream, as far as their clients are concerned."""

from __future__ import annotations

from constructs_st2.facts.backends.connections import ca_path
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.secrets import contract
from constructs_st2.parts.pods.volumes import Mount, Volume
from constructs_st2.values.model import Values

AUTHORITY = ca_path("st2", contract.TLS_AUTHORITY)
_DIRECTORY = AUTHORITY.rpartition("/")[0]


def is_on(values: Values) -> bool:
    """Whether they speak TLS."""
    return values.tls.internal.of_services


def authority_mounts(cluster: Cluster) -> list[Mount]:
    """The mount that brings the authority to a pod which checks their certificates."""
    if not is_on(cluster.values):
        return []
    files = {contract.TLS_AUTHORITY: contract.TLS_AUTHORITY}
    return [Mount(Volume.secret("ca-st2", cluster.secret(contract.ST2_TLS), files), _DIRECTORY)]


def client_env(values: Values) -> dict[str, str]:
    """The environment by which st2client checks their certificates; by itself, it checks none (st2client/client.py).

    Not REQUESTS_CA_BUNDLE: actions inherit the environment, and would trust nobody else in the Internet then.
    """
    return {"ST2_CACERT": AUTHORITY} if is_on(values) else {}
