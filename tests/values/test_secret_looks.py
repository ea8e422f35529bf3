"""What a secret looks like: by its name and by its form; and what only resembles one."""

from __future__ import annotations

import re

import pytest
from support import each_of

from constructs_st2.values import secret_forms, secret_looks

VALUE = "hunter2hunter2"
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMN"
HEX = "0123456789abcdef" * 4
UUID = "01234567-89ab-cdef-" + "0123-456789abcdef"


SECRET_NAMES = """
PASSWORD DB_PASSWORD DB_PASS DB_PASSWD MYSQL_PWD PGPASSWORD LDAP_BIND_PW dbPassword db-password smtppassword
PASSWORD1 PASSWORD_2 TOKEN_OLD PASSWORD_B64 SECRET JWT_SECRET clientSecret SECRET_KEY_BASE DJANGO_SECRET_KEY TOKEN
GH_TOKEN AWS_SESSION_TOKEN authToken API_KEY APIKEY apiKey X-Api-Key DD_APP_KEY ACCESS_KEY AWS_SECRET_ACCESS_KEY
AZURE_STORAGE_KEY PRIVATE_KEY SSH_KEY SIGNING_KEY ENCRYPTION_KEY MASTER_KEY HMAC_KEY LICENSE_KEY PASSPHRASE
KEY_PASSPHRASE CREDENTIALS API_CREDENTIALS AUTH BASIC_AUTH REDISCLI_AUTH GITHUB_PAT AZURE_SAS ERLANG_COOKIE
requirepass masterauth WEBHOOK_SECRET webhook_token passwords TOTP_SEED SNMP_COMMUNITY
"""


@each_of("name", SECRET_NAMES.split())
def test_names_that_say_secret(name: str) -> None:
    assert [look.value for look in secret_looks.in_value(VALUE, name)] == [VALUE]


OTHER_NAMES = """
TOKEN_TTL PASSWORD_FILE SECRET_NAME KEYBOARD monkey existingSecret existing_secret imagePullSecret secretName
TOKEN_URL PASSWORD_MIN_LENGTH keyName sort_key TOKEN_ISSUER compass bypass AUTH_TYPE CLIENT_ID ACCESS_KEY_ID
TOKENIZER author PASSENGER PATH PASSWORD_POLICY SECRETS_PATH valueFrom initial-cluster-token
publicKey SSH_PUBLIC_KEY WEBHOOK_SECRET_NAME
"""


@each_of("name", OTHER_NAMES.split())
def test_names_that_only_resemble_those(name: str) -> None:
    assert not list(secret_looks.in_value(VALUE, name))


@each_of(
    ("name", "value"),
    [
        ("DB_PASSWORD", ""),
        ("DB_PASSWORD", "/run/secrets/db"),
        ("DB_PASSWORD", "${DB}"),
        ("DB_PASSWORD", "$(DB)"),
        ("TOKEN", "{{ st2kv.system.token | decrypt_kv }}"),
        ("TOKEN", "<token>"),
        ("TOKEN", "********"),
        ("TOKEN", "vault:secret/data/x#token"),
        ("TOKEN", "https://example.com/token"),
        ("USE_TOKEN", "true"),
        ("st2-datastore-crypto-key", "Encrypts secret items of the key-value store"),
        ("MAX_TOKEN", "4096"),
        ("publicKey", "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"),
        ("MAX_TOKENS", "4096"),
        ("COMMUNITY", "exchange"),
        ("AUTH", "ldap"),
        ("AUTH", "db:27017"),
        ("ROUTING_KEY", "st2.exchange"),
        ("PASSWORD_SECRET", "my-secret"),
        ("DB_CREDENTIALS_SECRET", "st2-mongodb-1"),
        ("tlsSecret", "st2.example.org"),
        ("WEBHOOK_URL", "http://alerts:8080/webhook"),
        ("SENTRY_DSN", "https://sentry.example.com/1"),
        ("DSN", "host=db user=st2"),
    ],
)
def test_values_that_are_no_secrets_whatever_their_name(name: str, value: str) -> None:
    assert not list(secret_looks.in_value(value, name))


