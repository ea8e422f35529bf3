"""Makes the values of Secrets by their recipes.

A recipe is plain data, so that a synth can write it into a ConfigMap and a Job in the cluster can follow it. Also runs
there, by the Python of the oldest st2 image (3.8) and its `cryptography`, without the rest of this package.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import ipaddress
import json
import os
import re
import string
from typing import Any, Callable, Iterator, Mapping  # noqa: UP035 - Python 3.8 knows no collections.abc.Mapping[str, Any]

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from constructs_st2.facts.secrets.programs.encodings import ENCODINGS, docker_config
from constructs_st2.facts.secrets.programs.sha512_crypt import sha512_crypt, verified

Recipe = Mapping[str, Any]
Read = Callable[[str, str], str]
"""Gives the value of a key of a Secret."""
RandomBytes = Callable[[str, int], bytes]
"""Gives random bytes: for what, and how many."""

ALPHABET = string.ascii_letters + string.digits
"""Of passwords: other characters have a meaning to one reader or another."""

_UTC = datetime.timezone.utc
CERTIFICATE_DAYS = 3650
RENEW_DAYS = 30
"""Days before its end at which a certificate counts as outdated."""


class NotGiven(Exception):
    """A value that only the user can give."""


def from_system(_: str, count: int) -> bytes:
    """Random bytes of the operating system."""
    return os.urandom(count)


def from_seed(seed: str) -> RandomBytes:
    """Bytes that follow from a seed and from what they are for. Whoever knows the seed knows them."""

    def random_bytes(purpose: str, count: int) -> bytes:
        blocks = (
            hmac.new(seed.encode(), f"{purpose}#{number}".encode(), hashlib.sha512).digest()
            for number in range(count // 64 + 1)
        )
        return b"".join(blocks)[:count]

    return random_bytes


def inputs(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """The keys of Secrets (name, key) that a value is made of. A recipe without any is of a value of its own."""
    for part in _references(recipe):
        yield part["object"], part["key"]


def _references(data: Any) -> Iterator[Mapping[str, str]]:
    if isinstance(data, Mapping):
        if "object" in data and "key" in data:
            yield data
        else:
            for value in data.values():
                yield from _references(value)
    elif isinstance(data, list):
        for value in data:
            yield from _references(value)


def make(recipe: Recipe, read: Read, purpose: str, random_bytes: RandomBytes = from_system, before: str = "") -> str:
    """A new value.

    Args:
        recipe: how to make it.
        read: gives the values that it is made of.
        purpose: what it is for, a name.
        random_bytes: gives the random bytes in it.
        before: the value that it takes the place of.

    Raises:
        NotGiven: only the user can give it.
        ValueError: it cannot be made of the values that it is made of.
    """
    kind = recipe["make"]
    if kind == "password":
        return password(purpose, recipe["length"], random_bytes)
    if kind == "text":
        return str(recipe["text"])
    if kind == "copy":
        return _read(recipe["of"], read)
    if kind == "composed":
        return composed(recipe["parts"], read)
    if kind == "htpasswd":
        return htpasswd(_user(recipe, read), purpose, random_bytes, before)
    if kind == "crypto-key":
        return crypto_key(purpose, random_bytes)
    if kind == "private-key":
        return private_key(purpose, random_bytes)
    if kind == "ssh-public-key":
        return ssh_public_key(_private_key(recipe["of"], read), recipe["comment"])
    if kind == "certificate":
        return certificate(_private_key(recipe["of"], read), recipe["names"], recipe.get("begin"))
    if kind == "docker-config":
        return docker_config(recipe["registry"], _read(recipe["license"], read))
    raise NotGiven(str(recipe.get("hint", "")))


def is_current(recipe: Recipe, value: str, read: Read) -> bool:
    """Whether a value still follows from the values that it is made of."""
    kind = recipe["make"]
    if kind == "htpasswd":
        name, secret = _user(recipe, read)
        hashed = dict(_users(value)).get(name)
        return hashed is not None and verified(secret, hashed)
    if kind == "certificate":
        return _certificate_is_current(value, _private_key(recipe["of"], read), recipe["names"])
    if any(True for _ in inputs(recipe)):
        return make(recipe, read, "") == value
    return True


def own_part(recipe: Recipe, value: str, read: Read) -> str:
    """What of a value the recipe answers for; the rest may be the user's, such as further users."""
    if recipe["make"] == "htpasswd":
        name, _ = _user(recipe, read)
        return dict(_users(value)).get(name, "")
    return value


def _read(reference: Mapping[str, str], read: Read) -> str:
    return read(reference["object"], reference["key"])


def _private_key(reference: Mapping[str, str], read: Read) -> str:
    pem = _read(reference, read)
    try:
        _loaded(pem)
    except ValueError as error:
        raise ValueError(f"{_named(reference)} {error}") from None
    return pem


def _named(reference: Mapping[str, str]) -> str:
    return f"{reference['key']} of Secret {reference['object']}"


def password(purpose: str, length: int, random_bytes: RandomBytes = from_system) -> str:
    """Letters and digits, each equally likely."""
    usable = 256 - 256 % len(ALPHABET)
    letters: list[str] = []
    block = 0
    while len(letters) < length:
        found = random_bytes(f"{purpose}/{block}", 2 * length)
        letters += [ALPHABET[byte % len(ALPHABET)] for byte in found if byte < usable]
        block += 1
    return "".join(letters[:length])


