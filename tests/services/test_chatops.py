"""The chat bot: the environment that it gets, the Secrets that it reads, and settings that keep it from its network."""

from __future__ import annotations

from typing import Any

import pytest
from support import MakeCluster, Synth

from constructs_st2.errors import InvalidValues, UserError
from constructs_st2.facts.chat_adapters import ADAPTERS, ChatAdapter, Login, adapters
from constructs_st2.facts.secrets import contract
from constructs_st2.facts.versions import ST2_VERSIONS
from constructs_st2.kube.documents import Document
from constructs_st2.values import load
from constructs_st2.values.model.images import St2Version

LOGINS = [
    pytest.param(version, adapter, login, id=f"{version}-{adapter.name}-{number}")
    for adapter in ADAPTERS
    for version in adapter.versions
    for number, login in enumerate(adapter.logins)
]
SLACK_3_9 = {
    "HUBOT_SLACK_BOT_TOKEN": {"existingSecret": "slack", "key": "bot"},
    "HUBOT_SLACK_APP_TOKEN": {"existingSecret": "slack", "key": "app"},
}
LATER = " or ".join(version for version in ST2_VERSIONS if version != "3.8")
IRC = {"HUBOT_IRC_SERVER": "irc.example.org", "HUBOT_IRC_ROOMS": "#ops"}
API_KEY = {"existingSecret": "bot", "key": "api"}


def values(version: St2Version, **chatops: Any) -> dict[str, Any]:
    return {"st2": {"version": version}, "st2chatops": {"enabled": True, **chatops}}


def complete(adapter: ChatAdapter, login: Login) -> dict[str, Any]:
    """All that an adapter needs for one way to log in."""
    return {
        "adapter": adapter.name,
        "tokens": {name: {"existingSecret": "tokens", "key": name.lower()} for name in login.secrets},
        "env": dict.fromkeys((*adapter.settings, *login.settings), "x"),
    }


def environment(container: Document) -> dict[str, Any]:
    """The values of variables; for one from a Secret, a pair of its name and the key."""
    found: dict[str, Any] = {}
    for variable in container["env"]:
        assert variable["name"] not in found
        source = variable.get("valueFrom", {}).get("secretKeyRef")
        found[variable["name"]] = (source["name"], source["key"]) if source else variable["value"]
    return found


def whole_secrets(container: Document) -> list[str]:
    return [source["secretRef"]["name"] for source in container["envFrom"] if "secretRef" in source]


def problems(cluster: MakeCluster, given: dict[str, Any]) -> list[str]:
    try:
        cluster(given)
    except InvalidValues as error:
        return [f"{problem.key} {problem.message}" for problem in error.problems]
    return []


@pytest.mark.parametrize(
    ("version", "names"),
    [
        ("3.8", {"slack", "botframework", "xmpp", "flowdock", "spark", "irc", "matteruser", "rocketchat"}),
        ("3.9", {"slack"}),
    ],
)
def test_each_version_has_the_adapters_of_its_image(version: St2Version, names: set[str]) -> None:
    assert set(adapters(version)) == names
    assert all(version in adapter.versions for adapter in adapters(version).values())


def test_the_default_bot_is_on_slack_logged_in_as_the_first_user(synth: Synth) -> None:
    container = synth({"st2chatops": {"enabled": True}}).container("st2chatops")
    assert environment(container) == {
        "HOME": "/home/hubot",
        "EXPRESS_PORT": "8081",
        "HUBOT_ADAPTER": "slack",
        "HUBOT_NAME": "hubot",
        "HUBOT_ALIAS": "!",
        "HUBOT_LOG_LEVEL": "info",
        "NODE_TLS_REJECT_UNAUTHORIZED": "1",
        "ST2_AUTH_USERNAME": ("st2-st2-auth", "ST2_AUTH_USERNAME"),
        "ST2_AUTH_PASSWORD": ("st2-st2-auth", "ST2_AUTH_PASSWORD"),
    }
    assert {"configMapRef": {"name": "st2-st2-urls"}} in container["envFrom"]
    assert whole_secrets(container) == ["st2-st2chatops"]


def in_clear_text(name: str, place: str) -> str:
    return (
        f"st2chatops.env.{name} holds a value of {name} in clear text; put it into a Secret and say where in {place} "
        f"(existingSecret, key); if it is no secret, add it to security.notSecret: st2chatops.env.{name}"
    )


