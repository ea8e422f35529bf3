"""The bootstrap program as it is in the manifests, run by the command of its Job."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import signal
import ssl
import subprocess
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from types import ModuleType
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from support import LONG, Objects

from constructs_st2.facts.secrets.programs import bootstrap
from constructs_st2.facts.secrets.programs.generate import certificate, private_key
from constructs_st2.kube.documents import Document
from constructs_st2.parts.jobs.scripts import watch_executions
from constructs_st2.parts.pods.volumes import SERVICE_ACCOUNT_PATH

from .job_runs import BEFORE, Applied
from .kubernetes_api import Disturbance, Server, serving
from .pythons import OWN, VERSIONS
from .pythons import python as python_of

pytestmark = pytest.mark.servers
"""Each of them starts the program, some with Pythons that this environment does not have."""

PYTHON = "/opt/stackstorm/st2/bin/python"
Start = Callable[..., "subprocess.Popen[str]"]


class Program(NamedTuple):
    """The container of the Job, on this machine: the command after Python, the environment, and where all is."""

    arguments: list[str]
    environment: Mapping[str, str]
    folder: Path

    def start(self, *arguments: str, python: str = OWN, **environment: str) -> subprocess.Popen[str]:
        """Start a Python with some arguments."""
        shipped = f"{self.folder}{self.environment['PYTHONPATH']}"
        # The libraries are for this Python; others have some of their own.
        path = f"{shipped}:{self.folder / 'libraries'}" if python == OWN else shipped
        return subprocess.Popen(
            [*python_of(python, "cryptography"), *arguments],
            env={**self.environment, **environment, "PYTHONPATH": path},
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture(scope="module")
def program(default_objects: Objects, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """The program, laid out as the Job's volume says, and `cryptography` besides it."""
    folder = tmp_path_factory.mktemp("container")
    job = default_objects.begins("Job", "st2-secrets-bootstrap-")
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    for mount in container["volumeMounts"]:
        lay_out(volumes[mount["name"]], folder / mount["mountPath"].lstrip("/"), default_objects)

    libraries("cryptography", folder / "libraries")
    python, *arguments = container["command"]
    assert python == PYTHON
    # What the Job controller puts there.
    labels = {"metadata.labels['job-name']": job["metadata"]["name"]}
    environment = {
        each["name"]: each["value"] if "value" in each else labels[each["valueFrom"]["fieldRef"]["fieldPath"]]
        for each in container["env"]
    }
    return Program([re.sub("^(?=/opt/)", str(folder), each) for each in arguments], environment, folder)