def composed(parts: list[Any], read: Read) -> str:
    """A text in which secrets stand.

    Raises:
        ValueError: a secret cannot be written where it stands.
    """
    texts = []
    for part in parts:
        if isinstance(part, str):
            texts.append(part)
            continue
        value = _read(part, read)
        try:
            texts.append(ENCODINGS[part["encoding"]](value))
        except ValueError as error:
            raise ValueError(f"{_named(part)} {error}") from None
    return "".join(texts)


def _user(recipe: Recipe, read: Read) -> tuple[str, str]:
    name = _read(recipe["username"], read)
    if not re.fullmatch(r"[^\s:#][^\s:]*", name):
        raise ValueError(f"{_named(recipe['username'])} must be a name without blanks, line ends and colons")
    return name, _read(recipe["password"], read)


def _users(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, colon, hashed = line.partition(":")
        if colon and not line.startswith("#"):
            yield name, hashed


def htpasswd(user: tuple[str, str], purpose: str, random_bytes: RandomBytes = from_system, before: str = "") -> str:
    """Lines of users and hashed passwords, as st2auth reads them; those of other users stay."""
    name, secret = user
    others = [line for line in before.splitlines() if line.partition(":")[0] != name]
    return "\n".join([htpasswd_line(name, secret, purpose, random_bytes), *others]) + "\n"


def htpasswd_line(name: str, secret: str, purpose: str, random_bytes: RandomBytes = from_system) -> str:
    """The line of one user."""
    return f"{name}:{sha512_crypt(secret, password(f'{purpose}/salt', 16, random_bytes))}"


def crypto_key(purpose: str, random_bytes: RandomBytes = from_system) -> str:
    """A key of the key-value store, as `st2-generate-symmetric-crypto-key` writes it (st2common/util/crypto.py)."""

    def key(part: str) -> str:
        return base64.urlsafe_b64encode(random_bytes(purpose + part, 32)).decode().rstrip("=")

    return json.dumps(
        {
            "hmacKey": {"hmacKeyString": key("/hmac"), "size": 256},
            "aesKeyString": key("/aes"),
            "mode": "CBC",
            "size": 256,
        }
    )


def private_key(purpose: str, random_bytes: RandomBytes = from_system) -> str:
    """A private key on the curve P-256, in the PEM format that OpenSSH, paramiko, nginx and openssl read."""
    # The order of the curve, FIPS 186-4 D.1.2.3.
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    number = int.from_bytes(random_bytes(purpose, 48), "big") % (order - 1) + 1
    return (
        ec.derive_private_key(number, ec.SECP256R1())
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        .decode()
    )


def ssh_public_key(pem: str, comment: str) -> str:
    """The line for authorized_keys of a private key."""
    encoded = _loaded(pem).public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return f"{encoded.decode()} {comment}\n"


def _loaded(pem: str) -> Any:
    load = serialization.load_ssh_private_key if "OPENSSH PRIVATE KEY" in pem else serialization.load_pem_private_key
    try:
        key = load(pem.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, (ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey, rsa.RSAPrivateKey)):
        raise ValueError("must be an ECDSA, Ed25519 or RSA key in PEM or OpenSSH format without a passphrase")
    return key


def certificate(pem: str, names: list[str], begin: str | None = None) -> str:
    """A certificate of a private key that vouches for itself, for host names and addresses.

    Args:
        pem: the private key.
        names: the host names and addresses.
        begin: the day on which it becomes valid, as 2026-01-31; given one, the certificate is the same every time,
            which takes `cryptography` 44. Default: now.
    """
    key = _loaded(pem)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    day = datetime.datetime.strptime(begin, "%Y-%m-%d").replace(tzinfo=_UTC) if begin else datetime.datetime.now(_UTC)
    # The serial number follows from the key and the time: it must differ between certificates, and tells nothing.
    serial = hashlib.sha256(f"{day.isoformat()} {pem}".encode()).digest()[:16]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(serial, "big") >> 1 | 1)
        # Clocks differ.
        .not_valid_before(day - datetime.timedelta(days=1))
        .not_valid_after(day + datetime.timedelta(days=CERTIFICATE_DAYS))
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    options: dict[str, Any] = {"ecdsa_deterministic": True} if begin else {}
    return builder.sign(key, algorithm, **options).public_bytes(serialization.Encoding.PEM).decode()


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _certificate_is_current(chain: str, pem: str, names: list[str]) -> bool:
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    try:
        found = x509.load_pem_x509_certificate(chain.encode())
        has = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        public_key = found.public_key().public_bytes(*form)
    except (ValueError, UnsupportedAlgorithm, x509.ExtensionNotFound, x509.DuplicateExtension):
        return False
    fits = public_key == _loaded(pem).public_key().public_bytes(*form)
    # The first of the two came with `cryptography` 42, which warns of the second.
    end = (
        found.not_valid_after_utc
        if hasattr(found, "not_valid_after_utc")
        else found.not_valid_after.replace(tzinfo=_UTC)
    )
    left = end - datetime.datetime.now(_UTC)
    return fits and list(has) == [_general_name(name) for name in names] and left.days >= RENEW_DAYS
