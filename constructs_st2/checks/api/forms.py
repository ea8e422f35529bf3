"""The forms of single values. Each function tells what is wrong with a value, if anything is.

The names are those of k8s.io/apimachinery/pkg/util/validation, without ``Is`` and ``Valid``.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any

from constructs_st2.checks.api.walk import Form
from constructs_st2.kube import cron, names
from constructs_st2.kube.quantity import parsed

_QUALIFIED, _SUBDOMAIN = names.QUALIFIED, names.SUBDOMAIN
_PERCENT = r"[0-9]+%"
_ISCSI = r"iqn\.[0-9]{4}-[0-9]{2}\.[A-Za-z0-9.-]+(:[^,;*&$|\s]+)?|eui\.[0-9A-Fa-f]{16}|naa\.[0-9A-Fa-f]{32}"
_BITS = r"0|[1-9][0-9]*"
_SEARCH = r"[_a-z0-9]([-_a-z0-9]*[a-z0-9])?(\.[_a-z0-9]([-_a-z0-9]*[a-z0-9])?)*"
_SYSCTL = r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_CONTROLLER = r"[a-z0-9.-]*[a-z0-9]/[A-Za-z0-9/._~%!$&'()*+,;=:-]+"

_LETTERS = 'small letters, digits and "-", with a letter or digit at both ends'


@lru_cache(maxsize=4096)
def _fits(pattern: str, text: str) -> bool:
    """Whether a text has a form. Releases name the same containers, ports and files over and over.

    Patterns are compiled when they are needed, and kept, by `re`: a release needs half of them.
    """
    return re.fullmatch(pattern, text) is not None


def no_text(value: object) -> str:
    """What is said of a value that is no text."""
    return f"is {value!r}; expected a text: put it in quotes"


@lru_cache(maxsize=1024)
def _label_key(value: str) -> str | None:
    prefix, slash, name = value.rpartition("/")
    if slash and (len(prefix) > 253 or not _fits(_SUBDOMAIN, prefix)):
        return f'the prefix "{prefix}" is no valid domain name'
    if len(name) > 63 or not _fits(_QUALIFIED, name):
        return f'"{name}" is no valid key; expected at most 63 letters, digits, "-", "_" and "."'
    return None


def label_key(value: object) -> str | None:
    """The key of a label, and whatever else is a qualified name: ``name`` or ``prefix.example.org/name``."""
    return _label_key(value) if isinstance(value, str) else no_text(value)


def label_value(value: object) -> str | None:
    """The value of a label."""
    if not isinstance(value, str):
        return no_text(value)
    if value and (len(value) > 63 or not _fits(_QUALIFIED, value)):
        return f'"{value}" is no valid value; expected at most 63 letters, digits, "-", "_" and "."'
    return None


@lru_cache(maxsize=1024)
def _label(key: str, value: str) -> str | None:
    return label_key(key) or label_value(value)


def label(key: object, value: object) -> str | None:
    """A label, key and value."""
    if isinstance(key, str) and isinstance(value, str):
        return _label(key, value)
    return label_key(key) or label_value(value)


def _text(what: str, pattern: str, longest: int, form: str) -> Form:
    def check(value: object) -> str | None:
        if not isinstance(value, str):
            return no_text(value)
        if len(value) > longest or not _fits(pattern, value):
            return f'"{value}" is no valid {what}; expected at most {longest} characters: {form}'
        return None

    return check


dns_label = _text("name", names.LABEL, 63, _LETTERS)
dns_subdomain = _text("name", _SUBDOMAIN, 253, f'{_LETTERS}; also "."')
service_name = _text("name", names.SERVICE, 63, f"{_LETTERS}, beginning with a letter")
longer_name = _text("name", names.LABEL, 52, f"{_LETTERS}; Kubernetes appends something to it")
variable_name = _text("name of a variable", names.VARIABLE, 253, 'letters, digits, "-", "_" and "."')
port_name = _text("name of a port", names.PORT, 15, f"{_LETTERS}, with a letter, without two - in a row")
header_name = _text("name of a header", r"[-A-Za-z0-9]+", 4096, 'letters, digits and "-"')
sysctl_name = _text("name of a sysctl", _SYSCTL, 253, 'small letters, digits, "-", "_", "." and "/"')
env_name = _text("name of a variable", r"[ -<>-~]+", 253, 'printable ASCII without "="')
identifier_text = _text("name", r"[A-Za-z_][A-Za-z0-9_]*", 253, 'letters, digits and "_", with a letter first')
indexes = _text("list of indexes", r"[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*", 65536, "numbers and ranges, such as 0,2-5")
url_path = _text("path", r"\*|/([^/*]+/?)*(\*)?", 4096, 'a path that begins with "/", and maybe ends in "/*"')
object_name = _text("name", r"(?!\.\.?$)[^/%]+", 253, 'no "/" and "%", and neither "." nor ".."')
config_key = _text("key", names.FILE, 253, 'letters, digits, "-", "_" and "."')
controller = _text("name of a controller", _CONTROLLER, 250, "a domain and a path, such as example.org/name")
search_domain_name = _text("search domain", _SEARCH, 253, f'{_LETTERS}; also "." and "_"')


def search_domain(value: object) -> str | None:
    """A domain in which names are looked up."""
    return None if value == "." else search_domain_name(value.removesuffix(".") if isinstance(value, str) else value)


def csi_driver(value: object) -> str | None:
    """The name of a CSI driver."""
    if isinstance(value, str) and len(value) > 63:
        return f'"{value}" has {len(value)} characters; at most 63 are possible'
    return dns_subdomain(value.lower() if isinstance(value, str) else value)


def qualified_small(value: object) -> str | None:
    """A qualified name, in which large letters count as small ones."""
    return label_key(value.lower() if isinstance(value, str) else value)


def iscsi_name(value: object) -> str | None:
    """The name of a target of iSCSI, in one of its three formats."""
    if isinstance(value, str) and _fits(_ISCSI, value):
        return None
    return f"must be a name such as iqn.2001-04.com.example:storage, not {value!r}"


def unless_empty(form: Form) -> Form:
    """The form of a text that may also be empty."""
    return lambda value: None if value == "" else form(value)


def external_name(value: object) -> str | None:
    """The name of a host, maybe with the dot of the root at its end."""
    return dns_subdomain(value.removesuffix(".") if isinstance(value, str) else value)


_FINALIZERS = frozenset({"foregroundDeletion", "kubernetes", "orphan"})


def finalizer(value: object) -> str | None:
    """What has to be done before an object goes. All but those of Kubernetes itself have a domain."""
    if message := label_key(value):
        return message
    if "/" in str(value) or value in _FINALIZERS:
        return None
    return f'"{value}" must have a domain, such as example.org/{value}'


def not_empty_text(value: object) -> str | None:
    """A text of at least one character."""
    return "must not be empty" if value == "" else None


def nothing(_: object) -> str | None:
    """A field that cannot be used here."""
    return "cannot be used here"


def one_of(*choices: str) -> Form:
    """One of some texts."""

    def check(value: object) -> str | None:
        return None if value in choices else f"must be one of {', '.join(choices)}, not {value!r}"

    return check


pull_policy = one_of("Always", "IfNotPresent", "Never")
protocol = one_of("TCP", "UDP", "SCTP")
retain_or_delete = one_of("Retain", "Delete")


def number(least: int, greatest: int | None = None) -> Form:
    """A whole number within limits."""

    def check(value: object) -> str | None:
        if not isinstance(value, int) or isinstance(value, bool):
            return f"must be a whole number, not {value!r}"
        if value < least:
            return f"must be at least {least}, not {value}"
        return f"must be at most {greatest}, not {value}" if greatest is not None and value > greatest else None

    return check


not_negative = number(0)
positive = number(1)
of_a_day = number(1, 86_400)
identifier = number(0, 2**31 - 1)
port_number = number(1, 65535)
file_mode = number(0, 0o777)


def port(value: object) -> str | None:
    """The number or the name of a port."""
    return port_name(value) if isinstance(value, str) else port_number(value)


def quantity(value: object) -> str | None:
    """An amount of a resource, zero or more."""
    amount = parsed(value)
    if amount is None:
        return f"must be a quantity such as 250m or 512Mi, not {value!r}"
    return f"must be at least 0, not {value}" if amount < 0 else None


def more_than_none(value: object) -> str | None:
    """An amount of a resource, more than zero."""
    return quantity(value) or ("must be more than 0" if parsed(value) == Decimal(0) else None)


def count_or_percent(value: object) -> str | None:
    """A whole number, or percent of the pods: at most 100."""
    if not isinstance(value, str):
        return not_negative(value)
    if not _fits(_PERCENT, value):
        return f"must be a whole number or percent such as 25%, not {value!r}"
    return f"must be at most 100%, not {value}" if int(value[:-1]) > 100 else None


def surge(value: object) -> str | None:
    """A whole number, or percent of the pods."""
    return None if isinstance(value, str) and _fits(_PERCENT, value) else count_or_percent(value)


def address(value: object) -> str | None:
    """An address of IPv4 or IPv6, without zone, and not that of IPv4 in the form of IPv6."""
    from ipaddress import IPv6Address, ip_address

    try:
        found = ip_address(value if isinstance(value, str) and "%" not in value else "")
    except ValueError:
        return f"must be an address such as 10.0.0.1, not {value!r}"
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        return f"must be the address {found.ipv4_mapped}, not {value!r}"
    return None


def cidr(value: object) -> str | None:
    """A range of addresses of IPv4 or IPv6, with the number of bits that they share."""
    from ipaddress import ip_network

    whole, _, bits = value.partition("/") if isinstance(value, str) else ("", "", "")
    if message := address(whole) or (None if _fits(_BITS, bits) else f"it ends in {bits!r}, which is no number"):
        return f"must be a range of addresses such as 10.0.0.0/8, not {value!r}: {message}"
    try:
        ip_network(f"{whole}/{bits}")
    except ValueError as error:
        return f"must be a range of addresses such as 10.0.0.0/8: {error}"
    return None


def padded_cidr(value: object) -> str | None:
    """A range of addresses, maybe with blanks around it."""
    return cidr(value.strip() if isinstance(value, str) else value)


def no_backsteps(value: object) -> str | None:
    """A path without steps up."""
    if not isinstance(value, str):
        return no_text(value)
    return f'"{value}" must not contain ".."' if ".." in value.split("/") else None


def descending(value: object) -> str | None:
    """A relative path without steps up."""
    if isinstance(value, str) and value.startswith("/"):
        return f'"{value}" must be a relative path'
    return no_backsteps(value)


def descending_not_reserved(value: object) -> str | None:
    """A relative path that does not begin with two dots, as the kubelet's own files do."""
    message = descending(value)
    if message is None and isinstance(value, str) and value.startswith(".."):
        return f'"{value}" must not begin with ".."'
    return message


