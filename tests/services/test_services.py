"""Each service of the catalogue, as the default cluster runs it."""

from __future__ import annotations

from typing import Any

import pytest
from default_cluster import BACKENDS, CRYPTO_KEY, PYTHON_SERVICES, SERVICES, SEVERAL, SINGLE, Service
from support import Objects, Synth, each_of

from constructs_st2.facts.catalogue import CATALOGUE, CatalogueEntry

TOLD = "say in SERVICES of tests/default_cluster.py what is expected of the service"

JOBS = ("st2-secrets-bootstrap-", "st2-job-")
"""How the Job is called that makes the Secrets: the only pod that speaks to the Kubernetes API."""

CONF_FILES = {"/etc/st2/st2.docker.conf", "/etc/st2/st2.user.conf", "/etc/st2/st2.secrets.conf"}
LIBRARY = "/opt/constructs-st2-redis/st2_redis.egg"
CONTENT = {
    "st2": {
        "packs": {"configs": {"aws.yaml": "---\nregion: x\n"}},
        "overrides": {"core.yaml": "rules: {defaults: {enabled: false}}\n"},
        "rbac": {"enabled": True},
    }
}
CONTENT_PATHS = {
    "/opt/stackstorm/configs": {"st2api", "st2actionrunner", "st2client"},
    "/opt/stackstorm/overrides": {"st2api", "st2actionrunner", "st2client"},
    "/opt/stackstorm/rbac/roles": {"st2client"},
    "/opt/stackstorm/rbac/assignments": {"st2client"},
    "/opt/stackstorm/rbac/mappings": {"st2client"},
}


def paths(container: dict[str, Any]) -> set[str]:
    return {mount["mountPath"] for mount in container["volumeMounts"]}


def test_the_default_replicas(default_objects: Objects) -> None:
    deployments = default_objects.of_kind("Deployment")
    assert {d["metadata"]["name"].removeprefix("st2-"): d["spec"]["replicas"] for d in deployments} == {
        name: service.replicas for name, service in SERVICES.items()
    }


@pytest.mark.parametrize("name", [name for name, service in SERVICES.items() if service.stop != "TERM"])
def test_services_that_do_not_obey_term_get_the_signal_that_they_do(default_objects: Objects, name: str) -> None:
    """As PID 1 they ignore it."""
    container = default_objects.container(name)
    assert container["command"][:3] == ["bash", "/opt/constructs-st2/on-term.bash", SERVICES[name].stop]
    assert int(container["command"][3]) + 15 <= SERVICES[name].grace
    assert "/opt/constructs-st2" in paths(container)


@pytest.mark.parametrize("name", [name for name, service in SERVICES.items() if service.stop == "TERM"])
def test_services_that_obey_term_run_by_themselves(default_objects: Objects, name: str) -> None:
    assert "on-term.bash" not in str(default_objects.container(name))


@each_of("entry", CATALOGUE)
def test_services_that_join_the_registry_leave_it_first_for_the_container_before(
    synth: Synth, entry: CatalogueEntry
) -> None:
    container = synth({"st2chatops": {"enabled": True}}).container(entry.name)
    if entry.registered_as is None:
        assert "start-registered.sh" not in str(container)
        return
    script = container["command"].index("/opt/constructs-st2/start-registered.sh")
    alone = ["--alone", str(SERVICES[entry.name].grace + 5), f"st2-{entry.name}"] if entry.is_single else []
    assert container["command"][script + 1 :] == [*alone, entry.registered_as, entry.command]
    volumes = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    assert volumes["/tmp"] == "tmp"  # which outlasts the container
    assert "/opt/constructs-st2" in volumes


