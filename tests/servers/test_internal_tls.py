"""TLS within the cluster, by real servers in fake pods: nobody connects without it, and st2's own libraries do."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
from servers import rabbitmq
from servers.certificates import certificates_of
from servers.environments import Interpreter, coordinator
from servers.pods import FakeCluster, Image, Pod
from servers.ports import eventually
from servers.redis_cluster import GIVES_UP, MASTER, RedisCluster, host, works
from servers.secrets import secrets_of
from servers.utility import utility_image
from support import Environment, MakeCluster, Require

from constructs_st2.construct.build import build
from constructs_st2.facts.backends.connections import CA_DIRECTORY
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.secrets import contract
from constructs_st2.facts.versions import ST2_VERSIONS
from constructs_st2.parts.backends.etcd.library import LIBRARY_FILE, library
from constructs_st2.parts.backends.redis import library as redis_library
from constructs_st2.parts.services import nginx

ISSUER = {"certManager": {"enabled": True, "issuerRef": {"name": "internal"}}}
TLS: dict[str, Any] = {"tls": {"internal": {"enabled": True, **ISSUER}}}

# As connection_retry_wrapper.py and utils.py of st2common/transport connect.
_SEND = """
import json, os, ssl, sys
import kombu

conf = json.loads(sys.argv[1])
assert conf["ssl"] == "True" and conf["ssl_cert_reqs"] == "required"
options = {"cert_reqs": ssl.CERT_REQUIRED, "ca_certs": conf["ssl_ca_certs"]}
with kombu.Connection(conf["cluster_urls"].split(","), ssl=options, connect_timeout=3) as connection:
    connection.ensure_connection(max_retries=3, interval_start=0.1, interval_step=0)
    queue = kombu.Queue("work", kombu.Exchange("st2.tests", "topic"), routing_key="work")
    connection.Producer().publish("hello", exchange=queue.exchange, routing_key="work", declare=[queue])
    with connection.Consumer([queue], callbacks=[lambda body, _: print(body)], no_ack=True):
        connection.drain_events(timeout=10)
"""


# Listens where st2.conf says, and answers with a list or with events that do not end.
_SERVICE = """#!/usr/bin/env python3
import configparser, http.server, sys, time

name = sys.argv[0].rpartition("/")[2].replace("st2", "", 1)
conf = configparser.ConfigParser(interpolation=None)
conf.read([word.partition("=")[2] for word in sys.argv if word.endswith("st2.docker.conf")])

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b"[]" if name != "stream" else b"data: first\\n\\n")
        if name == "stream" and self.path.startswith("/v1/stream") and self.command == "GET":
            self.wfile.flush()
            time.sleep(30)

    do_OPTIONS = do_POST = do_GET

