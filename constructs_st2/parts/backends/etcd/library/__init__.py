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

from constructs_st2.facts.versions import ST2_RELEASES
from constructs_st2.values.model.backends import ETCD_SCHEMES
from constructs_st2.values.model.images import St2Version

LIBRARY_FILE = "st2_etcd.egg"
"""A ZIP file, and an egg by its name: where st2 3.8 looks for drivers, in pkg_resources through stevedore 1.30.1, any
other ZIP file in PYTHONPATH counts for nothing."""
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
    return _archive({**_etcd3gw(ST2_RELEASES[st2_version].etcd3gw), **_driver()})


def _driver() -> dict[str, bytes]:
    metadata = "Metadata-Version: 2.1\nName: st2-etcd\nVersion: 1.0\nLicense: Apache-2.0\n"
    entry_points = ["[tooz.backends]", *(f"{scheme} = st2_etcd:Driver" for scheme in SCHEMES), ""]
    return {
        "st2_etcd.py": _read("st2_etcd.py"),
        # Found by pkg_resources, and by importlib.metadata, which st2 3.9 asks, as well as that of a wheel.
        "EGG-INFO/PKG-INFO": metadata.encode(),
        "EGG-INFO/entry_points.txt": "\n".join(entry_points).encode(),
    }


def _etcd3gw(wheel: str) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(_read(wheel))) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not _LEFT_OUT.fullmatch(name)}


def _archive(files: Mapping[str, bytes]) -> bytes:
    """A ZIP file that depends on nothing but the files. Not compressed, since the builds of zlib differ."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix; the default is that of the machine
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def _read(name: str) -> bytes:
    return resources.files(__name__).joinpath(name).read_bytes()