def absolute(value: object) -> str | None:
    """An absolute path."""
    return None if isinstance(value, str) and value.startswith("/") else f"must be an absolute path, not {value!r}"


def host(value: object) -> str | None:
    """The host of a rule: a name, ``*.`` in front of it standing for one label, and no address."""
    if not isinstance(value, str):
        return no_text(value)
    if not value:
        return None
    if address(value) is None:
        return f"must be a name, not the address {value}"
    return tls_host(value)


def tls_host(value: object) -> str | None:
    """A host of a certificate: a name, ``*.`` in front of it standing for one label."""
    return dns_subdomain(value.removeprefix("*.") if isinstance(value, str) else value)


def time_zone(value: object) -> str | None:
    """A time zone of the IANA, spelled as there."""
    if isinstance(value, str) and value in _time_zones():
        return None
    near = next((zone for zone in sorted(_time_zones()) if zone.lower() == str(value).lower()), None)
    return f'there is no time zone "{value}"' + (f"; did you mean {near}?" if near else "")


@lru_cache(maxsize=1)
def _time_zones() -> frozenset[str]:
    from importlib import resources

    # As in the API server, which has them built in, capitals count; in file systems they do not always.
    return frozenset(resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())


def schedule(value: object) -> str | None:
    """When, as in crontab."""
    if not isinstance(value, str):
        return no_text(value)
    return "must not name a time zone, for which there is timeZone" if "TZ" in value else cron.fault(value)


