"""What the generator makes is used by those who read it: servers, programs, and the libraries of st2."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple, get_args

import kombu
import pytest
from click.testing import CliRunner
from config import oslo
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID
from oslo_config import cfg
from servers.environments import Interpreter
from servers.ports import PATIENCE, accepts, eventually, free_port
from servers.rabbitmq import RabbitMQ
from servers.st2web_pod import HOST, Certificate, Web, inside
from support import Environment, MakeCluster, Require, Synth, need_root

from constructs_st2.commands.cli import cli
from constructs_st2.facts.backends.connections import secrets_conf
from constructs_st2.facts.backends.rabbitmq import definitions
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.secrets import contract
from constructs_st2.facts.secrets.composition import SecretPart, filled
from constructs_st2.facts.secrets.programs.generate import from_seed, from_system
from constructs_st2.facts.st2_options import options_for
from constructs_st2.parts.backends.etcd import library as etcd_library
from constructs_st2.parts.backends.redis import library as redis_library
from constructs_st2.parts.backends.redis import scripts as redis_scripts
from constructs_st2.parts.secrets.generated import secret_manifests
from constructs_st2.parts.secrets.scope import Scope
from constructs_st2.parts.secrets.sealed import controller_key, sealed
from constructs_st2.parts.services import nginx
from constructs_st2.values.model.images import St2Version
from constructs_st2.values.servers import MASTER

# Servers and interpreters are shared by all tests.

AWKWARD = "p%40:/?#&=+ $user,ü\"'"
"""A password with everything that has a meaning somewhere."""

SEED = "development"
SEEDED: Mapping[str, Any] = {"secrets": {"mode": "plain", "seed": SEED}}
SOURCES: Mapping[str, Mapping[str, Any]] = {
    "random": {},
    "seeded": SEEDED,
    "given": {
        **SEEDED,
        "st2": {"password": AWKWARD},
        "mongodb": {"auth": {"password": AWKWARD}},
        "rabbitmq": {"auth": {"password": AWKWARD}},
        "redis": {"auth": {"password": "a.b-c_d~E"}},
    },
}
"""Where values come from, and the values of clusters that have them from there."""

Secrets = Mapping[str, Mapping[str, str]]
"""The keys of each Secret of the release st2, by its name without the release's."""


