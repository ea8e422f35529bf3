"""What stands for the small image of the helper containers: the shell and the programs of busybox, and nothing else."""

from __future__ import annotations

import subprocess
from pathlib import Path

from servers.containers import Image

_APPLETS = "/busybox"


def utility_image(busybox: str, folder: Path) -> Image:
    """The image, of which a part is made in an empty folder."""
    applets = folder / _APPLETS.lstrip("/")
    applets.mkdir(parents=True)
    subprocess.run([busybox, "--install", "-s", str(applets)], check=True)
    return Image(tree=folder, path=_APPLETS)