@pytest.mark.parametrize(("version", "adapter", "login"), LOGINS)
def test_an_adapter_needs_no_secret_but_those_of_its_tokens(
    synth: Synth, version: St2Version, adapter: ChatAdapter, login: Login
) -> None:
    container = synth(values(version, **complete(adapter, login))).container("st2chatops")
    found = environment(container)
    assert found["HUBOT_ADAPTER"] == adapter.name
    for name in login.secrets:
        assert found[name] == ("tokens", name.lower())
    for name in (*adapter.settings, *login.settings):
        assert found[name] == "x"
    assert whole_secrets(container) == []


@pytest.mark.parametrize(("version", "adapter", "login"), LOGINS)
def test_each_setting_that_an_adapter_needs_is_missed(
    cluster: MakeCluster, version: St2Version, adapter: ChatAdapter, login: Login
) -> None:
    for name in (*adapter.settings, *login.settings):
        incomplete = complete(adapter, login)
        del incomplete["env"][name]
        assert problems(cluster, values(version, **incomplete)) == [
            f"st2chatops.env.{name} is required by the adapter {adapter.name}; set it, or name a Secret that holds it "
            "in st2chatops.existingSecret"
        ]
        # What such Secrets hold is not known here.
        assert problems(cluster, values(version, **incomplete, existingSecret="mine")) == []
        assert problems(cluster, values(version, **incomplete, envFromSecrets=["mine"])) == []


@pytest.mark.parametrize(("version", "adapter", "login"), LOGINS)
def test_no_token_may_stand_in_the_values(
    cluster: MakeCluster, version: St2Version, adapter: ChatAdapter, login: Login
) -> None:
    for name in adapter.secrets:
        given = complete(adapter, login)
        given["tokens"].pop(name, None)
        given["env"][name] = "s3cret"
        assert problems(cluster, values(version, **given)) == [in_clear_text(name, f"st2chatops.tokens.{name}")]


@pytest.mark.parametrize(
    ("chatops", "read"),
    [
        pytest.param({}, ["st2-st2chatops"], id="nothing given"),
        pytest.param({"existingSecret": "mine"}, ["mine"], id="a whole one of the user's"),
        pytest.param({"existingSecret": "mine", "tokens": SLACK_3_9}, ["mine"], id="the user's, and tokens"),
        pytest.param({"tokens": SLACK_3_9}, [], id="all tokens"),
        pytest.param(
            {"tokens": {"HUBOT_SLACK_BOT_TOKEN": SLACK_3_9["HUBOT_SLACK_BOT_TOKEN"]}}, ["st2-st2chatops"], id="too few"
        ),
        pytest.param({"tokens": {"GITHUB_TOKEN": {"existingSecret": "github"}}}, ["st2-st2chatops"], id="others"),
        pytest.param(
            {"env": {name: {"valueFrom": {"secretKeyRef": {"name": "slack", "key": "x"}}} for name in SLACK_3_9}},
            [],
            id="all tokens in env",
        ),
        pytest.param({"tokens": SLACK_3_9, "envFromSecrets": ["more"]}, ["more"], id="a further one"),
    ],
)
def test_the_whole_secret_is_read_unless_all_tokens_are_elsewhere(
    synth: Synth, cluster: MakeCluster, chatops: dict[str, Any], read: list[str]
) -> None:
    given = values("3.9", **chatops)
    assert whole_secrets(synth(given).container("st2chatops")) == read
    made = contract.keys_by_name(cluster().release, cluster(given).values).keys()
    assert made & {"st2-st2chatops", "mine"} == set(read) - {"more"}


@pytest.mark.parametrize(
    ("chatops", "login"),
    [
        pytest.param({"apiKey": API_KEY}, {"ST2_API_KEY": ("bot", "api")}, id="API key"),
        pytest.param({"tokens": {"ST2_API_KEY": API_KEY}}, {"ST2_API_KEY": ("bot", "api")}, id="API key as a token"),
        pytest.param(
            {"env": {"ST2_AUTH_USERNAME": "bot"}, "tokens": {"ST2_AUTH_PASSWORD": API_KEY}},
            {"ST2_AUTH_USERNAME": "bot", "ST2_AUTH_PASSWORD": ("bot", "api")},
            id="another user",
        ),
        pytest.param({"tokens": {"ST2_AUTH_TOKEN": API_KEY}}, {"ST2_AUTH_TOKEN": ("bot", "api")}, id="token"),
    ],
)
def test_the_bot_logs_in_in_one_way(synth: Synth, chatops: dict[str, Any], login: dict[str, Any]) -> None:
    found = environment(synth(values("3.9", **chatops)).container("st2chatops"))
    names = {"ST2_API_KEY", "ST2_AUTH_USERNAME", "ST2_AUTH_PASSWORD", "ST2_AUTH_TOKEN"}
    assert {name: found[name] for name in found.keys() & names} == login


