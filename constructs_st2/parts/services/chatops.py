"""st2chatops: Hubot, configured by environment variables."""

from __future__ import annotations

from constructs_st2.facts import chat_adapters
from constructs_st2.facts.catalogue import ST2CHATOPS
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.secrets import contract
from constructs_st2.kube.documents import fingerprint
from constructs_st2.parts.pods.volumes import Mount, Volume
from constructs_st2.parts.services import internal_tls
from constructs_st2.parts.services.process import Process, http_probes, scratch
from constructs_st2.parts.services.urls import URLS, urls, urls_env
from constructs_st2.values.model.secrets import SecretKey
from constructs_st2.values.model.services import EnvSource, EnvValue

_SCRIPTS_PATH = "/opt/stackstorm/chatops/scripts"
_HOME = "/home/hubot"


def process(cluster: Cluster) -> Process:
    """The bot. Secrets are in Secrets, everything else is in `st2chatops`.

    Where several of them have a variable, `st2chatops.env` wins over `tokens`, then come what the values say besides,
    and the whole Secret.
    """
    values = cluster.values.st2chatops
    mounts = scratch(_HOME)
    if values.hubot_scripts_volume:
        mounts.append(Mount(Volume("hubot-scripts", {**values.hubot_scripts_volume}), _SCRIPTS_PATH))
    authority = internal_tls.authority_mounts(cluster)
    port = ST2CHATOPS.port
    env_from = [urls_env(cluster.release)]
    if contract.CHATOPS.in_use(cluster.values):
        env_from.append({"secretRef": {"name": cluster.secret(contract.CHATOPS)}})
    return Process(
        command=["bin/hubot"],
        env={
            "HOME": _HOME,
            "EXPRESS_PORT": str(port),
            **({"NODE_EXTRA_CA_CERTS": internal_tls.AUTHORITY} if authority else {}),
            **_settings(cluster),
            **_login(cluster),
            **{name: _of(reference) for name, reference in values.tokens.items()},
        },
        env_from=env_from,
        ports={"http": port} if port else {},
        mounts=[*mounts, *authority],
        probes=http_probes({"tcpSocket": {"port": "http"}}),
        reads={URLS: fingerprint(urls(cluster))},
    )


def _settings(cluster: Cluster) -> dict[str, EnvValue]:
    values = cluster.values.st2chatops
    return {
        chat_adapters.ADAPTER: values.adapter,
        "HUBOT_NAME": values.name,
        "HUBOT_ALIAS": values.alias,
        "HUBOT_LOG_LEVEL": values.log_level,
        # st2chatops.env turns the check of certificates off, which only a StackStorm reached by HTTPS could need.
        # It stays on until the bot first asks StackStorm something: st2client 1.2.6 then turns it off by itself,
        # for the whole process (lib/request.js).
        "NODE_TLS_REJECT_UNAUTHORIZED": "1",
        **({"ST2_WEBUI_URL": values.webui_url.rstrip("/")} if values.webui_url else {}),
    }


def _login(cluster: Cluster) -> dict[str, EnvValue]:
    """How the bot logs in to StackStorm.

    hubot-stackstorm takes ST2_API_KEY before a token, and that before a user (src/lib/stackstorm_api.js). So the user
    does no harm where the whole Secret has a key, which is not known here.
    """
    given = chat_adapters.given(cluster.values)
    if key := cluster.values.st2chatops.api_key:
        return {chat_adapters.API_KEY: _of(key)}
    # All or none: the name of one user with the password of another is of no use.
    own = (
        chat_adapters.API_KEY,
        chat_adapters.LOGIN_TOKEN,
        chat_adapters.LOGIN_USERNAME,
        chat_adapters.LOGIN_PASSWORD,
    )
    if not given.isdisjoint(own):
        return {}
    secret = cluster.secret(contract.AUTH)
    return {
        chat_adapters.LOGIN_USERNAME: _key_of(secret, contract.AUTH_USERNAME),
        chat_adapters.LOGIN_PASSWORD: _key_of(secret, contract.AUTH_PASSWORD),
    }


def _of(reference: SecretKey) -> EnvSource:
    return _key_of(reference.existing_secret, reference.key)


def _key_of(secret: str, key: str) -> EnvSource:
    return {"valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