ports = {"auth": 9100, "api": 9101, "stream": 9102}
http.server.ThreadingHTTPServer((conf[name]["host"], ports[name]), Handler).serve_forever()
"""
# st2client asks as the command line, sensors and actions do; Service as Jobs do.
_ST2CLIENT = "import sys; from st2client.client import Client; print(Client(api_url=sys.argv[1]).actions.get_all())"
_JOB = """
import sys
from constructs_st2.parts.jobs.scripts.st2_api import Service
print(Service("st2api", sys.argv[1]).ask("GET", "actions"))
"""


class Client:
    """What a pod of st2 has: its connection settings, with the files that they name."""

    def __init__(self, cluster: Cluster, secrets: Mapping[str, Mapping[str, str]], folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._conf = ConfigParser(interpolation=None)
        self._conf.read_string(secrets[cluster.secret(contract.SETTINGS)][contract.SECRETS_CONF])
        for section, spec in (("messaging", contract.RABBITMQ_TLS), ("coordination", contract.ETCD_TLS)):
            if spec.in_use(cluster.values):
                self.trust(section, secrets[cluster.secret(spec)][contract.TLS_AUTHORITY])

    def trust(self, section: str, authority: str) -> None:
        """Check certificates of a section with another authority."""
        file = self._folder / section / contract.TLS_AUTHORITY
        file.parent.mkdir(exist_ok=True)
        file.write_text(authority)

    def __getitem__(self, section: str) -> dict[str, str]:
        """The options of a section."""
        return {name: value.replace(CA_DIRECTORY, str(self._folder)) for name, value in self._conf[section].items()}


class TestRabbitmq:
    @pytest.fixture
    def values(self, require: Require) -> dict[str, Any]:
        for program in ("ip", "rabbitmq-server"):
            require(program)
        return {**TLS, "rabbitmq": {"version": "3.10", "replicaCount": 1}}

    def test_takes_clients_with_tls_only_and_another_certificate_without_a_restart(
        self, values: dict[str, Any], cluster: MakeCluster, environment: Environment, tmp_path: Path
    ) -> None:
        made = cluster(values)
        secrets = secrets_of(made)
        client = Client(made, secrets, tmp_path / "client")
        images = {"rabbitmq": rabbitmq.image(tmp_path / "image")}
        pods = FakeCluster(build(made).objects, secrets, tmp_path / "pods", images=images)

        def send(version: str = "3.9") -> str:
            command = [str(environment(f"secrets-{version}")), "-c", _SEND, json.dumps(client["messaging"])]
            done = pods.client(command)
            return done.stdout.strip() or done.stderr

        with pods:
            pod = pods.start("st2-rabbitmq", 0)
            eventually(pod.ready, "the node is ready")
            assert pod.live()
            assert [send("3.8"), send("3.9")] == ["hello", "hello"]
            listeners = pod.exec("rabbitmq", ["rabbitmq-diagnostics", "--quiet", "listeners", "--formatter", "json"])
            protocols = {each["protocol"] for each in json.loads(listeners.stdout)["listeners"]}
            assert protocols == {"amqp/ssl", "clustering", "http"}

            others = certificates_of(made)["st2-rabbitmq-tls"]
            secrets["st2-rabbitmq-tls"] = others
            pods.apply(build(made).objects)
            client.trust("messaging", others[contract.TLS_AUTHORITY])
            # Erlang looks at files again after two minutes, or at once when told.
            told = pod.exec("rabbitmq", ["rabbitmqctl", "--quiet", "eval", "ssl:clear_pem_cache()."])
            assert told.stdout.strip() == "ok", told.stderr
            assert send() == "hello"
            client.trust("messaging", certificates_of(made)["st2-rabbitmq-tls"][contract.TLS_AUTHORITY])
            assert "certificate verify failed" in send().lower()


class TestRedis:
    @pytest.fixture
    def redis(self, require: Require, cluster: MakeCluster, tmp_path: Path) -> RedisCluster:
        for program in ("ip", "redis-cli", "redis-sentinel", "redis-server"):
            require(program)
        return RedisCluster(cluster({**TLS, "redis": {"version": "7.0"}}), tmp_path / "pods")

    def test_members_form_and_hand_over_and_a_service_goes_on(
        self, redis: RedisCluster, environment: Environment
    ) -> None:
        with redis.pods:
            redis.start_all()
            master = redis.settled()
            for member in range(3):
                eventually(redis.pod(member).ready, f"{member} is ready")
                eventually(redis.pod(member).live, f"{member} is live")
            service = redis.service(environment("st2-3.9"))
            works(service)
            for port in (6379, 26379):
                plain = redis.pods.client(["redis-cli", "-h", host(0), "-p", str(port), "ping"])
                assert "PONG" not in plain.stdout
            stopped = redis.pod(master)
            assert stopped.stop() < GIVES_UP
            hook = stopped.containers["redis"].hook
            assert hook is not None
            assert (hook.returncode, hook.stderr) == (0, "")
            others = [member for member in range(3) if member != master]
            assert redis.settled(*others) != master
            works(service)
            service.kill()
            redis.start(master)
            redis.settled()
            assert redis.sentinel(master, "sentinel", "ckquorum", MASTER).startswith("OK 3 usable")


_NAMES = """
from tooz import coordination

for address in ADDRESSES:
    made = coordination.get_coordinator(address, b"member")
    pool = made._make_client(made._parsed_url, made._options, 5).connection_pool
    pools = [pool, *(each.connection_pool for each in getattr(pool, "sentinel_manager", EMPTY).sentinels)]
    print(*(each.connection_kwargs.get("ssl_check_hostname") for each in pools))