@pytest.fixture(scope="module", params=SOURCES)
def source(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture(scope="module", params=get_args(St2Version))
def version(request: pytest.FixtureRequest) -> St2Version:
    found: St2Version = request.param
    return found


@pytest.fixture(scope="module")
def st2(cluster: MakeCluster, source: str) -> Cluster:
    return cluster({**SOURCES[source], "st2web": {"service": {"hostname": HOST}}})


@pytest.fixture(scope="module")
def secrets(st2: Cluster) -> Secrets:
    """Of a cluster with the newest st2. Others differ in st2.secrets.conf only."""
    return generated(st2)


def generated(cluster: Cluster) -> Secrets:
    random_bytes = from_seed(SEED) if cluster.values.secrets.mode == "plain" else from_system
    manifests = secret_manifests(cluster, random_bytes)
    return {manifest["metadata"]["name"].removeprefix("st2-"): manifest["stringData"] for manifest in manifests}


def run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def rabbitmq(require: Require, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    server = RabbitMQ(require("rabbitmq-server"), tmp_path_factory.mktemp("rabbitmq"))
    try:
        server.wait()
        yield server
    finally:
        server.close()


class TestRabbitmq:
    def test_imports_what_the_generator_makes(self, rabbitmq: RabbitMQ, secrets: Secrets, tmp_path: Path) -> None:
        found = secrets["rabbitmq"]
        self.imports(rabbitmq, found[contract.DEFINITIONS], found[contract.RABBITMQ_PASSWORD], tmp_path)
        (url, *_) = re.findall(r"amqp://[^,\s]+", secrets["st2-secrets-conf"][contract.SECRETS_CONF])
        here = re.sub(r"@.+/", f"@127.0.0.1:{rabbitmq.port}/", url)
        with kombu.Connection(here) as connection:
            connection.connect()
        with (
            kombu.Connection(re.sub(r":[^:/]+@", ":another@", here)) as refused,
            pytest.raises(refused.channel_errors, match="ACCESS_REFUSED"),
        ):
            refused.connect()

    def test_imports_what_external_secrets_makes(
        self, rabbitmq: RabbitMQ, cluster: MakeCluster, tmp_path: Path
    ) -> None:
        password = SecretPart("st2-rabbitmq", contract.RABBITMQ_PASSWORD, "json")
        text = filled(definitions(cluster().values.rabbitmq, password), lambda *_: f"{AWKWARD}\\")
        self.imports(rabbitmq, text, f"{AWKWARD}\\", tmp_path)

    @staticmethod
    def imports(rabbitmq: RabbitMQ, text: str, password: str, folder: Path) -> None:
        (folder / "definitions.json").write_text(text)
        done = rabbitmq.ctl("import_definitions", str(folder / "definitions.json"))
        assert done.returncode == 0, done.stderr
        login = {"userid": "st2", "password": password, "virtual_host": "st2"}
        with kombu.Connection("127.0.0.1", port=rabbitmq.port, **login) as connection:
            channel, name = connection.channel(), str(folder)
            # As st2 declares its queues: without a type.
            kombu.Queue(name, durable=True)(channel).declare()
            with pytest.raises(connection.channel_errors, match=r"PRECONDITION_FAILED.*quorum"):
                kombu.Queue(name, durable=True, queue_arguments={"x-queue-type": "classic"})(channel).declare()

    def test_the_cookie_is_an_atom_of_erlang(self, secrets: Secrets) -> None:
        assert re.fullmatch(r"[A-Za-z0-9]{20,255}", secrets["rabbitmq"][contract.ERLANG_COOKIE])


class RedisPair(NamedTuple):
    """A Redis and its sentinel, by their ports."""

    redis: int
    sentinel: int


class TestRedis:
    """With the configuration of the cluster's pods, and the passwords in it as their scripts write them."""

    @pytest.fixture
    def pair(self, require: Require, synth: Synth, secrets: Secrets, tmp_path: Path) -> Iterator[RedisPair]:
        static = synth({"redis": {"version": "7.0"}}).named("ConfigMap", "st2-redis-config")["data"]
        shell, common = require("dash"), str(Path(redis_scripts.__file__).with_name("common.sh"))
        for key, value in secrets["redis"].items():
            (tmp_path / key).write_text(value)

        def password(key: str, directive: str) -> str:
            program = '. "$1"; secret=$2; password_line "$3" "$4"'
            return run(shell, "-c", program, shell, common, str(tmp_path), key, directive)

        def start(program: str, name: str, port: int, *lines: str) -> subprocess.Popen[bytes]:
            folder = tmp_path / name
            folder.mkdir()
            # Of several lines, the last one counts.
            text = "\n".join([static[f"{name}.conf"], f"port {port}", "bind 127.0.0.1", f"dir {folder}", *lines])
            (folder / "conf").write_text(text)
            with (folder / "log").open("w") as log:
                return subprocess.Popen([require(program), str(folder / "conf")], stdout=log, stderr=log)

        ports = RedisPair(free_port(), free_port())
        servers = [
            start(
                "redis-server",
                "redis",
                ports.redis,
                password("redis", "requirepass"),
                password("redis", "masterauth"),
            ),
            start(
                "redis-sentinel",
                "sentinel",
                ports.sentinel,
                f"sentinel monitor {MASTER} 127.0.0.1 {ports.redis} 1",
                password("redis", f"sentinel auth-pass {MASTER}"),
                password("redis-sentinel", "requirepass"),
                password("redis-sentinel", "sentinel sentinel-pass"),
            ),
        ]
        try:
            eventually(lambda: all(map(accepts, ports)), "both accept connections")
            yield ports
        finally:
            for server in servers:
                server.kill()
                server.wait()

    def test_they_accept_their_passwords_and_no_others(
        self, require: Require, pair: RedisPair, secrets: Secrets
    ) -> None:
        program = require("redis-cli")

        def ask(port: int, password: str, *command: str) -> str:
            asked = [program, "-p", str(port), "--raw", *command]
            environment = {"REDISCLI_AUTH": password} if password else {}
            return subprocess.run(asked, env=environment, capture_output=True, text=True, check=False).stdout

        of_redis, of_sentinel = (secrets["redis"][key] for key in (contract.REDIS_PASSWORD, contract.SENTINEL_PASSWORD))
        for port, right, wrong in (pair.redis, of_redis, of_sentinel), (pair.sentinel, of_sentinel, of_redis):
            assert ask(port, right, "ping") == "PONG\n"
            assert ask(port, wrong, "ping").startswith("NOAUTH ")
            assert ask(port, "", "ping").startswith("NOAUTH ")

        run_id = re.search(r"run_id:(\w+)", ask(pair.redis, of_redis, "info", "server"))
        assert run_id
        # Which the sentinel learns only if the Redis lets it in.
        eventually(
            lambda: run_id[1] in ask(pair.sentinel, of_sentinel, "sentinel", "master", MASTER).split(),
            "the sentinel knows the Redis",
            10,
        )


def test_the_key_of_mongodb_members_has_a_legal_form(secrets: Secrets) -> None:
    """https://www.mongodb.com/docs/manual/core/security-internal-authentication/#keyfiles"""
    assert re.fullmatch(r"[A-Za-z0-9+/=]{6,1024}", secrets["mongodb"][contract.MONGODB_KEY])


READERS = """
import io
import kombu, mongoengine, paramiko
from st2auth_flat_file_backend.flat_file import FlatFileAuthenticationBackend

def authenticates(file, user, password):
    return FlatFileAuthenticationBackend(file).authenticate(user, password)

# As in st2common/models/db/__init__.py.
def database(name, uri, user, password):
    client = mongoengine.connect(name, host=uri, tz_aware=True, username=user, password=password, connect=False)
    settings = mongoengine.connection._connection_settings["default"]
    mongoengine.disconnect()
    known = [settings[key] for key in ("name", "username", "password", "authentication_source", "replicaSet")]
    return known, sorted(client._topology_settings.seeds), client.write_concern.document

def broker(url):
    to = kombu.Connection(url)
    return to.hostname, to.port, to.userid, to.password, to.virtual_host

# As in st2common/runners/paramiko_ssh.py.
def ssh_key(text):
    for kind in paramiko.RSAKey, paramiko.DSSKey, paramiko.ECDSAKey:
        try:
            key = kind.from_private_key(io.StringIO(text))
        except paramiko.SSHException:
            continue
        return key.get_name(), key.get_base64()
"""

COORDINATORS = """
from tooz import coordination

def pool(url):
    made = coordination.get_coordinator(url, b"member")
    return made._make_client(made._parsed_url, made._options, made.timeout).connection_pool

def redis(url):
    settings = pool(url)
    keys = "host", "port", "username", "password", "ssl_ca_certs"
    return settings.connection_class.__name__, *map(settings.connection_kwargs.get, keys)

def sentinels(url):
    known = [each.connection_pool.connection_kwargs for each in pool(url).sentinel_manager.sentinels]
    return [(each["host"], int(each["port"]), each["password"]) for each in known]

def etcd(url):
    return coordination.get_coordinator(url, b"member").client.base_url
"""


@contextlib.contextmanager
def interpreter(python: Path, setup: str, variables: Mapping[str, str] | None = None) -> Iterator[Interpreter]:
    started = Interpreter(python, setup, variables)
    try:
        yield started
    finally:
        started.kill()


@pytest.fixture(scope="module")
def readers(version: St2Version, environment: Environment) -> Iterator[Interpreter]:
    """The libraries by which this st2 reads secrets."""
    with interpreter(environment(f"secrets-{version}"), READERS) as started:
        yield started


@pytest.fixture(scope="module")
def coordinators(
    version: St2Version, environment: Environment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Interpreter]:
    """The libraries by which this st2 coordinates its services."""
    folder = tmp_path_factory.mktemp("library")
    contents = {
        etcd_library.LIBRARY_FILE: etcd_library.library(version),
        redis_library.LIBRARY_FILE: redis_library.library(),
    }
    for file, content in contents.items():
        (folder / file).write_bytes(content)
    paths = os.pathsep.join(str(folder / file) for file in contents)
    with interpreter(environment(f"st2-{version}"), COORDINATORS, {"PYTHONPATH": paths}) as started:
        yield started


ADDED: Mapping[str, str] = {"eve": "correct horse: battery", "jörg": "pässwörd €", "lea": "x" * 200}
"""Further users and their passwords."""


@pytest.fixture(scope="module")
def lines_of_added_users() -> Sequence[str]:
    def line(name: str, password: str) -> str:
        result = CliRunner().invoke(cli, ["secrets", "user", "add", name], input=f"{password}\n")
        assert result.exit_code == 0, result.output
        return result.stdout

    return [line(name, password) for name, password in ADDED.items()]


def test_users_get_in_with_their_passwords_and_no_others(
    readers: Interpreter, secrets: Secrets, lines_of_added_users: Sequence[str], tmp_path: Path
) -> None:
    auth, file = secrets["st2-auth"], tmp_path / "htpasswd"
    file.write_text("".join([auth[contract.HTPASSWD], "# Further users\n", *lines_of_added_users]))
    users = {auth[contract.AUTH_USERNAME]: auth[contract.AUTH_PASSWORD], **ADDED}

    def gets_in(user: str, password: str) -> Any:
        return readers(f"authenticates({str(file)!r}, {user!r}, {password!r})")

    for user, password in users.items():
        assert gets_in(user, password) is True
        assert gets_in(user, f"{password}x") is False
        assert gets_in(user, "") is False
    assert gets_in("eve", ADDED["jörg"]) is False
    assert gets_in("nobody", "x") is False


class TestSsh:
    @pytest.fixture
    def key(self, secrets: Secrets, tmp_path: Path) -> str:
        """The private key, with the public one beside it."""
        path = tmp_path / "stanley_rsa"
        path.touch(0o600)
        path.write_text(secrets["st2-ssh"][contract.SSH_PRIVATE_KEY])
        path.with_suffix(".pub").write_text(secrets["st2-ssh"][contract.SSH_PUBLIC_KEY])
        return str(path)

    def test_openssh_opens_the_private_key_and_finds_the_public_one(self, require: Require, key: str) -> None:
        derived = run(require("ssh-keygen"), "-y", "-P", "", "-f", key)
        assert derived.split() == Path(f"{key}.pub").read_text().split()[:2]

    def test_openssh_shows_whose_key_it_is(self, require: Require, key: str) -> None:
        shown = run(require("ssh-keygen"), "-l", "-f", f"{key}.pub")
        assert re.fullmatch(r"256 SHA256:\S+ stanley@st2 \(ECDSA\)\n", shown)

    def test_what_one_signs_the_other_verifies(self, require: Require, key: str, tmp_path: Path) -> None:
        keygen, message, allowed = require("ssh-keygen"), tmp_path / "message", tmp_path / "allowed"
        message.write_text("let me in")
        run(keygen, "-Y", "sign", "-f", key, "-n", "test", str(message))
        allowed.write_text(f"stanley {Path(f'{key}.pub').read_text()}")
        verify = [keygen, "-Y", "verify", "-f", str(allowed), "-I", "stanley", "-n", "test", "-s", f"{message}.sig"]
        with message.open() as text:
            subprocess.run(verify, stdin=text, check=True, capture_output=True)

    def test_st2_opens_the_private_key(self, readers: Interpreter, secrets: Secrets) -> None:
        private, public = (secrets["st2-ssh"][key] for key in (contract.SSH_PRIVATE_KEY, contract.SSH_PUBLIC_KEY))
        assert list(readers(f"ssh_key({private!r})")) == public.split()[:2]


class TestCertificate:
    NAMES = (
        HOST,
        "st2-st2web",
        "st2-st2web.stackstorm",
        "st2-st2web.stackstorm.svc",
        "st2-st2web.stackstorm.svc.cluster.local",
        "localhost",
    )

    @pytest.fixture
    def files(self, secrets: Secrets, tmp_path: Path) -> Certificate:
        made = Certificate(tmp_path / "crt", tmp_path / "key")
        made.certificate.write_text(secrets["st2web-tls"][contract.TLS_CERTIFICATE])
        made.key.write_text(secrets["st2web-tls"][contract.TLS_KEY])
        return made

    @pytest.mark.parametrize("name", NAMES)
    def test_openssl_trusts_it_for_a_name(self, require: Require, files: Certificate, name: str) -> None:
        path = str(files.certificate)
        purpose = ["-purpose", "sslserver", "-verify_hostname", name, "-x509_strict"]
        assert run(require("openssl"), "verify", "-CAfile", path, *purpose, path) == f"{path}: OK\n"

    def test_openssl_does_not_trust_it_for_another_name(self, require: Require, files: Certificate) -> None:
        path = str(files.certificate)
        with pytest.raises(subprocess.CalledProcessError):
            run(require("openssl"), "verify", "-CAfile", path, "-verify_hostname", "st2-st2web.other.svc", path)

    def test_openssl_finds_it_sound(self, require: Require, files: Certificate, source: str) -> None:
        def about(*options: str) -> str:
            return run(require("openssl"), "x509", "-in", str(files.certificate), "-noout", *options)

        assert "does match" in about("-checkip", "127.0.0.1")
        assert about("-pubkey") == run(require("openssl"), "pkey", "-in", str(files.key), "-pubout")
        begin, end = (
            datetime.strptime(line.partition("=")[2], "%Y-%m-%d %H:%M:%SZ").replace(tzinfo=timezone.utc)
            for line in about("-dates", "-dateopt", "iso_8601").splitlines()
        )
        today = datetime(2025, 1, 1, tzinfo=timezone.utc) if source != "random" else datetime.now(timezone.utc)
        assert timedelta(hours=24) <= today - begin < timedelta(hours=25)
        assert timedelta(days=3649) < end - today <= timedelta(days=3650)

    def test_nginx_serves_it(self, require: Require, files: Certificate, tmp_path: Path) -> None:
        require("nginx")
        need_root()
        with contextlib.closing(Web(tmp_path, files, https=True)) as web:
            web.start()

            def serves(name: str) -> bool:
                with inside(web.network):
                    stream = socket.create_connection(("127.0.0.1", nginx.HTTPS_PORT), timeout=PATIENCE)
                with stream, web.tls.wrap_socket(stream, server_hostname=name) as secured:
                    secured.sendall(f"GET /healthz HTTP/1.0\r\nHost: {name}\r\n\r\n".encode())
                    return secured.recv(100).startswith(b"HTTP/1.1 200 ")

            assert serves("st2-st2web.stackstorm.svc")
            with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
                serves("st2-st2web.other.svc")


def test_the_crypto_key_has_the_form_of_st2(secrets: Secrets) -> None:
    """That of `AESKey.to_json` in st2common/util/crypto.py."""
    text = secrets["st2-datastore-crypto-key"][contract.CRYPTO_KEY]
    key = json.loads(text)
    aes, mac = key["aesKeyString"], key["hmacKey"]["hmacKeyString"]
    assert key == {
        "hmacKey": {"hmacKeyString": mac, "size": 256},
        "aesKeyString": aes,
        "mode": "CBC",
        "size": 256,
    }
    assert aes != mac
    for part in aes, mac:
        assert re.fullmatch(r"[A-Za-z0-9_-]{43}", part)
        assert algorithms.AES(base64.urlsafe_b64decode(f"{part}=")).key_size == 256


@pytest.fixture(scope="module")
def controller() -> rsa.RSAPrivateKey:
    """The key of the controller of sealed-secrets."""
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def certificate(controller: rsa.RSAPrivateKey) -> bytes:
    """What the controller publishes."""
    now, name = datetime.now(timezone.utc), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sealed-secrets")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(controller.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return builder.sign(controller, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


class TestSealedSecrets:
    """Opened as the controller does: docs/developer/crypto.md of https://github.com/bitnami-labs/sealed-secrets."""

    SECRET: Mapping[str, Any] = {
        "metadata": {"name": "st2-redis", "namespace": "stackstorm", "labels": {"a": "b"}, "annotations": {"c": "d"}},
        "type": "Opaque",
        "stringData": {"redis-password": "s3cret", "empty": "", "long": AWKWARD * 1000},
    }
    LABELS: Mapping[Scope, str] = {"strict": "stackstorm/st2-redis", "namespace-wide": "stackstorm", "cluster-wide": ""}

    @staticmethod
    def opened(encrypted: str, controller: rsa.RSAPrivateKey, label: str) -> str:
        data = base64.b64decode(encrypted, validate=True)
        end = 2 + int.from_bytes(data[:2], "big")
        oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), label.encode())
        session_key = controller.decrypt(data[2:end], oaep)
        assert len(session_key) == 32
        return AESGCM(session_key).decrypt(bytes(12), data[end:], None).decode()

    @pytest.mark.parametrize("scope", LABELS)
    def test_open_where_they_belong_and_nowhere_else(
        self, controller: rsa.RSAPrivateKey, certificate: bytes, scope: Scope
    ) -> None:
        encrypted = sealed(dict(self.SECRET), controller_key(certificate), "st2", scope)["spec"]["encryptedData"]
        label = self.LABELS[scope]
        values = {key: self.opened(value, controller, label) for key, value in encrypted.items()}
        assert values == self.SECRET["stringData"]
        for other in {*self.LABELS.values(), "stackstorm/st2-mongodb", "default/st2-redis"} - {label}:
            with pytest.raises(ValueError, match="ecryption failed"):
                self.opened(encrypted["redis-password"], controller, other)

    @pytest.mark.parametrize("scope", LABELS)
    def test_become_the_secret_that_was_sealed(self, certificate: bytes, scope: Scope) -> None:
        made = sealed(dict(self.SECRET), controller_key(certificate), "st2", scope)
        marks = {} if scope == "strict" else {f"sealedsecrets.bitnami.com/{scope}": "true"}
        assert (made["apiVersion"], made["kind"]) == ("bitnami.com/v1alpha1", "SealedSecret")
        assert made["metadata"].get("annotations", {}) == marks
        template, metadata = made["spec"]["template"], self.SECRET["metadata"]
        assert template["type"] == "Opaque"
        assert template["metadata"] == {**metadata, "annotations": {**metadata["annotations"], **marks}}

    def test_tell_nothing_about_equal_values(self, certificate: bytes) -> None:
        secret = {**self.SECRET, "stringData": {"one": "s3cret", "other": "s3cret"}}
        encrypted = sealed(secret, controller_key(certificate), "st2")["spec"]["encryptedData"]
        one, other = (base64.b64decode(encrypted[key]) for key in ("one", "other"))
        # Without the session key that is before it.
        assert one[2 + 256 :] != other[2 + 256 :]


