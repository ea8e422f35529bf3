"""What st2 lacks to coordinate through etcd: Python modules for its own interpreter, as one file for PYTHONPATH.

``st2_etcd.py`` and the wheels in this folder are data: they run in the images of st2 and are not imported here.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from functools import cache
from importlib import resources

from constructs_st2.backends import egg
from constructs_st2.images import St2Version
from constructs_st2.values.model.backends import ETCD_SCHEMES

LIBRARY_FILE = "st2_etcd.egg"
SCHEMES = ETCD_SCHEMES
"""What the URL of a coordinator begins with, for the driver in the library."""

# The newest release for the Python of each version's images. What etcd3gw imports is there: requests is in st2's
# fixed-requirements.txt, tooz requires futurist, and tooz 2.8.0 and every stevedore require pbr.
_ETCD3GW: Mapping[St2Version, str] = {
    "3.8": "etcd3gw-2.4.2-py3-none-any.whl",
    "3.9": "etcd3gw-2.7.0-py3-none-any.whl",
}
_LEFT_OUT = re.compile(r"etcd3gw/(tests|examples)/.*|.*\.dist-info/RECORD")


@cache
def library(st2_version: St2Version) -> bytes:
    """The content of ``LIBRARY_FILE`` for the Python of an st2 version: the same bytes wherever it is made.

    tooz finds the driver by the entry points in it, once the file is in PYTHONPATH.
    """
    return egg.archive({**_etcd3gw(_ETCD3GW[st2_version]), **egg.driver("st2_etcd", _read("st2_etcd.py"), SCHEMES)})


def _etcd3gw(wheel: str) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(_read(wheel))) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not _LEFT_OUT.fullmatch(name)}


def _read(name: str) -> bytes:
    return resources.files(__name__).joinpath(name).read_bytes()
