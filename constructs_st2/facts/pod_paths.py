"""Where pods find their files: what the images of st2 have, and what this package makes for them.

The scripts that run in pods know these paths by heart.
"""

from __future__ import annotations

STACKSTORM = "/opt/stackstorm"
"""Where the images have st2: its `base_path`."""
PROGRAMS = f"{STACKSTORM}/st2/bin"
"""The programs of its virtual environment."""
PACKS = f"{STACKSTORM}/packs"

OWN = "/etc/constructs-st2"
"""Below it are the files of this package."""
CONFIG_PATH = f"{OWN}/config"
SECRET_PATH = f"{OWN}/secret"
STATE_PATH = "/run/constructs-st2"
"""What containers of a pod tell each other, and what no disk may hold: in memory, and gone with the pod."""