class TestSettings:
    """st2.secrets.conf, read by oslo.config, and what it says in the libraries that connect."""

    @pytest.fixture
    def read(self, version: St2Version, tmp_path: Path) -> Callable[[str], cfg.ConfigOpts]:
        def read(text: str) -> cfg.ConfigOpts:
            file = tmp_path / contract.SECRETS_CONF
            file.write_text(text)
            return oslo.read([file], options_for(version))

        return read

    @pytest.fixture
    def secrets(self, cluster: MakeCluster, source: str, version: St2Version) -> Secrets:
        return generated(cluster({**SOURCES[source], "image": {"tag": version}}))

    @pytest.fixture
    def conf(self, read: Callable[[str], cfg.ConfigOpts], secrets: Secrets) -> cfg.ConfigOpts:
        return read(secrets["st2-secrets-conf"][contract.SECRETS_CONF])

    @staticmethod
    def hosts(component: str, port: int) -> list[tuple[str, int]]:
        domain = f"st2-{component}-headless.stackstorm.svc.cluster.local"
        return [(f"st2-{component}-{member}.{domain}", port) for member in range(3)]

    def test_database(self, conf: cfg.ConfigOpts, readers: Interpreter, secrets: Secrets) -> None:
        found = conf.database
        arguments = (found.db_name, found.host, found.username, found.password)
        known, hosts, write_concern = readers(f"database(*{arguments!r})")
        assert known == ["st2", "st2", secrets["mongodb"][contract.MONGODB_PASSWORD], "st2", "rs0"]
        assert hosts == self.hosts("mongodb", 27017)
        assert write_concern == {"w": "majority"}

    def test_messaging(self, conf: cfg.ConfigOpts, readers: Interpreter, secrets: Secrets) -> None:
        credentials = ("st2", secrets["rabbitmq"][contract.RABBITMQ_PASSWORD], "st2")
        found = [readers(f"broker({url!r})") for url in conf.messaging.cluster_urls]
        service = ("st2-rabbitmq.stackstorm.svc.cluster.local", 5672)
        assert found == [(*host, *credentials) for host in (service, *self.hosts("rabbitmq", 5672))]

    def test_redis(
        self, conf: cfg.ConfigOpts, coordinators: Interpreter, secrets: Secrets, version: St2Version
    ) -> None:
        url, redis = conf.coordination.url, secrets["redis"]
        assert coordinators(f"redis({url!r})")[4] == redis[contract.REDIS_PASSWORD]
        password = redis[contract.SENTINEL_PASSWORD] if version != "3.8" else None
        assert coordinators(f"sentinels({url!r})") == [(*host, password) for host in self.hosts("redis", 26379)]

    def test_etcd(
        self,
        read: Callable[[str], cfg.ConfigOpts],
        coordinators: Interpreter,
        cluster: MakeCluster,
        version: St2Version,
    ) -> None:
        made = generated(cluster({"coordination": {"backend": "etcd"}, "image": {"tag": version}}))
        conf = read(made["st2-secrets-conf"][contract.SECRETS_CONF])
        found = coordinators(f"etcd({conf.coordination.url!r})")
        assert found == "http://st2-etcd.stackstorm.svc.cluster.local:2379"

    def test_redis_elsewhere(
        self,
        read: Callable[[str], cfg.ConfigOpts],
        coordinators: Interpreter,
        cluster: MakeCluster,
        version: St2Version,
    ) -> None:
        external: dict[str, Any] = {
            "url": "redis://cache.example.org:6380?ssl=true",
            "password": {"existingSecret": "cache"},
        }
        username = authorities = None
        if version != "3.8":  # whose tooz knows neither
            username, authorities = "storm", "/etc/st2/ca/coordination/ca.crt"
            external |= {"username": username, "ca": {"configMap": "authorities"}}
        values = {"coordination": {"backend": "external", "external": external}, "image": {"tag": version}}
        password = "a.b-c_d~E"
        conf = read(filled(secrets_conf(cluster(values).settings.connections), lambda *_: password))
        found = coordinators(f"redis({conf.coordination.url!r})")
        assert found == ("SSLConnection", "cache.example.org", 6380, username, password, authorities)


