"""The bootstrap program: nothing is ever overwritten, and at the end all is there or the program tells why not."""

from __future__ import annotations

import datetime
import http.client
import itertools
import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import LONG, MakeCluster

from constructs_st2.facts.secrets.programs import bootstrap as program
from constructs_st2.facts.secrets.programs import generate
from constructs_st2.facts.secrets.programs import sha512_crypt as crypt
from constructs_st2.kube.documents import Document
from constructs_st2.parts.secrets.generated import secret_manifests
from constructs_st2.parts.secrets.job import documents

from .job_runs import AFTER, BEFORE, BEGIN, Applied, Outcome, Turns, at, users
from .kubernetes_api import Disturbance, Request, Server, Shortcut, serving

Apply = Callable[..., Applied]
Values = Mapping[str, Any]

TROUBLES: Mapping[str, Disturbance] = {
    "500": Disturbance(status=500),
    "503": Disturbance(status=503),
    "429": Disturbance(status=429),
    "cut before": Disturbance(cut="before"),
    "cut after": Disturbance(cut="after"),
    "cut within": Disturbance(cut="within"),
    "not JSON": Disturbance(page=b"<html>Please log in</html>"),
}

CRYPTO_KEY = ("st2-st2-datastore-crypto-key", "datastore_crypto_key")
CLAIMS = ("data-st2-mongodb-0", "data-st2-rabbitmq-2")
"""One volume claim of each backend with data."""
DATA = {"st2-mongodb", "st2-rabbitmq", CRYPTO_KEY[0]}
"""The Secrets that open stored data."""


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(scope="module", autouse=True)
def clock() -> Iterator[Clock]:
    """The program waits without waiting, and makes hashes that are soon made; others look for what they are."""
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program, "time", clock)
        patch.setattr(program, "ROUNDS", 1)
        patch.setattr(crypt, "_ROUNDS", 1)
        yield clock


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def apply(server: Server, cluster: MakeCluster) -> Iterator[Apply]:
    """A new cluster in which the Job runs that follows from some values. It makes many thousands of requests."""
    nearby = server if LONG else Server("http://nearby")

    def connection(host: str, timeout: float) -> http.client.HTTPConnection | Shortcut:
        return Shortcut(nearby) if host == "nearby" else http.client.HTTPConnection(host, timeout=timeout)

    client = SimpleNamespace(HTTPConnection=connection, HTTPException=http.client.HTTPException)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program, "http", SimpleNamespace(client=client))
        yield applying(nearby, cluster)


@pytest.fixture(scope="module")
def apply_by_network(server: Server, cluster: MakeCluster) -> Apply:
    """The same with a network between the program and the API, for tests of what can only happen there."""
    return applying(server, cluster)


def applying(server: Server, cluster: MakeCluster) -> Apply:
    made: dict[str, list[Document]] = {}

    def apply(values: Values | None = None) -> Applied:
        asked = repr(values)
        if asked not in made:
            made[asked] = documents(cluster(values))
        return Applied(server, made[asked])

    return apply


@pytest.fixture
def new(apply: Apply) -> Applied:
    """A cluster in which there is nothing."""
    return apply()


@pytest.fixture
def whole(new: Applied) -> Applied:
    """A cluster in which the program has made everything."""
    assert new.run().problems == ()
    new.api.requests.clear()
    return new


def keys_written(request: Request) -> tuple[str, set[str]]:
    """The Secret that a request makes or changes, and the keys."""
    assert request.body
    name = request.path.rpartition("/")[2] if request.method == "PATCH" else request.body["metadata"]["name"]
    return name, set(request.body.get("data", {}))


def request_count(applied: Applied) -> int:
    """How many requests a run makes."""
    before = len(applied.api.requests)
    applied.run()
    return len(applied.api.requests) - before


class TestNothingThere:
    def test_all_is_made(self, new: Applied) -> None:
        assert new.run().problems == ()
        new.assert_kept()
        names = [secret["name"] for secret in new.plan["secrets"]]
        assert [(request.method, keys_written(request)[0]) for request in new.api.writes] == [
            ("POST", name) for name in names
        ]
        # Before and after.
        reads = [request.path.rpartition("/secrets/")[2] for request in new.api.requests if request.method == "GET"]
        assert [name for name in reads if name in names] == names * 2

    def test_it_tells_what_it_has_made(self, new: Applied) -> None:
        made = [f"Secret {name}: {key} made" for name, key in new.wanted()]
        assert new.run().lines == [*made, "all Secrets are there"]

    def test_every_release_has_its_own(self, apply: Apply) -> None:
        found = []
        for _ in range(2):
            applied = apply()
            applied.run()
            found.append({value for name, _ in applied.wanted() for value in applied.api.values(name).values()})
        assert found[0] & found[1] == {"st2admin"}

    def test_labels_and_annotations(self, whole: Applied) -> None:
        for secret in whole.plan["secrets"]:
            made = whole.api.get("secrets", secret["name"])
            assert made
            labels, annotations = made["metadata"]["labels"], made["metadata"]["annotations"]
            assert labels["app.kubernetes.io/part-of"] == "stackstorm"
            assert labels["release"] == "st2"
            # Argo CD would take them for its own, and remove what is in no manifest; so would kubectl apply --prune.
            assert "app.kubernetes.io/instance" not in labels
            assert "kubectl.kubernetes.io/last-applied-configuration" not in annotations
            assert annotations["argocd.argoproj.io/sync-options"] == "Prune=false,Delete=false"
            assert made["type"] == secret["type"]

    def test_the_same_value_has_another_hash_elsewhere(self) -> None:
        assert program.fingerprint("secret", "a/b") != program.fingerprint("secret", "a/c")


