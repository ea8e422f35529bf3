"""The miniature kubelet does what a kubelet does: what other tests prove with it rests on this."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from servers.containers import SMALL
from servers.pods import FakeCluster, Image, Pod, PodFailed
from servers.ports import eventually
from support import Require, need_root

from constructs_st2.kube.documents import Document

MakeCluster = Callable[..., FakeCluster]

ORDINARY = {"runAsUser": 4000, "runAsGroup": 4001, "fsGroup": 4002, "runAsNonRoot": True}
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}
DATA = {"name": "data", "mountPath": "/srv/data"}
HOST = "web-{}.web-headless.stackstorm.svc.cluster.local"


@pytest.fixture
def make_cluster(require: Require, tmp_path: Path) -> Iterator[MakeCluster]:
    require("ip")
    require("busybox")
    need_root()
    with ExitStack() as clusters:

        def make(objects: list[Document], folder: str = "cluster", **options: Any) -> FakeCluster:
            return clusters.enter_context(
                FakeCluster(objects, options.pop("secrets", {}), tmp_path / folder, **options)
            )

        yield make


@pytest.fixture
def start(make_cluster: MakeCluster) -> Callable[..., Pod]:
    """Starts the one pod of a cluster."""

    def one(objects: list[Document], **options: Any) -> Pod:
        return make_cluster(objects, **options).start("web", 0)

    return one


def web(*containers: Document, claims: bool = False, **spec: Any) -> list[Document]:
    """The StatefulSet `web` of two pods with these containers, its Services, and a ConfigMap."""
    metadata = {"namespace": "stackstorm"}
    labels = {"app": "web"}
    template = {
        "metadata": {"labels": labels},
        "spec": {"terminationGracePeriodSeconds": 5, "containers": list(containers), **spec},
    }
    stateful_set = {
        "serviceName": "web-headless",
        "replicas": 2,
        "podManagementPolicy": "Parallel",
        "template": template,
        "volumeClaimTemplates": [{"metadata": {"name": "data"}}] if claims else [],
    }
    headless = {"clusterIP": "None", "publishNotReadyAddresses": True, "selector": labels}
    return [
        {"kind": "StatefulSet", "metadata": {**metadata, "name": "web"}, "spec": stateful_set},
        {"kind": "Service", "metadata": {**metadata, "name": "web-headless"}, "spec": headless},
        {"kind": "Service", "metadata": {**metadata, "name": "web"}, "spec": {"selector": labels}},
        {"kind": "ConfigMap", "metadata": {**metadata, "name": "web"}, "data": {"greeting": "hello", "other": "x"}},
    ]


def shell(script: str, name: str = "main", **fields: Any) -> Document:
    return {"name": name, "command": ["sh", "-c", script], **fields}


def idle(name: str = "main", **fields: Any) -> Document:
    return {"name": name, "command": ["sleep", "infinity"], **fields}


def output(pod: Pod, script: str) -> str:
    """What a script prints that succeeds in the main container."""
    done = pod.exec("main", ["sh", "-c", script])
    assert done.returncode == 0, done.stderr
    return done.stdout


def fails(pod: Pod, script: str) -> bool:
    return pod.exec("main", ["sh", "-c", script]).returncode != 0


def finds(pod: Pod, name: str) -> set[str]:
    """The addresses that a name has for a pod."""
    found = pod.exec("main", ["getent", "ahostsv4", name])
    return {line.split()[0] for line in found.stdout.splitlines()}


def test_the_command_is_the_first_process_and_gets_sigterm(start: Callable[..., Pod]) -> None:
    # In the command of a manifest, two dollars stand for one.
    pod = start(web(shell("echo process $$$$; trap 'echo asked to end; exit 3' TERM; while :; do sleep 0.05; done")))
    eventually(lambda: "process 1\n" in pod.log("main"), "it runs")
    assert pod.exit_code("main") is None
    pod.stop()
    assert pod.log("main") == "process 1\nasked to end\n"
    assert pod.exit_code("main") == 3


def test_a_first_process_that_does_not_handle_sigterm_is_killed_after_the_grace(start: Callable[..., Pod]) -> None:
    pod = start(web(idle(), terminationGracePeriodSeconds=2))
    assert 2 <= pod.stop() < 25
    assert pod.exit_code("main") == -signal.SIGKILL
    assert not pod.log("main")


def test_hooks_come_before_sigterm_and_containers_do_not_wait_for_each_other(start: Callable[..., Pod]) -> None:
    note = 'echo {} $(cut -d " " -f 1 /proc/uptime) >/proc/1/fd/1'
    script = f"trap '{note.format('asked')}; exit' TERM; echo runs; while :; do sleep 0.02; done"
    hook = {"preStop": {"exec": {"command": ["sh", "-c", f"sleep 2; {note.format('hook')}"]}}}
    pod = start(web(shell(script, lifecycle=hook), shell(script, name="sidecar")))
    eventually(lambda: pod.log("main") == pod.log("sidecar") == "runs\n", "both run")
    pod.stop()
    _, hooked, asked = (line.split() for line in pod.log("main").splitlines())
    _, sidecar_asked = (line.split() for line in pod.log("sidecar").splitlines())
    assert [hooked[0], asked[0], sidecar_asked[0]] == ["hook", "asked", "asked"]
    assert float(sidecar_asked[1]) < float(hooked[1])
    done = pod.containers["main"].hook
    assert done is not None
    assert done.returncode == 0


def test_a_hook_without_end_is_cut_off(start: Callable[..., Pod]) -> None:
    hook = {"preStop": {"exec": {"command": ["sleep", "infinity"]}}}
    pod = start(web(shell("trap 'exit 4' TERM; while :; do sleep 0.05; done", lifecycle=hook)))
    assert pod.stop(grace=0.3) < 25
    assert pod.exit_code("main") == 4
    assert pod.containers["main"].hook is None


def test_a_read_only_root_leaves_only_volumes_to_write_to(start: Callable[..., Pod]) -> None:
    mounts = [DATA, {"name": "inner", "mountPath": "/srv/data/inner"}, {"name": "tmp", "mountPath": "/tmp"}]
    look = {"name": "inner", "mountPath": "/srv/look", "readOnly": True}
    container = idle(securityContext=RESTRICTED, volumeMounts=[look, *mounts[1:], mounts[0]])
    volumes = [{"name": "inner", "emptyDir": {}}, {"name": "tmp", "emptyDir": {"medium": "Memory"}}]
    pod = start(web(container, claims=True, securityContext=ORDINARY, volumes=volumes))
    for folder in ("/", "/etc", "/usr/bin", "/srv/look"):
        assert "Read-only" in pod.exec("main", ["touch", f"{folder}/new"]).stderr
    assert output(pod, "cd /srv/data && touch file inner/file /tmp/file && stat -c '%u:%g' file") == "4000:4002\n"
    assert output(pod, "stat -c %A /srv/data /srv/data/inner /tmp").split() == [
        "drwxrwsr-x",
        "drwxrwsrwx",
        "drwxrwsrwx",
    ]
    assert output(pod, "stat -f -c %T /tmp") == "tmpfs\n"
    assert output(pod, "ls /srv/look") == "file\n"


def test_a_writable_root_is_new_in_every_run(start: Callable[..., Pod]) -> None:
    pod = start(web(idle()))
    output(pod, "touch /file")
    assert not Path("/file").exists()
    pod.restart_container("main")
    assert fails(pod, "ls /file")


def test_user_groups_and_capabilities_are_those_of_the_manifest(start: Callable[..., Pod]) -> None:
    status = "cat /proc/self/status >/dev/stdout"
    security = {**ORDINARY, "supplementalGroups": [4003]}
    pod = start(web(shell(f"{status}; sleep infinity", securityContext=RESTRICTED), securityContext=security))
    eventually(lambda: "NoNewPrivs" in pod.log("main"), "it runs")
    for text in (pod.log("main"), output(pod, status)):
        fields = dict(line.split(":\t", 1) for line in text.splitlines())
        assert fields["Uid"].split() == ["4000"] * 4
        assert fields["Gid"].split() == ["4001"] * 4
        assert sorted(fields["Groups"].split()) == ["4002", "4003"]
        assert [int(fields[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")] == [0] * 5
        assert fields["NoNewPrivs"] == "1"


def test_root_is_refused_where_the_manifest_forbids_it(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(web(idle(securityContext={"runAsUser": 0}), securityContext=ORDINARY))
    with pytest.raises(ValueError, match="runAsNonRoot"):
        cluster.start("web", 0)
    assert not cluster.pods


def test_files_of_secrets_and_config_maps(make_cluster: MakeCluster) -> None:
    items = [{"key": "password", "path": "inner/secret"}]
    volumes = [
        {"name": "secret", "secret": {"secretName": "web", "items": items, "defaultMode": 0o400}},
        {"name": "config", "configMap": {"name": "web"}},
    ]
    mounts = [
        {"name": "secret", "mountPath": "/etc/secret"},
        {"name": "config", "mountPath": "/etc/config"},
        {"name": "config", "mountPath": "/etc/greeting", "subPath": "greeting"},
    ]
    objects = web(idle(volumeMounts=mounts), securityContext=ORDINARY, volumes=volumes)
    cluster = make_cluster(objects, secrets={"web": {"password": "xyz", "other": ""}})
    pod = cluster.start("web", 0)
    assert output(pod, "cd /etc; cat secret/inner/secret config/greeting greeting") == "xyzhellohello"
    assert output(pod, "ls /etc/secret /etc/config").split() == [
        "/etc/config:",
        "greeting",
        "other",
        "/etc/secret:",
        "inner",
    ]
    # The group of the pod can read the Secret, whatever its mode says. See `give_to_group`.
    assert output(pod, "cd /etc; stat -L -c %a:%u:%g secret/inner/secret config/greeting").split() == [
        "440:0:4002",
        "644:0:4002",
    ]
    assert "Read-only" in pod.exec("main", ["touch", "/etc/config/more"]).stderr

    changed = [{**each, "data": {"greeting": "bye"}} if each["kind"] == "ConfigMap" else each for each in objects]
    cluster.apply(changed)
    assert output(pod, "cat /etc/config/greeting") == "bye"
    assert output(pod, "ls /etc/config") == "greeting\n"


def test_the_environment_is_that_of_the_manifest_alone(start: Callable[..., Pod]) -> None:
    def source(kind: str, **fields: str) -> Document:
        return {"valueFrom": {kind: fields}}

    env = [
        {"name": "POD", **source("fieldRef", fieldPath="metadata.name")},
        {"name": "NAMESPACE", **source("fieldRef", fieldPath="metadata.namespace")},
        {"name": "IP", **source("fieldRef", fieldPath="status.podIP")},
        {"name": "PASSWORD", **source("secretKeyRef", name="web", key="password")},
        {"name": "GREETING", **source("configMapKeyRef", name="web", key="greeting")},
        {"name": "HOST", "value": "$(POD).$(NAMESPACE) $(LATER) $$(POD) $$"},
        {"name": "LATER", "value": "1"},
    ]
    image = Image(environment={"LATER": "0", "MORE": "2"}, path="/usr/bin")
    main = {"name": "main", "command": ["sh", "-c"], "args": ["echo $0 $1; env", "$(PASSWORD)", "$(NONE)"], "env": env}
    pod = start(
        web({**main, "workingDir": "/usr"}), secrets={"web": {"password": "pa$(POD)ss"}}, images={"main": image}
    )
    eventually(lambda: pod.exit_code("main") is not None, "it ends")
    arguments, *variables = pod.log("main").splitlines()
    assert arguments == "pa$(POD)ss $(NONE)"
    assert dict(variable.split("=", 1) for variable in variables) == {
        **SMALL,
        "POD": "web-0",
        "NAMESPACE": "stackstorm",
        "IP": pod.ip,
        "PASSWORD": "pa$(POD)ss",
        "GREETING": "hello",
        "HOST": "web-0.stackstorm $(LATER) $(POD) $",
        "LATER": "1",
        "MORE": "2",
        "PATH": "/usr/bin",
        "PWD": "/usr",
    }


def test_what_an_image_has_besides(start: Callable[..., Pod]) -> None:
    image = Image(entrypoint=["greet", "all"], files={"/usr/local/bin/greet": "#!/bin/sh\necho hello $*\n"})
    pod = start(web({"name": "main", "args": ["of", "you"], "securityContext": RESTRICTED}), images={"main": image})
    eventually(lambda: pod.log("main") == "hello all of you\n", "it runs")


def test_init_containers_run_to_their_end_one_after_the_other(start: Callable[..., Pod]) -> None:
    mounts = [{"name": "shared", "mountPath": "/shared"}]
    steps = [shell(f"sleep 0.1; echo {n} >>/shared/steps", name=f"step-{n}", volumeMounts=mounts) for n in (1, 2)]
    volumes = [{"name": "shared", "emptyDir": {}}]
    pod = start(web(shell("cat /shared/steps", volumeMounts=mounts), initContainers=steps, volumes=volumes))
    eventually(lambda: pod.log("main") == "1\n2\n", "the container sees what they did")


def test_the_failure_of_an_init_container_is_reported_with_its_output(make_cluster: MakeCluster) -> None:
    objects = web(idle(), initContainers=[shell("echo out of order >&2; exit 7", name="prepare")])
    cluster = make_cluster(objects)
    with pytest.raises(PodFailed, match=r"web-0: prepare failed with 7:\nout of order"):
        cluster.start("web", 0)
    assert not cluster.pods
    assert make_cluster(objects, "other", skip={"prepare"}).start("web", 0).ready()


def test_an_init_container_that_hangs_is_reported_with_its_output(make_cluster: MakeCluster) -> None:
    objects = web(idle(), initContainers=[shell("echo waiting; sleep infinity", name="prepare")])
    with pytest.raises(PodFailed, match=r"web-0: prepare took too long:\nwaiting"):
        make_cluster(objects, init_seconds=2).start("web", 0)


def test_pods_find_and_reach_each_other(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(web(idle(), shell("cd /etc; exec busybox httpd -f -p 80", name="server")))
    first, second = cluster.start_all("web")
    assert first.host == HOST.format(0)
    assert output(first, "hostname; hostname --fqdn").split() == ["web-0", first.host]
    for name in (second.host, "web-1.web-headless.stackstorm", "web-1.web-headless"):
        assert finds(first, name) == {second.ip}
    assert finds(first, "web-headless") == {first.ip, second.ip}
    assert finds(first, "web-2.web-headless") == set()
    fetch = ["busybox", "wget", "-q", "-O", "-", f"http://{second.host}/hostname"]
    for fetched in (first.exec("main", fetch), second.exec("main", [*fetch[:-1], "http://localhost/hostname"])):
        assert fetched.returncode == 0, fetched.stderr
    code = f"import socket; print(socket.create_connection(('{second.host}', 80)).getpeername()[0])"
    assert cluster.client([sys.executable, "-c", code]).stdout == f"{second.ip}\n"


def test_a_pod_comes_back_with_another_address_and_the_same_claim(make_cluster: MakeCluster) -> None:
    mounts = [DATA, {"name": "scratch", "mountPath": "/scratch"}]
    volumes = [{"name": "scratch", "emptyDir": {}}]
    cluster = make_cluster(web(idle(volumeMounts=mounts), claims=True, volumes=volumes))
    one, other = cluster.start_all("web")
    output(one, "touch /srv/data/kept /scratch/lost")
    one.kill()
    assert one.exit_code("main") == -signal.SIGKILL
    assert finds(other, one.host) == set()
    again = cluster.start("web", 0)
    assert again.ip != one.ip
    assert finds(other, one.host) == {again.ip}
    assert output(again, "ls /srv/data /scratch") == "/scratch:\n\n/srv/data:\nkept\n"
    again.kill()
    cluster.lose_claim("web-0", "data")
    assert output(cluster.start("web", 0), "ls /srv/data") == ""


def test_the_group_of_the_pod_gets_old_files_unless_the_folder_is_as_it_should_be(make_cluster: MakeCluster) -> None:
    for policy, mode in (("Always", "660"), ("OnRootMismatch", "400")):
        security = {**ORDINARY, "fsGroupChangePolicy": policy}
        cluster = make_cluster(web(idle(volumeMounts=[DATA]), claims=True, securityContext=security), policy)
        before = cluster.start("web", 0)
        output(before, "touch /srv/data/file; chmod 400 /srv/data/file")
        before.kill()
        assert output(cluster.start("web", 0), "stat -c %a /srv/data/file") == f"{mode}\n"


def test_a_container_crashes_and_starts_again_in_place(start: Callable[..., Pod]) -> None:
    mounts = [{"name": "scratch", "mountPath": "/scratch"}]
    script = "[ -e /scratch/file ] && echo again; touch /scratch/file; exec sleep infinity"
    volumes = [{"name": "scratch", "emptyDir": {"medium": "Memory"}}]
    pod = start(web(shell(script, volumeMounts=mounts), idle("sidecar"), volumes=volumes))
    eventually(lambda: not fails(pod, "ls /scratch/file"), "it runs")
    pod.kill_container("main")
    assert pod.exit_code("main") == -signal.SIGKILL
    assert not pod.ready()
    assert pod.exit_code("sidecar") is None
    pod.restart_container("main")
    eventually(lambda: pod.log("main") == "again\n", "it runs again, with the volume")
    assert pod.ready()


def test_a_container_hangs_and_goes_on(start: Callable[..., Pod]) -> None:
    pod = start(web(shell("while :; do echo beat; sleep 0.05; done")))
    eventually(lambda: "beat" in pod.log("main"), "it runs")
    pod.signal("main", signal.SIGSTOP)
    eventually(lambda: "T (stopped)" in output(pod, "cat /proc/1/status"), "it hangs")
    beats = len(pod.log("main"))
    pod.signal("main", signal.SIGCONT)
    eventually(lambda: len(pod.log("main")) > beats, "it goes on")


def test_an_isolated_pod_reaches_nobody(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(web(idle()))
    one, other = cluster.start_all("web")
    ping = ["busybox", "ping", "-c", "1", "-W", "1", other.host]
    assert one.exec("main", ping).returncode == 0
    one.isolate()
    assert one.exec("main", ping).returncode == 1
    assert one.ready()
    one.reconnect()
    assert one.exec("main", ping).returncode == 0


def test_a_blind_pod_finds_itself_until_it_sees(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(web(idle()))
    other = cluster.start("web", 1)
    pod = cluster.start("web", 0, blind_for=60)
    assert finds(pod, pod.host) == {pod.ip}
    assert finds(pod, other.host) == set()
    assert finds(other, pod.host) == {pod.ip}
    pod.see()
    assert finds(pod, other.host) == {other.ip}
    pod.blind(1)
    assert not pod.sees_others
    eventually(lambda: finds(pod, other.host) == {other.ip}, "it sees by itself")


@pytest.mark.parametrize(
    ("probe", "on", "off"),
    [
        ({"exec": {"command": ["sh", "-c", "[ -e $FILE ]"]}}, "touch /index.html", "rm /index.html"),
        ({"tcpSocket": {"port": "http"}}, "busybox httpd -p 8080", "kill -TERM -1"),
        ({"httpGet": {"port": 8080}}, "busybox httpd -p 8080 && touch /index.html", "rm /index.html"),
    ],
    ids=["exec", "tcp", "http"],
)
def test_probes(start: Callable[..., Pod], probe: Document, on: str, off: str) -> None:
    ports = [{"name": "http", "containerPort": 8080}]
    env = [{"name": "FILE", "value": "/index.html"}]
    pod = start(web(idle(readinessProbe=probe, livenessProbe={"exec": {"command": ["true"]}}, ports=ports, env=env)))
    assert not pod.ready()
    output(pod, on)
    assert pod.ready()
    output(pod, off)
    eventually(lambda: not pod.ready(), "it is not ready any more")
    assert pod.live()


def test_a_probe_that_takes_too_long_fails_and_ends(start: Callable[..., Pod]) -> None:
    pod = start(web(idle(readinessProbe={"exec": {"command": ["sh", "-c", "sleep 7777; true"]}})))
    assert not pod.ready()
    assert "sleep 7777" not in output(pod, "cat /proc/*/cmdline | tr '\\0' ' '")


def test_readiness_waits_for_the_startup_probe_which_passes_once(start: Callable[..., Pod]) -> None:
    pod = start(web(idle(startupProbe={"exec": {"command": ["ls", "/started"]}})))
    assert not pod.ready()
    output(pod, "touch /started")
    assert pod.ready()
    output(pod, "rm /started")
    assert pod.ready()


def test_services_lead_to_pods_that_are_ready(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(web(idle(readinessProbe={"exec": {"command": ["ls", "/ready"]}})))
    one, other = cluster.start_all("web")
    client = ["getent", "hosts", "web.stackstorm.svc.cluster.local"]
    cluster.update_services()
    assert cluster.client(client).returncode == 2
    output(one, "touch /ready")
    cluster.update_services()
    assert cluster.client(client).stdout.split()[0] == one.ip
    assert finds(other, "web") == finds(other, "web.stackstorm") == {one.ip}
    one.kill()
    assert cluster.client(client).returncode == 2


def test_a_client_in_the_background_follows_the_names(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(web(idle()))
    look = "while read -r name; do getent ahostsv4 $name >/dev/null && echo found || echo none; done"
    client = cluster.background(["sh", "-c", look])
    assert client.stdin
    assert client.stdout
    for started, answer in ((False, "none\n"), (True, "found\n")):
        if started:
            cluster.start("web", 0)
        client.stdin.write(f"{HOST.format(0)}\n")
        client.stdin.flush()
        assert client.stdout.readline() == answer
    cluster.close()
    assert client.returncode == -signal.SIGKILL


def test_clusters_do_not_see_each_other_nor_the_machine(make_cluster: MakeCluster) -> None:
    hosts = Path("/etc/hosts").read_text()
    one, other = (make_cluster(web(idle()), folder).start("web", 0) for folder in ("one", "other"))
    assert one.ip == other.ip
    assert one.exec("main", ["busybox", "ping", "-c", "1", "-W", "1", one.host]).returncode == 0
    assert Path("/etc/hosts").read_text() == hosts
    assert not Path("/sys/class/net/pods").exists()


def workload(kind: str, *containers: Document, **spec: Any) -> Document:
    """The Deployment or Job `web`, of a pod with these containers."""
    labels = {"app": "web"}
    return {
        "kind": kind,
        "metadata": {"name": "web", "namespace": "stackstorm"},
        "spec": {"template": {"metadata": {"labels": labels}, "spec": {"containers": list(containers), **spec}}},
    }


def test_pods_of_a_deployment_have_names_of_their_own_and_are_found_by_their_service(make_cluster: MakeCluster) -> None:
    service = next(each for each in web() if (each["kind"], each["metadata"]["name"]) == ("Service", "web"))
    cluster = make_cluster([workload("Deployment", idle()), service])
    one, other = cluster.deploy("web"), cluster.deploy("web")
    assert one.name != other.name
    assert output(one, "hostname").strip() == one.name
    assert finds(one, one.name) == {one.ip}
    assert finds(one, other.name) == set()
    cluster.update_services()
    assert finds(one, "web.stackstorm") == {one.ip, other.ip}


def test_a_claim_with_a_name_is_shared_by_pods_and_outlives_them(make_cluster: MakeCluster) -> None:
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "shared"}}]
    one, other = (idle(volumeMounts=[{**DATA, "readOnly": read_only}]) for read_only in (False, True))
    cluster = make_cluster([workload("Deployment", one, volumes=volumes, securityContext=ORDINARY)])
    output(cluster.deploy("web"), "echo kept >/srv/data/file")
    cluster.apply([workload("Deployment", other, volumes=volumes, securityContext=ORDINARY)])
    reader = cluster.deploy("web")
    assert output(reader, "cat /srv/data/file; stat -c %g /srv/data") == "kept\n4002\n"
    assert fails(reader, "touch /srv/data/file")
    assert (cluster.claim_named("shared") / "file").read_text() == "kept\n"


def test_an_image_as_a_volume_is_read_only_whatever_its_mount_says(make_cluster: MakeCluster, tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.mkdir(mode=0o755)
    (image / "program").write_text("#!/bin/sh\necho ran\n")
    (image / "program").chmod(0o755)
    volumes = [{"name": "data", "image": {"reference": "images/web:1"}}]
    deployment = workload("Deployment", idle(volumeMounts=[DATA]), volumes=volumes, securityContext=ORDINARY)
    pod = make_cluster([deployment], image_volumes={"images/web:1": image}).deploy("web")
    # The group of the pod has no part in it.
    assert output(pod, "/srv/data/program; stat -c %g /srv/data/program") == "ran\n0\n"
    assert fails(pod, "touch /srv/data/new")


def test_the_tree_of_an_image_keeps_links_and_owners(make_cluster: MakeCluster, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "srv" / "web").mkdir(parents=True)
    (tree / "srv" / "web" / "link").symlink_to("nowhere")
    os.chown(tree / "srv" / "web", 4000, 4000)
    pod = make_cluster([workload("Deployment", idle())], images={"main": Image(tree=tree)}).deploy("web")
    assert output(pod, "readlink /srv/web/link; stat -c %u /srv/web") == "nowhere\n4000\n"


def test_a_job_runs_to_its_end_once(make_cluster: MakeCluster) -> None:
    env = [{"name": "JOB", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['job-name']"}}}]
    script = "echo $JOB in $(hostname); [ $JOB != $(hostname) ]"
    cluster = make_cluster([workload("Job", shell(script, env=env), initContainers=[shell("echo first", name="init")])])
    pod = cluster.run("web")
    assert (pod.log("init"), pod.log("main")) == ("first\n", f"web in {pod.name}\n")
    assert not cluster.pods
    assert cluster.run("web").name != pod.name


@pytest.mark.parametrize(
    ("script", "seconds", "message"),
    [("echo no; exit 3", 60, "main failed with 3:\nno"), ("echo yes; sleep 60", 2, "main took too long:\nyes")],
    ids=["fails", "hangs"],
)
def test_the_failure_of_a_job_is_reported_with_its_output(
    make_cluster: MakeCluster, script: str, seconds: float, message: str
) -> None:
    cluster = make_cluster([workload("Job", shell(script))])
    with pytest.raises(PodFailed, match=message):
        cluster.run("web", seconds)
    assert not cluster.pods


@pytest.mark.usefixtures("make_cluster")
def test_nothing_stays_when_the_test_dies(tmp_path: Path) -> None:
    objects = web({"name": "main", "command": ["sh", "-c", "sleep infinity; :", str(tmp_path)]})
    code = f"""
import time
from pathlib import Path
from servers.pods import FakeCluster
cluster = FakeCluster({objects!r}, {{}}, Path({str(tmp_path)!r}, "cluster"))
cluster.start_all("web")
print("started", flush=True)
time.sleep(60)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE) as test:
        assert test.stdout
        assert test.stdout.readline() == b"started\n"
        assert len(_processes_of(tmp_path)) > 4
        test.kill()
    eventually(lambda: not _processes_of(tmp_path), "all processes ended")


def _processes_of(folder: Path) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_text(errors="replace")
        except OSError:
            continue
        if str(folder) in command:
            found.append(command)
    return found