def test_each_part_of_the_sensors_waits_for_its_own_former_pod(synth: Synth) -> None:
    sensors = [{"name": "a", "ref": "p.A"}, {"name": "b", "ref": "p.B", "terminationGracePeriodSeconds": 90}]
    objects = synth({"st2": {"packs": {"sensors": sensors}}})
    for name, seconds in {"a": 65, "b": 95}.items():
        command = objects.container(f"st2sensorcontainer-{name}")["command"]
        assert command[2:5] == ["--alone", str(seconds), f"st2-st2sensorcontainer-{name}"]


def test_without_coordination_nobody_can_wait_for_the_former_pod(synth: Synth) -> None:
    one = {name: {"replicas": 1} for name, service in SERVICES.items() if service.shares}
    objects = synth({"coordination": {"backend": "none"}, "redis": {"enabled": False}, **one})
    assert "--alone" not in objects.container("st2timersengine")["command"]


def test_the_scripts_of_services_come_with_the_program_that_leaves_the_registry(default_objects: Objects) -> None:
    scripts = default_objects.named("ConfigMap", "st2-st2-scripts")["data"]
    assert {"start-registered.sh", "service_registry.py"} <= set(scripts)
    assert "__init__.py" not in scripts


@each_of("name", sorted(SERVICES))
def test_no_service_has_a_hook_that_its_own_end_could_kill(default_objects: Objects, name: str) -> None:
    assert "lifecycle" not in default_objects.container(name)


def test_a_service_that_obeys_term_drains_by_a_hook(synth: Synth) -> None:
    container = synth({"st2scheduler": {"preStopSleep": 5}}).container("st2scheduler")
    assert container["lifecycle"] == {"preStop": {"exec": {"command": ["sleep", "5"]}}}


@pytest.mark.parametrize("name", [name for name, service in SERVICES.items() if service.serves])
def test_reachable_services_drain_before_they_stop(default_objects: Objects, name: str) -> None:
    assert default_objects.container(name)["command"][3] == "10"


@each_of(("name", "expected"), SERVICES.items())
def test_grace_periods(default_objects: Objects, name: str, expected: Service) -> None:
    assert default_objects.pod(name)["terminationGracePeriodSeconds"] == expected.grace


@pytest.mark.parametrize(
    ("service", "section", "values", "finish"),
    [
        ("st2actionrunner", "actionrunner", {}, 300),
        ("st2actionrunner", "actionrunner", {"terminationGracePeriodSeconds": 1830}, 1800),
        ("st2actionrunner", "actionrunner", {"terminationGracePeriodSeconds": 300, "preStopSleep": 20}, 250),
        ("st2workflowengine", "workflow_engine", {"terminationGracePeriodSeconds": 90}, 60),
    ],
)
def test_the_limit_for_running_work_follows_from_the_grace_period(
    synth: Synth, service: str, section: str, values: dict[str, Any], finish: int
) -> None:
    conf = synth({service: values}).named("ConfigMap", "st2-st2-config")["data"]["st2.docker.conf"]
    (text,) = (part for part in conf.split("[") if part.startswith(f"{section}]"))
    assert f"exit_still_active_check = {finish}\n" in text


@each_of(("name", "expected"), SERVICES.items())
def test_each_service_waits_for_what_it_needs(default_objects: Objects, name: str, expected: Service) -> None:
    ports = {"mongodb": "27017", "rabbitmq": "5672", "redis": "26379"}
    init = default_objects.pod(name).get("initContainers", [])
    assert [container["name"] for container in init] == [f"wait-for-{target}" for target in expected.waits]
    assert [container["args"] for container in init] == [
        [target, "600", f"st2-{target}", ports[target]] for target in expected.waits
    ]


