"""The forms of what the keys of Secrets hold."""

from __future__ import annotations

from enum import Enum


class Format(Enum):
    """The form of a value; the text describes it for people."""

    NAME = 'a name without blanks and colons, and without "#" in front'
    TEXT = "a text on one line"
    URL_TEXT = 'letters, digits and "-._~"'
    HTPASSWD = "lines of NAME:HASH"
    CRYPTO_KEY = "JSON with an AES and an HMAC key"
    PRIVATE_KEY = "a private key in PEM or OpenSSH format"
    SSH_PUBLIC_KEY = "a line for authorized_keys"
    CERTIFICATE = "certificates in PEM format"
    MEMBER_KEY = "6 to 1024 characters of base64"
    COOKIE = "letters and digits, at most 255"
    DEFINITIONS = "JSON with users, vhosts and permissions"
    ST2_CONF = "INI text"
    CLIENT_CONFIG = "INI text with the section [credentials]"
    DOCKER_CONFIG = "JSON with auths"
    YAML_LIST = "a list in YAML"
