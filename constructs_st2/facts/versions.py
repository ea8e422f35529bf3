"""The versions of st2, and all that differs between them.

What else a new version needs, the recipe in docs/contributing.md says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, get_args

from constructs_st2.values.model.images import St2Version


class St2Release(NamedTuple):
    """What a minor version of st2 runs with, and what its libraries can do.

    ``mongodb``, ``rabbitmq``, ``redis`` and ``etcd`` are the tags of the official images; ``newest`` are the newest
    minor versions of these that it works with, where there is a limit. ``etcd3gw`` is the wheel for the Python of its
    images. ``database_tls`` are the options of [database] that turn TLS on and name the authorities. The last three are
    what its tooz can do: log in to a sentinel, speak TLS with one, and heed a username and authorities in the URL of a
    Redis.
    """

    mongodb: str
    rabbitmq: str
    redis: str
    etcd: str
    etcd3gw: str
    newest: Mapping[str, tuple[int, int]]
    database_tls: tuple[str, str]
    sentinel_logins: bool
    sentinel_tls: bool
    redis_credentials: bool


ST2_RELEASES: Mapping[St2Version, St2Release] = {
    "3.8": St2Release(
        # 4.4 has had no scheduled rebuild since 2024: the patch is pinned, because no newer one will come.
        mongodb="4.4.30",
        rabbitmq="3.13-management",
        redis="7.2",
        etcd="v3.5.33",
        etcd3gw="etcd3gw-2.4.2-py3-none-any.whl",
        # It brings pymongo 3.11, and its tests end at MongoDB 4.4.
        newest={"mongodb": (4, 4)},
        database_tls=("ssl", "ssl_ca_certs"),
        # tooz 2.8 overlooks all three, whatever its URL says.
        sentinel_logins=False,
        sentinel_tls=False,
        redis_credentials=False,
    ),
    "3.9": St2Release(
        mongodb="7.0",
        # 3.13 gets no more corrections; 4.2 is what the next st2 is tested with, and speaks the same protocol.
        rabbitmq="4.2-management",
        redis="8.0",
        etcd="v3.5.33",
        etcd3gw="etcd3gw-2.7.0-py3-none-any.whl",
        newest={},
        database_tls=("tls", "tls_ca_file"),
        # tooz 6.3.
        sentinel_logins=True,
        sentinel_tls=True,
        redis_credentials=True,
    ),
}
ST2_VERSIONS: tuple[St2Version, ...] = get_args(St2Version)