def every(form: Form) -> Form:
    """Each item of a list has a form. The message tells of the first that has not."""

    def check(value: object) -> str | None:
        if not isinstance(value, list):
            return "must be a list"
        return next((message for item in value if (message := form(item)) is not None), None)

    return check


def a_mapping(value: object) -> str | None:
    """A mapping of any content."""
    return None if isinstance(value, dict) else "must be a mapping"


def labels(value: object) -> str | None:
    """A mapping of labels. The message tells of the first that is wrong."""
    if not isinstance(value, dict):
        return "must be a mapping"
    return next((m for key, text in value.items() if (m := label(key, text)) is not None), None)


def at_most(count: int) -> Form:
    """A list of at most so many items."""

    def check(value: Any) -> str | None:
        return f"must have at most {count} items" if isinstance(value, list) and len(value) > count else None

    return check


def characters(count: int) -> Form:
    """A list of texts with at most so many characters, with a blank between any two."""

    def check(value: object) -> str | None:
        total = sum(len(str(item)) + 1 for item in value) - 1 if isinstance(value, list) else 0
        return f"must have at most {count} characters in all" if total > count else None

    return check


def base64_text(value: object) -> str | None:
    """What the API server can decode."""
    if isinstance(value, str) and _is_base64(value):
        return None
    return "must be text in Base64; use stringData for plain text"


@lru_cache(maxsize=16)
def _is_base64(text: str) -> bool:
    """Whether a text can be decoded. Releases have the same few files, which may be long."""
    import base64
    import binascii

    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True