@pytest.mark.parametrize(
    ("values", "targets"),
    [
        ({"mongodb": {"enabled": False, "external": {"uri": "mongodb://db"}}}, ["rabbitmq", "redis"]),
        ({"rabbitmq": {"enabled": False, "external": {"urls": ["amqp://mq/st2"]}}}, ["mongodb", "redis"]),
        ({"coordination": {"backend": "etcd"}}, ["mongodb", "rabbitmq", "etcd"]),
        ({"coordination": {"backend": "none"}, "profile": "dev"}, ["mongodb", "rabbitmq"]),
        (
            {"coordination": {"backend": "external", "external": {"url": "redis://cache:6379"}}},
            ["mongodb", "rabbitmq"],
        ),
    ],
)
def test_only_backends_of_the_cluster_are_waited_for(synth: Synth, values: dict[str, Any], targets: list[str]) -> None:
    init = synth(values).pod("st2api")["initContainers"]
    assert [container["name"] for container in init] == [f"wait-for-{target}" for target in targets]


@each_of("name", sorted(PYTHON_SERVICES))
def test_mounts(default_objects: Objects, name: str) -> None:
    common = CONF_FILES | {"/tmp", "/opt/constructs-st2", LIBRARY}
    named = set() if name == "st2actionrunner" else {"/etc/passwd"}
    assert paths(default_objects.container(name)) - common == {*SERVICES[name].mounts, *named}, TOLD


@each_of("name", sorted(PYTHON_SERVICES))
def test_every_python_service_reads_all_files_of_its_configuration(default_objects: Objects, name: str) -> None:
    container = default_objects.container(name)
    assert paths(container) >= CONF_FILES
    if name != "st2client":
        own = "--config-file=/etc/st2/st2.sensorcontainer.conf"
        assert [argument for argument in container["args"] if argument != own][:4] == [
            "--config-file=/etc/st2/st2.conf",
            "--config-file=/etc/st2/st2.docker.conf",
            "--config-file=/etc/st2/st2.user.conf",
            "--config-file=/etc/st2/st2.secrets.conf",
        ]


def test_a_search_path_of_the_user_keeps_ours(synth: Synth) -> None:
    container = synth({"st2api": {"env": {"PYTHONPATH": "/opt/mine"}}}).container("st2api")
    assert {"name": "PYTHONPATH", "value": f"{LIBRARY}:/opt/mine"} in container["env"]


def test_the_users_secret_settings_come_last(synth: Synth) -> None:
    container = synth({"st2": {"existingConfigSecret": "mine"}}).container("st2api")
    assert container["args"][-1] == "--config-file=/etc/st2/st2.user.secrets.conf"
    assert "/etc/st2/st2.user.secrets.conf" in paths(container)


@pytest.mark.parametrize(("path", "services"), CONTENT_PATHS.items())
def test_content_reaches_exactly_the_services_that_read_it(synth: Synth, path: str, services: set[str]) -> None:
    objects = synth(CONTENT)
    assert {name for name in SERVICES if path in paths(objects.container(name))} == services


def test_without_encryption_nobody_mounts_a_key(synth: Synth) -> None:
    objects = synth({"st2": {"datastore_crypto_key": "disable"}})
    assert not any(CRYPTO_KEY in paths(objects.container(name)) for name in SERVICES)


def test_singletons_are_never_doubled_by_a_rollout(default_objects: Objects) -> None:
    recreated = {
        d["metadata"]["name"].removeprefix("st2-")
        for d in default_objects.of_kind("Deployment")
        if d["spec"]["strategy"] == {"type": "Recreate"}
    }
    assert recreated == set(SINGLE)


@pytest.mark.parametrize(("replicas", "unavailable"), [(1, 0), (2, 1), (5, 1)])
def test_a_runner_that_stops_always_has_another_one_beside_it(synth: Synth, replicas: int, unavailable: int) -> None:
    deployment = synth({"st2actionrunner": {"replicas": replicas}}).named("Deployment", "st2-st2actionrunner")
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": unavailable}


def test_disruption_budgets_are_where_there_are_replicas(default_objects: Objects) -> None:
    budgets = {d["metadata"]["name"].removeprefix("st2-") for d in default_objects.of_kind("PodDisruptionBudget")}
    assert budgets == {*SEVERAL, *BACKENDS}


