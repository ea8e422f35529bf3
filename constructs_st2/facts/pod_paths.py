"""Where pods of this package find what it makes for them. The scripts that run in them know these paths by heart."""

from __future__ import annotations

CONFIG_PATH = "/etc/constructs-st2/config"
SECRET_PATH = "/etc/constructs-st2/secret"
STATE_PATH = "/run/constructs-st2"
"""What containers of a pod tell each other, and what no disk may hold: in memory, and gone with the pod."""
