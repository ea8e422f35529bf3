"""What the Helm chart `stackstorm-ha` is like where this project differs, so that a chart user's values file works."""

from __future__ import annotations

from collections.abc import Mapping

RAW_PATHS: tuple[tuple[str, ...], ...] = (
    ("st2", "packs", "configs"),
    ("st2", "overrides"),
    ("st2", "rbac"),
    ("st2web", "config"),
    ("*", "postStartScript"),
    ("extraObjects",),
    ("patches",),
)
"""Where `{{ … }}` is content, such as Jinja of StackStorm, and no Helm template; nor does the chart render it."""

_NOT_YET = "remove it: this version has nothing that it could set"
_NO_BACKEND = "remove it: this version runs no backends itself; give the connection in st2.existingConfigSecret"

RETIRED: Mapping[tuple[str, ...], str] = {
    ("st2", "password"): "put it into a Secret as ST2_AUTH_PASSWORD and name that in st2.existingAuthSecret",
    ("st2", "ssh_key"): "put it into a Secret as private_key and name that in st2.existingSshSecret",
    ("st2client", "st2clientConfig"): "the key `config` of the Secret <release>-st2-client-config takes its place",
    ("secrets",): "its keys have moved below st2",
    ("redis",): _NO_BACKEND,
    ("external-dns",): "install external-dns by itself; st2web.service.hostname sets the annotation that it reads",
    ("mongodb", "*"): _NO_BACKEND,
    ("rabbitmq", "*"): _NO_BACKEND,
    ("st2", "packs", "images"): _NOT_YET,
    ("st2", "packs", "volumes"): _NOT_YET,
    ("st2", "keyvalue"): _NOT_YET,
    ("st2", "apikeys"): _NOT_YET,
    ("docker-registry",): _NOT_YET,
    ("jobs",): _NOT_YET,
    ("ingress",): _NOT_YET,
}
"""Keys of the chart that cannot be honoured: what to do instead."""
