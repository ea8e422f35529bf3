"""The chat networks that the bot can be on, and the environment variables that each of them needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from constructs_st2.errors import ValueProblem
from constructs_st2.facts.images import st2_version
from constructs_st2.values.model import Values
from constructs_st2.values.model.images import St2Version

ADAPTER = "HUBOT_ADAPTER"
API_KEY = "ST2_API_KEY"
LOGIN_USERNAME = "ST2_AUTH_USERNAME"
LOGIN_PASSWORD = "ST2_AUTH_PASSWORD"
LOGIN_TOKEN = "ST2_AUTH_TOKEN"


class Login(NamedTuple):
    """One way to log in to a chat network: the variables that it takes, secret ones and others."""

    secrets: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()


class ChatAdapter(NamedTuple):
    """What connects the bot to a chat network, in the images of some versions of st2.

    Of ``logins`` one is needed, and ``settings`` besides; ``optional_secrets`` are the other secret variables.
    """

    name: str
    versions: tuple[St2Version, ...]
    logins: tuple[Login, ...]
    settings: tuple[str, ...] = ()
    optional_secrets: tuple[str, ...] = ()

    @property
    def secrets(self) -> frozenset[str]:
        """The variables that hold secrets."""
        return frozenset(self.optional_secrets).union(*(login.secrets for login in self.logins))

    @property
    def variables(self) -> frozenset[str]:
        """All variables that are listed here."""
        return self.secrets.union(self.settings, *(login.settings for login in self.logins))


ADAPTERS: tuple[ChatAdapter, ...] = (
    ChatAdapter("slack", ("3.8",), (Login(("HUBOT_SLACK_TOKEN",)),)),
    ChatAdapter("slack", ("3.9",), (Login(("HUBOT_SLACK_BOT_TOKEN", "HUBOT_SLACK_APP_TOKEN")),)),
    ChatAdapter("botframework", ("3.8",), (Login(("BOTBUILDER_APP_PASSWORD",), ("BOTBUILDER_APP_ID",)),)),
    ChatAdapter(
        "flowdock",
        ("3.8",),
        (
            Login(("HUBOT_FLOWDOCK_API_TOKEN",)),
            Login(("HUBOT_FLOWDOCK_LOGIN_PASSWORD",), ("HUBOT_FLOWDOCK_LOGIN_EMAIL",)),
        ),
    ),
    ChatAdapter(
        # The nick is the bot's name by default.
        "irc",
        ("3.8",),
        (Login(),),
        settings=("HUBOT_IRC_SERVER", "HUBOT_IRC_ROOMS"),
        optional_secrets=("HUBOT_IRC_PASSWORD", "HUBOT_IRC_NICKSERV_PASSWORD"),
    ),
    ChatAdapter(
        "matteruser",
        ("3.8",),
        (Login(("MATTERMOST_ACCESS_TOKEN",)), Login(("MATTERMOST_PASSWORD",), ("MATTERMOST_USER",))),
        settings=("MATTERMOST_HOST", "MATTERMOST_GROUP"),
        optional_secrets=("MATTERMOST_MFA_TOKEN",),
    ),
    ChatAdapter(
        # User and room have defaults: hubot in GENERAL. So has the address, but that is the pod itself.
        "rocketchat",
        ("3.8",),
        (Login(("ROCKETCHAT_PASSWORD",)),),
        settings=("ROCKETCHAT_URL",),
    ),
    ChatAdapter("spark", ("3.8",), (Login(("HUBOT_SPARK_ACCESS_TOKEN",)),), settings=("HUBOT_SPARK_ROOMS",)),
    ChatAdapter(
        "xmpp", ("3.8",), (Login(("HUBOT_XMPP_PASSWORD",), ("HUBOT_XMPP_USERNAME",)),), settings=("HUBOT_XMPP_ROOMS",)
    ),
)
"""Sources: package.json and st2chatops.env of https://github.com/StackStorm/st2chatops, branches v3.8 and v3.9, and
what the adapters themselves refuse to start without. bin/hubot of v3.9 starts Slack's, whatever HUBOT_ADAPTER says."""

