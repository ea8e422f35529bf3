"""The forms by which tokens of well-known services, keys and URLs with passwords can be told from other texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple


class Form(NamedTuple):
    """How a kind of secret is told from other texts. Only texts that hold one of ``hints`` are searched, for speed.

    If the pattern has a group, that is the secret, and no placeholder. ``goes_on`` tells whether the secret may go on
    in the line below that of the hint.
    """

    what: str
    hints: tuple[str, ...]
    pattern: str
    flags: int
    goes_on: bool

    def found_in(self, text: str) -> Iterator[re.Match[str]]:
        """Where a text has the form. Patterns are compiled when they are needed: few texts hold a hint of any."""
        return re.finditer(self.pattern, text, self.flags)


def _form(what: str, hints: str, pattern: str, flags: int = 0, *, goes_on: bool = False) -> Form:
    return Form(what, tuple(hints.split()), pattern, flags, goes_on)


def _token(what: str, hints: str, pattern: str) -> Form:
    """A token, which begins where a word does."""
    return _form(what, hints, rf"(?<![A-Za-z0-9_-])(?:{pattern})")


_UUID = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"

FORMS: Sequence[Form] = (
    _form("a URL with a password", "@", r"""://[^\s/:@"']*:([^\s/@"']+)@"""),
    _form("a URL with a token", "@", r"://([0-9a-f]{32}|[A-Za-z0-9_-]{30,})@"),
    _form(
        "a private key",
        "PRIVATE",
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\\+[nr]|\s)+(?:[A-Za-z0-9+/]{4}|[A-Za-z-]+: )",
        goes_on=True,
    ),
    _form("a private key", "PuTTY-User", r"PuTTY-User-Key-File-\d"),
    _form("an age key", "AGE-SECRET", r"\bAGE-SECRET-KEY-1[0-9A-Z]{20,}"),
    _token("a Slack token", "xox xapp-", r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}"),
    _token(
        "a GitHub token",
        "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_",
        r"gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}",
    ),
    _token(
        "a GitLab token",
        "glpat- glct- gldt- glft- glrt- glwt- glcbt- glagent- glffct- glimt- gloas- glptt- glrtr- glsoat- GR1348941",
        r"gl(?:pat|[cdfrw]t|cbt|agent|ffct|imt|oas|ptt|rtr|soat)-[\w.=-]{16,}|GR1348941[\w-]+",
    ),
    _token("an AWS access key", "AKIA ASIA ABIA ACCA", r"(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b"),
    _token("a Google API key", "AIza", r"AIza[\w-]{30,}"),
    _token("a Google OAuth secret", "GOCSPX- ya29.", r"GOCSPX-[\w-]{16,}|ya29\.[\w-]{20,}"),
    _token("a Stripe key", "k_live_ k_test_ whsec_", r"[srp]k_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[\w+/=]{16,}"),
    _token("an npm token", "npm_", r"npm_[A-Za-z0-9]{30,}"),
    _form(
        "a token of .npmrc",
        "_authToken _auth _password",
        r":_(?:authToken|auth|password)\s*=\s*([^\s$][^\s]{7,})",
        goes_on=True,
    ),
    _form(
        "a password of .netrc",
        "machine",
        r"\bmachine\s+\S+\s+login\s+\S+\s+password\s+(\S+)",
        goes_on=True,
    ),
    _token(
        "the hash of a password",
        "$2a$ $2b$ $2x$ $2y$ $apr1$ $argon2id$ $argon2i$ $y$ $1$ $5$ $6$",
        r"\$(?:2[abxy]|apr1|argon2id?|argon2i|y|[156])\$[\w./$=,+-]{20,}",
    ),
    _token("a PyPI token", "pypi-", r"pypi-Ag[\w-]{14,}"),
    _token("a Vault token", "hvs. hvb. hvr.", r"hv[sbr]\.[\w-]{20,}"),
    # What many texts hold a hint of is looked for by its beginning, and only then at what stands before.
    _form("a Vault token", "s.", r"s\.(?<![A-Za-z0-9_-]s\.)(?=[A-Za-z]*\d)(?=[a-z\d]*[A-Z])[A-Za-z0-9]{24}\b"),
    _token("a JSON Web Token", "eyJ", r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}"),
    _token("a SendGrid key", "SG.", r"SG\.[\w-]{16,}\.[\w-]{16,}"),
    _token("a Twilio key", "SK", r"SK[0-9a-f]{32}\b"),
    _token("a DigitalOcean token", "_v1_", r"do[oprs]_v1_[A-Za-z0-9]{30,}"),
    _token("a Heroku key", "HRKU-", r"HRKU-[\w-]{20,}"),
    _token("an API key", "sk-", r"sk-(?=[\w-]*\d)[\w-]{20,}"),
    _token("a Docker Hub token", "dckr_", r"dckr_(?:pat|oat)_[\w-]{16,}"),
    _form("a Telegram token", ":AA", r"(?<![A-Za-z0-9_-])(?:bot)?\d{8,10}:AA[\w-]{30,}"),
    _form("a Discord token", "M N O", r"[MNO](?<![A-Za-z0-9_-][MNO])[\w-]{23,27}\.[\w-]{6}\.[\w-]{27,}"),
    _token("an Atlassian token", "ATATT3 ATBB", r"ATATT3[\w=-]{20,}|ATBB[A-Za-z0-9]{24,}"),
    _token("a Linear key", "lin_", r"lin_(?:api|oauth)_[A-Za-z0-9]{30,}"),
    _token("a Notion token", "secret_ ntn_", r"(?:secret_|ntn_)(?=[A-Za-z]*\d)(?=[a-z\d]*[A-Z])[A-Za-z0-9]{40,}"),
    _token("a Postman key", "PMAK-", r"PMAK-[0-9a-f]{24}-[0-9a-f]{30,}"),
    _token("a PlanetScale token", "pscale_", r"pscale_(?:tkn|pw|oauth)_[\w.=-]{30,}"),
    _token("a Doppler token", "dp.", r"dp\.(?:pt|ct|sa|st|scim|audit)\.[\w.-]{30,}"),
    _token("a Pulumi token", "pul-", r"pul-[0-9a-f]{40}\b"),
    _token("a RubyGems key", "rubygems_", r"rubygems_[0-9a-f]{40,}"),
    _token("a crates.io token", "cio", r"cio(?=[A-Za-z]*\d)[A-Za-z0-9]{32,}\b"),
    _token("a NuGet key", "oy2", r"oy2[a-z0-9]{43}\b"),
    _token("an Artifactory token", "AKCp cmVmdGtu", r"AKCp[A-Za-z0-9]{60,}|cmVmdGtu[A-Za-z0-9+/=]{50,}"),
    _token("a CircleCI token", "CCIPAT_ CCIPRJ_", r"CCIP(?:AT|RJ)_\w{22,}_[0-9a-f]{40}"),
    _token("a Buildkite token", "bkua_", r"bkua_[0-9a-f]{40}"),
    _token("a SonarQube token", "squ_ sqp_ sqa_", r"sq[upa]_[0-9a-f]{40}"),
    _token("a Figma token", "figd_ figo_ figu_ figr_ figh_", r"fig[dourh]_[\w-]{30,}"),
    _token("a Dynatrace token", "dt0", r"dt0[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    _token("a Fly.io token", "fo1_ fm1_ fm2_", r"(?:fo1|fm[12][ar]?)_[\w+/=-]{40,}"),
    _form("an Okta token", "SSWS", r"\bSSWS +(00[\w-]{30,})"),
    _token("an Alibaba Cloud key", "LTAI", r"LTAI[A-Za-z0-9]{12,20}\b"),
    _token("a Yandex key", "AQVN", r"AQVN[\w-]{35,}"),
    _token("a Databricks token", "dapi", r"dapi[0-9a-f]{32}"),
    _token("a Grafana token", "glsa_ glc_", r"glsa_\w{30,}|glc_[\w+/=]{30,}"),
    _token("a Shopify token", "shp", r"shp(?:at|ca|pa|ss)_[0-9a-f]{32}"),
    _token("a New Relic key", "NRAK-", r"NRAK-[A-Z0-9]{20,}"),
    _token("a Mailgun key", "key-", r"key-[0-9a-f]{32}\b"),
    _token("a Hugging Face token", "hf_", r"hf_[A-Za-z0-9]{30,}"),
    _token("a Sentry token", "sntry", r"sntry[su]_[\w+/=]{30,}"),
    _token("a Tailscale key", "tskey-", r"tskey-[\w-]{16,}"),
    _token("a Terraform token", ".atlasv1.", r"[A-Za-z0-9]{14}\.atlasv1\.[\w-]{30,}"),
    _token("an Azure secret", "8Q~", r"[\w~.-]{3}8Q~[\w~.-]{30,}"),
    # https://developers.cloudflare.com/fundamentals/api/get-started/token-formats/; the last are keys of its authority.
    _token(
        "a Cloudflare token",
        "cfk_ cfut_ cfat_ v1.0-",
        r"cf(?:k|[ua]t)_[A-Za-z0-9]{40,}|v1\.0-[0-9a-f]{24}-[0-9a-f]{146}",
    ),
    # https://developer.pagerduty.com/docs/oauth-functionality. Users' keys begin with u+, as many lines of Base64 do.
    _token("a PagerDuty token", "pdus+_ pdeu+_", r"pd(?:us|eu)\+_[\w-]{20,}"),
    # https://launchdarkly.com/docs/home/account/environment/keys; those that begin with mob- are no secrets.
    _token("a LaunchDarkly key", "sdk- api- rel-", rf"(?:sdk|api|rel)-{_UUID}"),
    # https://docs.splunk.com/Documentation/Splunk/latest/Data/UsetheHTTPEventCollector; others are JSON Web Tokens.
    _form("a Splunk token", "Splunk", rf"\bSplunk +({_UUID})"),
    # Of the oldest and the newest form: 1/USER:…, 2/USER/TOKEN:…
    _token("an Asana token", "0/ 1/ 2/", r"[0-2]/\d{13,}(?:/\d{13,})?:[0-9a-f]{32}\b"),
    _form("an Azure key", "AccountKey= SharedAccessKey=", r"(?:AccountKey|SharedAccessKey)=([A-Za-z0-9+/%]{16,}=*)"),
    _form("an Azure signature", "sig=", r"[?&;]sig=([A-Za-z0-9+/%_-]{16,}=*)"),
    _form("the address of a Slack webhook", "hooks.slack", r"hooks\.slack(?:-gov)?\.com/\w+/([\w/-]{8,})"),
    _form("the address of a Discord webhook", "api/webhooks/", r"api/webhooks/\d+/([\w-]{16,})"),
    _form("the address of a Teams webhook", "office.com/", r"office\.com/webhook(?:b2)?/([\w@/-]{16,})"),
    _form(
        "credentials of a registry",
        '"auth',
        r"""\\*"(?:auth|identitytoken|registrytoken)\\*"\s*:\s*\\*"([A-Za-z0-9+/=._-]{8,})\\*\"""",
        goes_on=True,
    ),
    _form(
        "a header with credentials",
        "Bearer Basic bearer basic",
        r"\b(?:[Bb]earer|[Bb]asic) +((?=\S*(?:[\d=]|[a-z][A-Z]))[A-Za-z0-9+/._~-]{12,}=*)",
    ),
    _form(
        "a password of Redis",
        "requirepass masterauth auth-pass",
        r"^[ \t]*(?:sentinel[ \t]+)?(?:requirepass|masterauth|auth-pass[ \t]+\S+)[ \t]+(.*\S)",
        re.MULTILINE,
    ),
)
"""The forms of secrets; in their order they are told where a text has several."""