@pytest.mark.parametrize("name", ["PASSWORD_SECRET", "TOKEN_SECRET", "API_KEY_SECRET"])
def test_what_cannot_be_the_name_of_a_secret_may_be_one(name: str) -> None:
    assert list(secret_looks.in_value("Hunter_2", name))


@pytest.mark.parametrize("name", ["TOKEN_SECRET", "API_KEY_SECRET", "CLIENT_SECRET"])
def test_what_is_the_half_of_a_pair_is_a_secret(name: str) -> None:
    assert list(secret_looks.in_value("hunter2", name))


@pytest.mark.parametrize("value", ["!hunter2", "pa$$w(rd", "-hunter2", "#hunter2", "[hunter2", "a b c", "12345678"])
def test_a_password_may_begin_with_anything(value: str) -> None:
    assert list(secret_looks.in_value(value, "DB_PASSWORD"))


# In parts, so that no scanner takes this file for one that has secrets in it.
OLD_VAULT = "s." + "AbCdEf12" * 3
DISCORD = "M" + LETTERS[:24] + "." + LETTERS[:6] + "." + LETTERS[:30]
FORMS = [
    "xoxb-" + LETTERS, "xoxp-" + LETTERS, "xapp-1-" + LETTERS, "https://hooks.slack.com/" + "services/T00/B00/abcdefgh",
    *(f"{kind}_" + LETTERS for kind in ("ghp", "gho", "ghu", "ghs", "ghr", "github_pat")),
    *(f"{kind}-" + LETTERS for kind in ("glpat", "glct", "gldt", "glft", "glrt", "glwt", "glcbt", "glagent", "glffct")),
    *(f"{kind}-" + LETTERS for kind in ("glimt", "gloas", "glptt", "glrtr", "glsoat", "GR1348941")),
    "AKIA" + "ABCDEFGHIJKLMNOP", "ASIA" + "ABCDEFGHIJKLMNOP", "AIza" + LETTERS[:35], "GOCSPX-" + LETTERS[:28],
    "sk_" + "live_" + LETTERS, "rk_" + "live_" + LETTERS, "whsec_" + LETTERS, "npm_" + LETTERS[:36],
    "pypi-" + "AgEIcHlwaS5vcmc" + LETTERS, "hvs." + LETTERS, OLD_VAULT,
    "SG." + LETTERS[:22] + "." + LETTERS,
    "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxIn0.abcdefghijkl", "SK" + HEX[:32], "dop_v1_" + HEX, "HRKU-" + LETTERS,
    "sk-" + LETTERS, "sk-ant-api03-" + LETTERS, "sk-proj-" + LETTERS, "dckr_pat_" + LETTERS,
    "https://discord.com/api/" + "webhooks/123456/" + LETTERS, "https://x.webhook.office.com/" + "webhookb2/" + LETTERS,
    "-----BEGIN OPENSSH PRIVATE " + "KEY-----\nabcd", "-----BEGIN PRIVATE " + "KEY-----\\nMIIE",
    "https://user:" + "hunter2@example.com/", "redis://:" + "hunter2@h", "redis://h?password=" + "hunter2",
    "https://" + HEX[:32] + "@o1.ingest.sentry.io/1", "AccountName=a;AccountKey=" + LETTERS + "==;EndpointSuffix=x",
    "https://a.blob.core.windows.net/c?sv=2022&sig=" + LETTERS, "Server=db;User Id=sa;Password=" + "hunter2;",
    '{"auths": {"r": {"auth": "' + 'aHVudGVyMg=="}}}', "Authorization: Bearer " + LETTERS,
    "Basic " + "dXNlcjpTRUNSRVRYeHg",
    "DB_PASSWORD=" + "hunter2\nA=1", "{a: 1, password: " + "hunter2}", "a b\nTOKEN=" + "hunter2",
    '{"a": 1,\n"password":\n\n"' + 'hunter2"}', '{"token" \n  : \n "' + 'hunter2"}',
    "//registry.npmjs.org/:_auth" + "Token=" + LETTERS, "machine h login me " + "password hunter2",
    "admin:$2y$05$" + LETTERS, "admin:$apr1$" + LETTERS, "$6$rounds=5000$" + LETTERS, "$argon2id$v=19$" + LETTERS,
    *(f"${kind}$" + LETTERS for kind in ("2a", "2b", "2x", "argon2i", "y", "1", "5")),
    *(letter + LETTERS[:24] + ".AbC-12." + LETTERS[:27] for letter in "MNO"),
    "https://api.telegram.org/bot123456789" + ":AA" + LETTERS + "/sendMessage", "lin_" + "api_" + LETTERS,
    "secret_" + LETTERS[:43], "ntn_" + LETTERS, "PMAK-" + HEX[:24] + "-" + HEX[:34], "pscale_" + "tkn_" + LETTERS,
    "dp.pt." + LETTERS, "pul-" + HEX[:40], "rubygems_" + HEX[:48], "cio" + LETTERS[10:45], "AKCp" + LETTERS + LETTERS,
    "CCIP" + "AT_" + LETTERS + "_" + HEX[:40], "bkua_" + HEX[:40], "squ_" + HEX[:40], "figd_" + LETTERS,
    "dt0c01." + "ABCDEF12" * 3 + "." + "ABCDEF12" * 8, "fo1_" + LETTERS, "SSWS " + "00" + LETTERS,
    "cfut_" + LETTERS[:48], "cfat_" + LETTERS[:48], "cfk_" + LETTERS[:48], "v1.0-" + HEX[:24] + "-" + (HEX * 3)[:146],
    "pdus+_0XBPWQQ_" + UUID, "pdeu+_0XBPWQQ_" + UUID,
    *(f"{begin}/" + "12" * 8 + ":" + HEX[:32] for begin in ("0", "1", "2/1234567890123")),
    *(f"{kind}-" + UUID for kind in ("sdk", "api", "rel")), "Authorization: Splunk " + UUID,
    DISCORD, "LTAI" + "5t" + LETTERS[:18], "AQVN" + LETTERS, "oy2" + "a1b2c3d4e5" * 4 + "abc",
]  # fmt: skip