class TestEverythingThere:
    def test_nothing_is_written_again(self, whole: Applied) -> None:
        for _ in range(2):
            assert whole.run() == Outcome(["all Secrets are there"])
        assert whole.api.writes == []
        whole.assert_kept()

    def test_nor_while_the_data_is_older_than_the_job(self, whole: Applied) -> None:
        for name in CLAIMS:
            whole.claim(name, BEFORE)
        assert whole.run() == Outcome(["all Secrets are there"])

    @pytest.mark.parametrize("years", [1, 9])
    def test_nor_after_years(self, new: Applied, monkeypatch: pytest.MonkeyPatch, years: int) -> None:
        run_ago(new, years * 365, monkeypatch)
        assert new.run() == Outcome(["all Secrets are there"])
        new.assert_kept()

    def test_a_certificate_near_its_end_is_made_anew_and_nothing_else(
        self, new: Applied, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run_ago(new, generate.CERTIFICATE_DAYS - generate.RENEW_DAYS + 1, monkeypatch)
        new.api.requests.clear()
        outcome = new.run()
        assert outcome.lines == ["Secret st2-st2web-tls: tls.crt made anew", "all Secrets are there"]
        assert [keys_written(request) for request in new.api.writes] == [("st2-st2web-tls", {"tls.crt"})]
        new.assert_whole()
        assert new.run() == Outcome(["all Secrets are there"])


def run_ago(applied: Applied, days: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the program some days ago."""

    class Then(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Then:
            return cls.fromtimestamp(time.time(), tz) - datetime.timedelta(days=days)

    with monkeypatch.context() as patch:
        module = SimpleNamespace(datetime=Then, timedelta=datetime.timedelta, timezone=datetime.timezone)
        patch.setattr(generate, "datetime", module)
        assert applied.run().problems == ()


SEEDED = generate.from_seed("tests")
BOB = "bob:$apr1$abcdefgh$0123456789abcdefghijk."
OWN_KEY = generate.private_key("own", SEEDED)

SOME_KEYS: Mapping[str, tuple[str, dict[str, str], set[str]]] = {
    "the chart's first user": (
        "st2-st2-auth",
        {"ST2_AUTH_USERNAME": "admin", "ST2_AUTH_PASSWORD": "Ch@ngeMe"},
        {"htpasswd"},
    ),
    "a user without a password": (
        "st2-st2-auth",
        {"ST2_AUTH_USERNAME": "admin"},
        {"ST2_AUTH_PASSWORD", "htpasswd"},
    ),
    "further users": (
        "st2-st2-auth",
        {"ST2_AUTH_USERNAME": "admin", "ST2_AUTH_PASSWORD": "Ch@ngeMe", "htpasswd": f"# of the chart\n{BOB}\n"},
        {"htpasswd"},
    ),
    "the chart's SSH key": ("st2-st2-ssh", {"private_key": OWN_KEY}, {"public_key"}),
    "a key without a certificate": ("st2-st2web-tls", {"tls.key": OWN_KEY}, {"tls.crt"}),
    "the chart's MongoDB": (
        "st2-mongodb",
        {"mongodb-root-password": "a", "mongodb-replica-set-key": "b"},
        {"mongodb-password", "mongodb-backup-password", "mongodb-metrics-password"},
    ),
    "the chart's RabbitMQ": (
        "st2-rabbitmq",
        {"rabbitmq-password": "a", "rabbitmq-erlang-cookie": "b"},
        {"definitions.json"},
    ),
    "one password of Redis": ("st2-redis", {"redis-password": "abc"}, {"redis-sentinel-password"}),
    "an empty Secret": (*CRYPTO_KEY[:1], {}, {CRYPTO_KEY[1]}),
    "keys of others": ("st2-redis", {"mine": "abc"}, {"redis-password", "redis-sentinel-password"}),
}


class TestSomethingMissing:
    @pytest.mark.parametrize(("name", "present", "added"), SOME_KEYS.values(), ids=SOME_KEYS)
    def test_the_missing_keys_are_added(
        self, new: Applied, name: str, present: dict[str, str], added: set[str]
    ) -> None:
        new.api.put(name, present)
        assert new.run().problems == ()
        new.assert_whole()
        assert new.overwritten() <= {("st2-st2-auth", "htpasswd")}
        (request,) = (request for request in new.api.writes if request.method == "PATCH")
        assert keys_written(request) == (name, added)
        new.api.requests.clear()
        assert new.run() == Outcome(["all Secrets are there"])
        assert new.api.writes == []

    def test_lines_of_further_users_stay(self, new: Applied) -> None:
        new.api.put(*SOME_KEYS["further users"][:2])
        new.run()
        lines = new.api.values("st2-st2-auth")["htpasswd"].splitlines()
        assert lines[1:] == ["# of the chart", BOB]
        assert lines[0].startswith("admin:$6$")

    def test_labels_and_annotations_of_the_secret_stay(self, new: Applied) -> None:
        metadata = {"name": "st2-st2-ssh", "labels": {"a": "b"}, "annotations": {"c": "d"}}
        new.api.put("st2-st2-ssh", {"private_key": OWN_KEY}, metadata=metadata)
        new.run()
        found = new.api.get("secrets", "st2-st2-ssh")
        assert found
        assert found["metadata"]["labels"] == {"a": "b"}
        assert found["metadata"]["annotations"].keys() == {"c", program.DERIVED}

    def test_an_immutable_secret_is_told(self, new: Applied) -> None:
        new.api.put("st2-redis", {"redis-password": "abc"}, immutable=True)
        outcome = new.run()
        assert outcome.problems == (
            "Secret st2-redis is immutable and lacks redis-sentinel-password; make it anew with these keys",
        )
        # Nothing is made of a value that nobody knows.
        assert new.missing() == {
            ("st2-redis", "redis-sentinel-password"),
            ("st2-st2-secrets-conf", "st2.secrets.conf"),
        }

    def test_an_immutable_secret_that_lacks_nothing_is_no_problem(self, whole: Applied) -> None:
        whole.api.act("PATCH", "secrets", "st2-redis", {"immutable": True})
        assert whole.run() == Outcome(["all Secrets are there"])


class TestOthersAtWork:
    def test_a_secret_that_somebody_makes_meanwhile_is_kept(self, apply: Apply) -> None:
        others = apply()
        others.run()
        for secret in others.plan["secrets"]:
            applied, name, values = apply(), secret["name"], others.api.values(secret["name"])
            applied.api.disturb = first_writes([name], Disturbance(meanwhile=partial(applied.api.put, name, values)))
            outcome = applied.run()
            assert outcome.problems == ()
            assert any("somebody else was faster" in line for line in outcome.lines)
            assert applied.api.values(name) == values
            assert applied.missing() == applied.overwritten() == set()

    def test_a_secret_that_changes_between_reading_and_writing(self, new: Applied) -> None:
        new.api.put("st2-redis", {"redis-password": "abc"})
        change = partial(new.api.put, "st2-redis", {"redis-sentinel-password": "def"})
        new.api.disturb = first_writes(["st2-redis"], Disturbance(meanwhile=change))
        assert new.run().problems == ()
        assert new.api.values("st2-redis") == {"redis-password": "abc", "redis-sentinel-password": "def"}
        new.assert_kept()

    def test_a_secret_that_is_removed_between_reading_and_writing(self, whole: Applied) -> None:
        whole.api.put("st2-redis", {"redis-sentinel-password": None})
        remove = partial(whole.api.act, "DELETE", "secrets", "st2-redis")
        whole.api.disturb = first_writes(["st2-redis"], Disturbance(meanwhile=remove))
        assert whole.run().problems == ()
        whole.assert_whole()

    def test_somebody_who_never_stops(self, new: Applied) -> None:
        new.api.put("st2-redis", {"redis-password": "abc"})
        numbers = itertools.count()
        change = Disturbance(meanwhile=lambda: new.api.put("st2-redis", {"other": str(next(numbers))}))
        new.api.disturb = lambda _, request: change if request.method == "PATCH" else None
        assert new.run().problems == ("somebody else keeps changing the Secrets; run this again later",)

    def test_another_run_at_any_time(self, apply: Apply) -> None:
        for number in range(1, request_count(apply()) + 1):
            applied, others = apply(), list[Outcome]()
            outcome = applied.run(at(number, partial(run_into, others, applied)))
            assert [outcome.problems for outcome in (outcome, *others)] == [(), ()]
            applied.assert_kept()

    def test_a_change_and_another_run_at_any_time(self, apply: Apply) -> None:
        """What was made of new values is not made anew of those that were read before."""
        for number in range(1, 20):
            applied = apply()
            applied.run()
            applied.api.put("st2-rabbitmq", {"rabbitmq-password": "second"})
            assert applied.run(at(number, partial(change_and_run, applied))).problems == ()
            assert applied.api.values("st2-rabbitmq")["rabbitmq-password"] == "third"
            applied.assert_whole()

    @settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(st.integers(0, 5), max_size=120), st.integers(2, 3))
    def test_some_at_once_in_any_order(self, apply: Apply, order: list[int], count: int) -> None:
        applied = apply()
        turns = Turns(order, range(count))

        def run(player: int) -> Outcome:
            try:
                return applied.run(lambda _: turns.wait(player))
            finally:
                turns.leave(player)

        with ThreadPoolExecutor(count) as pool:
            outcomes = list(pool.map(run, range(count)))
        assert [outcome.problems for outcome in outcomes] == [()] * count
        applied.assert_kept()

    @pytest.mark.parametrize("count", [2, 4])
    def test_some_at_once_as_they_come(self, apply_by_network: Apply, count: int) -> None:
        new = apply_by_network()
        barrier = threading.Barrier(count)

        def run(_: int) -> Outcome:
            barrier.wait()
            return new.run()

        with ThreadPoolExecutor(count) as pool:
            outcomes = list(pool.map(run, range(count)))
        assert [outcome.problems for outcome in outcomes] == [()] * count
        new.assert_kept()


def run_into(outcomes: list[Outcome], applied: Applied) -> None:
    outcomes.append(applied.run())


def change_and_run(applied: Applied) -> None:
    applied.api.put("st2-rabbitmq", {"rabbitmq-password": "third"})
    assert applied.run().problems == ()


class TestTrouble:
    @pytest.fixture
    def new(self, apply_by_network: Apply) -> Applied:
        """A cluster in which there is nothing, on a network: that is what is in trouble."""
        return apply_by_network()

    @pytest.mark.parametrize("trouble", ["cut before", "cut after"])
    def test_of_any_request_passes(self, apply: Apply, trouble: str) -> None:
        for number in range(1, request_count(apply()) + 1):
            applied = apply()
            applied.api.disturb = only_at(number, TROUBLES[trouble])
            assert applied.run().problems == (), number
            applied.assert_kept()

    @pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
    def test_that_lasts_for_some_requests_passes(self, new: Applied, trouble: Disturbance) -> None:
        new.api.disturb = lambda number, _: trouble if 5 <= number < 12 else None
        assert new.run().problems == ()
        new.assert_kept()

    @pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
    def test_that_does_not_pass_is_told_after_a_time(
        self, new: Applied, clock: Clock, trouble: Disturbance, capsys: pytest.CaptureFixture[str]
    ) -> None:
        new.api.disturb = lambda number, _: trouble if number > 6 else None
        begin = clock.now
        (problem,) = new.run().problems
        assert re.match(r"the Kubernetes API does not answer (GET|POST) /api/v1/namespaces/stackstorm/\S+", problem)
        assert 60 < clock.now - begin < 1.1 * program.PATIENCE
        new.assert_silent(capsys.readouterr().err)
        assert new.overwritten() == set()

    def test_a_request_that_is_carried_out_after_it_was_sent_again(
        self, new: Applied, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(program, "TIMEOUT", 0.2)
        new.api.put("st2-redis", {"redis-password": "abc"})
        slow = ["st2-mongodb", "st2-redis", "st2-st2-secrets-conf"]
        new.api.disturb = first_writes(slow, Disturbance(seconds=0.4))
        assert new.run().problems == ()
        writes = [keys_written(request)[0] for request in new.api.writes]
        assert all(writes.count(name) > 1 for name in slow)
        time.sleep(0.4)
        new.assert_kept()

    def test_nobody_there(self, new: Applied, clock: Clock) -> None:
        new.server = Server("http://127.0.0.1:1")
        begin = clock.now
        (problem,) = new.run().problems
        assert "Connection refused" in problem
        assert clock.now - begin < 1.1 * program.PATIENCE


def first_writes(names: Iterable[str], trouble: Disturbance) -> Callable[[int, Request], Disturbance | None]:
    """Disturbs the first request that writes each of some Secrets."""
    left = set(names)

    def disturb(_: int, request: Request) -> Disturbance | None:
        name = "" if request.method == "GET" else keys_written(request)[0]
        if name not in left:
            return None
        left.remove(name)
        return trouble

    return disturb


def only_at(number: int, trouble: Disturbance) -> Callable[[int, Request], Disturbance | None]:
    """Disturbs one request."""
    return lambda found, _: trouble if found == number else None


class TestRights:
    @pytest.mark.parametrize(
        ("method", "what", "told", "lost"),
        [
            ("GET", "secrets/st2-redis", 'cannot get resource "secrets"', {"st2-redis", "st2-st2-secrets-conf"}),
            ("POST", "secrets", "of st2-redis: 403 secrets is forbidden", None),
            ("GET", "persistentvolumeclaims/data-st2-mongodb-0", 'persistentvolumeclaims "data-st2-mongodb-0"', None),
            ("GET", "jobs/st2-secrets-bootstrap", 'cannot get resource "jobs"', None),
        ],
    )
    def test_what_is_forbidden_is_told(
        self, new: Applied, method: str, what: str, told: str, lost: set[str] | None
    ) -> None:
        for name in CLAIMS:
            new.claim(name, AFTER)
        verb = {"GET": "get", "POST": "create"}[method]
        resource, _, name = what.partition("/")
        new.api.rules = without(new.api.rules, verb, resource, name)
        outcome = new.run()
        assert any(told in problem for problem in outcome.problems)
        assert all(problem.startswith("the Kubernetes API refuses") for problem in outcome.problems)
        assert len(set(outcome.problems)) == len(outcome.problems)
        if lost is not None:
            assert {name for name, _ in new.missing()} == lost

    def test_changing_is_forbidden(self, new: Applied) -> None:
        new.api.put("st2-rabbitmq", {"rabbitmq-password": "abc"})
        new.api.rules = without(new.api.rules, "patch", "secrets", "st2-rabbitmq")
        (problem,) = new.run().problems
        assert problem.startswith("the Kubernetes API refuses PATCH /api/v1/namespaces/stackstorm/secrets/st2-rabbitmq")
        assert 'cannot patch resource "secrets"' in problem
        # The password is there, and what is made of it can be made.
        assert new.missing() == {("st2-rabbitmq", "rabbitmq-erlang-cookie"), ("st2-rabbitmq", "definitions.json")}

    def test_a_wrong_token_ends_it_at_once(self, new: Applied) -> None:
        path = "/api/v1/namespaces/stackstorm/secrets/st2-st2-auth"
        new.api.disturb = lambda _, __: Disturbance(status=401)
        (problem,) = new.run().problems
        assert problem.startswith(f"the Kubernetes API refuses GET {path}: 401")
        assert len(new.api.requests) == 1

    def test_the_token_is_read_anew_for_each_request(self, new: Applied) -> None:
        def turn(number: int) -> None:
            new.api.token = f"token {number}"

        assert new.run(turn).problems == ()

    def test_it_asks_for_nothing_that_the_role_does_not_allow(self, new: Applied) -> None:
        for name in CLAIMS:
            new.claim(name, BEFORE)
        assert not any("403" in problem for problem in new.run().problems)


def without(rules: list[Document], verb: str, resource: str, begin_of_name: str) -> list[Document]:
    """Rules that do not allow something."""
    each_verb = [{**rule, "verbs": [verb]} for rule in rules for verb in rule["verbs"]]
    for rule in each_verb:
        if rule["verbs"] == [verb] and resource in rule["resources"]:
            names = rule.get("resourceNames", [""])
            rule["resourceNames"] = [name for name in names if not name.startswith(begin_of_name)] or ["none"]
    return each_verb


class TestKilled:
    def test_at_any_request_and_run_again(self, apply: Apply) -> None:
        for number in range(1, request_count(apply()) + 1):
            applied = apply()
            applied.run_killed(number)
            assert len(applied.api.requests) == number - 1
            assert applied.run().problems == ()
            applied.assert_kept()

    def test_at_any_request_with_keys_missing(self, apply: Apply) -> None:
        def some() -> Applied:
            applied = apply()
            for name, present, _ in SOME_KEYS.values():
                if applied.api.get("secrets", name) is None:
                    applied.api.put(name, present)
            return applied

        for number in range(1, request_count(some()) + 1):
            applied = some()
            applied.run_killed(number)
            assert applied.run().problems == ()
            applied.assert_kept()

    def test_after_a_change(self, apply: Apply) -> None:
        for number in range(1, 22):
            applied = apply()
            applied.run()
            applied.api.put("st2-rabbitmq", {"rabbitmq-password": "second"})
            applied.run_killed(number)
            assert applied.run().problems == ()
            applied.assert_whole()
            assert applied.overwritten() == {
                ("st2-rabbitmq", "rabbitmq-password"),
                ("st2-rabbitmq", "definitions.json"),
                ("st2-st2-secrets-conf", "st2.secrets.conf"),
            }


class TestData:
    @pytest.mark.parametrize(
        ("claim", "lost"),
        [
            ("data-st2-mongodb-0", {"st2-mongodb", CRYPTO_KEY[0]}),
            ("data-st2-mongodb-2", {"st2-mongodb", CRYPTO_KEY[0]}),
            ("data-st2-rabbitmq-1", {"st2-rabbitmq"}),
            ("datadir-st2-mongodb-0", {CRYPTO_KEY[0]}),
            ("datadir-st2-mongodb-ha-0", {CRYPTO_KEY[0]}),
            ("st2-mongodb", {CRYPTO_KEY[0]}),
        ],
    )
    def test_what_opens_it_is_not_made(self, new: Applied, claim: str, lost: set[str]) -> None:
        new.claim(claim, BEFORE)
        outcome = new.run()
        follows = {"st2-st2-secrets-conf"} if lost - {CRYPTO_KEY[0]} else set()
        assert {name for name, _ in new.missing()} == lost | follows
        assert all(new.api.get("secrets", name) is None for name in lost)
        # Each missing key is told with what to do, and what follows from them is not told.
        raw = {(name, key) for name, key in new.missing() if name in lost and key != "definitions.json"}
        assert len(outcome.problems) == len(raw)
        for name, key in raw:
            assert (
                f"Secret {name}, key {key}: is missing, but the volume claim {claim} exists, whose data it opens: it "
                "is not made anew. Restore the Secret; or, if the data is not wanted, delete the claims"
            ) in outcome.problems
        assert "all Secrets are there" not in outcome.lines

    def test_a_single_lost_key_is_not_made(self, whole: Applied) -> None:
        lost = whole.api.values("st2-mongodb")["mongodb-root-password"]
        whole.api.put("st2-mongodb", {"mongodb-root-password": None})
        whole.claim("data-st2-mongodb-0", BEFORE)
        assert len(whole.run().problems) == 1
        assert whole.api.writes == []
        whole.api.put("st2-mongodb", {"mongodb-root-password": lost})
        assert whole.run().problems == ()
        whole.assert_kept()

    @pytest.mark.parametrize("made", [BEGIN, AFTER])
    def test_it_is_made_for_data_that_is_not_older_than_the_job(self, new: Applied, made: str) -> None:
        for name in CLAIMS:
            new.claim(name, made)
        assert new.run().problems == ()
        new.assert_kept()

    def test_it_is_made_when_the_claims_are_gone(self, new: Applied) -> None:
        new.claim("data-st2-rabbitmq-0", BEFORE)
        assert new.run().problems
        new.api.act("DELETE", "persistentvolumeclaims", "data-st2-rabbitmq-0")
        assert new.run().problems == ()
        new.assert_kept()

    def test_data_counts_as_old_where_the_job_is_gone(self, new: Applied) -> None:
        new.claim("data-st2-rabbitmq-0", AFTER)
        new.api.act("DELETE", "jobs", new.job)
        assert new.run().problems

    def test_what_follows_from_others_is_made_anyhow(self, whole: Applied) -> None:
        whole.claim("data-st2-rabbitmq-0", BEFORE)
        whole.api.put("st2-rabbitmq", {"definitions.json": None})
        assert whole.run().problems == ()
        whole.assert_kept()

    def test_without_volumes_there_is_none(self, apply: Apply) -> None:
        applied = apply({"mongodb": {"persistence": {"enabled": False}}})
        applied.claim("data-st2-mongodb-0", BEFORE)
        assert applied.run().problems == ()


class TestWhatFollowsFromOthers:
    CHANGES: ClassVar[Mapping[str, tuple[str, dict[str, str], list[tuple[str, set[str]]]]]] = {
        "a password of RabbitMQ": (
            "st2-rabbitmq",
            {"rabbitmq-password": "second"},
            [("st2-rabbitmq", {"definitions.json"}), ("st2-st2-secrets-conf", {"st2.secrets.conf"})],
        ),
        "a password of MongoDB": (
            "st2-mongodb",
            {"mongodb-password": "se$ond"},
            [("st2-st2-secrets-conf", {"st2.secrets.conf"})],
        ),
        "the first user's password": (
            "st2-st2-auth",
            {"ST2_AUTH_PASSWORD": "second"},
            [("st2-st2-auth", {"htpasswd"}), ("st2-st2-client-config", {"config"})],
        ),
        "an SSH key": ("st2-st2-ssh", {"private_key": OWN_KEY}, [("st2-st2-ssh", {"public_key"})]),
        "the web UI's key": ("st2-st2web-tls", {"tls.key": OWN_KEY}, [("st2-st2web-tls", {"tls.crt"})]),
    }

    @pytest.mark.parametrize(("name", "values", "anew"), CHANGES.values(), ids=CHANGES)
    def test_it_is_made_anew_with_them(
        self, whole: Applied, name: str, values: dict[str, str], anew: list[tuple[str, set[str]]]
    ) -> None:
        whole.api.put(name, values)
        outcome = whole.run()
        if name == "st2-mongodb":
            # As st2.conf has it.
            conf = whole.api.values("st2-st2-secrets-conf")["st2.secrets.conf"]
            assert "password = se$$ond\n" in conf
        else:
            whole.assert_whole()
        assert [keys_written(request) for request in whole.api.writes] == anew
        assert set(outcome.lines) == {
            *(f"Secret {name}: {key} made anew" for name, keys in anew for key in keys),
            "all Secrets are there",
        }
        assert whole.run() == Outcome(["all Secrets are there"])

    def test_further_users_stay_when_the_first_one_changes(self, whole: Applied) -> None:
        first = whole.api.values("st2-st2-auth")["htpasswd"]
        whole.api.put("st2-st2-auth", {"ST2_AUTH_PASSWORD": "second", "htpasswd": f"{first}\n# more\n{BOB}\n"})
        whole.run()
        found = whole.api.values("st2-st2-auth")["htpasswd"]
        assert found.splitlines()[1:] == ["", "# more", BOB]
        assert users(found).keys() == {"st2admin", "bob"}
        whole.assert_whole()

    def test_it_is_made_anew_by_another_plan(self, whole: Applied, cluster: MakeCluster) -> None:
        # Its Service, and each of its nodes.
        assert whole.api.values("st2-st2-secrets-conf")["st2.secrets.conf"].count("amqp://") == 1 + 3
        whole.apply(documents(cluster({"rabbitmq": {"replicaCount": 5}})))
        assert whole.run().problems == ()
        assert [keys_written(request) for request in whole.api.writes] == [
            ("st2-st2-secrets-conf", {"st2.secrets.conf"})
        ]
        assert whole.api.values("st2-st2-secrets-conf")["st2.secrets.conf"].count("amqp://") == 1 + 5
        whole.assert_whole()

    BY_HAND: ClassVar[Mapping[str, tuple[str, str, str]]] = {
        "settings": ("st2-st2-secrets-conf", "st2.secrets.conf", "[database]\nhost = mine\n"),
        "definitions": ("st2-rabbitmq", "definitions.json", "{}"),
        "no first user": ("st2-st2-auth", "htpasswd", BOB),
        "another hash": ("st2-st2-auth", "htpasswd", "st2admin:$apr1$abcdefgh$0123456789abcdefghijk.\n"),
        "no hash": ("st2-st2-auth", "htpasswd", "st2admin:$6$ä$ö\n"),
        "other rounds": ("st2-st2-auth", "htpasswd", "st2admin:$6$rounds=1000$abc$def\n"),
        "no certificate": ("st2-st2web-tls", "tls.crt", "of another authority"),
        "another certificate": (
            "st2-st2web-tls",
            "tls.crt",
            generate.certificate(OWN_KEY, ["st2.example.com"], "2026-01-01"),
        ),
        "another public key": ("st2-st2-ssh", "public_key", "ssh-ed25519 AAAA mine"),
        "no text": ("st2-st2-client-config", "config", "\udcff"),
    }

    @pytest.mark.parametrize(("name", "key", "value"), BY_HAND.values(), ids=BY_HAND)
    def test_what_somebody_else_wrote_is_left_alone_and_told_once(
        self, whole: Applied, name: str, key: str, value: str
    ) -> None:
        whole.api.put(name, {key: value})
        left_alone = (
            f"Secret {name}: {key} does not follow from what it is made of, and somebody else wrote it: left alone"
        )
        assert whole.run() == Outcome([left_alone, "all Secrets are there"])
        # Nor when what it was made of changes, or others are written.
        whole.api.put("st2-st2-auth", {"ST2_AUTH_PASSWORD": "second"})
        outcome = whole.run()
        assert outcome.problems == ()
        assert outcome.lines.count(left_alone) == 1
        assert whole.api.values(name)[key] == value

    @pytest.mark.parametrize("annotation", ["", "[]", "no JSON", '{"htpasswd": 1}'])
    def test_a_broken_annotation_means_that_nothing_is_known(self, whole: Applied, annotation: str) -> None:
        body = {"metadata": {"annotations": {program.DERIVED: annotation}}, "data": {"ST2_AUTH_PASSWORD": "c2Vjb25k"}}
        whole.api.act("PATCH", "secrets", "st2-st2-auth", body)
        outcome = whole.run()
        assert outcome.problems == ()
        assert any("htpasswd" in line and "left alone" in line for line in outcome.lines)


class TestMadeByHand:
    """Secrets of `constructs-st2 secrets generate`."""

    @pytest.fixture
    def generated(self, new: Applied, cluster: MakeCluster) -> Applied:
        for manifest in secret_manifests(cluster(), remembered=True):
            new.api.put(
                manifest["metadata"]["name"],
                manifest["stringData"],
                type=manifest["type"],
                metadata=manifest["metadata"],
            )
        return new

    def test_there_is_nothing_to_do(self, generated: Applied) -> None:
        assert generated.run().problems == ()
        generated.assert_kept()

    def test_what_follows_from_others_is_made_anew_with_them(self, generated: Applied) -> None:
        generated.api.put("st2-rabbitmq", {"rabbitmq-password": "another"})
        assert generated.run().problems == ()
        generated.assert_whole()
        assert "st2:another@" in generated.api.values("st2-st2-secrets-conf")["st2.secrets.conf"]


class TestOfTheUsers:
    """Secrets that the user makes, and values that are copied from them."""

    AUTH: ClassVar[Values] = {"st2": {"existingAuthSecret": "mine"}}
    RABBITMQ: ClassVar[Values] = {"rabbitmq": {"auth": {"existingSecret": "mine"}}}

    @pytest.mark.parametrize(
        ("values", "named_in"),
        [
            (AUTH, "st2.existingAuthSecret"),
            (RABBITMQ, "rabbitmq.auth.existingSecret"),
            ({"st2": {"existingDatastoreSecret": "mine"}}, "st2.existingDatastoreSecret"),
            ({"st2web": {"tls": {"existingSecret": "mine"}}}, "st2web.tls.existingSecret"),
        ],
    )
    def test_they_are_never_made(self, apply: Apply, values: Values, named_in: str) -> None:
        applied = apply(values)
        outcome = applied.run()
        assert outcome.problems == (f"there is no Secret mine, which {named_in} names; make it",)
        assert applied.api.get("secrets", "mine") is None
        # All that does not follow from it is made.
        assert {name for name, _ in applied.missing()} <= {"mine", "st2-st2-secrets-conf", "st2-st2-client-config"}

    def test_keys_that_only_the_user_has_are_told(self, apply: Apply) -> None:
        applied = apply(self.RABBITMQ)
        applied.api.put("mine", {"rabbitmq-password": "abc"})
        outcome = applied.run()
        assert outcome.problems == (
            "Secret mine, key rabbitmq-erlang-cookie: is missing; add it, because rabbitmq.auth.existingSecret names "
            "this Secret",
        )
        # What follows from others is added all the same.
        assert applied.missing() == {("mine", "rabbitmq-erlang-cookie")}
        assert applied.api.values("mine").keys() == {"rabbitmq-password", "definitions.json"}

    def test_what_follows_from_them_is_added_and_made_anew(self, apply: Apply) -> None:
        applied = apply(self.AUTH)
        applied.api.put("mine", {"ST2_AUTH_USERNAME": "admin", "ST2_AUTH_PASSWORD": "first"})
        assert applied.run().problems == ()
        first = applied.api.values("mine")["htpasswd"]
        applied.api.put("mine", {"ST2_AUTH_PASSWORD": "second"})
        assert applied.run().problems == ()
        assert applied.api.values("mine")["htpasswd"] != first

    def test_what_they_hold_already_is_not_looked_at(self, apply: Apply) -> None:
        applied = apply({"st2web": {"tls": {"existingSecret": "mine"}}, "st2": {"existingAuthSecret": "yours"}})
        applied.api.put("mine", {"tls.key": "of a kind that is not known", "tls.crt": "?"}, type="kubernetes.io/tls")
        applied.api.put("yours", {"ST2_AUTH_USERNAME": "a", "ST2_AUTH_PASSWORD": "b", "htpasswd": BOB})
        outcome = applied.run()
        assert outcome.problems == ()
        assert not any("left alone" in line for line in outcome.lines)
        assert applied.overwritten() == set()

    def test_one_secret_may_serve_for_several(self, apply: Apply) -> None:
        applied = apply({**self.AUTH, **self.RABBITMQ})
        given = {"ST2_AUTH_USERNAME": "a", "ST2_AUTH_PASSWORD": "b", "rabbitmq-password": "c"}
        applied.api.put("mine", {**given, "rabbitmq-erlang-cookie": "d"})
        outcome = applied.run()
        assert outcome.problems == ()
        assert not any("somebody else" in line for line in outcome.lines)
        assert applied.api.values("mine").keys() == {*given, "rabbitmq-erlang-cookie", "htpasswd", "definitions.json"}

    COPIES: ClassVar[Values] = {
        "st2": {"password": {"existingSecret": "mine", "key": "st2"}},
        "mongodb": {"auth": {"password": {"existingSecret": "mine", "key": "mongodb"}}},
        "redis": {"auth": {"password": {"existingSecret": "other"}}},
    }

    def test_copies_follow_what_they_were_copied_from(self, apply: Apply) -> None:
        applied = apply(self.COPIES)
        applied.api.put("mine", {"st2": "first", "mongodb": "second"})
        applied.api.put("other", {"password": "third"})
        assert applied.run().problems == ()
        applied.assert_kept()
        assert applied.api.values("st2-redis")["redis-password"] == "third"
        applied.api.put("other", {"password": "fourth"})
        applied.api.put("mine", {"st2": "fifth"})
        assert applied.run().problems == ()
        applied.assert_whole()
        assert applied.api.values("st2-redis")["redis-password"] == "fourth"
        assert applied.api.values("st2-st2-auth")["ST2_AUTH_PASSWORD"] == "fifth"
        assert applied.api.values("st2-mongodb")["mongodb-password"] == "second"

    def test_a_copy_does_not_take_the_place_of_what_is_there(self, whole: Applied, cluster: MakeCluster) -> None:
        whole.apply(documents(cluster({"redis": {"auth": {"password": {"existingSecret": "other"}}}})))
        whole.api.put("other", {"password": "third"})
        outcome = whole.run()
        assert outcome.problems == ()
        assert any(line.startswith("Secret st2-redis: redis-password does not follow") for line in outcome.lines)
        whole.assert_kept()

    def test_each_missing_one_is_told(self, apply: Apply) -> None:
        applied = apply(self.COPIES)
        applied.api.put("mine", {"st2": "first"})
        assert applied.run().problems == (
            "Secret st2-mongodb, key mongodb-password: needs mongodb of Secret mine, which is missing",
            "Secret st2-redis, key redis-password: needs password of Secret other, which is missing",
        )
        assert applied.missing() == {
            ("st2-mongodb", "mongodb-password"),
            ("st2-redis", "redis-password"),
            ("st2-st2-secrets-conf", "st2.secrets.conf"),
        }

    def test_a_copy_of_a_secret_that_is_made_later(self, apply: Apply) -> None:
        applied = apply({"st2": {"password": {"existingSecret": "st2-redis", "key": "redis-password"}}})
        assert applied.run().problems == ()
        applied.assert_kept()

    def test_the_license_makes_credentials(self, apply: Apply) -> None:
        applied = apply({"enterprise": {"enabled": True, "license": {"existingSecret": "mine"}}})
        applied.api.put("mine", {"password": "a license"})
        assert applied.run().problems == ()
        credentials = json.loads(applied.api.values("st2-st2-license")[".dockerconfigjson"])
        assert credentials["auths"]["docker.stackstorm.com"]["password"] == "a license"

    def test_a_missing_license_is_told(self, apply: Apply) -> None:
        applied = apply({"enterprise": {"enabled": True}})
        (problem,) = applied.run().problems
        assert "constructs-st2 secrets generate --only st2-license --license FILE" in problem
        assert applied.missing() == {("st2-st2-license", ".dockerconfigjson")}


def ed25519_key(passphrase: str = "") -> str:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))
    hidden = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, hidden).decode()


UNUSABLE_KEY = "must be an ECDSA, Ed25519 or RSA key in PEM or OpenSSH format without a passphrase"
UNUSABLE_NAME = "must be a name without blanks, line ends and colons"
UNUSABLE: Mapping[str, tuple[str, dict[str, str], str]] = {
    "a password that tooz cannot read": (
        "st2-redis",
        {"redis-password": "p@ss"},
        "Secret st2-st2-secrets-conf, key st2.secrets.conf: redis-password of Secret st2-redis may only consist of "
        'letters, digits and "-._~", because it becomes part of a URL',
    ),
    "an SSH key with a passphrase": (
        "st2-st2-ssh",
        {"private_key": ed25519_key(passphrase="abc")},
        f"Secret st2-st2-ssh, key public_key: private_key of Secret st2-st2-ssh {UNUSABLE_KEY}",
    ),
    "an SSH key of another program": (
        "st2-st2-ssh",
        {"private_key": "PuTTY"},
        f"Secret st2-st2-ssh, key public_key: private_key of Secret st2-st2-ssh {UNUSABLE_KEY}",
    ),
    "a password that is no text": (
        "st2-rabbitmq",
        {"rabbitmq-password": "\udcff\udcfe"},
        "Secret st2-rabbitmq, key definitions.json: rabbitmq-password of Secret st2-rabbitmq is no text",
    ),
    **{
        f"the name {name!r}": (
            "st2-st2-auth",
            {"ST2_AUTH_USERNAME": name},
            f"Secret st2-st2-auth, key htpasswd: ST2_AUTH_USERNAME of Secret st2-st2-auth {UNUSABLE_NAME}",
        )
        for name in ("admin\n", "a:b", "#admin", "")
    },
}


class TestUnusableValues:
    @pytest.mark.parametrize(("name", "values", "problem"), UNUSABLE.values(), ids=UNUSABLE)
    def test_are_told_and_harm_nothing_else(
        self, new: Applied, name: str, values: dict[str, str], problem: str
    ) -> None:
        new.api.put(name, values)
        for _ in range(2):
            outcome = new.run()
            assert problem in outcome.problems
        assert new.overwritten() == set()
        raw = {(secret, key) for secret, key in new.missing() if key not in DERIVED_KEYS}
        assert raw == set()

    def test_a_secret_whose_type_wants_all_keys_is_not_made_in_parts(self, new: Applied) -> None:
        (tls,) = (secret for secret in new.plan["secrets"] if secret["name"] == "st2-st2web-tls")
        tls["keys"]["tls.crt"]["names"] = ["bücher.example.com"]
        (problem,) = new.run().problems
        assert problem.startswith("Secret st2-st2web-tls, key tls.crt: ")
        assert new.missing() == {("st2-st2web-tls", "tls.key"), ("st2-st2web-tls", "tls.crt")}

    @pytest.mark.parametrize("name", ["st2-st2-ssh", "st2-st2web-tls"])
    def test_keys_of_other_kinds_are_no_problem(self, new: Applied, name: str) -> None:
        new.api.put(name, {"private_key" if name == "st2-st2-ssh" else "tls.key": ed25519_key()})
        assert new.run().problems == ()
        new.assert_kept()
        assert new.run() == Outcome(["all Secrets are there"])


DERIVED_KEYS = {"htpasswd", "public_key", "tls.crt", "definitions.json", "st2.secrets.conf", "config"}


@pytest.fixture(scope="module")
def before(apply: Apply) -> dict[tuple[str, str], str]:
    """The values of a whole cluster."""
    applied = apply()
    applied.run()
    return {(name, key): applied.api.values(name)[key] for name, key in applied.wanted()}


@settings(max_examples=50, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_whatever_is_there_and_wherever_it_ends(
    apply: Apply, before: dict[tuple[str, str], str], data: st.DataObject
) -> None:
    """Nothing is overwritten, and at the end all is there or the program tells what is not."""
    applied = apply()
    # TLS Secrets of the API's type for them are whole, or are not there.
    present = data.draw(st.sets(st.sampled_from(sorted(before))), "present")
    for name in sorted({name for name, _ in present}):
        applied.api.put(name, {key: before[each, key] for each, key in sorted(present) if each == name})
    made = data.draw(st.sampled_from(["", BEFORE, AFTER]), "claims made")
    for name in CLAIMS if made else ():
        applied.claim(name, made)
    for number in data.draw(st.lists(st.integers(1, 40), max_size=3), "killed at"):
        applied.run_killed(number)
    outcome = applied.run()

    assert applied.overwritten() <= {("st2-st2-auth", "htpasswd")} & present
    raw_data = {(name, key) for name, key in before if name in DATA and key not in DERIVED_KEYS}
    refused = raw_data - present if made == BEFORE else set()
    assert told_keys(outcome) == refused
    follows = {(name, key) for name, key in before if key in DERIVED_KEYS} if refused else set()
    assert refused <= applied.missing() <= refused | follows
    # It stays so.
    applied.api.requests.clear()
    assert applied.run().problems == outcome.problems
    assert applied.api.writes == []


def told_keys(outcome: Outcome) -> set[tuple[str, str]]:
    """The keys of which the problems tell."""
    found = (re.match(r"Secret (\S+), key (\S+): is missing, but", problem) for problem in outcome.problems)
    return {(match[1], match[2]) if match else ("", "") for match in found}
