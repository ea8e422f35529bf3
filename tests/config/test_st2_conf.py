"""The files of st2.conf in a cluster, read by the reader that st2 uses."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
from config import oslo
from oslo_config import cfg
from support import MakeCluster

from constructs_st2.facts.backends.connections import secrets_conf
from constructs_st2.facts.secrets.composition import filled
from constructs_st2.facts.secrets.contract import SECRETS_CONF
from constructs_st2.facts.st2_conf.settings import Settings
from constructs_st2.facts.st2_options import Option, options_for
from constructs_st2.values.model.images import St2Version

VERSIONS: tuple[St2Version, ...] = get_args(St2Version)

EVERYTHING_ON = {
    "st2": {
        "rbac": {"enabled": True},
        "system_user": {"user": "robot", "ssh_key_file": "/home/robot/.ssh/id"},
    },
}
EVERYTHING_OFF = {
    "st2": {"rbac": {"enabled": False}, "datastore_crypto_key": "disable"},
    "coordination": {"backend": "none"},
    "profile": "dev",
}


def conf_of(settings: Settings, folder: Path, version: str) -> cfg.ConfigOpts:
    """What st2 of a version reads, with the files in the order in which pods name them."""
    files = []
    for name, text in settings.files.items():
        files.append(folder / name)
        files[-1].write_text(text, encoding="utf-8")
    files.append(folder / SECRETS_CONF)
    secrets = filled(secrets_conf(settings.connections), lambda secret, key: f"{secret}.{key}")
    files[-1].write_text(secrets, encoding="utf-8")
    return oslo.read(files, options_for(version))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("values", [{}, EVERYTHING_ON, EVERYTHING_OFF], ids=["default", "on", "off"])
def test_st2_reads_every_option_as_what_it_is(
    values: dict[str, Any], version: St2Version, cluster: MakeCluster, tmp_path: Path
) -> None:
    settings = cluster({**values, "image": {"tag": f"{version}.0"}}).settings
    conf = conf_of(settings, tmp_path, version)
    kinds: dict[str, type] = {"int": int, "float": float, "bool": bool, "str": str, "list": list}
    for section, option in settings.options:
        known: Option = options_for(version)[section][option]
        assert isinstance(oslo.of_section(conf, section)[option], kinds[known.type]), (section, option)


def test_the_default_cluster_is_configured_for_kubernetes(cluster: MakeCluster, tmp_path: Path) -> None:
    conf = conf_of(cluster().settings, tmp_path, "3.9")
    assert [conf[section].host for section in ("auth", "api", "stream")] == ["0.0.0.0"] * 3
    assert conf.auth.api_url == "http://st2-st2api:9101/"
    assert conf.auth.backend_kwargs == '{"file_path": "/etc/st2/auth/htpasswd"}'
    assert conf.coordination.service_registry is True
    assert conf.actionrunner.graceful_shutdown is True
    assert conf.system_user.ssh_key_file == "/home/stanley/.ssh/stanley_rsa"
    assert conf.keyvalue.encryption_key_path == "/etc/st2/keys/datastore_key.json"


def test_the_time_for_running_work_follows_the_grace_period(cluster: MakeCluster, tmp_path: Path) -> None:
    def limit(grace: int) -> int:
        settings = cluster({"st2actionrunner": {"terminationGracePeriodSeconds": grace}}).settings
        return int(conf_of(settings, tmp_path, "3.9").actionrunner.exit_still_active_check)

    assert limit(1200) - limit(600) == 600
    assert limit(600) < 600


def test_the_users_options_win(cluster: MakeCluster, tmp_path: Path) -> None:
    text = "[garbagecollector]\ntraces_ttl = 3\n[content]\npack_group = $system_user.user\n"
    conf = conf_of(cluster({"st2": {"config": text}}).settings, tmp_path, "3.9")
    assert conf.garbagecollector.traces_ttl == 3
    assert conf.content.pack_group == "stanley"


def test_the_users_text_is_kept_to_the_letter(cluster: MakeCluster) -> None:
    text = "# why we do this\n[content]\n  \npack_group : $system_user.user\n"
    assert cluster({"st2": {"config": text}}).settings.files["st2.user.conf"] == text


@pytest.mark.parametrize(
    "value", ["$literal", "${x}", "100%", "%(x)s", "it's", '"quoted"', "ünï ☃", "one\ntwo\n# three", " blanks "]
)
def test_the_users_mapping_is_literal(value: str, cluster: MakeCluster, tmp_path: Path) -> None:
    settings = cluster({"st2": {"config": {"content": {"pack_group": value}}}}).settings
    assert conf_of(settings, tmp_path, "3.9").content.pack_group == value


def test_lists_and_numbers_of_the_users_mapping_are_read_as_such(cluster: MakeCluster, tmp_path: Path) -> None:
    origins = ["https://a.example", "https://b.example"]
    config = {"api": {"allow_origin": origins}, "scheduler": {"pool_size": 7}}
    conf = conf_of(cluster({"st2": {"config": config}}).settings, tmp_path, "3.9")
    assert conf.api.allow_origin == origins
    assert conf.scheduler.pool_size == 7