@each_of("text", FORMS)
def test_forms_of_secrets(text: str) -> None:
    found = list(secret_looks.in_value(f"{text}"))
    assert found
    assert all(look.value not in look.what for look in found)


@each_of(
    "text",
    [
        "sk-learn",
        "task-1",
        "https://example.com/a@b",
        "me@example.com",
        "git@github.com:x/y",
        "ssh://git@github.com/x.git",
        "redis://:${PASSWORD}@h",
        "-----BEGIN CERTIFICATE-----\nMIIE",
        "-----BEGIN PUBLIC " + "KEY-----\nMIIE",
        "a text about passwords, tokens and keys",
        "basic authentication",
        "token: !vault x",
        "docker.io/stackstorm/st2api:3.9@sha256:" + HEX,
        "arn:aws:iam::123456789012:role/x",
        "echo $1$ and $2",
        "secret_name_of_the_database_of_stackstorm_in_production",
        "the machine may login with a password",
        "figd_ squ_ pul- dp.pt. lin_api_ cfut_ pdus+_ sdk- v1.0-",
        "mob-" + UUID,
        "Splunk is at 10.1.0.1/16",
        # Tokens begin where a word does.
        f"classe{OLD_VAULT}",
        f"x{DISCORD}",
    ],
)
def test_texts_that_are_no_secrets(text: str) -> None:
    assert not list(secret_looks.in_value(text))


@pytest.mark.parametrize(
    ("text", "line", "name"),
    [
        ("user: {name: me, db_password: " + "hunter2}", 1, "db_password"),
        ("a = 1\nuser: {name: me}\nexport DB_PASSWORD=" + "hunter2", 3, "DB_PASSWORD"),
        ("user: me\n- token: " + "hunter2", 2, "token"),
        ('{"user": "me", "api_key": "' + 'hunter2"}', 1, "api_key"),
        ('{"user": "me",\n "api_key":\n "' + 'hunter2"}', 2, "api_key"),
        ("user=me\nServer=db;Pwd=" + "hunter2;", 2, "Pwd"),
    ],
)
def test_secrets_are_found_behind_other_settings_of_a_line_and_on_other_lines(text: str, line: int, name: str) -> None:
    # More than once, as lines that were seen before are known.
    for content in (text, f"# more\n{text}"):
        (look,) = secret_looks.in_value(content)
        assert (look.what, look.value) == (f"a value of {name}", "hunter2")
        assert content.count("\n", 0, look.position) + 1 == line + content.count("# more")


