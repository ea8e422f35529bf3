"""What st2 lacks to coordinate through etcd: Python modules for its own interpreter, as one file for PYTHONPATH.

``st2_etcd.py`` and the wheels in this folder are data: they run in the images of st2 and are not imported here.
"""

from __future__ import annotations

import io
import re
import zipfile
from functools import cache
from importlib import resources

from constructs_st2.facts.versions import ST2_RELEASES
from constructs_st2.parts.backends import egg
from constructs_st2.values.model.backends import ETCD_SCHEMES
from constructs_st2.values.model.images import St2Version

LIBRARY_FILE = "st2_etcd.egg"
SCHEMES = ETCD_SCHEMES
"""What the URL of a coordinator begins with, for the driver in the library."""

# What etcd3gw imports is in the images: requests is in st2's fixed-requirements.txt, tooz requires futurist, and tooz
# 2.8.0 and every stevedore require pbr.
_LEFT_OUT = re.compile(r"etcd3gw/(tests|examples)/.*|.*\.dist-info/RECORD")


@cache
def library(st2_version: St2Version) -> bytes:
    """The content of ``LIBRARY_FILE`` for the Python of an st2 version: the same bytes wherever it is made.

    tooz finds the driver by the entry points in it, once the file is in PYTHONPATH.
    """
    etcd3gw = _etcd3gw(ST2_RELEASES[st2_version].etcd3gw)
    return egg.archive({**etcd3gw, **egg.driver("st2_etcd", _read("st2_etcd.py"), SCHEMES)})


def _etcd3gw(wheel: str) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(_read(wheel))) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not _LEFT_OUT.fullmatch(name)}


def _read(name: str) -> bytes:
    return resources.files(__name__).joinpath(name).read_bytes()
