"""The commands for Secrets: what they print, what they read, and what they say about what cannot be used."""

from __future__ import annotations

import base64
import io
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID
from default_cluster import SECRETS
from kubernetes_versions import validate
from support import MakeCluster, each_of

from constructs_st2.checks import check
from constructs_st2.checks.surroundings import surroundings
from constructs_st2.commands import cli
from constructs_st2.construct.build import build
from constructs_st2.facts.secrets.contract import AUTH
from constructs_st2.facts.secrets.formats import Format
from constructs_st2.facts.secrets.programs import bootstrap
from constructs_st2.facts.secrets.programs.sha512_crypt import verified
from constructs_st2.kube.documents import Document
from constructs_st2.kube.reading import read_text
from constructs_st2.parts.secrets.forms import problem
from constructs_st2.parts.secrets.generated import secret_manifests
from constructs_st2.parts.secrets.plan import planned

NAMES = [f"st2-{component}" for component in SECRETS]


class Result(NamedTuple):
    """How a run ended."""

    status: int
    out: str
    err: str

    @property
    def manifests(self) -> dict[str, Document]:
        assert self.status == 0, self.err
        return {manifest["metadata"]["name"]: manifest for manifest in read_text(self.out, "stdout")}

    @property
    def errors(self) -> list[str]:
        """What is wrong, as the user is told. There is nothing besides, and no traceback."""
        assert (self.status, self.out) == (1, "")
        lines = self.err.splitlines()
        assert all(line.startswith("error: ") for line in lines)
        return [line.removeprefix("error: ") for line in lines]


Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `constructs-st2 secrets` in an empty folder, inside this process."""
    monkeypatch.chdir(tmp_path)
    # Hashes that are slow on purpose would take half of the time; test_bootstrap_as_shipped.py waits for them.
    monkeypatch.setattr(bootstrap, "ROUNDS", 1)
    for name in ("ST2_VALUES", "ST2_RELEASE", "ST2_NAMESPACE"):
        monkeypatch.delenv(name, raising=False)

    def execute(*arguments: str, stdin: bytes = b"") -> Result:
        monkeypatch.setattr(sys, "argv", ["constructs-st2", "secrets", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        try:
            cli.main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        else:
            status = 0
        return Result(status, *capsys.readouterr())

    return execute


@pytest.fixture(scope="module")
def data(cluster: MakeCluster) -> Mapping[str, Mapping[str, str]]:
    """The keys of each Secret of the default cluster, as they should be. Do not change them."""
    return {each["metadata"]["name"]: each["stringData"] for each in secret_manifests(cluster())}


class TestGenerate:
    def test_makes_all_secrets_and_others_every_time(self, run: Run) -> None:
        one, other = run("generate"), run("generate")
        assert list(one.manifests) == list(other.manifests) == NAMES
        assert one.err == ""
        for name in NAMES:
            assert one.manifests[name]["metadata"]["labels"] == other.manifests[name]["metadata"]["labels"]
            assert one.manifests[name]["stringData"] != other.manifests[name]["stringData"]

    def test_they_are_valid_and_hold_what_pods_read(self, run: Run, cluster: MakeCluster) -> None:
        made = run("generate").manifests.values()
        for manifest in made:
            validate(manifest, "1.30")
            assert manifest["metadata"]["namespace"] == "stackstorm"
        existing = cluster({"secrets": {"mode": "existing"}})
        alone = surroundings(existing)._replace(secrets={})
        problems = check([*build(existing).objects, *made], alone)
        # They are not for a folder of manifests.
        assert {(problem.rule, problem.object) for problem in problems} == {
            (rule, f"Secret/{name}") for rule in ("cleartext", "required-label") for name in NAMES
        }

    def test_no_crypto_key_is_made_beside_a_database_that_may_have_another(self, run: Run) -> None:
        outside = (
            "generate",
            "--set",
            "mongodb.enabled=false",
            "--set",
            "mongodb.external.uri=mongodb://db.example.org/",
        )
        (error,) = run(*outside).errors
        assert error.startswith("Secret st2-st2-datastore-crypto-key: the database is not this release's")
        assert "countDocuments({secret: true})" in error
        assert "st2-st2-datastore-crypto-key" in run(*outside, "--new-crypto-key").manifests
        assert list(run(*outside, "--only", "redis").manifests) == ["st2-redis"]

    def test_release_and_namespace_can_be_chosen(self, run: Run) -> None:
        made = run("generate", "--release", "blue", "--namespace", "automation", "--only", "redis").manifests
        assert list(made) == ["blue-redis"]
        assert made["blue-redis"]["metadata"]["namespace"] == "automation"

    @pytest.mark.parametrize(
        ("only", "names"),
        [
            (["redis"], ["st2-redis"]),
            (["redis", "mongodb", "redis"], ["st2-mongodb", "st2-redis"]),
            (["st2-client-config", "st2-auth"], ["st2-st2-auth", "st2-st2-client-config"]),
        ],
    )
    def test_some_of_them(self, run: Run, only: list[str], names: list[str]) -> None:
        result = run("generate", *(f"--only={name}" for name in only))
        assert (list(result.manifests), result.err) == (names, "")

    def test_what_does_not_exist_cannot_be_made(self, run: Run) -> None:
        known = ", ".join(name.removeprefix("st2-") for name in NAMES)
        assert run("generate", "--only", "redis", "--only", "st2-redis", "--only", "x").errors == [
            f'there is no Secret "st2-redis" to make; there are: {known}',
            f'there is no Secret "x" to make; there are: {known}',
        ]

    def test_what_is_made_of_others_would_not_fit_to_those_of_the_cluster(self, run: Run) -> None:
        assert run("generate", "--only", "st2-secrets-conf", "--only", "redis").errors == [
            "Secret st2-st2-secrets-conf is made of others, and does not fit to those that there are: "
            "make them with it (--only mongodb --only rabbitmq)"
        ]

    def test_what_is_the_users_is_not_made(self, run: Run) -> None:
        own = ["--set", "redis.auth.existingSecret=mine"]
        assert run("generate", *own, "--only", "redis").errors == [
            "Secret mine is yours (redis.auth.existingSecret), and not made here"
        ]
        result = run("generate", *own)
        assert set(NAMES) - set(result.manifests) == {"st2-redis", "st2-st2-secrets-conf"}
        assert result.err == (
            "note: Secret st2-st2-secrets-conf is left out: needs redis-password of Secret mine, "
            "which is not made here\n"
        )

    def test_it_is_told_why_something_is_left_out(self, run: Run, tmp_path: Path) -> None:
        copied = {"existingSecret": "mine", "key": "pw"}
        values = {"st2": {"password": copied}, "st2chatops": {"enabled": True}, "enterprise": {"enabled": True}}
        (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
        reasons = {
            "st2-st2-auth": "needs pw of Secret mine, which is not made here",
            "st2-st2-client-config": "needs ST2_AUTH_PASSWORD of Secret st2-st2-auth, which is not made here",
            "st2-st2chatops": "its keys are yours to choose",
            "st2-st2-license": "make it of your license: "
            "constructs-st2 secrets generate --only st2-license --license FILE",
        }
        result = run("generate")
        assert result.manifests.keys() == set(NAMES) - reasons.keys()
        assert result.err.splitlines() == [
            f"note: Secret {name} is left out: {reason}" for name, reason in reasons.items()
        ]
        assert run("generate", "--only", "st2-auth").errors == [
            f"Secret st2-st2-auth cannot be made: {reasons['st2-st2-auth']}"
        ]

    def test_wrong_values(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "values.yaml").write_text("st2:\n  password: s3cretive\n")
        (error,) = run("generate").errors
        assert error.startswith("values.yaml:2: st2.password: is a secret, and a values file is no place for it")


class TestLicense:
    ENTERPRISE = ("generate", "--set", "enterprise.enabled=true", "--only", "st2-license")

    def test_becomes_credentials(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "license").write_text("abc-123\n")
        made = run(*self.ENTERPRISE, "--license", "license").manifests["st2-st2-license"]
        validate(made, "1.30")
        assert made["type"] == "kubernetes.io/dockerconfigjson"
        config = json.loads(made["stringData"][".dockerconfigjson"])
        assert config["auths"]["docker.stackstorm.com"]["password"] == "abc-123"

    @pytest.mark.parametrize("content", [b"", b"\n", b"abc 123", b"abc\n123", b"a:b", b"\xff\x00"])
    def test_a_file_without_one(self, run: Run, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "license").write_bytes(content)
        assert run(*self.ENTERPRISE, "--license", "license").errors == [
            "license: is no license key, which has one line without blanks and colons"
        ]

    @pytest.mark.parametrize("settings", [(), ("enterprise.enabled=true", "enterprise.existingPullSecret=mine")])
    def test_without_a_use(self, run: Run, tmp_path: Path, settings: tuple[str, ...]) -> None:
        (tmp_path / "license").write_text("abc-123")
        sets = [argument for setting in settings for argument in ("--set", setting)]
        assert run("generate", *sets, "--license", "license").errors == [
            "--license has an effect only with enterprise.enabled, and without enterprise.existingPullSecret"
        ]


class Controller(NamedTuple):
    """The controller of sealed-secrets: its key, and the file with its certificate."""

    key: rsa.RSAPrivateKey
    file: str

    def opened(self, sealed: Document, label: str) -> dict[str, str]:
        """The values of a SealedSecret."""

        def opened(encrypted: str) -> str:
            data = base64.b64decode(encrypted)
            end = 2 + int.from_bytes(data[:2], "big")
            oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), label.encode())
            return AESGCM(self.key.decrypt(data[2:end], oaep)).decrypt(bytes(12), data[end:], None).decode()

        return {key: opened(encrypted) for key, encrypted in sealed["spec"]["encryptedData"].items()}


def certificate(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, days: int = 1) -> bytes:
    """A certificate in PEM format that ends in some days."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sealed-secrets")])
    end = datetime.now(timezone.utc) + timedelta(days=days)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(end - timedelta(days=9)).not_valid_after(end)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Controller:
    key = rsa.generate_private_key(65537, 2048)
    file = tmp_path_factory.mktemp("controller") / "cert.pem"
    file.write_bytes(certificate(key))
    return Controller(key, str(file))