def test_replicas_spread_over_zones_and_hosts(default_objects: Objects) -> None:
    for name, service in SERVICES.items():
        constraints = default_objects.pod(name).get("topologySpreadConstraints", [])
        keys = [constraint["topologyKey"] for constraint in constraints]
        # One of which there is never a second keeps apart from the others of the kind (test_node_loss.py).
        zones = ["topology.kubernetes.io/zone"] if service.replicas > 1 else []
        assert keys == [*zones, "kubernetes.io/hostname"], name


@pytest.mark.parametrize("name", ["st2api", "st2stream"])
def test_apis_that_want_a_login_are_probed_by_options(default_objects: Objects, name: str) -> None:
    container = default_objects.container(name)
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        command = container[probe]["exec"]["command"]
        assert command[0] == "curl"
        assert command[-3:-1] == ["-X", "OPTIONS"]


def test_nobody_is_asked_before_it_can_usually_answer(default_objects: Objects) -> None:
    """Each answer that fails is an event of the type Warning."""
    for name in SERVICES:
        container = default_objects.container(name)
        first = container.get("startupProbe") or container.get("readinessProbe")
        expected = 2 if name in ("st2web", "st2client") else 10
        assert first is None or first["initialDelaySeconds"] == expected, name


WORKERS = [name for name, service in SERVICES.items() if service.registered and not service.serves]
"""What serves no port."""


def test_liveness_never_tests_a_backend(default_objects: Objects) -> None:
    for name in SERVICES:
        assert "/connected.sh" not in str(default_objects.container(name)["livenessProbe"])


def test_workers_are_ready_while_connected(default_objects: Objects) -> None:
    """To the message bus; the garbage collector connects to that only now and then."""
    for name in WORKERS:
        port = "27017" if name == "st2garbagecollector" else "5672"
        command = default_objects.container(name)["readinessProbe"]["exec"]["command"]
        assert command == ["sh", "/opt/constructs-st2/connected.sh", port]


def test_workers_are_alive_while_they_do_anything_at_all(default_objects: Objects) -> None:
    for name in WORKERS:
        container = default_objects.container(name)
        assert container["livenessProbe"] == {
            "exec": {"command": ["sh", "/opt/constructs-st2/not-stuck.sh", f"/opt/stackstorm/st2/bin/{name}"]},
            "periodSeconds": 120,
            "timeoutSeconds": 30,
            "failureThreshold": 5,
        }
        # It is what the container runs, with the scripts and a place to remember.
        assert f"/opt/stackstorm/st2/bin/{name}" in container["command"]
        mounts = {mount["mountPath"]: mount.get("readOnly", False) for mount in container["volumeMounts"]}
        assert (mounts["/opt/constructs-st2"], mounts["/tmp"]) == (True, False)


def test_st2client_is_ready_when_it_is_logged_in_and_alive_while_it_wakes(default_objects: Objects) -> None:
    container = default_objects.container("st2client")
    program = container["command"][-1]
    assert container["readinessProbe"]["exec"]["command"] == ["test", "-r", "/home/stanley/.st2/config"]
    assert container["livenessProbe"]["exec"]["command"] == ["sh", "/opt/constructs-st2/not-stuck.sh", program]


def test_it_is_not_known_where_backends_of_others_listen(synth: Synth) -> None:
    mongodb = {"enabled": False, "external": {"uri": "mongodb://db"}}
    rabbitmq = {"enabled": False, "external": {"urls": ["amqp://mq/st2"]}}
    made = synth({"mongodb": mongodb, "rabbitmq": rabbitmq})
    for name in WORKERS:
        container = made.container(name)
        assert "livenessProbe" in container
        assert "readinessProbe" not in container


def test_no_pod_gets_a_token_unasked(default_objects: Objects) -> None:
    for name, pod in default_objects.pod_templates().items():
        if name.startswith(JOBS):
            continue
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert "serviceAccountName" not in pod["spec"]
        assert pod["spec"]["enableServiceLinks"] is False
        assert "hostname" not in pod["spec"]