SECRETS: Mapping[str, str] = {
    **{name: f"st2chatops.tokens.{name}" for adapter in ADAPTERS for name in sorted(adapter.secrets)},
    **{name: f"st2chatops.tokens.{name}" for name in (LOGIN_PASSWORD, LOGIN_TOKEN)},
    API_KEY: "st2chatops.apiKey",
}
"""Variables that hold secrets, and where in the values to say in which Secret they are."""


def adapters(version: St2Version) -> dict[str, ChatAdapter]:
    """The adapters in the images of a version of st2, by name."""
    return {adapter.name: adapter for adapter in ADAPTERS if version in adapter.versions}


def reads_open_secret(values: Values) -> bool:
    """Whether the bot takes all keys of a Secret as variables: the user's, or the release's if secrets are missing.

    Raises:
        InvalidValues: the version of st2 is not known.
    """
    adapter = adapters(st2_version(values)).get(values.st2chatops.adapter)
    return bool(values.st2chatops.existing_secret) or adapter is None or _login(adapter, values) is None


def chatops_problems(values: Values, version: St2Version) -> Iterator[ValueProblem]:
    """What keeps the bot from its chat network, and secrets in the values. Nothing while the bot is not enabled."""
    if not values.st2chatops.enabled:
        return
    name = values.st2chatops.adapter
    known = adapters(version)
    if name not in known:
        message = f'"{name}" is no adapter of st2 {version}; use {_either(sorted(known))}'
        yield ValueProblem("st2chatops.adapter", message)
        return
    if values.st2chatops.env.get(ADAPTER, name) != name:
        message = f'is not "{name}", as st2chatops.adapter says; set that one, and remove this'
        yield ValueProblem(f"st2chatops.env.{ADAPTER}", message)
        return
    yield from _strange_variables(values, known[name])
    yield from _said_twice(values)
    yield from _missing_settings(values, known[name])


def given(values: Values) -> frozenset[str]:
    """The names of the variables that the user sets one by one."""
    return frozenset(values.st2chatops.env) | frozenset(values.st2chatops.tokens)


def _login(adapter: ChatAdapter, values: Values) -> Login | None:
    """The way to log in for which all secrets are given."""
    complete = [login for login in adapter.logins if given(values).issuperset(login.secrets)]
    return complete[0] if complete else None


def _strange_variables(values: Values, adapter: ChatAdapter) -> Iterator[ValueProblem]:
    """Variables that only other adapters know."""
    for key, names in (("env", values.st2chatops.env), ("tokens", values.st2chatops.tokens)):
        for name in names:
            owners = [other for other in ADAPTERS if name in other.variables]
            if not owners or adapter in owners:
                continue
            if owners[0].name == adapter.name:
                needed = " and ".join(adapter.logins[0].secrets)
                message = f"is of st2 {_either(owners[0].versions)}; st2 {_either(adapter.versions)} takes {needed}"
            else:
                message = f"is of the adapter {owners[0].name}; remove it, or change st2chatops.adapter"
            yield ValueProblem(f"st2chatops.{key}.{name}", message)


def _said_twice(values: Values) -> Iterator[ValueProblem]:
    chatops = values.st2chatops
    for name in chatops.tokens:
        if name in chatops.env:
            yield ValueProblem(f"st2chatops.tokens.{name}", "is in st2chatops.env, too; remove one of them")
    if chatops.api_key and API_KEY in given(values):
        yield ValueProblem("st2chatops.apiKey", f"cannot be used together with the variable {API_KEY}; remove that")


def _missing_settings(values: Values, adapter: ChatAdapter) -> Iterator[ValueProblem]:
    """Variables that the adapter does not start without. Those in a whole Secret of the user's are not known."""
    login = _login(adapter, values)
    if login is None or reads_open_secret(values) or values.st2chatops.env_from_secrets:
        return
    for name in (*adapter.settings, *login.settings):
        if name not in given(values):
            message = (
                f"is required by the adapter {adapter.name}; set it, or name a Secret that holds it in "
                "st2chatops.existingSecret"
            )
            yield ValueProblem(f"st2chatops.env.{name}", message)


def _either(names: tuple[str, ...] | list[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last
