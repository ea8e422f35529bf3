"""TLS within the cluster, as the manifests say it; tests/servers runs it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from kubernetes_versions import validate
from support import MakeCluster, Objects, Synth

from constructs_st2.commands.secrets.listing import listing
from constructs_st2.construct.flows import flows
from constructs_st2.errors import InvalidValues
from constructs_st2.facts import ini
from constructs_st2.facts.backends.connections import scaler_url
from constructs_st2.facts.secrets import contract
from constructs_st2.facts.secrets.composition import shown
from constructs_st2.facts.versions import ST2_VERSIONS
from constructs_st2.parts.secrets.modes import secret_documents
from constructs_st2.parts.secrets.plan import expected, planned

ISSUER = {"enabled": True, "issuerRef": {"name": "internal"}}
CA = "/etc/st2/ca/{}/ca.crt"


def tls(**internal: Any) -> dict[str, Any]:
    return {"tls": {"internal": {"enabled": True, **internal}}}


ETCD = {"coordination": {"backend": "etcd"}}


def text(objects: Objects, config_map: str, file: str) -> str:
    found: str = objects.named("ConfigMap", config_map)["data"][file]
    return found


def options(text: str, separator: str) -> dict[str, str]:
    """The options of a file with one on each line."""
    return dict(line.split(separator, 1) for line in text.splitlines())


@pytest.fixture(scope="module")
def encrypted(synth: Synth) -> Objects:
    """The default cluster with TLS, with certificates from cert-manager."""
    return synth(tls(certManager=ISSUER))


class TestCertificates:
    def test_there_is_one_for_each_backend_and_one_for_the_services(self, encrypted: Objects) -> None:
        made = {each["metadata"]["name"]: each["spec"] for each in encrypted.of_kind("Certificate")}
        assert list(made) == [f"st2-{name}-tls" for name in ("mongodb", "rabbitmq", "redis", "st2")]
        for name, spec in made.items():
            assert spec["secretName"] == name
            assert spec["issuerRef"] == {"name": "internal", "kind": "Issuer", "group": "cert-manager.io"}
            assert {"server auth", "client auth"} <= set(spec["usages"])
            assert spec["ipAddresses"] == ["127.0.0.1"]
            assert spec["commonName"] == spec["dnsNames"][0]
            assert (spec["duration"], spec["renewBefore"]) == ("2160h", "720h")

    def test_a_backend_is_known_by_all_its_names(self, encrypted: Objects) -> None:
        service, headless = "st2-mongodb", "st2-mongodb-headless.stackstorm.svc.cluster.local"
        assert encrypted.named("Certificate", "st2-mongodb-tls")["spec"]["dnsNames"] == [
            service,
            f"{service}.stackstorm",
            f"{service}.stackstorm.svc",
            f"{service}.stackstorm.svc.cluster.local",
            f"*.{headless}",
            *(f"st2-mongodb-{ordinal}.{headless}" for ordinal in range(3)),
            "localhost",
        ]

    def test_the_services_share_one(self, synth: Synth) -> None:
        values = {**tls(certManager=ISSUER), "st2api": {"service": {"hostname": "api.example.org"}}}
        names = synth(values).named("Certificate", "st2-st2-tls")["spec"]["dnsNames"]
        assert {"st2-st2auth", "st2-st2api.stackstorm.svc", "api.example.org", "localhost"} <= set(names)
        assert "st2-st2stream.stackstorm.svc.cluster.local" in names

    def test_argo_cd_waits_for_the_kind(self, encrypted: Objects) -> None:
        for certificate in encrypted.of_kind("Certificate"):
            options = certificate["metadata"]["annotations"]["argocd.argoproj.io/sync-options"]
            assert options == "SkipDryRunOnMissingResource=true"

    def test_for_a_secret_of_the_user_there_is_none(self, synth: Synth) -> None:
        objects = synth(tls(certManager=ISSUER, existingSecrets={"mongodb": "mine"}))
        names = [each["metadata"]["name"] for each in objects.of_kind("Certificate")]
        assert names == ["st2-rabbitmq-tls", "st2-redis-tls", "st2-st2-tls"]
        assert {"mine"} == {
            volume["secret"]["secretName"]
            for volume in objects.pod("mongodb")["volumes"]
            if volume["name"] in ("tls", "mongodb-tls-authority")
        }

    def test_without_cert_manager_the_secrets_are_the_users(self, synth: Synth) -> None:
        assert not synth(tls()).of_kind("Certificate")

    @pytest.mark.parametrize("mode", ["bootstrap", "external-secrets", "plain", "existing"])
    def test_no_mode_makes_the_secrets(self, cluster: MakeCluster, mode: str) -> None:
        secrets: dict[str, Any] = {"mode": mode, **({"seed": "a long seed"} if mode == "plain" else {})}
        made = cluster({**tls(), "secrets": secrets})
        assert "st2-mongodb-tls" not in yaml.safe_dump(secret_documents(made))
        own = {secret.name for secret in expected(made)} - {secret.name for secret in planned(made)}
        assert own == {f"st2-{name}-tls" for name in ("mongodb", "rabbitmq", "redis", "st2")}

    @pytest.mark.parametrize(("manager", "who"), [({}, "you"), (ISSUER, "cert-manager")], ids=["by hand", "made"])
    def test_a_list_of_secrets_tells_who_makes_them(
        self, cluster: MakeCluster, manager: dict[str, Any], who: str
    ) -> None:
        lines = listing(cluster(tls(certManager=manager, existingSecrets={"st2": "mine"})), []).splitlines()
        purpose = "Certificate of MongoDB, with `tls.internal`"
        assert f"st2-mongodb-tls (made by {who}): {purpose}" in lines
        assert any(line.startswith("mine (yours: tls.internal.existingSecrets.st2): ") for line in lines)

    def test_a_check_of_secrets_knows_whose_they_are(self, cluster: MakeCluster) -> None:
        found = {secret.name: secret for secret in expected(cluster(tls(existingSecrets={"st2": "mine"})))}
        assert not found["mine"].own
        assert found["mine"].named_in == "tls.internal.existingSecrets.st2"
        assert found["st2-redis-tls"].own


class TestServers:
    def test_mongodb_takes_no_connection_without(self, encrypted: Objects) -> None:
        conf = yaml.safe_load(text(encrypted, "st2-mongodb-config", "mongod.conf"))
        assert conf["net"]["tls"] == {
            "mode": "requireTLS",
            "certificateKeyFile": "/etc/constructs-st2/keyfile/mongod.pem",
            "CAFile": "/etc/constructs-st2/tls/ca.crt",
            "allowConnectionsWithoutCertificates": True,
        }

    def test_only_the_container_that_prepares_mongod_has_the_key(self, encrypted: Objects) -> None:
        pod = encrypted.pod("mongodb")
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        assert [item["key"] for item in volumes["mongodb-tls-authority"]["secret"]["items"]] == ["ca.crt"]
        readers = [
            container["name"]
            for container in (*pod["initContainers"], *pod["containers"])
            if any(mount["name"] == "tls" for mount in container["volumeMounts"])
        ]
        assert readers == ["prepare"]

    def test_rabbitmq_listens_for_tls_only(self, encrypted: Objects) -> None:
        conf = options(text(encrypted, "st2-rabbitmq-config", "rabbitmq.conf"), " = ")
        assert "listeners.tcp.default" not in conf
        assert (conf["listeners.tcp"], conf["listeners.ssl.default"]) == ("none", "5671")
        for service in ("st2-rabbitmq", "st2-rabbitmq-headless"):
            ports = {port["name"]: port["port"] for port in encrypted.named("Service", service)["spec"]["ports"]}
            assert ports["amqps"] == 5671
            assert "amqp" not in ports
        node = encrypted.container("rabbitmq")
        for probe in ("startupProbe", "livenessProbe"):
            assert node[probe]["tcpSocket"]["port"] == "amqps"
        assert node["readinessProbe"]["exec"]["command"][2:] == ["5671", "25672"]

    @pytest.mark.parametrize(("file", "port"), [("redis.conf", "6379"), ("sentinel.conf", "26379")])
    def test_redis_and_sentinels_listen_for_tls_only_and_use_it_among_themselves(
        self, encrypted: Objects, file: str, port: str
    ) -> None:
        conf = options(text(encrypted, "st2-redis-config", file), " ")
        assert (conf["port"], conf["tls-port"], conf["tls-replication"]) == ("0", port, "yes")
        assert conf["tls-ca-cert-file"] == "/etc/constructs-st2/tls/ca.crt"

    def test_etcd_speaks_it_to_clients_and_members(self, synth: Synth) -> None:
        config = yaml.safe_load(synth({**tls(), **ETCD}).named("ConfigMap", "st2-etcd-config")["data"]["etcd.yaml"])
        urls = [str(value) for name, value in config.items() if "urls" in name and "metrics" not in name]
        assert len(urls) == 4
        assert not [url for url in urls if "http://" in url]
        assert config["peer-transport-security"]["client-cert-auth"] is True
        assert config["client-transport-security"].keys() == {"cert-file", "key-file"}

    @pytest.mark.parametrize(
        ("values", "key"),
        [
            (
                {"mongodb": {"configuration": {"net": {"tls": {"mode": "preferTLS"}}}}},
                "mongodb.configuration.net.tls.mode",
            ),
            (
                {"rabbitmq": {"configuration": {"ssl_options.verify": "verify_none"}}},
                "rabbitmq.configuration.ssl_options.verify",
            ),
            ({"redis": {"configuration": {"tls-replication": "no"}}}, "redis.configuration.tls-replication"),
            ({**ETCD, "etcd": {"configuration": {"cert-file": "/x"}}}, "etcd.configuration.cert-file"),
        ],
        ids=["mongodb", "rabbitmq", "redis", "etcd"],
    )
    def test_what_it_stands_on_cannot_be_changed_beside_it(
        self, synth: Synth, values: dict[str, Any], key: str
    ) -> None:
        with pytest.raises(InvalidValues, match="cannot be changed here") as error:
            synth({**tls(), **values})
        assert [problem.key for problem in error.value.problems] == [key]
        # Without it, these options are the user's.
        assert synth(values)

    def test_exporters_use_it(self, synth: Synth) -> None:
        metrics = {"metrics": {"enabled": True}}
        objects = synth({**tls(), "mongodb": metrics, "redis": metrics})
        found = {
            variable["name"]: variable["value"]
            for component in ("mongodb", "redis")
            for container in objects.pod(component)["containers"]
            if container["name"] == "metrics"
            for variable in container["env"]
            if "value" in variable
        }
        assert "&tls=true&tlsCAFile=/etc/constructs-st2/tls/ca.crt" in found["MONGODB_URI"]
        assert found["REDIS_ADDR"].startswith("rediss://")
        assert found["REDIS_EXPORTER_TLS_CA_CERT_FILE"] == "/etc/constructs-st2/tls/ca.crt"

    def test_reloader_restarts_those_that_do_not_read_a_new_certificate(self, synth: Synth) -> None:
        objects = synth({**tls(), "secrets": {"reloader": True}})
        found = {
            each["metadata"]["name"]: each["metadata"].get("annotations", {}).get("secret.reloader.stakater.com/reload")
            for each in objects.of_kind("StatefulSet")
        }
        assert found == {"st2-mongodb": "st2-mongodb-tls", "st2-rabbitmq": None, "st2-redis": "st2-redis-tls"}
        api = objects.named("Deployment", "st2-st2api")["metadata"]["annotations"]
        assert "st2-st2-tls" not in api["secret.reloader.stakater.com/reload"].split(",")


class TestConnections:
    def options(self, cluster: MakeCluster, section: str, values: dict[str, Any], tag: str = "3.9") -> dict[str, str]:
        connections = cluster({**tls(), **values, "image": {"tag": tag}}).settings.connections
        return {option: shown(value) for option, value in connections[section].items()}

    @pytest.mark.parametrize(
        ("tag", "names"), [("3.8", ("ssl", "ssl_ca_certs")), ("3.9", ("tls", "tls_ca_file"))], ids=["3.8", "3.9"]
    )
    def test_the_database(self, cluster: MakeCluster, tag: str, names: tuple[str, str]) -> None:
        found = self.options(cluster, "database", ETCD, tag)
        assert [found[name] for name in names] == ["True", CA.format("database")]
        # What one version calls it means nothing to the other.
        assert not ({"ssl", "tls"} - {names[0]}) & found.keys()

    @pytest.mark.parametrize("tag", ST2_VERSIONS)
    def test_the_message_bus(self, cluster: MakeCluster, tag: str) -> None:
        found = self.options(cluster, "messaging", ETCD, tag)
        assert (found["ssl"], found["ssl_cert_reqs"]) == ("True", "required")
        assert found["ssl_ca_certs"] == CA.format("messaging")
        urls = found["cluster_urls"].split(",")
        assert len(urls) == 4
        assert all(url.startswith("amqp://") and url.endswith(":5671/st2") for url in urls)

    def test_redis(self, cluster: MakeCluster) -> None:
        url = self.options(cluster, "coordination", {})["url"]
        assert "&ssl=true&sentinel_ssl=true&ssl_ca_certs=/etc/st2/ca/coordination/ca.crt&" in url

    @pytest.mark.parametrize("tag", ST2_VERSIONS)
    def test_etcd(self, cluster: MakeCluster, tag: str) -> None:
        host = "st2-etcd.stackstorm.svc.cluster.local"
        expected = f"st2etcd+https://{host}:2379?ca_cert={CA.format('coordination')}"
        assert self.options(cluster, "coordination", ETCD, tag)["url"] == expected

    def test_a_backend_elsewhere_keeps_its_own_settings(self, cluster: MakeCluster, synth: Synth) -> None:
        external = {"uri": "mongodb://db.example.org", "tls": {"enabled": True, "ca": {"configMap": "authorities"}}}
        values = {"mongodb": {"enabled": False, "external": external}}
        assert self.options(cluster, "database", values)["tls_ca_file"] == CA.format("database")
        volumes = {each["name"]: each for each in synth({**tls(), **values}).pod("st2api")["volumes"]}
        assert volumes["ca-database"]["configMap"]["name"] == "authorities"
        assert volumes["ca-messaging"]["secret"]["secretName"] == "st2-rabbitmq-tls"

    def test_every_program_of_st2_has_the_authorities(self, encrypted: Objects) -> None:
        for name, pod in encrypted.pod_templates().items():
            for container in pod["spec"]["containers"]:
                if any("st2.secrets.conf" in argument for argument in container.get("args", ())):
                    paths = {mount["mountPath"] for mount in container["volumeMounts"]}
                    sections = ("database", "messaging", "coordination")
                    assert {f"/etc/st2/ca/{section}" for section in sections} <= paths, name

    def test_pods_wait_for_the_port_that_speaks_it(self, encrypted: Objects) -> None:
        (wait,) = (each for each in encrypted.pod("st2api")["initContainers"] if each["name"] == "wait-for-rabbitmq")
        assert wait["args"][-2:] == ["st2-rabbitmq", "5671"]
        assert encrypted.container("st2notifier")["readinessProbe"]["exec"]["command"][-1] == "5671"


class TestServices:
    SERVICES = (("st2auth", 9100), ("st2api", 9101), ("st2stream", 9102))

    def test_services_listen_within_their_pods_and_have_tls_beside_them(self, encrypted: Objects) -> None:
        settings = ini.parse(text(encrypted, "st2-st2-config", "st2.docker.conf"))
        hosts = {entry.section: entry.value for entry in settings if entry.option == "host"}
        assert hosts == dict.fromkeys(("auth", "api", "stream"), "127.0.0.1")
        for name, port in self.SERVICES:
            (proxy,) = (each for each in encrypted.pod(name)["containers"] if each["name"] == "tls")
            assert proxy["ports"] == [{"name": "https", "containerPort": 8443}]
            assert proxy["command"][:4] == ["bash", "/opt/constructs-st2/on-term.bash", "QUIT", "10"]
            assert f"server 127.0.0.1:{port};" in text(encrypted, f"st2-{name}-nginx", "upstream.conf")
            assert encrypted.named("Service", f"st2-{name}")["spec"]["ports"] == [
                {"name": "https", "port": port, "targetPort": "https"}
            ]
            # The kubelet cannot reach the port.
            assert "httpGet" not in str(encrypted.container(name)["readinessProbe"])

    def test_another_certificate_or_configuration_of_nginx_rolls_the_pods(self, encrypted: Objects) -> None:
        template = encrypted.pod_templates()["st2-st2api"]
        assert "checksum/nginx" in template["metadata"]["annotations"]

    def test_clients_find_them_and_the_authority(self, synth: Synth) -> None:
        values = {**tls(), "st2chatops": {"enabled": True}, "jobs": {"smokeTest": {"enabled": True}}}
        objects = synth(values)
        urls = objects.named("ConfigMap", "st2-st2-urls")["data"]
        assert urls["ST2_API_URL"] == "https://st2-st2api:9101/"
        assert urls["ST2_CACERT"] == CA.format("st2")
        readers = 0
        for name, pod in objects.pod_templates().items():
            for container in (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]):
                sources = [source.get("configMapRef", {}).get("name") for source in container.get("envFrom", ())]
                if "st2-st2-urls" in sources:
                    readers += 1
                    paths = [mount["mountPath"] for mount in container["volumeMounts"]]
                    assert paths.count("/etc/st2/ca/st2") == 1, (name, container["name"])
        assert readers >= 4

    @pytest.mark.parametrize("service", ["st2actionrunner", "st2sensorcontainer"])
    def test_actions_and_sensors_reach_st2api(self, encrypted: Objects, service: str) -> None:
        settings = ini.parse(text(encrypted, "st2-st2-config", "st2.docker.conf"))
        (api_url,) = (entry.value for entry in settings if entry.option == "api_url")
        assert api_url == "https://st2-st2api:9101/"
        container = encrypted.container(service)
        assert {"name": "ST2_CACERT", "value": CA.format("st2")} in container["env"]
        # What else they reach has certificates of other authorities.
        names = {variable["name"] for variable in container["env"]}
        assert not names & {"REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"}

    def test_st2web_checks_whom_it_reaches(self, encrypted: Objects) -> None:
        locations = text(encrypted, "st2-st2web-nginx", "locations.conf")
        assert locations.count("proxy_pass https://") == 4
        assert "proxy_pass http://" not in locations
        upstreams = text(encrypted, "st2-st2web-nginx", "upstreams.conf")
        assert "proxy_ssl_verify on;" in upstreams
        assert "st2api st2-st2api.stackstorm.svc.cluster.local;" in upstreams

    def test_they_can_do_without(self, synth: Synth) -> None:
        objects = synth(tls(services=False))
        assert [each["name"] for each in objects.pod("st2api")["containers"]] == ["st2api"]
        urls = objects.named("ConfigMap", "st2-st2-urls")["data"]
        assert (urls["ST2_API_URL"], "ST2_CACERT" in urls) == ("http://st2-st2api:9101/", False)
        assert "ca-st2" not in [volume["name"] for volume in objects.pod("st2web")["volumes"]]

    def test_another_host_would_let_others_in_without(self, synth: Synth) -> None:
        with pytest.raises(InvalidValues, match=r"must be 127.0.0.1, not 0.0.0.0"):
            synth({**tls(), "st2": {"config": {"api": {"host": "0.0.0.0"}}}})


@pytest.mark.parametrize(
    ("values", "key", "message"),
    [
        ({"image": {"tag": "3.8"}, **tls()}, "tls.internal.enabled", "use st2 3.9, or coordination.backend etcd"),
        (tls(certManager={"enabled": True}), "tls.internal.certManager.issuerRef", "is required"),
        (tls(certManager={**ISSUER, "duration": "24h", "renewBefore": "24h"}), "tls.internal.certManager.renewBefore",
         "must be shorter than duration"),
        ({"tls": {"internal": {"certManager": ISSUER}}}, "tls.internal.enabled", "must be true"),
    ],
    ids=["st2 3.8 with Redis", "no issuer", "renewed before it begins", "not enabled"],
)  # fmt: skip
def test_what_cannot_be_honoured(synth: Synth, values: dict[str, Any], key: str, message: str) -> None:
    with pytest.raises(InvalidValues) as error:
        synth(values)
    (problem,) = error.value.problems
    assert problem.key == key
    assert message in problem.message


def test_off_it_leaves_no_trace(default_objects: Objects) -> None:
    assert not default_objects.of_kind("Certificate")
    for pod in default_objects.pod_templates().values():
        names = {volume["name"] for volume in pod["spec"].get("volumes", ())}
        assert not names & {"mongodb-tls-authority", "ca-database", "ca-messaging", "ca-coordination", "ca-st2"}


def test_the_contract_tells_what_the_secrets_hold(cluster: MakeCluster) -> None:
    specs = [spec for spec in contract.required(cluster(tls()).values) if spec.made_by(cluster(tls()).values)]
    assert {tuple(spec.keys) for spec in specs} == {("tls.key", "tls.crt", "ca.crt")}
    assert {spec.type for spec in specs} == {"kubernetes.io/tls"}


class TestOthers:
    """What else connects to backends and services."""

    def test_backups_of_the_database(self, synth: Synth) -> None:
        values = {**tls(), "backup": {"enabled": True, "destination": {"claim": {"create": {}}}}}
        pod = synth(values).begins("CronJob", "st2-backup")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        steps = [each for each in pod["initContainers"] if "--username=backup" in each["command"]]
        assert [each["name"] for each in steps] == ["dump", "verify"]
        for step in steps:
            assert {"--ssl", "--sslCAFile=/etc/constructs-st2/tls/ca.crt"} <= {*step["command"]}
            assert "/etc/constructs-st2/tls" in [mount["mountPath"] for mount in step["volumeMounts"]]

    def test_snapshots_of_etcd(self, synth: Synth) -> None:
        values = {**tls(), **ETCD, "backup": {"enabled": True, "etcd": True, "destination": {"claim": {"create": {}}}}}
        pod = synth(values).begins("CronJob", "st2-backup")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        (etcd,) = (each for each in pod["initContainers"] if each["name"] == "etcd")
        assert "--endpoints=https://st2-etcd.stackstorm.svc.cluster.local:2379" in etcd["args"]
        assert "--cacert=/etc/constructs-st2/tls/ca.crt" in etcd["args"]

    def test_keda(self, cluster: MakeCluster) -> None:
        made = cluster(tls())
        assert "tls=true&tlsInsecure=true" in shown(scaler_url(made.values, made.release))

    def test_network_policies_open_the_ports_that_pods_listen_on(self, cluster: MakeCluster) -> None:
        found = flows(cluster(tls()))
        ports = {each.server: {flow.port for flow in found if flow.server == each.server} for each in found}
        assert ports["st2api"] == {8443}
        assert 5671 in ports["rabbitmq"]
        assert 5672 not in ports["rabbitmq"]
        # Those of the other members.
        assert {4369, 25672} <= ports["rabbitmq"]


def test_objects_are_valid(encrypted: Objects, synth: Synth) -> None:
    for document in (*encrypted, *synth({**tls(), **ETCD, "st2chatops": {"enabled": True}})):
        if document["kind"] != "Certificate":
            validate(document, "1.30")