_RARE_TO_FREQUENT = "qjxzkvwyfbghmudcp_lnrsiato.e-"
"""The characters that settings have, those that most of them have at the end; others, such as capitals, few have."""


def _by_sign() -> Mapping[str, Sequence[tuple[str, int]]]:
    """The hints, each with the place of its form, by their rarest characters: a line has few of those."""
    found: dict[str, list[tuple[str, int]]] = {}
    for number, form in enumerate(FORMS):
        for hint in form.hints:
            found.setdefault(min(hint, key=_RARE_TO_FREQUENT.find), []).append((hint, number))
    return found


_HINTS_BY_SIGN = _by_sign()
_SIGNS = frozenset(_HINTS_BY_SIGN)


def possible(text: str) -> Sequence[Form]:
    """The forms that may be in a text, in their order."""
    # The lines of long texts are mostly the same, in a text and from release to release.
    return [FORMS[number] for number in sorted(set().union(*map(_begun_in, set(text.split("\n")))))]


@lru_cache(8192)
def _begun_in(line: str) -> Sequence[int]:
    """The places of the forms that are in a line, or of which it has the hint and that may go on below."""
    begun = []
    for sign in _SIGNS.intersection(line):
        for hint, number in _HINTS_BY_SIGN[sign]:
            if hint in line and (FORMS[number].goes_on or any(FORMS[number].found_in(line))):
                begun.append(number)
    return begun