READ_CLIENT_CONFIG = """
import json, sys
from st2client.config_parser import CLIConfigParser

print(json.dumps(CLIConfigParser(sys.argv[1], validate_config_permissions=False).parse()["credentials"]))
"""


def test_the_client_reads_its_configuration(secrets: Secrets, environment: Environment, tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(secrets["st2-client-config"][contract.CLIENT_CONFIG])
    found = json.loads(run(str(environment("secrets-3.9")), "-c", READ_CLIENT_CONFIG, str(file)))
    auth = secrets["st2-auth"]
    assert (found["username"], found["password"]) == (auth[contract.AUTH_USERNAME], auth[contract.AUTH_PASSWORD])


def test_kubelets_pull_images_with_the_license(cluster: MakeCluster) -> None:
    enterprise = cluster({"enterprise": {"enabled": True}})
    made = {manifest["metadata"]["name"]: manifest for manifest in secret_manifests(enterprise, license_key="abc-123")}
    secret = made["st2-st2-license"]
    assert secret["type"] == "kubernetes.io/dockerconfigjson"
    assert json.loads(secret["stringData"][contract.PULL_CREDENTIALS]) == {
        "auths": {
            "docker.stackstorm.com": {
                "username": "abc-123",
                "password": "abc-123",
                "auth": base64.b64encode(b"abc-123:abc-123").decode(),
            }
        }
    }
