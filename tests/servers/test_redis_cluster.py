"""Redis and its sentinels from the manifests, in fake pods: they form, survive and stop by themselves.

Whatever happens, in the end there is one master that all follow, writes are accepted, and services of st2 can work.
"""

from __future__ import annotations

import math
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from servers.environments import Interpreter
from servers.ports import eventually
from servers.redis_cluster import GIVES_UP, MASTER, SET, RedisCluster, host, works
from support import LONG, Environment, MakeCluster, Require, Server

from constructs_st2.facts.secrets import contract

MEMBERS = (0, 1, 2)
NEVER = 3_600_000
"""Milliseconds after which a sentinel does what it must not do in a test."""
VALUES = {"redis": {"version": "7.0"}}


@pytest.fixture(scope="module", autouse=True)
def _programs(require: Require) -> None:
    for program in ("ip", "redis-cli", "redis-sentinel", "redis-server"):
        require(program)


MakeRedis = Callable[..., RedisCluster]
"""Makes a cluster of three members that have not started, with some settings of `redis`."""


@pytest.fixture(scope="module", params=["this machine", *(["redis", "valkey"] if LONG else [])])
def make_redis(
    request: pytest.FixtureRequest, cluster: MakeCluster, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> MakeRedis:
    """Clusters with one of the servers."""
    here = request.param == "this machine"
    root = Path("/") if here else server(request.param, "trixie")

    def make(**settings: Any) -> RedisCluster:
        values = {"redis": {"version": "7.0" if here else "8.0", **settings}}
        return RedisCluster(cluster(values), tmp_path_factory.mktemp("redis") / "pods", root)

    return make


@pytest.fixture(scope="module")
def formed(make_redis: MakeRedis) -> Iterator[RedisCluster]:
    """The three members of the default cluster, which all started at the same time."""
    redis = make_redis()
    with redis.pods:
        redis.start_all()
        redis.settled()
        yield redis


@pytest.fixture(scope="module")
def service(formed: RedisCluster, environment: Environment) -> Iterator[Interpreter]:
    """A service of st2 that runs all the time."""
    started = formed.service(environment("st2-3.9"))
    yield started
    started.kill()


@pytest.fixture
def writer(formed: RedisCluster, environment: Environment) -> Iterator[Interpreter]:
    """A client that knows which of its writes were accepted."""
    started = formed.writer(environment("st2-3.9"))
    yield started
    started.kill()


@pytest.fixture(scope="module")
def older(cluster: MakeCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """The same for st2 3.8, whose tooz cannot log in to sentinels, so that they have no password."""
    redis = RedisCluster(cluster({**VALUES, "st2": {"version": "3.8"}}), tmp_path_factory.mktemp("redis") / "pods")
    with redis.pods:
        redis.start_all()
        redis.settled()
        yield redis


class TestThreeMembers:
    """What can happen to them."""

    @pytest.fixture
    def redis(self, formed: RedisCluster, service: Interpreter) -> Iterator[RedisCluster]:
        """All is well before a test, and must be again after it."""
        for member in MEMBERS:
            if f"st2-redis-{member}" not in formed.pods.pods:
                formed.start(member)
        formed.settled()
        works(service)
        yield formed
        formed.settled()
        works(service)

    def test_they_form_a_cluster_when_all_start_at_once(self, redis: RedisCluster) -> None:
        for member in MEMBERS:
            eventually(redis.pod(member).ready, f"{member} is ready")
            eventually(redis.pod(member).live, f"{member} is live")
            facts = redis.facts(member)
            assert (facts["num-slaves"], facts["num-other-sentinels"], facts["quorum"]) == ("2", "2", "2")

    def test_what_they_write_is_for_nobody_else(self, redis: RedisCluster) -> None:
        list_open_files = "find /data/db /data/sentinel /run/constructs-st2 -type f -perm /077"
        for member in MEMBERS:
            found = redis.pod(member).exec("redis", ["sh", "-c", list_open_files])
            assert (found.stdout, found.stderr) == ("", "")

    def test_a_replica_is_lost(self, redis: RedisCluster, writer: Interpreter) -> None:
        master = redis.settled()
        lost = (master + 1) % 3
        redis.pod(lost).kill()
        assert writer("write_to_two('without a replica')")
        redis.start(lost)
        assert redis.settled() == master
        assert redis.redis(lost, "get", "without a replica") == "kept"

    def test_a_rollout_loses_no_write(self, redis: RedisCluster, writer: Interpreter) -> None:
        writer("start()")
        handed_over = 0
        for member in reversed(MEMBERS):
            was_master = redis.role(member) == "master"
            pod = redis.pod(member)
            seconds = pod.stop()
            hook = pod.containers["redis"].hook
            assert hook is not None
            assert (hook.returncode, hook.stderr) == (0, "")
            assert seconds < GIVES_UP
            if was_master:
                handed_over += 1
                others = [other for other in MEMBERS if other != member]
                # They agree already: nobody had to notice first that the old one is gone.
                assert {redis.named_by(other) for other in others} <= {*others}
            assert redis.start(member).ip != pod.ip
            redis.settled()
        assert handed_over
        # A rollout on a machine with nothing else to do is over before so many are written.
        eventually(lambda: writer("len(accepted)") > 100, "it writes on")
        assert writer("stop()") > 100
        assert writer("lost()") == []
        # Services of st2 take such an answer for final.
        assert writer("refused") == []

    def test_all_stop_at_once_and_start_again(self, redis: RedisCluster, writer: Interpreter) -> None:
        writer("start()")
        eventually(lambda: writer("len(accepted)") > 10, "it writes")
        assert max(redis.stop_all()) < GIVES_UP
        redis.start_all()
        redis.settled()
        written = writer("len(accepted)")
        eventually(lambda: writer("len(accepted)") > written, "it goes on")
        writer("stop()")
        assert writer("lost()") == []

    def test_the_old_master_does_not_come_back_with_the_others(self, redis: RedisCluster, writer: Interpreter) -> None:
        old = redis.settled()
        assert writer("write_to_two('before the outage')")
        others = [member for member in MEMBERS if member != old]
        # Any of them may become the master.
        eventually(lambda: all(redis.has_on_disk(each, "before the outage") for each in others), "they have it on disk")
        redis.kill_all()
        for member in others:
            redis.start(member)
        new = redis.settled(*others)
        assert redis.redis(new, "get", "before the outage") == "kept"
        redis.start(old)
        assert redis.settled() == new

    def test_a_master_that_is_cut_off_refuses_writes_and_follows_later(
        self, redis: RedisCluster, writer: Interpreter
    ) -> None:
        old = redis.settled()
        assert writer("write_to_two('before the cut')")
        pod = redis.pod(old)
        write = ["sh", "-c", ". /opt/constructs-st2/common.sh && redis 127.0.0.1 set written alone"]
        pod.isolate()
        others = [member for member in MEMBERS if member != old]
        new = redis.settled(*others)
        assert redis.redis(new, "get", "before the cut") == "kept"
        eventually(lambda: pod.exec("redis", write).stdout.startswith("NOREPLICAS"), "it refuses writes")
        # To restart it would not help.
        assert pod.live()
        pod.reconnect()
        eventually(lambda: redis.follows(old, new), "it follows the new master")

    def test_a_replica_that_follows_somebody_else_is_led_back(self, redis: RedisCluster) -> None:
        master = redis.settled()
        first, second = (member for member in MEMBERS if member != master)
        # The sentinels would lead it back too, after the time of a failover.
        with redis.sentinels_with("failover-timeout", NEVER, MEMBERS):
            assert redis.redis(first, "replicaof", host(second), "6379") == "OK"
            eventually(lambda: redis.follows(first, master), "it is led back")
        assert f"the master is {host(master)}" in redis.pod(first).log("guard")

    def test_a_sentinel_that_cannot_know_the_new_master_starts_again_and_asks_the_others(
        self, redis: RedisCluster
    ) -> None:
        old = redis.settled()
        others = [member for member in MEMBERS if member != old]
        pod = redis.pod(old)
        # A failover of their own would have the blind sentinel know the new master: as the one that carries it out, or
        # because the next one has a higher epoch. Alone it cannot begin one.
        with redis.sentinels_with("down-after-milliseconds", NEVER, others):
            pod.kill_container("guard")
            pod.blind()
            pod.kill_container("redis")
            # Who hears of the failover from it, does not know the new master either: it must be the last to hear.
            pod.signal("sentinel", signal.SIGSTOP)
            eventually(lambda: redis.sentinel(others[0], "sentinel", "failover", MASTER) == "OK", "a failover begins")
            eventually(lambda: {redis.named_by(member) for member in others} <= {*others}, "the others know of it")
            eventually(lambda: redis.facts(others[0]).get("flags") == "master", "the failover is over")
            new = redis.named_by(others[0])
            epoch = redis.facts(others[0])["config-epoch"]
            pod.signal("sentinel", signal.SIGCONT)
            eventually(lambda: redis.facts(old).get("config-epoch") == epoch, "it has heard of the failover")
            pod.see()
            pod.restart_container("redis")
            eventually(lambda: redis.role(old) == "slave", "its Redis knows the new master")
            # It believes nobody any more, and its file is no better.
            assert redis.named_by(old) == old
            assert f"sentinel monitor mymaster {host(old)} " in redis.remembered(old)
            eventually(lambda: not pod.containers["sentinel"].ready(), "it is not ready")
            for member in others:
                eventually(redis.pod(member).containers["sentinel"].ready, f"{member} is ready")
            pod.restart_container("guard")
            eventually(lambda: pod.exit_code("sentinel") == 0, "the guard ends it")
            pod.restart_container("sentinel")
        assert redis.settled() == new
        eventually(pod.ready, "it is ready")

    def test_a_master_that_lost_its_disk_does_not_empty_the_others(
        self, redis: RedisCluster, writer: Interpreter
    ) -> None:
        old = redis.settled()
        assert writer("write_to_two('on another disk')")
        redis.pod(old).kill()
        redis.pods.lose_claim(f"st2-redis-{old}", "data")
        # Before anybody notices.
        redis.start(old)
        assert redis.settled() != old
        assert redis.redis(old, "get", "on another disk") == "kept"
        # It is the sentinel that it was, and no additional one.
        assert {redis.facts(member)["num-other-sentinels"] for member in MEMBERS} == {"2"}

    def test_a_guard_ends_at_once(self, redis: RedisCluster) -> None:
        pod = redis.pod(0)
        pod.containers["guard"].stop(20)
        assert pod.exit_code("guard") == 0
        pod.restart_container("guard")

    def test_a_member_is_ready_when_its_guard_has_looked_whatever_becomes_of_it(self, redis: RedisCluster) -> None:
        pod = redis.pod(0)
        # All but the first process, which only waits for them.
        stop, go_on = (["sh", "-c", f"kill -{name} -1"] for name in ("STOP", "CONT"))

        def is_stopped_before_it_looks() -> bool:
            pod.restart_container("guard")
            # Until it has taken that away, it is ready by what the last one saw.
            begins = ["test", "!", "-e", "/tmp/guard"]
            eventually(lambda: pod.exec("guard", begins).returncode == 0, "it begins anew")
            pod.exec("guard", stop)
            return not pod.containers["guard"].ready()

        eventually(is_stopped_before_it_looks, "it is not ready before it has looked")
        pod.exec("guard", go_on)
        eventually(pod.ready, "it has looked")
        pod.exec("guard", stop).check_returncode()
        pod.exec("guard", ["touch", "-d", "1 day ago", "/tmp/guard"]).check_returncode()
        eventually(pod.ready, "it is ready all the same")
        assert not pod.live()
        pod.restart_container("guard")


class TestOlderStackStorm:
    """The members for st2 3.8."""

    def test_the_master_is_lost_right_after_the_first_start(
        self, older: RedisCluster, environment: Environment
    ) -> None:
        lost = older.settled()
        service, writer = older.service(environment("st2-3.8")), older.writer(environment("st2-3.9"))
        works(service)
        assert writer("write_to_two('before the loss')")
        for member in MEMBERS:
            # Sentinels find replicas only every ten seconds. They must know these without, and without any help.
            older.pod(member).kill_container("guard")
        older.pod(lost).kill()
        others = [member for member in MEMBERS if member != lost]
        master = older.settled(*others)
        assert older.redis(master, "get", "before the loss") == "kept"
        works(service)
        for member in others:
            older.pod(member).restart_container("guard")
        older.start(lost)
        assert older.settled() == master
        works(service)
        service.kill()
        writer.kill()

    def test_changes_take_effect_at_a_restart_and_identities_stay(
        self, older: RedisCluster, cluster: MakeCluster
    ) -> None:
        def identities() -> list[str]:
            folders = [older.pods.claim(f"st2-redis-{member}", "data") for member in MEMBERS]
            lines = [
                line for folder in folders for line in (folder / "sentinel/sentinel.conf").read_text().splitlines()
            ]
            return [line for line in lines if line.startswith("sentinel myid ")]

        master = older.settled()
        before, epoch = identities(), older.facts(master)["config-epoch"]
        assert older.redis(master, "set", "before the power loss", "kept") == "OK"
        older.kill_all()
        settings = {"replicaCount": 5, "sentinel": {"downAfterMilliseconds": 4000}}
        older.update(cluster({"st2": {"version": "3.9"}, "redis": {**VALUES["redis"], **settings}}))
        older.secrets["st2-redis"][contract.REDIS_PASSWORD] = "another"
        older.start_all()
        assert older.settled() == master
        assert older.redis(master, "get", "before the power loss") == "kept"
        assert identities() == before
        members = {"quorum": "3", "num-other-sentinels": "4", "num-slaves": "4"}
        expected = {**members, "down-after-milliseconds": "4000", "config-epoch": epoch}
        eventually(lambda: all(expected.items() <= older.facts(n).items() for n in range(5)), "all sentinels agree")
        older.secrets["st2-redis"][contract.SENTINEL_PASSWORD] = "wrong"
        assert "NOAUTH" in older.sentinel(master, "ping")


def test_the_first_start_waits_for_members_and_names_that_come_late(make_redis: MakeRedis) -> None:
    redis = make_redis(sentinel={"downAfterMilliseconds": 3000})
    with redis.pods:
        alone = redis.pods.start(SET, 0, blind_for=math.inf)
        eventually(lambda: "waiting until a majority" in alone.log("redis"), "it waits for others")
        assert redis.role(0) == "gone"
        for member in (1, 2):
            redis.start(member)
        waiting = f"waiting for the first master, {host(0)} (at most 60 s)"
        eventually(lambda: waiting in redis.pod(1).log("sentinel"), "they wait for the first one")
        alone.see()
        # Nobody takes over from the first member meanwhile.
        assert redis.settled() == 0
        assert {redis.facts(member)["config-epoch"] for member in MEMBERS} == {"0"}
        assert f"waiting for the names of {host(1)} {host(2)} (at most 60 s)" in alone.log("sentinel")


def test_one_member_is_enough(cluster: MakeCluster, tmp_path: Path) -> None:
    redis = RedisCluster(cluster({"redis": {**VALUES["redis"], "replicaCount": 1}}), tmp_path / "pods")
    redis.secrets["st2-redis"][contract.REDIS_PASSWORD] = 'it\'s "odd" \\ #1 $HOME'
    with redis.pods:
        redis.start_all()
        redis.settled()
        assert redis.redis(0, "set", "key", "kept") == "OK"
        eventually(redis.pod(0).ready, "it is ready")
        assert redis.pod(0).stop() < GIVES_UP
        redis.start(0)
        redis.settled()
        assert redis.redis(0, "get", "key") == "kept"


def test_the_user_of_the_exporter_reads_numbers_and_nothing_else(make_redis: MakeRedis) -> None:
    redis = make_redis(replicaCount=1, metrics={"enabled": True})
    password = redis.secrets[f"{SET}-metrics"][contract.REDIS_METRICS_PASSWORD]
    assert password != redis.password()

    def ask(*command: str) -> str:
        program = ["redis-cli", "-h", host(0), "--user", "metrics", "--pass", password, "--no-auth-warning", *command]
        return redis.pods.client(program).stdout

    with redis.pods:
        redis.start_all()
        redis.settled()
        assert "used_memory:" in ask("info", "all")
        assert ask("ping").strip() == "PONG"
        assert ask("client", "setname", "redis_exporter").strip() == "OK"
        for command in (
            ("get", "written"),
            ("set", "written", "no"),
            ("keys", "*"),
            ("config", "get", "*"),
            ("slowlog", "get", "1"),
            ("acl", "list"),
            ("replicaof", "no", "one"),
            ("monitor",),
            ("shutdown",),
        ):
            assert "NOPERM" in ask(*command), command