def test_the_first_user_may_be_in_a_secret_of_the_users(synth: Synth) -> None:
    objects = synth({"st2": {"existingAuthSecret": "login"}, "st2chatops": {"enabled": True}})
    found = environment(objects.container("st2chatops"))
    assert found["ST2_AUTH_PASSWORD"] == ("login", "ST2_AUTH_PASSWORD")


def test_name_alias_and_links_can_be_chosen(synth: Synth) -> None:
    chatops = {"name": "ada", "alias": "?", "logLevel": "debug", "webuiUrl": "https://st2.example.org/"}
    found = environment(synth(values("3.9", **chatops)).container("st2chatops"))
    assert (found["HUBOT_NAME"], found["HUBOT_ALIAS"], found["HUBOT_LOG_LEVEL"]) == ("ada", "?", "debug")
    # hubot-stackstorm puts "/#/history/…" behind it.
    assert found["ST2_WEBUI_URL"] == "https://st2.example.org"


def test_env_has_the_last_word(synth: Synth) -> None:
    env = {"HUBOT_LOG_LEVEL": "warn", "NODE_TLS_REJECT_UNAUTHORIZED": 0, "EXPRESS_BIND_ADDRESS": "127.0.0.1"}
    found = environment(synth(values("3.9", env=env)).container("st2chatops"))
    assert found.items() >= {**env, "NODE_TLS_REJECT_UNAUTHORIZED": "0"}.items()


def test_scripts_are_mounted_where_hubot_looks(synth: Synth) -> None:
    objects = synth(values("3.9", hubotScriptsVolume={"configMap": {"name": "scripts"}}))
    assert {"name": "hubot-scripts", "configMap": {"name": "scripts"}} in objects.pod("st2chatops")["volumes"]
    (mount,) = (m for m in objects.container("st2chatops")["volumeMounts"] if m["name"] == "hubot-scripts")
    assert mount["mountPath"] == "/opt/stackstorm/chatops/scripts"


def test_reloader_restarts_the_bot_for_each_of_its_secrets(synth: Synth) -> None:
    objects = synth({**values("3.9", tokens=SLACK_3_9, apiKey=API_KEY), "secrets": {"reloader": True}})
    metadata = objects.named("Deployment", "st2-st2chatops")["metadata"]
    assert metadata["annotations"]["secret.reloader.stakater.com/reload"] == "bot,slack"


