"""Settings of the chat bot."""

import re
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from constructs_st2.values.model.base import ONE_KEY, EnvName, TextLine, key
from constructs_st2.values.model.kubernetes import VolumeSource
from constructs_st2.values.model.names import SecretName
from constructs_st2.values.model.secrets import SecretKey
from constructs_st2.values.model.services import Service

_WEB_ADDRESS = re.compile(r"https?://[^\s/]+(/\S*)?")


def _is_a_reference(value: object) -> object:
    # Whoever gives the secret itself here should not find it in the message.
    if not isinstance(value, dict | SecretKey):
        raise ValueError("must be {existingSecret: NAME, key: KEY}; the secret itself belongs into a Secret")
    return value


def _is_a_web_address(text: str) -> str:
    if not _WEB_ADDRESS.fullmatch(text):
        raise ValueError("must be an address such as https://st2.example.org")
    return text


Token: TypeAlias = Annotated[SecretKey, BeforeValidator(_is_a_reference)]
"""Where a secret is; never the secret itself."""


class Chatops(Service):
    """Settings of st2chatops: those of every service, and these."""

    enabled: bool = key("Run the chat bot.", False)
    replicas: Annotated[int, Field(ge=0, le=1)] = key("1, or 0 to stop the bot.", 1)
    adapter: str = key(
        "The chat network: `slack`; with st2 3.8 also `botframework` (Microsoft Teams), `flowdock`, `irc`, "
        "`matteruser` (Mattermost), `rocketchat`, `spark` (Cisco) or `xmpp`.",
        "slack",
    )
    name: TextLine = key("Name of the bot, by which it is spoken to.", "hubot")
    alias: TextLine = key("What may stand in place of the name.", "!")
    # Hubot 3 (st2 3.8) and 11 (st2 3.9) log by different libraries; these levels are known to both.
    log_level: Literal["error", "info", "debug"] = key("How much the bot logs.", "info")
    webui_url: Annotated[str, AfterValidator(_is_a_web_address)] | None = key(
        "Public address of the web UI, for links to executions that carry none. Those that StackStorm makes carry one, "
        "from its option webui_base_url, section [webui]."
    )
    tokens: dict[EnvName, Token] = key(
        "Environment variables whose values are in Secrets of yours: `{existingSecret: NAME, key: KEY}`. "
        "With all secrets that the adapter needs here, the Secret <release>-st2chatops is not read.",
        {},
    )
    api_key: Token | None = key(
        "API key of the bot in a Secret of yours. Without one it logs in as the first user, or as the user of "
        "ST2_AUTH_USERNAME and ST2_AUTH_PASSWORD in `env` and `tokens`."
    )
    existing_secret: SecretName | None = key(
        "Your own Secret with the bot's environment (tokens, ST2_API_KEY) instead of the release's. "
        "`env`, `tokens` and the keys above win over it."
    )
    hubot_scripts_volume: Annotated[VolumeSource, ONE_KEY] = key(
        "Source of a volume that is mounted at /opt/stackstorm/chatops/scripts.", {}
    )
