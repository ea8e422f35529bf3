"""The values that the generator makes, and the Pythons that can run it."""

from __future__ import annotations

import ast
import base64
import datetime
import importlib
import inspect
import ipaddress
import json
import re
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_ssh_public_key,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from support import MakeCluster, examples

from constructs_st2.facts.secrets.programs import bootstrap, database, encodings, generate
from constructs_st2.facts.secrets.programs.generate import NotGiven, from_seed, from_system, is_current, make
from constructs_st2.facts.secrets.programs.sha512_crypt import sha512_crypt, verified
from constructs_st2.parts.secrets.job import plan
from constructs_st2.parts.secrets.plan import planned

from .pythons import VERSIONS, python

sha512_module = importlib.import_module("constructs_st2.facts.secrets.programs.sha512_crypt")
MODULES = (bootstrap, database, encodings, generate, sha512_module)
SEEDED = from_seed("tests")
UTC = datetime.timezone.utc


def system_crypt() -> Callable[[str, str], str] | None:
    """The function of the C library; None where Python no longer has it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            crypt: Callable[[str, str], str] = importlib.import_module("crypt").crypt
        except ModuleNotFoundError:
            return None
    return crypt


SYSTEM_CRYPT = system_crypt()


class TestRandomness:
    def test_a_seed_gives_the_same_bytes_for_the_same_purpose(self) -> None:
        assert from_seed("seed")("purpose", 100) == from_seed("seed")("purpose", 100)
        assert len(from_seed("seed")("purpose", 100)) == 100

    def test_other_seeds_and_purposes_give_others(self) -> None:
        found = {from_seed(seed)(purpose, 32) for seed in "ab" for purpose in ("a", "b", "a#0", "a/0", "")}
        assert len(found) == 10

    @given(st.integers(0, 300), st.integers(0, 300))
    def test_fewer_bytes_are_the_begin_of_more(self, one: int, other: int) -> None:
        less, more = sorted((one, other))
        assert SEEDED("purpose", more)[:less] == SEEDED("purpose", less)

    def test_the_system_never_repeats_itself(self) -> None:
        assert len({from_system("purpose", 16) for _ in range(100)}) == 100


class TestPassword:
    @given(st.text(max_size=10), st.integers(0, 300))
    def test_letters_and_digits(self, purpose: str, length: int) -> None:
        assert re.fullmatch(f"[A-Za-z0-9]{{{length}}}", generate.password(purpose, length, SEEDED))

    def test_each_is_equally_likely(self) -> None:
        count, letters = 2000, len(generate.ALPHABET)
        found = Counter(generate.password("even", count * letters, SEEDED))
        assert set(found) == set(generate.ALPHABET)
        deviation = sum((each - count) ** 2 / count for each in found.values())
        # Chi-squared with 61 degrees of freedom: less in 99.99 % of all cases. The remainder of a byte would give 1400.
        assert deviation < 108

    def test_bytes_beyond_the_last_whole_alphabet_are_left_out(self) -> None:
        given: list[str] = []

        def random_bytes(purpose: str, count: int) -> bytes:
            given.append(purpose)
            return bytes([248, 255] * (count // 2)) if len(given) == 1 else bytes([247] * count)

        assert generate.password("name", 4, random_bytes) == generate.ALPHABET[247 % 62] * 4
        assert given == ["name/0", "name/1"]


class TestCryptoKey:
    def test_the_form_that_st2_reads(self) -> None:
        text = generate.crypto_key("key")
        found = json.loads(text)
        aes, mac = found["aesKeyString"], found["hmacKey"]["hmacKeyString"]
        assert found == {
            "hmacKey": {"hmacKeyString": mac, "size": 256},
            "aesKeyString": aes,
            "mode": "CBC",
            "size": 256,
        }
        assert aes != mac
        for key in (aes, mac):
            assert re.fullmatch(r"[\w-]{43}", key, re.ASCII)
            assert len(base64.urlsafe_b64decode(key + "=")) == 32

    def test_both_keys_follow_from_the_seed(self) -> None:
        found = json.loads(generate.crypto_key("key", lambda purpose, count: purpose.encode().ljust(count, b"\xff")))
        assert base64.urlsafe_b64decode(found["aesKeyString"] + "=").startswith(b"key/aes\xff")
        assert base64.urlsafe_b64decode(found["hmacKey"]["hmacKeyString"] + "=").startswith(b"key/hmac\xff")
        # Bytes that other base64 writes as "/".
        assert "_" in found["aesKeyString"]


class TestPrivateKey:
    @pytest.mark.parametrize("byte", [0, 1, 255])
    def test_any_bytes_give_a_key(self, byte: int) -> None:
        pem = generate.private_key("key", lambda _, count: bytes([byte] * count))
        key = load_pem_private_key(pem.encode(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        assert key.curve.name == "secp256r1"
        assert pem.startswith("-----BEGIN EC PRIVATE KEY-----\n")
        assert pem.endswith("-----END EC PRIVATE KEY-----\n")

    def test_others_for_other_purposes(self) -> None:
        assert generate.private_key("a", SEEDED) == generate.private_key("a", SEEDED)
        assert generate.private_key("a", SEEDED) != generate.private_key("b", SEEDED)


def written(key: Any, form: PrivateFormat) -> str:
    pem: bytes = key.private_bytes(Encoding.PEM, form, NoEncryption())
    return pem.decode()


KEYS: Mapping[str, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey] = {
    "ecdsa-sha2-nistp256": ec.generate_private_key(ec.SECP256R1()),
    "ecdsa-sha2-nistp384": ec.generate_private_key(ec.SECP384R1()),
    "ssh-rsa": rsa.generate_private_key(65537, 2048),
    "ssh-ed25519": ed25519.Ed25519PrivateKey.generate(),
}


class TestPublicKey:
    @pytest.mark.parametrize("form", [PrivateFormat.OpenSSH, PrivateFormat.PKCS8])
    @pytest.mark.parametrize("kind", KEYS)
    def test_of_a_key_of_the_users(self, kind: str, form: PrivateFormat) -> None:
        line = generate.ssh_public_key(written(KEYS[kind], form), "stanley@st2")
        assert line.split()[0] == kind
        assert line.endswith(" stanley@st2\n")
        assert load_ssh_public_key(line.encode()) == KEYS[kind].public_key()


class TestCertificate:
    NAMES = ("st2.example.com", "*.st2.example.com", "127.0.0.1", "fd00::1")

    @pytest.mark.parametrize("kind", KEYS)
    def test_it_vouches_for_the_names_and_itself(self, kind: str) -> None:
        pem = written(KEYS[kind], PrivateFormat.PKCS8)
        found = x509.load_pem_x509_certificate(generate.certificate(pem, list(self.NAMES)).encode())
        found.verify_directly_issued_by(found)
        form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        assert found.public_key().public_bytes(*form) == KEYS[kind].public_key().public_bytes(*form)
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == list(self.NAMES[:2])
        assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address(name) for name in self.NAMES[2:]]

    def test_it_is_valid_from_yesterday_for_ten_years(self) -> None:
        found = x509.load_pem_x509_certificate(generate.certificate(OWN_KEY, ["localhost"]).encode())
        now = datetime.datetime.now(UTC)
        assert abs(found.not_valid_before_utc + datetime.timedelta(days=1) - now) < datetime.timedelta(hours=1)
        assert abs(found.not_valid_after_utc - datetime.timedelta(days=3650) - now) < datetime.timedelta(hours=1)

    def test_with_a_given_begin_it_is_always_the_same(self) -> None:
        one, other = (generate.certificate(OWN_KEY, ["localhost"], "2026-01-31") for _ in range(2))
        assert one == other
        assert x509.load_pem_x509_certificate(one.encode()).not_valid_before_utc.date() == datetime.date(2026, 1, 30)

    def test_each_has_a_number_of_its_own(self) -> None:
        days = ("2026-01-01", "2026-01-02")
        made = [generate.certificate(key, ["localhost"], day) for key in (OWN_KEY, OTHER_KEY) for day in days]
        assert len({x509.load_pem_x509_certificate(pem.encode()).serial_number for pem in made}) == 4

    def test_a_long_name(self) -> None:
        name = ".".join(["a" * 60] * 3)
        found = x509.load_pem_x509_certificate(generate.certificate(OWN_KEY, [name]).encode())
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == [name]

    def test_it_is_current_until_something_changes(self) -> None:
        recipe = {"make": "certificate", "of": {"object": "tls", "key": "tls.key"}, "names": list(self.NAMES)}
        made = make(recipe, lambda *_: OWN_KEY, "")
        assert is_current(recipe, made, lambda *_: OWN_KEY)
        assert is_current(recipe, made + generate.certificate(OTHER_KEY, ["issuer"]), lambda *_: OWN_KEY)
        assert not is_current(recipe, made, lambda *_: OTHER_KEY)
        assert not is_current({**recipe, "names": ["other"]}, made, lambda *_: OWN_KEY)
        assert not is_current(recipe, "no certificate", lambda *_: OWN_KEY)
        old = generate.certificate(OWN_KEY, list(self.NAMES), "2012-01-01")
        assert not is_current(recipe, old, lambda *_: OWN_KEY)


OWN_KEY, OTHER_KEY = generate.private_key("own", SEEDED), generate.private_key("other", SEEDED)


class TestSha512Crypt:
    @pytest.mark.parametrize(
        ("password", "salt", "digest"),
        [
            # https://www.akkadia.org/drepper/SHA-crypt.txt
            (
                "Hello world!",
                "saltstring",
                "svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
            ),
            (
                "This is just a test",
                "toolongsaltstrin",
                "lQ8jolhgVRVhY4b5pZKaysCLi0QBxGoNeKQzQ3glMhwllF7oGDZxUhx1yxdYcz/e1JSbq3y6JMxxl8audkUEm0",
            ),
        ],
    )
    def test_the_examples_of_its_author(self, password: str, salt: str, digest: str) -> None:
        assert sha512_crypt(password, salt) == f"$6${salt}${digest}"

    if SYSTEM_CRYPT:

        @settings(max_examples=examples(60), deadline=None, derandomize=True)
        @given(
            st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=200),
            st.text(generate.ALPHABET, min_size=1, max_size=16),
        )
        def test_it_is_what_the_c_library_makes(self, password: str, salt: str) -> None:
            assert SYSTEM_CRYPT
            assert sha512_crypt(password, salt) == SYSTEM_CRYPT(password, f"$6${salt}")

    def test_verified(self) -> None:
        hashed = sha512_crypt("pässword", "salt")
        assert verified("pässword", hashed)
        assert not verified("password", hashed)
        broken = ("", "pässword", "$6$", "$6$salt", "$6$salt$", f"x{hashed}", f"{hashed}x", "$6$ä$ö", "$6$a$\udcff")
        of_other_kinds = ("$5$salt$x", "$2y$10$x", "$apr1$salt$x", "{SHA}x", "$6$rounds=1000$salt$x")
        assert not any(verified("pässword", other) for other in (*broken, *of_other_kinds))


class TestHtpasswd:
    def test_one_line_for_the_user(self) -> None:
        (line,) = generate.htpasswd(("admin", "secret"), "purpose").splitlines()
        name, hashed = line.split(":")
        assert name == "admin"
        assert re.fullmatch(r"\$6\$[A-Za-z0-9]{16}\$[A-Za-z0-9./]{86}", hashed)
        assert verified("secret", hashed)

    def test_each_has_a_salt_of_its_own(self) -> None:
        assert len({generate.htpasswd(("admin", "secret"), "purpose") for _ in range(3)}) == 3

    def test_other_lines_stay(self) -> None:
        others = ["# admin:x", "administrator:a", "bob:b", "", "no colon"]
        before = "\n".join(["admin:old", *others[:2], "admin:older", *others[2:]])
        lines = generate.htpasswd(("admin", "secret"), "purpose", before=before).split("\n")
        assert lines[1:] == [*others, ""]
        assert lines[0].startswith("admin:$6$")


READ = {("a", "user"): "admin", ("a", "password"): "secret", ("a", "key"): OWN_KEY}


def read(name: str, key: str) -> str:
    return READ[name, key]


class TestRecipes:
    def test_of_every_key_of_a_cluster_gives_a_value(self, cluster: MakeCluster) -> None:
        values: dict[str, dict[str, str]] = {}
        st2 = cluster()
        for secret in plan(planned(st2), st2)["secrets"]:
            data = values.setdefault(secret["name"], {})
            for key, recipe in secret["keys"].items():
                data[key] = make(recipe, lambda name, key: values[name][key], key)
                assert is_current(recipe, data[key], lambda name, key: values[name][key])

    def test_what_only_the_user_can_give(self) -> None:
        with pytest.raises(NotGiven, match="ask for it"):
            make({"make": "given", "hint": "ask for it"}, read, "")

    def test_inputs(self) -> None:
        reference = {"object": "a", "key": "user"}
        assert list(generate.inputs({"make": "password", "length": 3})) == []
        assert list(generate.inputs({"make": "text", "text": "object key"})) == []
        assert list(generate.inputs({"make": "copy", "of": reference})) == [("a", "user")]
        parts = ["x", {**reference, "encoding": "plain"}, {"object": "b", "key": "c", "encoding": "url"}]
        assert list(generate.inputs({"make": "composed", "parts": parts})) == [("a", "user"), ("b", "c")]

    @given(st.text(), st.sampled_from(sorted(encodings.ENCODINGS)))
    def test_a_value_that_cannot_be_written_is_not_told(self, value: str, encoding: str) -> None:
        # The reason is one of a few, whatever the value is.
        assert refusal(value, encoding) in {None, *(f"password of Secret mine {reason}" for reason in REASONS)}


def refusal(value: str, encoding: str) -> str | None:
    """Why a value cannot become part of a text."""
    try:
        generate.composed([{"object": "mine", "key": "password", "encoding": encoding}], lambda *_: value)
    except ValueError as error:
        return str(error)
    return None


REASONS = {
    "has control characters, which st2.conf cannot hold",
    r'has "\$", which st2.conf cannot hold: oslo.config reads it as "$"',
    "has an empty line, or one with blanks around it, which st2.conf cannot hold",
    'may only consist of letters, digits and "-._~", because it becomes part of a URL',
    "has line breaks, control characters or blanks around it, which ~/.st2/config cannot hold",
}


class Unannotated(ast.NodeTransformer):
    """Leaves out annotations, which are not evaluated."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.generic_visit(node)
        node.returns = None
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt | None:
        return ast.Assign([node.target], node.value) if node.value else None


