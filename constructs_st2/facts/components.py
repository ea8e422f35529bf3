"""How components are called that are no service of StackStorm and no backend."""

from __future__ import annotations

STATSD_EXPORTER = "statsd-exporter"
EXECUTION_WATCH = "execution-watch"
DOCKER_REGISTRY = "docker-registry"
BACKUP = "backup"
RESTORE = "restore"
SECRETS_BOOTSTRAP = "secrets-bootstrap"
