"""What a secret looks like, by its name and by its form: the one list, for values, content and objects.

Names are compared word by word, however they are written (``DB_PASS``, ``dbPass``, ``db-pass``), and by their end: a
``TOKEN_TTL`` is no token. The forms are in `secret_forms`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from constructs_st2.kube import names
from constructs_st2.values import secret_forms


class Look(NamedTuple):
    """Something that looks like a secret: where in a text it begins, and ``what`` it seems to be.

    ``value`` is the secret itself; no message may tell it.
    """

    position: int
    what: str
    value: str


def _named(*lines: str) -> frozenset[str]:
    return frozenset(" ".join(lines).split())


# --- names

_SURE_WORDS = _named(
    "password passwd passwort passphrase passcode pass pwd pw secret token credential credentials creds psk sas",
    "passwrd requirepass masterauth dbpass rootpass userpass adminpass smtppass sshpass",
)
"""Words that say, at the end of a name, that the value is a secret."""
_SURE_ENDS = (
    *("password", "passwd", "passphrase", "pwd", "secret", "token", "credentials"),
    *("apikey", "accesskey", "privatekey", "secretkey", "authkey", "signingkey", "encryptionkey", "accountkey"),
)
"""The same of words that are run together, as in ``PGPASSWORD``."""
_KEYS = _named(
    "access account admin aes api app application auth cipher client consumer crypt crypto datastore decrypt",
    "decryption deploy encrypt encryption hmac ingest integration jwt license licence master private recovery rsa",
    "secret service session shared sign signing ssh ssl storage subscription tls unseal",
)
"""Words before ``key`` with which it is a secret. Other keys are columns, files, or names."""
_PUBLIC = _named("public pub verify verification")
"""Words before ``key`` with which it is for everybody, however random it looks."""
_LIKELY_WORDS = _named(
    "auth authorization bearer community cookie jwt passphrases passwords pat pepper salt seed tokens",
)
"""Words that say so only of a value that looks like a secret, too: ``AUTH`` may be ``ldap``."""
_AFTERWARDS = _named(
    "b64 base base64 bytes current default dev encoded hex new old plain plaintext previous prod raw str string test",
    "text val value",
)
"""Words at the end of a name that say nothing."""
_LIMITS = _named(
    "count limit max maximum min minimum num number",
)
_REFERENCES = _named(
    "existing pull",
)
"""Words in front of ``secret`` with which it is the name of one."""
_CONTENTS = _named(
    "cert certificate credential credentials creds password passwd pwd tls",
)
"""The same, of what is in it: ``PASSWORD_SECRET`` names the Secret with a password, if a Secret can be called so.