def test_documented_selectors_pick_exactly_the_right_pods(default_objects: Objects) -> None:
    def selected(**labels: str) -> set[str]:
        return {
            name.removeprefix("st2-")
            for name, pod in default_objects.pod_templates().items()
            if labels.items() <= pod["metadata"]["labels"].items() and not name.startswith(JOBS)
        }

    assert selected(release="st2") == {*SERVICES, *BACKENDS}
    assert selected(release="st2", tier="backend") == set(PYTHON_SERVICES)
    assert selected(release="st2", tier="frontend") == {"st2web"}
    assert selected(app="st2client", support="enterprise") == set()
    assert selected(app="st2client", support="community") == {"st2client"}


def test_enterprise_pods_are_found_by_their_label(synth: Synth) -> None:
    objects = synth({"enterprise": {"enabled": True}})
    labels = objects.pod_templates()["st2-st2client"]["metadata"]["labels"]
    assert (labels["app"], labels["support"]) == ("st2client", "enterprise")
    assert objects.pod("st2client")["imagePullSecrets"] == [{"name": "st2-st2-license"}]


def test_sudo_makes_one_workload_root_and_the_namespace_baseline(synth: Synth, default_objects: Objects) -> None:
    enforce = "pod-security.kubernetes.io/enforce"
    assert default_objects.named("Namespace", "stackstorm")["metadata"]["labels"][enforce] == "restricted"
    objects = synth({"st2actionrunner": {"sudo": True}})
    assert objects.named("Namespace", "stackstorm")["metadata"]["labels"][enforce] == "baseline"
    assert objects.pod("st2actionrunner")["securityContext"]["runAsUser"] == 0
    assert objects.pod("st2sensorcontainer")["securityContext"]["runAsUser"] == 10001