class TestSeal:
    def test_only_the_controller_can_open_them(self, run: Run, controller: Controller) -> None:
        result = run("generate", "--seal", controller.file)
        assert list(result.manifests) == NAMES
        conf = controller.opened(result.manifests["st2-st2-secrets-conf"], "stackstorm/st2-st2-secrets-conf")
        redis = controller.opened(result.manifests["st2-redis"], "stackstorm/st2-redis")
        assert f"st2redis://:{redis['redis-password']}@" in conf["st2.secrets.conf"]
        for value in redis.values():
            assert value not in result.out
            assert base64.b64encode(value.encode()).decode() not in result.out

    def test_they_may_lie_beside_the_manifests(self, run: Run, controller: Controller, cluster: MakeCluster) -> None:
        made = run("generate", "--seal", controller.file).manifests.values()
        existing = cluster({"secrets": {"mode": "existing"}})
        alone = surroundings(existing)._replace(secrets={})
        assert check([*build(existing).objects, *made], alone) == []

    @pytest.mark.parametrize(
        ("scope", "label"), [("strict", "stackstorm/st2-redis"), ("namespace-wide", "stackstorm"), ("cluster-wide", "")]
    )
    def test_scopes(self, run: Run, controller: Controller, scope: str, label: str) -> None:
        arguments = ["generate", "--only", "redis", "--seal", controller.file, "--scope", scope]
        made = run(*arguments).manifests["st2-redis"]
        assert controller.opened(made, label).keys() == {"redis-password", "redis-sentinel-password"}
        marks = {} if scope == "strict" else {f"sealedsecrets.bitnami.com/{scope}": "true"}
        assert made["metadata"].get("annotations", {}) == marks

    @pytest.mark.parametrize(
        ("content", "error"),
        [
            (b"", "is not one in PEM format"),
            (b"\x30\x82\x01", "is not one in PEM format"),
            (
                rsa.generate_private_key(65537, 2048).private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                ),
                "is not one in PEM format",
            ),
            (
                certificate(ec.generate_private_key(ec.SECP256R1())),
                "has no RSA key, and so is not that of sealed-secrets",
            ),
        ],
        ids=["empty", "binary", "private key", "another kind of key"],
    )
    def test_a_wrong_certificate(self, run: Run, tmp_path: Path, content: bytes, error: str) -> None:
        (tmp_path / "cert.pem").write_bytes(content)
        assert run("generate", "--seal", "cert.pem").errors == [
            f"the controller's certificate {error}; use what `kubeseal --fetch-cert` prints"
        ]

    def test_a_certificate_of_yesterday(self, run: Run, tmp_path: Path, controller: Controller) -> None:
        (tmp_path / "cert.pem").write_bytes(certificate(controller.key, days=-1))
        (error,) = run("generate", "--seal", "cert.pem").errors
        assert error.startswith("the controller's certificate expired on ")

    def test_a_file_that_is_not_there(self, run: Run) -> None:
        result = run("generate", "--seal", "nowhere.pem")
        assert (result.status, result.out) == (2, "")
        assert result.err.endswith("Error: Invalid value for '--seal': File 'nowhere.pem' does not exist.\n")

    def test_a_scope_of_nothing(self, run: Run) -> None:
        assert run("generate", "--scope", "cluster-wide").errors == ["--scope cluster-wide is of no use without --seal"]