Keys and tokens are not among them: the two halves of some are called ``TOKEN`` and ``TOKEN_SECRET``.
"""
_NO_SECRET_NAMES = frozenset({"initial-cluster-token"})
"""Settings whose names only sound secret: what tells clusters of etcd from each other."""

_WORD = re.compile(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|\d+")
_HINTED = "pass|secret|token|key|auth|cred|pwd|psk|sas|pat|dsn|jwt|hook|string|cookie|salt|pepper|bearer|seed|community"


@lru_cache(4096)
def _words(name: str) -> tuple[str, ...]:
    words = [word.lower() for word in _WORD.findall(name)]
    # DB_PASSWORD_2, TOKEN_OLD
    while len(words) > 1 and (words[-1] in _AFTERWARDS or words[-1].isdigit()):
        words.pop()
    return tuple(word if word in _AFTERWARDS else word.rstrip("0123456789") or word for word in words)


def is_secret_name(name: str) -> bool:
    """Whether any value of this name is a secret."""
    words = _words(name)
    if not words or name.lstrip("-") in _NO_SECRET_NAMES:
        return False
    *_, before, last = "", *words
    if last == "secret" and (before in _REFERENCES or before in _CONTENTS):
        return False
    return last in _SURE_WORDS or last.endswith(_SURE_ENDS) or (last == "key" and before in _KEYS)


def is_secret(name: str, value: str) -> bool:
    """Whether a value under a name is a secret, by the name."""
    words = _words(name)
    if not words or name.lstrip("-") in _NO_SECRET_NAMES:
        return False
    *_, before, last = "", *words
    if last == "secret" and before in _CONTENTS:
        return is_literal(value) and not re.fullmatch(names.SUBDOMAIN, value.strip())
    sounds_secret = is_secret_name(name)
    if not sounds_secret and ("webhook" in words or (before, last) == ("hook", "url")):
        return _is_url_with_a_secret_path(value)
    is_key, is_likely = last == "key" and before != "", last in _LIKELY_WORDS
    # By far the most names say nothing of a secret.
    if not (sounds_secret or is_key or is_likely) or not is_literal(value):
        return False
    if sounds_secret:
        is_limit = re.fullmatch(_NUMBER, value.strip()) and _LIMITS & set(words)
        # Of keys and tokens, unlike passwords, only descriptions are words; those in PEM are told by their form.
        is_description = last.endswith(("key", "token")) and " " in value.strip()
        return not (is_limit or is_description)
    if is_key:
        return before not in _PUBLIC and re.fullmatch(_RANDOM, value.strip()) is not None
    return _is_like_a_secret(value.strip())


# What few releases need is compiled when it is needed, by `re`.
_NUMBER = r"-?[0-9]+(\.[0-9]+)?"
_OPAQUE = r"(?=[^\d]*\d)(?=[^A-Za-z]*[A-Za-z])[\w+=~-]{6,}"
_RANDOM = r"(?=[^\d]*\d)(?=[^A-Za-z]*[A-Za-z])[\w+/]{16,}={0,2}"


def _is_like_a_secret(value: str) -> bool:
    """Letters and digits on end, or ``user:password``. Not a name, a path, an address."""
    if re.search(r"[\s/]", value.removesuffix("=")) and not re.fullmatch(r"[A-Za-z0-9+/]{20,}={0,2}", value):
        return False
    if re.fullmatch(r"[\w.@-]+:[^\s:]{4,}", value):
        return not re.fullmatch(r"[\w.-]+:\d+", value)
    return len(value) >= 7 and bool(re.fullmatch(_OPAQUE, value))


def _is_url_with_a_secret_path(value: str) -> bool:
    host, slash, path = value.partition("://")[2].partition("/")
    return bool(host and slash) and any(re.fullmatch(_OPAQUE, part) for part in re.split(r"[/?&=]", path))


# --- values

_NO_SECRETS = _named(
    # The last is a kind of tokens of etcd.
    "true false yes no on off none null nil ~ enabled disabled required optional auto default simple",
)
_FILLED_IN = re.compile(r"\{\{.*\}\}|\{%.*%\}|\$\{[^}]*\}|\$\([^)]*\)|%s|%\(\w+\)s", re.DOTALL)
"""What is filled in later, wherever it stands: ``$(VARIABLE)``, ``${variable}``, ``{{ template }}``."""
_PLACEHOLDER = re.compile(r"<[^<>]+>|\$(?:[A-Z_][A-Z0-9_]*|[a-z_]+)|\*+|\.\.\.|…|\{\w*\}|\$\{.*|\$\(.*", re.DOTALL)
"""What is filled in later as a whole: ``<password>``, ``$VARIABLE``, or the beginning of such."""
_REFERENCE = re.compile(
    r"(?:/|\./|\.\./)[^\s+=]*"  # a path
    r"|(?:file|op|vault|awssm|gcpsm|azkv)://?\S*|vault:\S+|ref\+\w+://\S+|arn:aws[\w-]*:(?:secretsmanager|ssm):\S+"
    r"|(?:https?|wss?|tcp|unix)://[^@\s]*"  # an address; those with secrets are told by their form
    r"|sha256:[0-9a-f]{64}"  # the digest of an image
    r"|jwt,\S*"  # the kind of tokens of etcd that are signed, and where its keys are
)
"""Where a secret is, rather than the secret."""
_NO_SECRET_STARTS = ("-", "#", "|", ">", "[", "{", "*", "&", "!")
"""In settings, a value that begins so is an option, a comment, or YAML's and JSON's texts, structures and tags."""


def is_literal(value: str) -> bool:
    """Whether a value can be a secret: neither empty, nor a reference, a path, a truth value or a placeholder."""
    bare = value.strip().strip("\"' ")
    return (
        bool(bare) and bare.lower() not in _NO_SECRETS and not is_placeholder(bare) and not _REFERENCE.fullmatch(bare)
    )


def is_placeholder(value: str) -> bool:
    """Whether a value, or a part of it, is filled in later."""
    return _PLACEHOLDER.fullmatch(value) is not None or _FILLED_IN.search(value) is not None


def _is_literal_setting(value: str) -> bool:
    bare = value.strip().rstrip(",;").strip("\"' ")
    return is_literal(bare) and not bare.startswith(_NO_SECRET_STARTS)


# --- texts

_PAIR = re.compile(
    r"""(?:^|[;&?,\s"'])(password|passwd|pwd|pass|secret|client_?secret|token|(?:access|auth)_?token|api_?key|sentinel_password)"""
    r"""=([^;&\s"']+)""",
    re.IGNORECASE,
)
"""What connection strings and queries of URLs hold: ``Server=db;Pwd=…``, ``?token=…``."""


_SHORTEST_FORM = len("//:a@b")


@lru_cache(4096)
def in_text(text: str) -> tuple[Look, ...]:
    """What of a text has the form of a secret, whatever the text is. Pods have the same texts over and over."""
    return tuple(_in_text(text)) if len(text) >= _SHORTEST_FORM else ()


def _in_text(text: str) -> Iterator[Look]:
    for form in secret_forms.possible(text):
        for match in form.found_in(text):
            value = match[match.lastindex or 0]
            if not (match.lastindex and is_placeholder(value)):
                yield Look(match.start(), form.what, value)


@lru_cache(4096)
def in_value(text: str, name: str = "") -> tuple[Look, ...]:
    """What of a single value is a secret: by its name, by its form, or because it is a text of settings."""
    return tuple(_in_value(text, name))


def _in_value(text: str, name: str) -> Iterator[Look]:
    if name and is_secret(name, text):
        yield Look(0, f"a value of {name}", text)
        return
    found = in_text(text)
    yield from found
    if "=" in text or ":" in text:
        pairs, settings = _by_name(text)
        yield from (look for look in (*pairs, *settings) if not _is_in(look, found))


def _is_in(look: Look, others: Sequence[Look]) -> bool:
    return any(look.value in other.value or other.value in look.value for other in others)


def in_pairs(text: str) -> Sequence[Look]:
    """Secrets in a connection string, or in the query of a URL."""
    return _by_name(text)[0]


def in_settings(text: str) -> Sequence[Look]:
    """Secrets in lines of settings (INI, YAML, JSON, variables)."""
    return _by_name(text)[1]


def _by_name(text: str) -> tuple[Sequence[Look], Sequence[Look]]:
    """Secrets in pairs and in settings, which both are told by a name. Only lines with a hint of one are searched."""
    pairs: list[Look] = []
    settings: list[Look] = []
    for begin, lines in _hinted_lines(text):
        for found, looks in zip((pairs, settings), _by_name_in(lines), strict=True):
            found += [look._replace(position=begin + look.position) for look in looks]
    return pairs, settings


@lru_cache(4096)
def _by_name_in(lines: str) -> tuple[Sequence[Look], Sequence[Look]]:
    """The same of lines that have a hint. Of files that differ by the names of releases, most are the same."""
    return tuple(_pairs(lines)) if "=" in lines else (), tuple(_settings(lines))


def _pairs(lines: str) -> Iterator[Look]:
    for match in _PAIR.finditer(lines):
        if is_literal(match[2]):
            yield Look(match.start(1), f"a value of {match[1]}", match[2])


_SETTING = re.compile(
    # Of a word in front, as in `export`, and of a list's mark, nothing is said.
    r"""^[ \t]*(?:export[ ]+|-[ ]+|ENV[ ]+)?["']?([\w.-]+)["']?[ \t]*[=:][ \t]*(\S.*)$"""
    r"""|[{,][ \t]*\\*["']?([\w.-]+)\\*["']?[ \t]*:[ \t]*("[^"\n]*"|'[^'\n]*'|[^\s,}"']+)"""
    r"""|"([\w.-]+)"\s*:\s*("[^"\n]*")""",
    re.IGNORECASE | re.MULTILINE,
)


def _settings(lines: str) -> Iterator[Look]:
    searched = 0
    while match := _SETTING.search(lines, searched):
        name, value = next((match[n], match[n + 1]) for n in (1, 3, 5) if match[n])
        if not _is_hinted(name):
            # Another name may stand in the value.
            searched = match.start() + 1
            continue
        searched = match.end()
        if _is_literal_setting(value) and is_secret(name.lstrip("-"), value.strip().rstrip(",;").strip("\"' ")):
            yield Look(match.start(), f"a value of {name.lstrip('-')}", value.strip().rstrip(",;").strip("\"' "))


_HINT = re.compile(_HINTED)
_GOES_ON = ('"', ":")
"""How a line of JSON may end whose value, or the colon before it, stands below."""
_NEXT_LINE = re.compile(r"\s*[^\n]*")


def _hinted_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that may name a secret, with those below that belong to them, and where they begin."""
    lines = text.split("\n")
    hinted = set(filter(_is_hinted, set(lines)))
    begin = searched = 0
    for line in lines if hinted else ():
        if line in hinted and begin >= searched:
            last, searched = line, begin + len(line)
            while last.rstrip().endswith(_GOES_ON) and (below := _NEXT_LINE.match(text, searched)):
                last, searched = below[0], below.end()
            yield begin, text[begin:searched]
        begin += len(line) + 1


@lru_cache(4096)
def _is_hinted(line: str) -> bool:
    return _HINT.search(line.lower()) is not None


# --- arguments

_OPTION = re.compile(r"--?[A-Za-z][\w.-]*")
_USER = r"(?:^|\s)(?:-u|--user)[= ]+[\"']?[\w.@-]+:([^\s\"'$:]+)"
_HEADER = r"""(?:^|\s)(?:-H|--header)[= ]*["']?([A-Za-z][\w-]*):[ ]*([^\s"']+)"""
_VARIABLE = r"""(?:^|[\s;&|("'])([A-Z][A-Z0-9_]*)=("[^"\n]*"|'[^'\n]*'|[^\s;&|)"']+)"""
_COMPUTED = ("$", "`", "{{", "{%")
"""How values begin that a shell or a template works out."""


def in_arguments(arguments: Sequence[str]) -> Iterator[tuple[int, Look]]:
    """The arguments that are the secret value of the option before them, by their position: ``--password x``."""
    for position, option in enumerate(arguments[:-1], start=1):
        # By far the most are words.
        if option[:1] != "-":
            continue
        value = arguments[position]
        if value.startswith("-") or not _OPTION.fullmatch(option):
            continue
        if is_secret_name(option) and is_literal(value):
            yield position, Look(0, f"the value of {option}", value)
        elif option in ("-u", "--user"):
            yield from ((position, look) for look in in_command(f"{option} {value}"))


@lru_cache(4096)
def in_command(text: str) -> tuple[Look, ...]:
    """Secrets in the text of a command: after ``--user`` and in headers, as curl has them, and in variables."""
    return tuple(_in_command(text))


def _in_command(text: str) -> Iterator[Look]:
    for match in re.finditer(_USER, text) if ":" in text else ():
        if is_literal(match[1]) and not match[1].isdigit():
            yield Look(match.start(1), "a user with a password", match[1])
    for pattern, sign in ((_HEADER, ":"), (_VARIABLE, "=")):
        for match in re.finditer(pattern, text) if sign in text else ():
            value = match[2].strip("\"'")
            if not value.startswith(_COMPUTED) and is_secret(match[1], value):
                yield Look(match.start(1), f"a value of {match[1]}", value)


_LOGIN = r"[^\s/@:]+:[^\s/@]+@(?!sha\d)\S+"
"""User and password in front of a host. What is no URL may be much else of that form, but need not be shown."""


_MIXED = r"(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[\w+=~-]{12,}"
"""Small and large letters and digits on end, as generated passwords have them, and few names do."""


def in_logins(text: str) -> Iterator[Look]:
    """Users with passwords in front of hosts."""
    for match in re.finditer(_LOGIN, text) if "@" in text else ():
        yield Look(match.start(), "a user with a password", match[0].partition(":")[2].rpartition("@")[0])


def is_random(word: str) -> bool:
    """Whether a word is like a generated password."""
    return re.fullmatch(_MIXED, word) is not None


def is_shown(name: str, text: str) -> bool:
    """Whether messages may tell a value."""
    bare = text.strip()
    return not (in_value(text, name) or in_command(text) or re.fullmatch(_LOGIN, bare) or re.fullmatch(_MIXED, bare))