def test_all_settings_of_a_service_reach_its_pods(synth: Synth) -> None:
    settings = {
        "replicas": 3,
        "annotations": {"a/b": "c"},
        "labels": {"team": "x"},
        "env": {"PROXY": "http://p:1", "N": 1, "KEY": {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}},
        "envFromSecrets": ["more"],
        "extra_volumes": [
            {
                "name": "ca",
                "mount": {"mountPath": "/etc/ca", "readOnly": True},
                "volume": {"secret": {"secretName": "ca"}},
            }
        ],
        "sidecars": [{"name": "logs", "image": "fluent/fluent-bit:3"}],
        "initContainers": [{"name": "prepare", "image": "busybox:1"}],
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "topologySpread": [{"maxSkew": 1, "topologyKey": "rack", "whenUnsatisfiable": "DoNotSchedule"}],
        "priorityClassName": "high",
        "hostAliases": [{"ip": "1.1.1.1", "hostnames": ["a"]}],
        "serviceAccount": {"attach": True},
        "securityContext": {"runAsUser": 2000},
        "podSecurityContext": {"fsGroup": 2000},
        "livenessProbe": False,
        "readinessProbe": {"tcpSocket": {"port": 9101}},
        "terminationGracePeriodSeconds": 100,
        "preStopSleep": "20",
        "postStartScript": "echo hello",
        "service": {"type": "NodePort", "nodePort": 30001, "annotations": {"x": "y"}, "hostname": "api.example.org"},
    }
    objects = synth({"st2api": settings, "image": {"entrypoint": ["tini", "--"]}, "dnsPolicy": "Default"})
    deployment = objects.named("Deployment", "st2-st2api")
    pod, container = objects.pod("st2api"), objects.container("st2api")
    assert deployment["spec"]["replicas"] == 3
    for metadata in (deployment["metadata"], deployment["spec"]["template"]["metadata"]):
        assert metadata["annotations"]["a/b"] == "c"
        assert metadata["labels"]["team"] == "x"
    assert "team" not in deployment["spec"]["selector"]["matchLabels"]
    assert container["env"] == [
        {"name": "PYTHONPATH", "value": LIBRARY},
        {"name": "PROXY", "value": "http://p:1"},
        {"name": "N", "value": "1"},
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
    ]
    assert container["envFrom"] == [{"secretRef": {"name": "more"}}]
    assert {"name": "ca", "mountPath": "/etc/ca", "readOnly": True} in container["volumeMounts"]
    assert {"name": "ca", "secret": {"secretName": "ca"}} in pod["volumes"]
    assert [each["name"] for each in pod["containers"]] == ["st2api", "logs"]
    assert pod["containers"][1]["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert [each["name"] for each in pod["initContainers"]][-1] == "prepare"
    assert pod["nodeSelector"] == {"kubernetes.io/arch": "amd64", "disk": "ssd"}
    assert pod["tolerations"] == [{"operator": "Exists"}]
    assert pod["affinity"] == {"nodeAffinity": {}}
    assert pod["topologySpreadConstraints"] == [
        {
            "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "st2api", "app.kubernetes.io/instance": "st2"}},
            "maxSkew": 1,
            "topologyKey": "rack",
            "whenUnsatisfiable": "DoNotSchedule",
        }
    ]
    assert pod["priorityClassName"] == "high"
    assert pod["hostAliases"] == [{"ip": "1.1.1.1", "hostnames": ["a"]}]
    assert (pod["serviceAccountName"], pod["automountServiceAccountToken"]) == ("st2-st2", True)
    assert container["securityContext"]["runAsUser"] == 2000
    assert pod["securityContext"]["fsGroup"] == 2000
    assert "livenessProbe" not in container
    assert container["readinessProbe"] == {"tcpSocket": {"port": 9101}}
    assert pod["terminationGracePeriodSeconds"] == 100
    assert container["lifecycle"]["postStart"]["exec"]["command"][0] == "bash"
    script = objects.named("ConfigMap", "st2-st2api-post-start-script")
    assert script["data"] == {"post-start.sh": "echo hello"}
    stopped = ["bash", "/opt/constructs-st2/on-term.bash", "INT", "20"]
    started = ["sh", "/opt/constructs-st2/start-registered.sh", "api"]
    assert container["command"] == ["tini", "--", *stopped, *started, "/opt/stackstorm/st2/bin/st2api"]
    assert pod["dnsPolicy"] == "Default"
    service = objects.named("Service", "st2-st2api")
    assert service["spec"]["type"] == "NodePort"
    assert service["spec"]["ports"] == [{"name": "http", "port": 9101, "targetPort": "http", "nodePort": 30001}]
    assert service["metadata"]["annotations"]["x"] == "y"
    assert service["metadata"]["annotations"]["external-dns.alpha.kubernetes.io/hostname"] == "api.example.org"


def test_an_external_service_is_an_alias(synth: Synth) -> None:
    objects = synth({"st2web": {"service": {"type": "ExternalName", "hostname": "st2.example.org"}}})
    service = objects.named("Service", "st2-st2web")
    assert service["spec"]["externalName"] == "st2.example.org"
    assert "selector" not in service["spec"]


def test_the_chat_bot_waits_for_the_apis_and_takes_its_tokens_from_a_secret(synth: Synth) -> None:
    objects = synth({"st2chatops": {"enabled": True, "env": {"HUBOT_ADAPTER": "slack"}}})
    init = objects.pod("st2chatops")["initContainers"]
    assert [container["args"][2:] for container in init] == [
        ["st2-st2api", "9101"],
        ["st2-st2auth", "9100"],
        ["st2-st2stream", "9102"],
    ]
    container = objects.container("st2chatops")
    assert {"secretRef": {"name": "st2-st2chatops"}} in container["envFrom"]
    assert {"name": "HUBOT_ADAPTER", "value": "slack"} in container["env"]
