"""Where pods find their files: what the images of st2 have, and what this package makes for them.

The scripts that run in pods know these paths by heart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from constructs_st2.values.model import Values

STACKSTORM = "/opt/stackstorm"
"""Where the images have st2: its `base_path`."""
PROGRAMS = f"{STACKSTORM}/st2/bin"
"""The programs of its virtual environment."""
PACKS = f"{STACKSTORM}/packs"

CONF_DIRECTORY = "/etc/st2"
"""Where st2 looks for its settings."""
HTPASSWD_PATH = f"{CONF_DIRECTORY}/auth/htpasswd"
CRYPTO_KEY_PATH = f"{CONF_DIRECTORY}/keys/datastore_key.json"

OWN = "/etc/constructs-st2"
"""Below it are the files of this package."""
CONFIG_PATH = f"{OWN}/config"
SECRET_PATH = f"{OWN}/secret"
STATE_PATH = "/run/constructs-st2"
"""What containers of a pod tell each other, and what no disk may hold: in memory, and gone with the pod."""


def home_of(values: Values) -> str:
    """The home of the system user."""
    return f"/home/{values.st2.system_user.user}"


def ssh_key_file(values: Values) -> str:
    """Where the private key of the system user is."""
    return values.st2.system_user.ssh_key_file or f"{home_of(values)}/.ssh/stanley_rsa"
