"""Password hashes of the kind `$6$`, which st2's backend for flat files reads.

The module `crypt` of the standard library is gone since Python 3.13. https://www.akkadia.org/drepper/SHA-crypt.txt
"""

from __future__ import annotations

import hashlib
import hmac

_ROUNDS = 5000
_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def sha512_crypt(password: str, salt: str) -> str:
    """The hash of a password with a salt of at most 16 letters and digits."""
    return f"$6${salt}${_base64(_digest(password.encode(), salt.encode()))}"


def verified(password: str, hashed: str) -> bool:
    """Whether a hash is that of a password. Hashes of other kinds and rounds are not known here, and count as no."""
    kind, _, rest = hashed.partition("$6$")
    salt, dollar, _ = rest.partition("$")
    known = not kind and bool(dollar) and hashed.isascii()
    return known and hmac.compare_digest(sha512_crypt(password, salt), hashed)


def _digest(password: bytes, salt: bytes) -> bytes:
    alternate = hashlib.sha512(password + salt + password).digest()
    start = hashlib.sha512(password + salt + _repeated(alternate, len(password)))
    length = len(password)
    while length:
        start.update(alternate if length & 1 else password)
        length >>= 1
    result = start.digest()
    p_bytes = _repeated(hashlib.sha512(password * len(password)).digest(), len(password))
    s_bytes = _repeated(hashlib.sha512(salt * (16 + result[0])).digest(), len(salt))
    for number in range(_ROUNDS):
        odd = number % 2
        result = hashlib.sha512(
            (p_bytes if odd else result)
            + (s_bytes if number % 3 else b"")
            + (p_bytes if number % 7 else b"")
            + (result if odd else p_bytes)
        ).digest()
    return result


def _repeated(block: bytes, length: int) -> bytes:
    return (block * (length // len(block) + 1))[:length]


def _base64(digest: bytes) -> str:
    """Base64 of the kind that crypt uses: groups of three bytes from three parts of the digest, lowest bits first."""
    groups = []
    for number in range(21):
        triple = (number, number + 21, number + 42)
        turn = number % 3
        groups.append([digest[index] for index in triple[turn:] + triple[:turn]])
    text = "".join(_letters(group[0] << 16 | group[1] << 8 | group[2], 4) for group in groups)
    return text + _letters(digest[63], 2)


def _letters(number: int, count: int) -> str:
    return "".join(_ALPHABET[number >> 6 * position & 63] for position in range(count))
