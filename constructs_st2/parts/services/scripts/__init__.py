"""The scripts that run in the pods of StackStorm's services, by what they are for."""

from __future__ import annotations

WAIT_FOR = "wait-for.sh"
ON_TERM = "on-term.bash"
START_REGISTERED = "start-registered.sh"
CONNECTED = "connected.sh"
NOT_STUCK = "not-stuck.sh"
CLIENT = "client.sh"
NGINX = "nginx.sh"