"""


@pytest.mark.parametrize("st2", ST2_VERSIONS)
def test_every_client_of_redis_checks_the_name_in_its_certificate(
    environment: Environment, tmp_path: Path, st2: str
) -> None:
    file = tmp_path / redis_library.LIBRARY_FILE
    file.write_bytes(redis_library.library())
    addresses = ["st2redis://r.example.org:6379?ssl=true", "st2redis://r.example.org:6379"]
    if st2 == "3.9":
        addresses += ["st2redis://s.example.org:26379?sentinel=mymaster&ssl=true&sentinel_ssl=true"]
    program = f"import types\nEMPTY = types.SimpleNamespace(sentinels=[])\nADDRESSES = {addresses}\n{_NAMES}"
    done = subprocess.run(
        [environment(f"st2-{st2}"), "-c", program],
        env={"PYTHONPATH": str(file)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == ["True", "None", "True True"][: len(addresses)], done.stderr


class TestEtcd:
    def test_members_form_and_st2_coordinates_and_another_certificate_needs_no_restart(
        self, require: Require, cluster: MakeCluster, environment: Environment, tmp_path: Path
    ) -> None:
        for program in ("ip", "etcd"):
            require(program)
        made = cluster({**TLS, "coordination": {"backend": "etcd"}, "etcd": {"version": "3.4"}})
        secrets = secrets_of(made)
        client = Client(made, secrets, tmp_path / "client")
        egg = tmp_path / LIBRARY_FILE
        egg.write_bytes(library(made.version))
        variables = {"PYTHONPATH": str(egg)}
        images = dict.fromkeys(("join", "witness"), utility_image(require("busybox"), tmp_path / "utility"))
        with FakeCluster(build(made).objects, secrets, tmp_path / "pods", images=images) as pods:
            started = pods.start_all("st2-etcd")
            eventually(lambda: all(pod.ready() for pod in started), "all members are ready")
            pods.update_services()
            setup = coordinator(client["coordination"]["url"], b"service_1")
            service = Interpreter(environment("st2-3.9"), setup, variables, pods.background)
            assert service("lock('one').acquire()") is True
            service.kill()
            ctl = started[0].exec("etcd", [require("etcdctl"), "endpoint", "health", "--cluster"])
            assert ctl.stderr.count("is healthy") + ctl.stdout.count("is healthy") == 3
            for pod in started:
                # Who asks before there is a leader hangs up again.
                rejected = [line for line in pod.log("etcd").splitlines() if "rejected connection" in line]
                assert not [line for line in rejected if 'error "EOF"' not in line]
            lost = started.pop()
            lost.kill()
            pods.lose_claim(lost.name, "data")
            started.append(pods.start("st2-etcd", int(lost.name[-1])))
            eventually(started[-1].ready, "the member without its disk has joined again")

            secrets |= certificates_of(made)
            authority = tmp_path / "ca.crt"
            authority.write_text(secrets["st2-etcd-tls"][contract.TLS_AUTHORITY])
            pods.apply(build(made).objects)
            curl = ["curl", "-s", "--cacert", str(authority), f"https://{started[0].host}:2379/version"]
            assert "etcdserver" in pods.client(curl).stdout


class TestServices:
    @pytest.fixture
    def made(self, require: Require, cluster: MakeCluster) -> Cluster:
        for program in ("ip", "nginx"):
            require(program)
        return cluster({**TLS, "st2web": {"tls": {"enabled": False}}})

    def test_they_are_reached_by_tls_only_and_st2web_and_clients_check_whom_they_reach(
        self, made: Cluster, environment: Environment, tmp_path: Path
    ) -> None:
        services = ("st2auth", "st2api", "st2stream")
        objects = build(made).objects
        for document in objects:
            # Nobody here leads from the port of a Service to that of its pods.
            if document["metadata"]["name"] == "st2-st2web-nginx":
                text = document["data"]["upstreams.conf"]
                for port in (9100, 9101, 9102):
                    text = text.replace(f":{port} ", f":{nginx.HTTPS_PORT} ")
                document["data"]["upstreams.conf"] = text
        secrets: dict[str, dict[str, str]] = {
            name: dict.fromkeys(keys or (), "x")
            for name, keys in contract.keys_by_name(made.release, made.values).items()
        }
        secrets |= certificates_of(made)
        images = {name: Image(files={f"/opt/stackstorm/st2/bin/{name}": _SERVICE}) for name in services}
        skip = {f"wait-for-{name}" for name in ("mongodb", "rabbitmq", "redis")}
        authority = tmp_path / "ca.crt"
        with FakeCluster(objects, secrets, tmp_path / "pods", images=images, skip=skip) as pods:
            started = {name: pods.deploy(f"st2-{name}") for name in services}
            eventually(lambda: all(pod.ready() for pod in started.values()), "the services are ready")
            pods.update_services()
            web = pods.deploy("st2-st2web")
            eventually(web.ready, "st2web is ready")

            def get(path: str) -> str:
                url = f"http://{web.ip}:{nginx.HTTP_PORT}{path}"
                return pods.client(["curl", "-sN", "-m", "1", url]).stdout

            def client(program: str) -> str:
                url = f"https://st2-st2api:{nginx.HTTPS_PORT}/v1/"
                variables = {"ST2_CACERT": str(authority), "PYTHONPATH": str(Path(__file__).parents[2])}
                command = [
                    str(environment("secrets-3.9")),
                    "-c",
                    program,
                    url.rstrip("/") if "Client" in program else url,
                ]
                done = pods.client(command, variables)
                return done.stdout.strip() or done.stderr

            assert (get("/api/v1/actions"), get("/auth/v1/sso")) == ("[]", "[]")
            assert get("/stream/v1/stream") == "data: first\n\n"
            for name, port in zip(services, (9100, 9101, 9102), strict=True):
                refused = pods.client(["curl", "-s", f"http://{started[name].ip}:{port}/"])
                assert refused.returncode == 7, refused
            authority.write_text(secrets["st2-st2-tls"][contract.TLS_AUTHORITY])
            assert client(_ST2CLIENT) == "[]"
            assert "status=200" in client(_JOB)

            secrets |= certificates_of(made)
            authority.write_text(secrets["st2-st2-tls"][contract.TLS_AUTHORITY])
            pods.apply(objects)
            assert "CERTIFICATE_VERIFY_FAILED" in client(_ST2CLIENT)
            assert "certificate verify failed" in client(_JOB)
            web.restart_container("st2web")
            eventually(web.ready, "st2web is ready")
            assert "st2web cannot reach st2api" in get("/api/v1/actions")
            self.restart(started["st2api"])
            assert client(_ST2CLIENT) == "[]"
            assert get("/api/v1/actions") == "[]"

    def restart(self, pod: Pod) -> None:
        """Let nginx take another certificate."""
        pod.restart_container("tls")
        eventually(pod.ready, "the service is ready")
