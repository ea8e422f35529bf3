"""The scripts of Redis's pods in the shells of its images, with programs that play Redis."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path

import pytest
from servers.ports import PATIENCE
from support import Require

from constructs_st2.parts.pods.scripts import texts

SCRIPTS = texts("constructs_st2.parts.backends.redis.scripts")
PASSWORD = 'it\'s "odd" \\ #1 $HOME & more'
MEMBERS = tuple(f"st2-redis-{number}.headless.example" for number in range(3))
REDIS, SENTINEL = 6379, 26379

# Becomes whatever server it is called as: shows its configuration.
SERVER = '#!/bin/sh\ncat "$1"\n'
# Answers what the file CLI/HOST:PORT/COMMAND says. Hosts without a folder do not answer.
CLI = """#!/bin/sh
echo "$*" >>"$CLI/arguments"
echo "$REDISCLI_AUTH" >>"$CLI/passwords"
[ "$1 $3 $5" = "-p -h --raw" ] || exit 2
folder=$CLI/$4:$2
shift 5
[ -d "$folder" ] || exit 1
if [ $# -gt 0 ]; then
    cat "$folder/$*"
else
    while read -r command; do cat "$folder/$command"; done
fi
"""
# Finds all names but those that the file CLI/unresolved has.
GETENT = """#!/bin/sh
[ "$1" = hosts ] || exit 2
! grep -qx "$2" "$CLI/unresolved"
"""


@dataclass(frozen=True)
class Member:
    """The pod of one member, as its scripts see it."""

    shell: Sequence[str]
    path: str
    folder: Path

    def write(self, path: str, text: str) -> None:
        """Write a file of the pod."""
        target = self.folder / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def read(self, path: str) -> str:
        return (self.folder / path.lstrip("/")).read_text()

    def answers(self, host: str, port: int, answers: Mapping[str, str]) -> None:
        """Let a server answer these commands."""
        for command, answer in answers.items():
            self.write(f"cli/{host}:{port}/{command}", answer)

    def names(self, host: str, master: str, epoch: int, flags: str = "master") -> None:
        """Let a sentinel name a master."""
        facts = f"name\nmymaster\nip\n{master}\nflags\n{flags}\nconfig-epoch\n{epoch}\n"
        self.answers(
            host,
            SENTINEL,
            {"sentinel get-master-addr-by-name mymaster": f"{master}\n6379\n", "sentinel master mymaster": facts},
        )

    def is_master(self, host: str, replicas: Sequence[str] = ()) -> None:
        """Let a Redis say that it is a master."""
        followers = "".join(f"{replica}\n6379\n7\n" for replica in replicas)
        self.answers(host, REDIS, {"role": f"master\n7\n{followers or chr(10)}"})

    def remember(self, master: str, epoch: int) -> None:
        """Leave the file of a sentinel."""
        lines = [f"sentinel monitor mymaster {master} 6379 2", f"sentinel config-epoch mymaster {epoch}", ""]
        self.write("/data/sentinel/sentinel.conf", "\n".join(lines))

    def run(self, script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.shell, str(self.folder / "opt/constructs-st2" / script), *map(str, arguments)],
            env={"PATH": self.path, "POD_NAME": "st2-redis-1", "CLI": str(self.folder / "cli")},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )


@pytest.fixture(scope="module")
def busybox(require: Require, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All programs of the small image."""
    applets = tmp_path_factory.mktemp("applets")
    subprocess.run([require("busybox"), "--install", "-s", applets], check=True)
    return applets


@pytest.fixture(params=["dash", "busybox"])
def member(request: pytest.FixtureRequest, require: Require, tmp_path: Path) -> Member:
    """The second of three members, at its first start: nobody answers."""
    programs = tmp_path / "bin"
    if request.param == "busybox":
        applets = request.getfixturevalue("busybox")
        member = Member([str(applets / "sh")], f"{programs}:{applets}", tmp_path)
    else:
        member = Member([require("dash")], f"{programs}:{os.environ['PATH']}", tmp_path)
    for name, text in {"redis-server": SERVER, "redis-sentinel": SERVER, "redis-cli": CLI, "getent": GETENT}.items():
        member.write(f"bin/{name}", text)
        (programs / name).chmod(0o755)
    for name, text in SCRIPTS.items():
        for path in ("/etc/constructs-st2", "/run/constructs-st2", "/data"):
            text = text.replace(path, f"{tmp_path}{path}")
        text = text.replace("+ 15))", "+ 1))").replace("limit=60", "limit=2").replace("limit=5", "limit=1")
        member.write(f"opt/constructs-st2/{name}", text)
    member.write("etc/constructs-st2/config/members", "".join(f"{host}\n" for host in MEMBERS))
    member.write("etc/constructs-st2/config/redis.conf", "port 6379\n")
    member.write("etc/constructs-st2/config/sentinel.conf", "port 26379\nsentinel resolve-hostnames yes\n")
    member.write("etc/constructs-st2/secret/redis-password", f"{PASSWORD}\n")
    member.write("cli/arguments", "")
    member.write("cli/unresolved", "")
    for folder in ("run/constructs-st2", "data"):
        (tmp_path / folder).mkdir(parents=True)
    return member


def identity(host: str) -> str:
    return sha1(host.encode()).hexdigest()


def test_they_are_portable_and_without_known_mistakes(require: Require, tmp_path: Path) -> None:
    for name, text in SCRIPTS.items():
        (tmp_path / name).write_text(text)
    command = [require("shellcheck"), "--shell=sh", *sorted(str(tmp_path / name) for name in SCRIPTS)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


class TestStartSentinel:
    """start-sentinel.sh."""

    @staticmethod
    def configuration(master: int, *epochs: str) -> list[str]:
        """What it writes for the second member."""
        replicas = [number for number in range(3) if number != master]
        return [
            "port 26379",
            "sentinel resolve-hostnames yes",
            "dir /tmp",
            f"sentinel myid {identity(MEMBERS[1])}",
            f"sentinel announce-ip {MEMBERS[1]}",
            f"sentinel monitor mymaster {MEMBERS[master]} 6379 2",
            *epochs,
            *(f"sentinel known-replica mymaster {MEMBERS[number]} 6379" for number in replicas),
            *(
                f"sentinel known-sentinel mymaster {MEMBERS[number]} 26379 {identity(MEMBERS[number])}"
                for number in (0, 2)
            ),
            'sentinel auth-pass mymaster "it\'s \\"odd\\" \\\\ #1 $HOME & more"',
        ]

    @staticmethod
    def left(*masters_and_epochs: str) -> str:
        """A file as a sentinel leaves it: other order, other options, and passwords without quotes."""
        return "\n".join(
            [
                "port 26379",
                "sentinel resolve-hostnames yes",
                'dir "/tmp"',
                f"sentinel myid {'f' * 40}",
                *masters_and_epochs,
                "sentinel down-after-milliseconds mymaster 1",
                "sentinel auth-pass mymaster old",
                "# Generated by CONFIG REWRITE",
                "protected-mode no",
                "latency-tracking-info-percentiles 50 99 99.9",
                "user default on nopass ~* &* +@all",
                "sentinel known-replica mymaster gone.example 6379",
                f"sentinel known-sentinel mymaster gone.example 26379 {'e' * 40}",
                "sentinel current-epoch 7",
                "",
            ]
        )

    def test_names_the_first_member_at_the_first_start(self, member: Member) -> None:
        member.is_master(MEMBERS[0])
        result = member.run("start-sentinel.sh")
        assert sorted(result.stdout.splitlines()) == sorted(self.configuration(0))
        assert (result.returncode, result.stderr) == (0, "")

    def test_keeps_what_sentinels_agreed_on_and_nothing_else(self, member: Member) -> None:
        epochs = ["sentinel config-epoch mymaster 6", "sentinel leader-epoch mymaster 7"]
        left = self.left(f"sentinel monitor mymaster {MEMBERS[2]} 6379 4", *epochs)
        member.write("/data/sentinel/sentinel.conf", left)
        expected = self.configuration(2, *epochs, "sentinel current-epoch 7")
        for _ in range(2):
            assert sorted(member.run("start-sentinel.sh").stdout.splitlines()) == sorted(expected)

    def test_begins_anew_where_the_master_is_no_member(self, member: Member) -> None:
        left = self.left("sentinel monitor mymaster st2-redis-0.old.example 6379 2", "sentinel config-epoch mymaster 6")
        member.write("/data/sentinel/sentinel.conf", left)
        member.is_master(MEMBERS[0])
        assert sorted(member.run("start-sentinel.sh").stdout.splitlines()) == sorted(self.configuration(0))

    @pytest.mark.parametrize(
        ("remembered", "named", "masters", "known"),
        [
            (None, {0: (2, 3)}, [], (2, 3)),
            # It missed a failover.
            ((0, 1), {0: (2, 2), 2: (2, 2)}, [], (2, 2)),
            # The others missed it.
            ((2, 3), {0: (0, 2), 2: (0, 2)}, [], (2, 3)),
            # It knew the epoch of the failover, but not the new master.
            ((0, 1), {0: (2, 1), 2: (2, 1)}, [0, 2], (2, 1)),
            ((0, 1), {2: (2, 1)}, [], (2, 1)),
            # Another one did.
            ((2, 1), {0: (2, 1), 2: (0, 1)}, [], (2, 1)),
            ((2, 1), {0: (0, 1)}, [2], (2, 1)),
            (None, {0: (0, 1), 2: (2, 1)}, [0], (0, 1)),
            (None, {0: (0, 1), 2: (2, 1)}, [2], (2, 1)),
        ],
    )
    def test_knows_the_newest_master_and_of_several_in_one_epoch_the_one_that_most_name(
        self,
        member: Member,
        remembered: tuple[int, int] | None,
        named: Mapping[int, tuple[int, int]],
        masters: Sequence[int],
        known: tuple[int, int],
    ) -> None:
        if remembered:
            member.remember(MEMBERS[remembered[0]], remembered[1])
        for number, (master, epoch) in named.items():
            member.names(MEMBERS[number], MEMBERS[master], epoch)
        for number in masters:
            member.is_master(MEMBERS[number])
        expected = self.configuration(known[0], f"sentinel config-epoch mymaster {known[1]}")
        assert sorted(member.run("start-sentinel.sh").stdout.splitlines()) == sorted(expected)

    @pytest.mark.parametrize("remembered", [0, 2])
    def test_of_several_in_one_epoch_it_knows_the_one_that_others_follow(self, member: Member, remembered: int) -> None:
        member.remember(MEMBERS[remembered], 1)
        for host, master in ((MEMBERS[0], MEMBERS[0]), (MEMBERS[2], MEMBERS[2])):
            member.names(host, master, 1)
        member.is_master(MEMBERS[0])
        member.is_master(MEMBERS[2], replicas=[MEMBERS[1]])
        expected = self.configuration(2, "sentinel config-epoch mymaster 1")
        assert sorted(member.run("start-sentinel.sh").stdout.splitlines()) == sorted(expected)

    def test_keeps_its_promises_though_others_know_better(self, member: Member) -> None:
        epochs = ["sentinel config-epoch mymaster 1", "sentinel leader-epoch mymaster 7"]
        member.write(
            "/data/sentinel/sentinel.conf", self.left(f"sentinel monitor mymaster {MEMBERS[0]} 6379 2", *epochs)
        )
        member.names(MEMBERS[2], MEMBERS[2], 2)
        epochs = [
            "sentinel config-epoch mymaster 2",
            "sentinel leader-epoch mymaster 7",
            "sentinel current-epoch 7",
        ]
        assert sorted(member.run("start-sentinel.sh").stdout.splitlines()) == sorted(self.configuration(2, *epochs))

    def test_waits_at_the_first_start_for_the_first_master(self, member: Member) -> None:
        member.answers(MEMBERS[0], REDIS, {"role": "slave\n"})
        result = member.run("start-sentinel.sh")
        assert result.stderr.splitlines() == [
            f"waiting for the first master, {MEMBERS[0]} (at most 2 s)",
            f"starting without the first master, {MEMBERS[0]}",
        ]
        assert sorted(result.stdout.splitlines()) == sorted(self.configuration(0))

    @pytest.mark.parametrize(("remembered", "seconds"), [(False, 2), (True, 1)])
    def test_waits_for_the_names_of_all_members(self, member: Member, remembered: bool, seconds: int) -> None:
        if remembered:
            member.remember(MEMBERS[0], 0)
        member.is_master(MEMBERS[0])
        member.write("cli/unresolved", f"{MEMBERS[2]}\n{MEMBERS[0]}\n")
        assert member.run("start-sentinel.sh").stderr.splitlines() == [
            f"waiting for the names of {MEMBERS[0]} {MEMBERS[2]} (at most {seconds} s)",
            f"starting without the names of {MEMBERS[0]} {MEMBERS[2]}",
        ]

    def test_a_peer_that_knows_a_master_has_waited_already(self, member: Member) -> None:
        member.names(MEMBERS[2], MEMBERS[0], 0)
        expected = self.configuration(0, "sentinel config-epoch mymaster 0")
        assert sorted(member.run("start-sentinel.sh").stdout.splitlines()) == sorted(expected)

    def test_has_a_password_of_its_own_where_there_is_one(self, member: Member) -> None:
        member.write("/etc/constructs-st2/secret/redis-sentinel-password", "secret")
        member.is_master(MEMBERS[0])
        lines = member.run("start-sentinel.sh").stdout.splitlines()
        assert {'requirepass "secret"', 'sentinel sentinel-pass "secret"'} < {*lines}

    def test_needs_to_be_a_member(self, member: Member) -> None:
        member.write("/etc/constructs-st2/config/members", "st2-redis-10.headless.example\n")
        result = member.run("start-sentinel.sh")
        assert result.returncode != 0
        assert result.stderr == "st2-redis-1 is none of the members: st2-redis-10.headless.example \n"


class TestStartRedis:
    """start-redis.sh."""

    @pytest.mark.parametrize(
        ("remembered", "named", "master"),
        [
            (None, {}, 0),
            ((2, 3), {}, 2),
            ((2, 3), {0: (0, 4)}, 0),
            ((0, 4), {2: (2, 3)}, 0),
            # The sentinel of a member that lost its disk knows of no failover.
            (None, {0: (0, 0), 2: (2, 1)}, 2),
            ((0, 9), {0: (0, 9), 2: (2, 10)}, 2),
        ],
    )
    def test_follows_the_master_after_the_last_failover(
        self,
        member: Member,
        remembered: tuple[int, int] | None,
        named: Mapping[int, tuple[int, int]],
        master: int,
    ) -> None:
        member.write("/data/db/appendonly.aof", "")
        if remembered:
            member.remember(MEMBERS[remembered[0]], remembered[1])
        for number, (other, epoch) in named.items():
            member.names(MEMBERS[number], MEMBERS[other], epoch)
        result = member.run("start-redis.sh")
        assert result.stdout.splitlines() == [
            f"the master is {MEMBERS[master]}",
            "port 6379",
            f"dir {member.folder}/data/db",
            f"replica-announce-ip {MEMBERS[1]}",
            'requirepass "it\'s \\"odd\\" \\\\ #1 $HOME & more"',
            'masterauth "it\'s \\"odd\\" \\\\ #1 $HOME & more"',
            f"replicaof {MEMBERS[master]} 6379",
            "min-replicas-to-write 0",
        ]
        is_majority = len(named) + bool(remembered) >= 2
        waiting = "" if is_majority else "waiting for a majority of the sentinels (at most 15 s)\n"
        assert (result.returncode, result.stderr) == (0, waiting)

    def test_without_data_it_does_not_wait_for_sentinels(self, member: Member) -> None:
        member.names(MEMBERS[2], MEMBERS[2], 1)
        result = member.run("start-redis.sh")
        assert f"replicaof {MEMBERS[2]} 6379" in result.stdout
        assert result.stderr == ""

    def test_ignores_masters_that_are_no_members(self, member: Member) -> None:
        member.write("/data/db/appendonly.aof", "")
        member.remember("st2-redis-2.old.example", 9)
        member.names(MEMBERS[0], MEMBERS[2], 0)
        assert f"replicaof {MEMBERS[2]} 6379" in member.run("start-redis.sh").stdout

    def test_a_master_follows_nobody(self, member: Member) -> None:
        member.write("/data/db/appendonly.aof", "")
        member.names(MEMBERS[0], MEMBERS[1], 1)
        member.names(MEMBERS[2], MEMBERS[1], 1)
        result = member.run("start-redis.sh")
        assert f"the master is {MEMBERS[1]}" in result.stdout
        assert "replicaof" not in result.stdout

    def test_a_former_master_follows_the_one_that_others_follow_though_most_name_itself(self, member: Member) -> None:
        member.write("/data/db/appendonly.aof", "")
        member.remember(MEMBERS[1], 1)
        member.names(MEMBERS[0], MEMBERS[1], 1)
        member.names(MEMBERS[2], MEMBERS[2], 1)
        member.is_master(MEMBERS[2], replicas=[MEMBERS[0]])
        assert f"replicaof {MEMBERS[2]} 6379" in member.run("start-redis.sh").stdout

    def test_the_first_start_waits_only_until_all_say_that_they_are_empty(self, member: Member) -> None:
        for host in (MEMBERS[0], MEMBERS[2]):
            member.names(host, MEMBERS[1], 0)
            member.answers(host, REDIS, {"dbsize": "0\n"})
        assert member.run("start-redis.sh").stdout.startswith(f"the master is {MEMBERS[1]}\n")

    def test_shows_no_password_to_other_processes(self, member: Member) -> None:
        for host in (MEMBERS[0], MEMBERS[2]):
            member.names(host, MEMBERS[0], 1)
        member.write("/etc/constructs-st2/secret/redis-sentinel-password", "secret")
        member.run("start-redis.sh")
        member.run("alive.sh", REDIS)
        assert member.read("cli/passwords").splitlines() == ["secret", "secret", PASSWORD]
        assert "odd" not in member.read("cli/arguments")
        assert "secret" not in member.read("cli/arguments")


@pytest.mark.parametrize("port", [REDIS, SENTINEL])
@pytest.mark.parametrize(
    ("answer", "alive"),
    [
        ("PONG", True),
        ("LOADING Redis is loading the dataset in memory", True),
        ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", True),
        ("BUSY Redis is busy running a script.", True),
        ("NOAUTH Authentication required.", False),
        ("", False),
        (None, False),
    ],
)
def test_alive(member: Member, port: int, answer: str | None, alive: bool) -> None:
    if answer is not None:
        member.answers("127.0.0.1", port, {"ping": f"{answer}\n"})
    assert (member.run("alive.sh", port).returncode == 0) is alive


@pytest.mark.parametrize(
    ("ping", "replication", "ready"),
    [
        ("PONG", ["role:master", "connected_slaves:0"], True),
        ("LOADING Redis is loading the dataset in memory", ["role:master"], False),
        ("PONG", ["role:slave", "master_link_status:up", "master_sync_in_progress:0"], True),
        ("PONG", ["role:slave", "master_link_status:down", "master_sync_in_progress:0"], False),
        ("PONG", ["role:slave", "master_link_status:up", "master_sync_in_progress:1"], False),
    ],
)
def test_ready(member: Member, ping: str, replication: Sequence[str], ready: bool) -> None:
    text = "".join(f"{line}\r\n" for line in ["# Replication", *replication])
    member.answers("127.0.0.1", REDIS, {"ping": f"{ping}\n", "info replication": text})
    assert (member.run("ready.sh").returncode == 0) is ready


def test_nobody_is_not_ready(member: Member) -> None:
    assert member.run("ready.sh").returncode == 1


class TestReadySentinel:
    """ready-sentinel.sh."""

    USABLE = "OK 2 usable Sentinels. Quorum and failover authorization can be reached"
    ALONE = "NOQUORUM 1 usable Sentinels. Not enough available Sentinels to reach the specified quorum"

    @pytest.mark.parametrize(
        ("own", "named", "masters", "why"),
        [
            ((0, 0), {0: (0, 0), 2: (0, 0)}, [0], None),
            # One member is down, even the master.
            ((0, 0), {2: (0, 0)}, [], None),
            # It knows no new master.
            ((0, 1), {0: (2, 1), 2: (2, 1)}, [2], f"it names another master than {MEMBERS[2]}"),
            ((0, 1), {2: (2, 1)}, [2], f"it names another master than {MEMBERS[2]}"),
            # Another one knows no new master.
            ((2, 1), {0: (0, 1), 2: (2, 1)}, [2], None),
            ((2, 1), {0: (0, 1)}, [2], None),
            # There is nothing by which to decide.
            ((0, 1), {2: (2, 1)}, [0, 2], None),
            ((0, 1), {2: (2, 1)}, [], None),
            # Nobody is what they name.
            ((0, 1), {0: (2, 1), 2: (2, 1)}, [], None),
            # It has heard of a failover of which the others will hear.
            ((2, 2), {0: (0, 1), 2: (0, 1)}, [0, 2], None),
        ],
    )
    def test_names_the_master_that_the_others_name(
        self,
        member: Member,
        own: tuple[int, int],
        named: Mapping[int, tuple[int, int]],
        masters: Sequence[int],
        why: str | None,
    ) -> None:
        member.answers("127.0.0.1", SENTINEL, {"sentinel ckquorum mymaster": f"{self.USABLE}\n"})
        member.names("127.0.0.1", MEMBERS[own[0]], own[1])
        for number, (master, epoch) in named.items():
            member.names(MEMBERS[number], MEMBERS[master], epoch)
        for number in masters:
            member.is_master(MEMBERS[number])
        result = member.run("ready-sentinel.sh")
        assert (result.returncode, result.stdout) == ((1, f"{why}\n") if why else (0, ""))

    @pytest.mark.parametrize(("own", "ready"), [(0, False), (2, True)])
    def test_most_may_name_a_master_that_is_none(self, member: Member, own: int, ready: bool) -> None:
        """As the first of them does, so do others that have heard of the failover from that one."""
        member.answers("127.0.0.1", SENTINEL, {"sentinel ckquorum mymaster": f"{self.USABLE}\n"})
        member.names("127.0.0.1", MEMBERS[own], 1)
        for host, master in ((MEMBERS[0], MEMBERS[0]), (MEMBERS[2], MEMBERS[2 - own])):
            member.names(host, master, 1)
        member.is_master(MEMBERS[2], replicas=[MEMBERS[1]])
        assert (member.run("ready-sentinel.sh").returncode == 0) is ready

    def test_a_failover_may_be_under_way(self, member: Member) -> None:
        member.answers("127.0.0.1", SENTINEL, {"sentinel ckquorum mymaster": f"{self.USABLE}\n"})
        member.names("127.0.0.1", MEMBERS[0], 1)
        for number in (0, 2):
            member.names(MEMBERS[number], MEMBERS[2], 2, "master,failover_in_progress")
        member.is_master(MEMBERS[2])
        assert member.run("ready-sentinel.sh").returncode == 0

    def test_sees_a_majority(self, member: Member) -> None:
        member.names("127.0.0.1", MEMBERS[0], 0)
        member.answers("127.0.0.1", SENTINEL, {"sentinel ckquorum mymaster": f"{self.ALONE}\n"})
        result = member.run("ready-sentinel.sh")
        assert (result.returncode, result.stdout) == (1, f"{self.ALONE}\n")

    def test_answers(self, member: Member) -> None:
        result = member.run("ready-sentinel.sh")
        assert (result.returncode, result.stdout) == (1, "the sentinel does not answer\n")


class TestStop:
    """stop.sh."""

    STEPS = ("client pause", "client unpause", "sentinel failover mymaster")

    @staticmethod
    def lead(member: Member, *, confirmed: int, written: int = 100) -> None:
        """Make it a master with one replica."""
        replica = f"slave0:ip={MEMBERS[0]},port=6379,state=online,offset={confirmed},lag=0"
        info = f"role:master\r\n{replica}\r\nmaster_repl_offset:{written}\r\n"
        member.answers("127.0.0.1", REDIS, {"role": "master\n", "info replication": info, "client unpause": "OK\n"})

    def steps(self, member: Member) -> list[str]:
        """What it had done, in short."""
        done = member.read("cli/arguments").splitlines()
        return [step for line in done for step in self.STEPS if f"--raw {step}" in line]

    def test_a_replica_just_ends(self, member: Member) -> None:
        member.answers("127.0.0.1", REDIS, {"role": "slave\n"})
        assert member.run("stop.sh", 20).returncode == 0
        assert self.steps(member) == []

    def test_a_master_without_others_just_ends(self, member: Member) -> None:
        self.lead(member, confirmed=100)
        member.write("etc/constructs-st2/config/members", f"{MEMBERS[1]}\n")
        assert member.run("stop.sh", 20).returncode == 0
        assert self.steps(member) == []

    def test_does_not_wait_for_members_that_are_gone_too(self, member: Member) -> None:
        self.lead(member, confirmed=100)
        assert member.run("stop.sh", 20).returncode == 0
        assert self.steps(member) == []

    def test_lets_writes_go_on_where_nobody_can_take_over(self, member: Member) -> None:
        self.lead(member, confirmed=100)
        member.names(MEMBERS[0], MEMBERS[1], 1)
        refused = {"sentinel failover mymaster": "NOGOODSLAVE No suitable replica to promote\n"}
        member.answers(MEMBERS[0], SENTINEL, refused)
        assert member.run("stop.sh", 2).returncode == 0
        round_of_steps = ["client pause", *["sentinel failover mymaster"] * 2, "client unpause"]
        steps = self.steps(member)
        assert steps == round_of_steps * (len(steps) // 4)

    def test_hands_nothing_over_to_a_replica_that_is_behind(self, member: Member) -> None:
        self.lead(member, confirmed=99)
        member.names(MEMBERS[2], MEMBERS[1], 1)
        assert member.run("stop.sh", 5).returncode == 0
        assert {*self.steps(member)} == {"client pause", "client unpause"}

    def test_begins_one_failover_and_sees_it_through(self, member: Member) -> None:
        self.lead(member, confirmed=100)
        for host in (MEMBERS[0], MEMBERS[2]):
            member.names(host, MEMBERS[1], 1)
            member.answers(host, SENTINEL, {"sentinel failover mymaster": "OK\n"})
        assert member.run("stop.sh", 5).returncode == 0
        assert self.steps(member) == ["client pause", "sentinel failover mymaster"]

    @pytest.mark.parametrize(("named", "flags"), [(MEMBERS[1], "master"), (MEMBERS[2], "master,failover_in_progress")])
    def test_waits_a_moment_for_a_sentinel_that_would_send_clients_back(
        self, member: Member, named: str, flags: str
    ) -> None:
        self.lead(member, confirmed=100)
        hosts = (*MEMBERS, "other", "late")
        member.write("etc/constructs-st2/config/members", "".join(f"{host}\n" for host in hosts))
        for host in hosts:
            member.names(host, MEMBERS[2], 2)
        member.names("late", named, 2, flags)
        member.is_master(MEMBERS[2])
        begin = time.monotonic()
        assert member.run("stop.sh", 20).returncode == 0
        assert 1.5 < time.monotonic() - begin < 15
        assert self.steps(member) == []

    def test_is_done_when_the_others_have_another_master(self, member: Member) -> None:
        self.lead(member, confirmed=100)
        for host in (MEMBERS[0], MEMBERS[2]):
            member.names(host, MEMBERS[2], 2)
        member.answers(MEMBERS[2], REDIS, {"role": "master\n"})
        assert member.run("stop.sh", 20).returncode == 0
        assert self.steps(member) == []
