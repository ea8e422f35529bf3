"""What st2 lacks for a coordination backend as one file for PYTHONPATH, in which tooz finds a driver.

The file is a ZIP file, and an egg by its name: where st2 3.8 looks for drivers, in pkg_resources through stevedore
1.30.1, any other ZIP file in PYTHONPATH counts for nothing.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence


def driver(module: str, source: bytes, schemes: Sequence[str]) -> dict[str, bytes]:
    """The files of a driver for tooz.

    Args:
        module: the Python module with the class ``Driver``.
        source: its text.
        schemes: what the URLs begin with that it is for.
    """
    metadata = f"Metadata-Version: 2.1\nName: {module.replace('_', '-')}\nVersion: 1.0\nLicense: Apache-2.0\n"
    entry_points = ["[tooz.backends]", *(f"{scheme} = {module}:Driver" for scheme in schemes), ""]
    return {
        f"{module}.py": source,
        # Found by pkg_resources, and by importlib.metadata, which st2 3.9 asks, as well as that of a wheel.
        "EGG-INFO/PKG-INFO": metadata.encode(),
        "EGG-INFO/entry_points.txt": "\n".join(entry_points).encode(),
    }


def archive(files: Mapping[str, bytes]) -> bytes:
    """A ZIP file that depends on nothing but the files. Not compressed, since the builds of zlib differ."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix; the default is that of the machine
            entry.external_attr = 0o100644 << 16
            opened.writestr(entry, content)
    return buffer.getvalue()