class TestList:
    @staticmethod
    def blocks(run: Run, *arguments: str) -> dict[str, list[str]]:
        """The lines about each Secret, by the first one of them."""
        result = run("list", *arguments)
        assert (result.status, result.err) == (0, "")
        lines = (block.splitlines() for block in result.out.split("\n\n"))
        return {first: others for first, *others in lines}

    def test_names_keys_and_readers(self, run: Run) -> None:
        blocks = self.blocks(run)
        assert [title.partition(": ")[0] for title in blocks] == NAMES
        assert blocks["st2-redis: Passwords of Redis and its sentinels"] == [
            "  redis-password: password of the data nodes",
            "  redis-sentinel-password: password of the sentinels",
            "  read by st2-redis",
        ]
        *_, readers = blocks["st2-st2-ssh: SSH key pair of the system user"]
        assert readers == "  read by st2-st2actionrunner, st2-st2client"

    def test_what_is_the_users(self, run: Run) -> None:
        blocks = self.blocks(run, "--set", "st2.existingAuthSecret=mine")
        *keys, readers = blocks["mine (yours: st2.existingAuthSecret): The first user of StackStorm"]
        assert len(keys) == len(AUTH.keys)
        assert readers == "  read by st2-st2auth"

    def test_keys_without_a_contract(self, run: Run) -> None:
        blocks = self.blocks(run, "--set", "st2chatops.enabled=true")
        assert blocks["st2-st2chatops: Environment of the chat bot: tokens and API key"] == [
            "  keys of your choice",
            "  read by st2-st2chatops",
        ]

    @pytest.mark.parametrize(
        ("values", "name", "lines"),
        [
            ("image: {pullSecret: mine}", "mine (yours: image.pullSecret)", ["  .dockerconfigjson"]),
            (
                "st2: {password: {existingSecret: mine, key: word}}",
                "mine (yours: st2.password.existingSecret)",
                ["  word", "  read by st2-secrets-bootstrap"],
            ),
            (
                "st2: {existingConfigSecret: mine}",
                "mine (yours: st2.existingConfigSecret)",
                ["  st2.secrets.conf"],
            ),
            (
                "st2: {keyvalue: [{name: a, scope: system, secret: true, value: {existingSecret: mine, key: b}}]}",
                "mine (yours: st2.keyvalue[0].value.existingSecret)",
                ["  b"],
            ),
            (
                "st2api: {envFromSecrets: [mine]}",
                "mine (yours: st2api.envFromSecrets[0])",
                ["  keys of your choice", "  read by st2-st2api"],
            ),
            (
                "st2api: {extra_volumes: [{name: v, volume: {secret: {secretName: mine, optional: true}},"
                " mount: {mountPath: /v}}]}",
                "mine (yours, optional: st2api.extra_volumes[0].volume.secret.secretName)",
                ["  keys of your choice"],
            ),
            (
                "{st2web: {tls: {enabled: false}}, ingress: {enabled: true, hosts: [{host: a.example}],"
                " tls: [{secretName: mine, hosts: [a.example]}]}}",
                "mine (yours: ingress.tls[0].secretName)",
                ["  tls.crt", "  tls.key", "  read by Ingress/st2-st2web-ingress"],
            ),
        ],
    )
    def test_what_values_name_besides(self, run: Run, tmp_path: Path, values: str, name: str, lines: list[str]) -> None:
        (tmp_path / "values.yaml").write_text(values)
        blocks = self.blocks(run)
        assert blocks[name][: len(lines)] == lines

    def test_what_the_manifests_bring_is_not_the_users(self, run: Run, tmp_path: Path) -> None:
        spec = {"secretStoreRef": {"name": "store"}, "data": [{"secretKey": "A", "remoteRef": {"key": "a"}}]}
        metadata = {"name": "mine", "namespace": "stackstorm"}
        made = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": metadata, "spec": spec}
        values = {"st2api": {"envFromSecrets": ["mine"]}, "extraObjects": [made]}
        (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
        assert "mine (made by ExternalSecret/mine)" in self.blocks(run)


class Kubectl:
    """A kubectl that knows some Secrets, and writes down what it is asked."""

    PROGRAM = """#!/bin/sh
PATH=/usr/bin:/bin
printf '%s\\n' "$*" >>{folder}/calls
[ ! -f {folder}/complaint ] || {{ cat {folder}/complaint >&2; exit 1; }}
for argument; do
    [ "$previous" != secret ] || cat "{folder}/$argument" 2>/dev/null
    previous=$argument
done
exit 0
"""

    def __init__(self, folder: Path, data: Mapping[str, Mapping[str, str]]) -> None:
        self._folder = folder
        self.data: dict[str, dict[str, Any]] = {
            name: {key: base64.b64encode(value.encode()).decode() for key, value in keys.items()}
            for name, keys in data.items()
        }
        (folder / "bin").mkdir()
        self.program = folder / "bin" / "kubectl"
        self.program.write_text(self.PROGRAM.format(folder=folder))
        self.program.chmod(0o755)

    def put(self, secret: str, key: str, value: bytes) -> None:
        self.data[secret][key] = base64.b64encode(value).decode()

    def answer(self, secret: str, text: str) -> None:
        (self._folder / secret).write_text(text)

    def complain(self, text: str) -> None:
        (self._folder / "complaint").write_text(text)

    def ready(self) -> None:
        for name, keys in self.data.items():
            self.answer(name, json.dumps({"kind": "Secret", "metadata": {"name": name}, "data": keys}))

    def calls(self) -> list[str]:
        return (self._folder / "calls").read_text().splitlines()


class TestCheck:
    @pytest.fixture
    def kubectl(
        self, data: Mapping[str, Mapping[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Kubectl:
        # A real one, with a real cluster, must be out of reach.
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))
        return Kubectl(tmp_path, data)

    @pytest.fixture
    def inspect(self, run: Run, kubectl: Kubectl) -> Run:
        def inspect(*arguments: str) -> Result:
            kubectl.ready()
            return run("check", *arguments)

        return inspect

    def test_all_is_well(self, inspect: Run) -> None:
        result = inspect()
        assert result == Result(0, "all Secrets are there, and their values have the right form\n", "")

    def test_it_reads_the_secrets_of_the_contract_and_nothing_else(self, inspect: Run, kubectl: Kubectl) -> None:
        inspect()
        assert kubectl.calls() == [
            f"--namespace stackstorm get secret {name} --ignore-not-found --output json" for name in NAMES
        ]

    def test_context_namespace_and_the_users_own_secrets(self, inspect: Run, kubectl: Kubectl) -> None:
        kubectl.data["mine"] = kubectl.data.pop("st2-redis")
        values = ["--namespace", "automation", "--set", "redis.auth.existingSecret=mine"]
        assert inspect("--context", "production", *values).status == 0
        begin = "--context production --namespace automation get secret"
        assert [call for call in kubectl.calls() if call.startswith(f"{begin} mine ")]
        assert all(call.startswith(f"{begin} ") for call in kubectl.calls())

    def test_missing_secrets_and_keys(self, inspect: Run, kubectl: Kubectl) -> None:
        del kubectl.data["st2-redis"]
        del kubectl.data["st2-st2-auth"]["htpasswd"]
        kubectl.data["st2-st2-ssh"] = {}
        assert inspect().errors == [
            "Secret st2-st2-auth has no key htpasswd: users and password hashes, as st2auth reads them",
            "Secret st2-st2-ssh has no key private_key: private key, PEM or OpenSSH format",
            "Secret st2-st2-ssh has no key public_key: public key, for authorized_keys",
            "there is no Secret st2-redis: Passwords of Redis and its sentinels",
        ]

    def test_secrets_that_values_name_besides(self, inspect: Run, kubectl: Kubectl, tmp_path: Path) -> None:
        optional = {
            "name": "v",
            "volume": {"secret": {"secretName": "c", "optional": True}},
            "mount": {"mountPath": "/v"},
        }
        api = {"envFromSecrets": ["b"], "extra_volumes": [optional]}
        values = {"st2": {"password": {"existingSecret": "a", "key": "word"}}, "st2api": api}
        (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
        assert inspect().errors == [
            "there is no Secret b: st2api.envFromSecrets[0] names it",
            "there is no Secret a: st2.password.existingSecret names it",
        ]
        kubectl.data |= {"a": {"other": ""}, "b": {}}
        assert inspect().errors == ["Secret a has no key word: st2.password.existingSecret names it"]
        kubectl.put("a", "word", b"\xff")
        assert inspect().status == 0, "nothing is known of its form"

    def test_a_secret_without_any_data(self, inspect: Run, kubectl: Kubectl) -> None:
        kubectl.data["st2-st2-client-config"] = None  # type: ignore[assignment]
        assert inspect().errors == [
            "Secret st2-st2-client-config has no key config: INI text with the section [credentials]"
        ]

    def test_wrong_forms_are_told_but_not_the_values(
        self, inspect: Run, kubectl: Kubectl, cluster: MakeCluster
    ) -> None:
        marker = "s3cretive"
        keys = [(secret.name, key, spec) for secret in planned(cluster()) for key, spec in secret.spec.keys.items()]
        for name, key, _ in keys:
            kubectl.put(name, key, f"{marker}:{marker}\n{marker} ".encode())
        result = inspect()
        assert result.errors == [f"Secret {name}, key {key}: is not {spec.format.value}" for name, key, spec in keys]
        assert marker not in result.err

    @pytest.mark.parametrize("encoded", ["/w==", "czNj!cmV0", "a"], ids=["no UTF-8", "no base64", "broken off"])
    def test_what_is_no_text(self, inspect: Run, kubectl: Kubectl, encoded: str) -> None:
        kubectl.data["st2-redis"]["redis-password"] = encoded
        assert inspect().errors == ["Secret st2-redis, key redis-password: is no text"]

    def test_further_keys_are_not_looked_at(self, inspect: Run, kubectl: Kubectl) -> None:
        kubectl.put("st2-redis", "other", b"\xff")
        assert inspect().status == 0

    def test_tokens_of_the_chat_bot_only_need_to_be_there(self, inspect: Run, kubectl: Kubectl) -> None:
        assert inspect("--set", "st2chatops.enabled=true").errors == [
            "there is no Secret st2-st2chatops: Environment of the chat bot: tokens and API key"
        ]
        kubectl.data["st2-st2chatops"] = {}
        assert inspect("--set", "st2chatops.enabled=true").status == 0

    def test_no_kubectl(self, inspect: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "/nowhere")
        assert inspect().errors == ["cannot find kubectl; install it, or put it into PATH"]

    def test_a_kubectl_that_cannot_be_run(self, inspect: Run, kubectl: Kubectl) -> None:
        kubectl.program.write_bytes(b"\x7fELF of another machine")
        assert inspect().errors == ["cannot run kubectl: Exec format error"]

    def test_a_kubectl_that_is_refused(self, inspect: Run, kubectl: Kubectl) -> None:
        kubectl.complain(
            "E1125 memcache.go:265] couldn't get API\nError from server (Forbidden): secrets is forbidden\n"
        )
        assert inspect().errors == ["kubectl: Error from server (Forbidden): secrets is forbidden"]
        assert len(kubectl.calls()) == 1

    def test_a_kubectl_that_fails_silently(self, inspect: Run, kubectl: Kubectl) -> None:
        kubectl.complain("")
        assert inspect().errors == ["kubectl: it ended with status 1"]

    @pytest.mark.parametrize("answer", ["s3cretive", '["s3cretive"]', '{"data": ["s3cretive"]}'])
    def test_a_kubectl_that_says_something_else(self, inspect: Run, kubectl: Kubectl, answer: str) -> None:
        del kubectl.data["st2-redis"]
        kubectl.answer("st2-redis", answer)
        assert inspect().errors == ["kubectl did not answer with Secret st2-redis in JSON"]

    def test_a_kubectl_that_hangs(self, inspect: Run, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("constructs_st2.commands.kubectl.SECONDS", 0.2)
        kubectl.program.write_text("#!/bin/sh\nPATH=/usr/bin:/bin\nexec sleep 60\n")
        assert inspect().errors == ["kubectl does not answer within 0.2 s; is the cluster reachable?"]


def pem(kind: str) -> str:
    """Something that looks like it."""
    return f"-----BEGIN {kind}-----\nMIIB\n-----END {kind}-----\n"


KEY = base64.urlsafe_b64encode(bytes(range(32))).decode().rstrip("=")


def crypto_key(**changes: object) -> str:
    key = {"hmacKey": {"hmacKeyString": KEY, "size": 256}, "aesKeyString": KEY, "mode": "CBC", "size": 256}
    return json.dumps({**key, **changes})


FITTING: Mapping[Format, list[str]] = {
    Format.NAME: ["st2admin", "jörg", "a.b@c#d"],
    Format.TEXT: ["x", "with blanks and a \\ \"'", "ß"],
    Format.URL_TEXT: ["aZ0", "a-._~"],
    Format.HTPASSWD: ["a:$6$s$h", "a:$apr1$s$h\nb c:{SHA}x\n", "# people\n\na:znExVsGU19vAQ\n", "#\na:b\r\n"],
    Format.CRYPTO_KEY: [
        crypto_key(),
        crypto_key(mode="cbc", aesKeyString="AAAAAAAAAAAAAAAAAAAAAA"),
        crypto_key(aesKeyString=f"{KEY[:-3]}/--"),
    ],
    Format.PRIVATE_KEY: [
        pem("PRIVATE KEY"),
        pem("RSA PRIVATE KEY"),
        pem("OPENSSH PRIVATE KEY").rstrip(),
        pem("EC PARAMETERS") + pem("EC PRIVATE KEY"),
        pem("PRIVATE KEY").replace("\n", "\r\n"),
    ],
    Format.SSH_PUBLIC_KEY: ["ssh-ed25519 AAAA", "ecdsa-sha2-nistp256 AA/+A== a comment\n", "ssh-rsa AA== x"],
    Format.CERTIFICATE: [pem("CERTIFICATE"), pem("CERTIFICATE") * 3, "subject=CN = x\n" + pem("CERTIFICATE")],
    Format.MEMBER_KEY: ["abcdef", "ab\ncd ef=\n", "+/" * 512, "- abcdef\n- ghijkl\n"],
    Format.COOKIE: ["A", "x9" * 127],
    Format.DEFINITIONS: ['{"users": [], "vhosts": [], "permissions": [], "queues": []}'],
    Format.ST2_CONF: ["", "[database]\nhost = a\n    b\n# c\n"],
    Format.CLIENT_CONFIG: ["[credentials]\nusername = a\n", "# mine\n[general]\n[credentials]\n"],
    Format.DOCKER_CONFIG: ['{"auths": {}}'],
    Format.YAML_LIST: ["- name: a\n  value: b\n", "[]", "# mine\n- a\n"],
}
UNFITTING: Mapping[Format, list[str]] = {
    Format.NAME: ["", "a b", "a:b", "a\n", "#a"],
    Format.TEXT: ["", "a\n", "\n", "a\r"],
    Format.URL_TEXT: ["", "a@b", "a%40", "a\n", "ß"],
    Format.HTPASSWD: ["", "\n", "# nobody", "a", "a:", ":x", "a:b\nc", "a:b c", '{"a":1,' + '"b":1,' * 5000 + "} x"],
    Format.CRYPTO_KEY: [
        "",
        "x",
        "[]",
        "{}",
        crypto_key(hmacKey=KEY),
        crypto_key(hmacKey={"hmacKeyString": "", "size": 256}),
        crypto_key(aesKeyString=KEY[:-3]),
        crypto_key(aesKeyString=1),
        crypto_key(mode="GCM"),
        crypto_key(mode=None),
    ],
    Format.PRIVATE_KEY: [
        "",
        "x",
        pem("PUBLIC KEY"),
        pem("CERTIFICATE"),
        pem("PRIVATE KEY")[:-10],
        "-----BEGIN PRIVATE",
    ],
    Format.SSH_PUBLIC_KEY: ["", "ssh-rsa", "AAAA", "ssh-rsa AAAA\nssh-rsa BBBB\n", pem("PUBLIC KEY")],
    Format.CERTIFICATE: ["", "x", pem("PRIVATE KEY"), pem("CERTIFICATE")[:-10], "-----BEGIN CERTIFICATE-----\n"],
    Format.MEMBER_KEY: ["", "abcde", "a-b-c-d", "a" * 1025, "- abcdef\n- x\n"],
    Format.COOKIE: ["", "a b", "a-b", "a\n", "x" * 256],
    Format.DEFINITIONS: ["", "[]", "{}", '{"users": [], "vhosts": []}'],
    Format.ST2_CONF: ["host = a\n", "[database\n", "[database]\nx\n"],
    Format.CLIENT_CONFIG: ["", "username = a\n", "credentials", "# [credentials]"],
    Format.DOCKER_CONFIG: ["", "x", '"auths"', "{}"],
    Format.YAML_LIST: ["", "name: a\n", "# - a"],
}


class TestFormats:
    @each_of("form", Format)
    def test_what_fits(self, form: Format) -> None:
        assert [value for value in FITTING[form] if problem(form, value)] == []

    @each_of("form", Format)
    def test_what_does_not(self, form: Format) -> None:
        begin = time.monotonic()
        assert {problem(form, value) for value in UNFITTING[form]} == {f"is not {form.value}"}
        assert time.monotonic() - begin < 2


class Terminal:
    """A program at a terminal of its own."""

    # Passes on what goes in and out.
    RUN = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"

    def __init__(self, *command: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", self.RUN, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        self.shown = ""

    def answer(self, prompt: str, line: str) -> None:
        """Wait for a prompt, and type a line."""
        assert self._process.stdin
        assert self._process.stdout
        begin, end = len(self.shown), time.monotonic() + 10
        while prompt not in self.shown[begin:]:
            assert select.select([self._process.stdout], [], [], end - time.monotonic())[0], self.shown
            found = os.read(self._process.stdout.fileno(), 4096).decode()
            assert found, self.shown
            self.shown += found
        self._process.stdin.write(line.encode())

    def end(self) -> int:
        """The exit status."""
        out, _ = self._process.communicate(timeout=10)
        self.shown += out.decode()
        return self._process.returncode

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


class TestUserAdd:
    @staticmethod
    def is_line_of(line: str, name: str, password: str) -> bool:
        begin, _, hashed = line.removesuffix("\n").partition(":")
        return line.endswith("\n") and begin == name and verified(password, hashed)

    @pytest.mark.parametrize(
        ("stdin", "password"),
        [(b"pw", "pw"), (b"pw\nmore\n", "pw"), (b" p w\r\n", " p w"), ("pä:€\n".encode(), "pä:€")],
    )
    def test_the_password_comes_from_a_pipe(self, run: Run, stdin: bytes, password: str) -> None:
        result = run("user", "add", "eve", stdin=stdin)
        assert (result.status, result.err) == (0, "")
        assert self.is_line_of(result.out, "eve", password)
        assert run("user", "add", "eve", stdin=stdin).out != result.out

    @pytest.mark.parametrize("stdin", [b"", b"\n", b"\r\n"])
    def test_an_empty_password(self, run: Run, stdin: bytes) -> None:
        assert run("user", "add", "eve", stdin=stdin).errors == ["the password is empty"]

    def test_a_password_in_another_encoding(self, run: Run) -> None:
        assert run("user", "add", "eve", stdin="pä".encode("latin-1")).errors == [
            "the password is not in UTF-8, as st2auth reads passwords"
        ]

    @pytest.mark.parametrize("name", ["", "a:b", "a b", "#a"])
    def test_what_cannot_be_a_name(self, run: Run, name: str) -> None:
        assert run("user", "add", name, stdin=b"pw\n").errors == [
            f'"{name}" cannot be the name of a user: it is not a name without blanks and colons, '
            'and without "#" in front'
        ]

    def test_a_name_of_two_lines(self, run: Run) -> None:
        (error,) = run("user", "add", "a\nb", stdin=b"pw\n").errors
        assert error.startswith('"a\\nb" cannot be the name of a user: ')

    @pytest.fixture
    def terminal(self, tmp_path: Path) -> Iterator[Terminal]:
        program = (
            f'exec "{sys.executable}" -c "from constructs_st2.commands.cli import main; main()" secrets user add eve'
        )
        terminal = Terminal("sh", "-c", f'{program} >"{tmp_path}/out"')
        yield terminal
        terminal.kill()

    def test_somebody_at_a_terminal_is_asked_twice(self, terminal: Terminal, tmp_path: Path) -> None:
        terminal.answer("Password: ", "s3cret\n")
        terminal.answer("Repeat for confirmation: ", "s3cert\n")
        terminal.answer("Password: ", "\n")
        terminal.answer("Password: ", "s3cret\n")
        terminal.answer("Repeat for confirmation: ", "s3cret\n")
        assert terminal.end() == 0
        assert "do not match" in terminal.shown
        assert "s3c" not in terminal.shown
        assert self.is_line_of((tmp_path / "out").read_text(), "eve", "s3cret")

    def test_who_leaves_a_terminal_gets_nothing(self, terminal: Terminal, tmp_path: Path) -> None:
        terminal.answer("Password: ", "\x04")
        assert terminal.end() == 1
        assert "Traceback" not in terminal.shown
        assert (tmp_path / "out").read_text() == ""