def lay_out(volume: Document, folder: Path, objects: Objects) -> None:
    """Make the files of a volume."""
    folder.mkdir(parents=True)
    if "configMap" in volume:
        data = objects.named("ConfigMap", volume["configMap"]["name"])["data"]
        for item in volume["configMap"]["items"]:
            path = folder / item["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(data[item["key"]], encoding="utf-8")


def libraries(package: str, folder: Path) -> None:
    """Make a folder with an installed package and those that it needs, and nothing else."""
    try:
        found = importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        return  # only other Pythons or machines need it
    folder.mkdir(exist_ok=True)
    for file in found.files or ():
        top = file.parts[0]
        if top not in ("..", "__pycache__") and not (folder / top).exists():
            (folder / top).symlink_to(str(found.locate_file(top)))
    for requirement in found.requires or ():
        if "extra ==" not in requirement:
            libraries(re.split(r"[^\w.-]", requirement)[0], folder)


@pytest.fixture(scope="module")
def server(program: Program) -> Iterator[Server]:
    """An API that is served as in a cluster: by TLS, with a certificate of its own authority."""
    account = program.folder / "account"
    account.mkdir()
    key = private_key("server")
    (account / "ca.crt").write_text(certificate(key, ["127.0.0.1", "localhost"]))
    (account / "token").write_text("token\n")
    (program.folder / "server.key").write_text(key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(account / "ca.crt", program.folder / "server.key")
    with serving(context) as server:
        yield server


@pytest.fixture
def new(server: Server, default_objects: Objects) -> Applied:
    """A cluster in which there is nothing."""
    return Applied(server, default_objects)


@pytest.fixture
def start(program: Program, server: Server) -> Iterator[Start]:
    """Starts the command of the Job."""
    url = urlsplit(server.url)
    place = {"KUBERNETES_SERVICE_HOST": str(url.hostname), "KUBERNETES_SERVICE_PORT": str(url.port)}
    started: list[subprocess.Popen[str]] = []

    def begin(python: str = OWN) -> subprocess.Popen[str]:
        account = str(program.folder / "account")
        started.append(program.start(*program.arguments, account, python=python, **place))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.communicate()


class Ended(NamedTuple):
    status: int
    output: list[str]
    errors: list[str]


def end(process: subprocess.Popen[str], applied: Applied) -> Ended:
    """Wait until a program ends, and look whether it has told a secret."""
    output, errors = process.communicate(timeout=60)
    applied.assert_silent(output + errors)
    return Ended(process.returncode, output.splitlines(), errors.splitlines())


def test_what_is_shipped_is_what_the_other_tests_test(default_objects: Objects) -> None:
    data = default_objects.named("ConfigMap", "st2-secrets-bootstrap")["data"]
    assert data.keys() > {"plan.json", "bootstrap.py", "generate.py"}
    for name in data.keys() - {"plan.json"}:
        assert data[name] == resources.files("constructs_st2.facts.secrets.programs").joinpath(name).read_text(
            encoding="utf-8"
        )


def test_it_needs_nothing_but_cryptography(program: Program) -> None:
    show = "print(json.dumps([m.__file__ for m in list(sys.modules.values()) if getattr(m, '__file__', None)]))"
    output, _ = program.start(
        "-c", f"import json, sys, constructs_st2.facts.secrets.programs.bootstrap; {show}"
    ).communicate()
    loaded = {Path(name) for name in json.loads(output)}
    shipped = {path for path in loaded if path.is_relative_to(program.folder / "opt")}
    assert {path.stem for path in shipped} == {"bootstrap", "database", "encodings", "generate", "sha512_crypt"}
    library = {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")}
    others = {path for path in loaded - shipped if not any(path.is_relative_to(folder) for folder in library)}
    installed = {path.relative_to(program.folder / "libraries").parts[0] for path in others}
    assert "cryptography" in installed
    assert not any("constructs" in name for name in installed)
    assert all((program.folder / "libraries" / name).is_symlink() for name in installed)


@pytest.mark.parametrize("python", VERSIONS)
def test_nothing_there_and_then_all(new: Applied, start: Start, python: str) -> None:
    first = end(start(python), new)
    assert (first.status, first.errors) == (0, [])
    assert first.output[-1] == "all Secrets are there"
    new.assert_kept()
    new.api.requests.clear()
    assert end(start(python), new) == Ended(0, ["all Secrets are there"], [])
    assert new.api.writes == []


@pytest.mark.parametrize("python", VERSIONS)
def test_keys_and_passwords_of_the_users(new: Applied, start: Start, python: str) -> None:
    new.api.put("st2-st2-ssh", {"private_key": written(rsa.generate_private_key(65537, 2048))})
    assert end(start(python), new).status == 0
    new.api.put("st2-rabbitmq", {"rabbitmq-password": "another"})
    new.api.put("st2-st2-ssh", {"private_key": written(ed25519.Ed25519PrivateKey.generate())})
    new.api.put("st2-st2web-tls", {"tls.key": written(ed25519.Ed25519PrivateKey.generate())})
    ended = end(start(python), new)
    assert (ended.status, ended.errors) == (0, [])
    assert len(ended.output) == 5
    new.assert_whole()
    assert end(start(python), new) == Ended(0, ["all Secrets are there"], [])


def written(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def test_a_refusal(new: Applied, start: Start) -> None:
    new.claim("data-st2-rabbitmq-0", BEFORE)
    ended = end(start(), new)
    assert ended.status == 1
    assert all(re.match(r"error: Secret st2-rabbitmq, key [\w-]+: is missing, but", line) for line in ended.errors)
    assert len(ended.errors) == 2
    assert {name for name, _ in new.missing()} == {"st2-rabbitmq", "st2-st2-secrets-conf"}


def test_no_rights(new: Applied, start: Start) -> None:
    new.api.rules = []
    ended = end(start(), new)
    assert ended.status == 1
    assert len(ended.errors) == len(new.plan["secrets"])
    path = "/api/v1/namespaces/stackstorm/secrets/st2-redis"
    assert any(line.startswith(f"error: the Kubernetes API refuses GET {path}: 403") for line in ended.errors)


def test_trouble_that_passes(new: Applied, start: Start) -> None:
    troubles = {3: Disturbance(status=503), 9: Disturbance(cut="after", seconds=0.1)}
    new.api.disturb = lambda number, _: troubles.get(number)
    ended = end(start(), new)
    assert ended.status == 0
    assert len(ended.errors) == 2
    assert all(line.endswith("; trying again") for line in ended.errors)
    new.assert_kept()


# At each of them, without processes: test_bootstrap.py.
@pytest.mark.parametrize("number", [1, 2, 5, 12, 19, 24, 30] if LONG else [2, 19, 30])
def test_killed_at_a_request(new: Applied, start: Start, number: int) -> None:
    process = start()
    kill = Disturbance(cut="after" if number % 2 else "before", meanwhile=lambda: os.kill(process.pid, signal.SIGKILL))
    new.api.disturb = lambda found, _: kill if found == number else None
    assert end(process, new).status == -signal.SIGKILL
    assert end(start(), new).status == 0
    new.assert_kept()


def test_some_at_once(new: Applied, start: Start) -> None:
    processes = [start() for _ in range(3)]
    assert [end(process, new).status for process in processes] == [0, 0, 0]
    new.assert_kept()


def test_a_server_that_somebody_else_vouches_for_is_told_no_token(new: Applied, start: Start, program: Program) -> None:
    authority = program.folder / "account" / "ca.crt"
    own = authority.read_text()
    try:
        authority.write_text(certificate(private_key("other"), ["127.0.0.1"]))
        process = start()
        assert process.stderr
        assert "CERTIFICATE_VERIFY_FAILED" in process.stderr.readline()
        assert new.api.requests == []
    finally:
        authority.write_text(own)


def test_outside_of_a_cluster(program: Program) -> None:
    process = program.start(*program.arguments)
    output, errors = process.communicate()
    assert (process.returncode, output) == (1, "")
    assert errors == "error: there is no Kubernetes API here: KeyError('KUBERNETES_SERVICE_HOST')\n"


@pytest.mark.parametrize("program", [bootstrap, watch_executions])
def test_programs_look_for_the_token_where_it_is_mounted(program: ModuleType) -> None:
    assert program.ACCOUNT == SERVICE_ACCOUNT_PATH