NEW_METHODS = {"removeprefix", "removesuffix", "is_relative_to", "with_stem", "bit_count"}
"""vermin knows methods of literals only."""


class TestOldestPython:
    """What the Job runs is run by Python 3.8 in the image of st2 3.8."""

    @pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
    def test_its_syntax(self, module: ModuleType) -> None:
        tree = ast.parse(inspect.getsource(module), feature_version=(3, 8))
        assert not {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} & NEW_METHODS

    def test_its_library(self, tmp_path: Path) -> None:
        for module in MODULES:
            tree = ast.fix_missing_locations(Unannotated().visit(ast.parse(inspect.getsource(module))))
            (tmp_path / f"{module.__name__}.py").write_text(ast.unparse(tree))
        vermin = [sys.executable, "-c", "from vermin import main; main()", "--eval-annotations", "--violations"]
        done = subprocess.run([*vermin, "--target=3.8-", tmp_path], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout

    @pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
    def test_nothing_else_is_imported(self, module: ModuleType) -> None:
        nodes = list(ast.walk(ast.parse(inspect.getsource(module))))
        imported = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
        imported |= {each.name for node in nodes if isinstance(node, ast.Import) for each in node.names}
        own = {each.__name__ for each in MODULES}
        # The images have it; it is imported where a database is asked, and nowhere else.
        tops = {name.partition(".")[0] for name in imported - own} - {"pymongo"}
        assert tops <= {*sys.stdlib_module_names, "cryptography"}

    @pytest.mark.parametrize("version", VERSIONS)
    def test_it_runs(self, version: str, tmp_path: Path) -> None:
        for module in MODULES:
            path = tmp_path.joinpath(*module.__name__.split(".")).with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(inspect.getsource(module))
        done = subprocess.run(
            [*python(version), "-c", WITHOUT_CRYPTOGRAPHY], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == [
            generate.password("a", 32, from_seed("seed")),
            sha512_crypt("pässword", "salt"),
            encodings.conf("a\nb"),
        ]


WITHOUT_CRYPTOGRAPHY = """
import json, sys
from unittest import mock
for name in ("", ".exceptions", ".x509", ".x509.oid", ".hazmat.primitives", ".hazmat.primitives.asymmetric"):
    sys.modules["cryptography" + name] = mock.MagicMock()
from constructs_st2.facts.secrets.programs import bootstrap, encodings, generate, sha512_crypt
password = generate.password("a", 32, generate.from_seed("seed"))
print(json.dumps([password, sha512_crypt.sha512_crypt("p\\u00e4ssword", "salt"), encodings.conf("a\\nb")]))
"""