@pytest.mark.parametrize(
    ("version", "chatops", "found"),
    [
        pytest.param(
            "3.9",
            {"adapter": "irc", "env": IRC},
            ['st2chatops.adapter "irc" is no adapter of st2 3.9; use slack'],
            id="adapter of another version",
        ),
        pytest.param(
            "3.8",
            {"adapter": "teams"},
            [
                'st2chatops.adapter "teams" is no adapter of st2 3.8; use botframework, flowdock, irc, matteruser, '
                "rocketchat, slack, spark or xmpp"
            ],
            id="unknown adapter",
        ),
        pytest.param(
            "3.8",
            {"env": {"HUBOT_ADAPTER": "irc", **IRC}},
            ['st2chatops.env.HUBOT_ADAPTER is not "slack", as st2chatops.adapter says; set that one, and remove this'],
            id="two adapters",
        ),
        pytest.param(
            "3.9",
            {"tokens": {"HUBOT_SLACK_TOKEN": {"existingSecret": "slack"}}},
            [
                "st2chatops.tokens.HUBOT_SLACK_TOKEN is of st2 3.8; "
                f"st2 {LATER} takes HUBOT_SLACK_BOT_TOKEN and HUBOT_SLACK_APP_TOKEN"
            ],
            id="token of another version",
        ),
        pytest.param(
            "3.9",
            {"env": {"HUBOT_SLACK_TOKEN": "s3cret"}},
            [
                in_clear_text("HUBOT_SLACK_TOKEN", "st2chatops.tokens.HUBOT_SLACK_TOKEN"),
                "st2chatops.env.HUBOT_SLACK_TOKEN is of st2 3.8; "
                f"st2 {LATER} takes HUBOT_SLACK_BOT_TOKEN and HUBOT_SLACK_APP_TOKEN",
            ],
            id="token of another version as text",
        ),
        pytest.param(
            "3.8",
            {"tokens": SLACK_3_9},
            [f"st2chatops.tokens.{name} is of st2 {LATER}; st2 3.8 takes HUBOT_SLACK_TOKEN" for name in SLACK_3_9],
            id="tokens of a later version",
        ),
        pytest.param(
            "3.8",
            {"env": IRC},
            [
                f"st2chatops.env.{name} is of the adapter irc; remove it, or change st2chatops.adapter"
                for name in ("HUBOT_IRC_SERVER", "HUBOT_IRC_ROOMS")
            ],
            id="settings of another adapter",
        ),
        pytest.param(
            "3.9",
            {"env": {"ST2_API_KEY": "s3cret"}},
            [in_clear_text("ST2_API_KEY", "st2chatops.apiKey")],
            id="API key as text",
        ),
        pytest.param(
            "3.9",
            {"tokens": {"X": {"existingSecret": "x"}}, "env": {"X": "y"}},
            ["st2chatops.tokens.X is in st2chatops.env, too; remove one of them"],
            id="variable given twice",
        ),
        pytest.param(
            "3.9",
            {"apiKey": API_KEY, "tokens": {"ST2_API_KEY": API_KEY}},
            ["st2chatops.apiKey cannot be used together with the variable ST2_API_KEY; remove that"],
            id="API key given twice",
        ),
    ],
)
def test_what_cannot_work_is_refused(
    cluster: MakeCluster, version: St2Version, chatops: dict[str, Any], found: list[str]
) -> None:
    assert problems(cluster, values(version, **chatops)) == found


def test_nothing_is_asked_of_a_bot_that_does_not_run(cluster: MakeCluster) -> None:
    # The values of the Helm chart have this.
    env = {"HUBOT_ADAPTER": "slack", "HUBOT_SLACK_TOKEN": "xoxb-CHANGE-ME-PLEASE"}
    assert problems(cluster, {"st2chatops": {"enabled": False, "env": env}}) == []


def test_the_adapter_may_be_said_as_in_the_chart(synth: Synth) -> None:
    found = environment(synth(values("3.9", env={"HUBOT_ADAPTER": "slack"})).container("st2chatops"))
    assert found["HUBOT_ADAPTER"] == "slack"


@pytest.mark.parametrize("address", ["st2.example.org", "ftp://st2.example.org", "https://"])
def test_the_address_of_the_web_ui_is_one(synth: Synth, address: str) -> None:
    with pytest.raises(ValueError, match=r"must be an address such as https://st2\.example\.org"):
        synth(values("3.9", webuiUrl=address))


@pytest.mark.parametrize("chatops", ["st2chatops.apiKey=s3cret", "st2chatops.tokens.HUBOT_SLACK_BOT_TOKEN=s3cret"])
def test_a_secret_in_place_of_its_place_is_not_repeated(chatops: str) -> None:
    with pytest.raises(UserError) as caught:
        load([], [chatops], release_name="st2", release_namespace="stackstorm")
    (problem,) = caught.value.problems
    assert problem.endswith("must be {existingSecret: NAME, key: KEY}; the secret itself belongs into a Secret")


def test_a_token_of_another_version_is_told_as_a_secret_too(cluster: MakeCluster) -> None:
    told = problems(cluster, values("3.9", env={"HUBOT_SLACK_TOKEN": "s3cret"}))
    assert in_clear_text("HUBOT_SLACK_TOKEN", "st2chatops.tokens.HUBOT_SLACK_TOKEN") in told
    assert any("is of st2 3.8" in each for each in told)


def test_the_user_may_say_that_a_variable_of_the_bot_is_no_secret(cluster: MakeCluster) -> None:
    given = values("3.9", env={"ST2_API_KEY": "not-a-secret-1"})
    excused = {**given, "security": {"notSecret": ["st2chatops.env.ST2_API_KEY"]}}
    assert [each for each in problems(cluster, excused) if "ST2_API_KEY" in each] == []