def test_all_secrets_of_a_line_are_found() -> None:
    found = secret_looks.in_value("{user: me, token: " + "hunter2, password: " + "hunter3, api_key: hunter4}")
    assert [look.value for look in found] == ["hunter2", "hunter3", "hunter4"]


def test_a_form_that_may_go_on_in_the_next_line_is_said_to() -> None:
    # Nothing else in the patterns matches the end of a line.
    may = {form.pattern for form in secret_forms.FORMS if re.search(r"\\s", re.sub(r"\[\^[^]]*\]", "", form.pattern))}
    assert may == {form.pattern for form in secret_forms.FORMS if form.goes_on}


def test_a_long_text_holds_what_its_lines_hold() -> None:
    together = "\n\n".join(FORMS)
    assert {look.value for text in FORMS for look in secret_looks.in_text(text)} == {
        look.value for look in secret_looks.in_text(together)
    }


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--password", "hunter2"], [1]),
        (["--api-key", "hunter2", "-v"], [1]),
        (["-u", "me:hunter2"], [1]),
        (["-u", "1000:1000"], []),
        (["--token-file", "/run/token"], []),
        (["--with-token", "--verbose"], []),
        (["--password", "$(PASSWORD)"], []),
    ],
)
def test_arguments_after_options(arguments: list[str], found: list[int]) -> None:
    assert [position for position, _ in secret_looks.in_arguments(arguments)] == found


@pytest.mark.parametrize(
    "text",
    [
        "export GITHUB_TOKEN=" + "hunter2; git clone https://github.com/x/y",
        "PGPASSWORD='" + "hunter2' psql -c 'select 1'",
        "cd /tmp && DB_PASS=" + "hunter2 ./run",
        "curl -H 'X-Auth-Token: " + "hunter2hunter2' http://x",
        'wget --header="X-Api-Key: ' + 'hunter2hunter2" http://x',
        "curl -u me:" + "hunter2 http://x",
    ],
)
def test_secrets_in_commands(text: str) -> None:
    assert [look.value.startswith("hunter2") for look in secret_looks.in_command(text)] == [True]


@pytest.mark.parametrize(
    "text",
    [
        "export TOKEN=$(cat /run/token); st2 run x",
        'PASSWORD="$PW" DB_PASS=$1 API_TOKEN=`cat x` ./run',
        "TOKEN_TTL=3600 KEYBOARD=us PASSWORD_FILE=/run/pw ./run",
        'curl -H "St2-Api-Key: $KEY" -H "Authorization: $AUTH" -H "Content-Type: application/json" http://x',
        "curl -u $USER:$PASS http://x",
        '{{ with secret "a/b" }}export DB_PASSWORD={{ .Data.password }}{{ end }}',
    ],
)
def test_commands_without_secrets(text: str) -> None:
    assert not list(secret_looks.in_command(text))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("me:" + "hunter2@registry.example.org", False),
        ("https://me:" + "hunter2@registry.example.org", False),
        ("registry.example.org/a:1@sha256:" + HEX, True),
        ("a:1@sha256:" + HEX, True),
        ("git@github.com:x/y", True),
    ],
)
def test_what_messages_show(text: str, shown: bool) -> None:
    assert secret_looks.is_shown("", text) == shown


def test_the_kinds_of_tokens_of_etcd_are_none() -> None:
    assert not secret_looks.is_secret("auth-token", "simple")
    assert not secret_looks.is_secret("auth-token", "jwt,pub-key=/a/b,priv-key=/a/c,sign-method=RS256,ttl=10m")
