"""A member that cannot read the data on its volume stops before its server starts."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support import Objects, Require, Synth

from constructs_st2.changes.findings import Section
from constructs_st2.changes.plan import plan_of
from constructs_st2.facts.backends.upgrades import ETCD, MONGODB, RABBITMQ, REDIS, Upgrades, Version
from constructs_st2.parts.backends.data_guard import scripts

SCRIPT = Path(scripts.__file__).parent / "guard-data.sh"
MEMBER = "stackstorm/st2-mongodb-0"


def start(
    folder: Path, version: str, member: str = MEMBER, upgrades: Upgrades = MONGODB, accepted: str | None = None
) -> tuple[int, str]:
    major, minor = map(int, version.split("."))
    server = Version(major, minor)
    command = ["sh", str(SCRIPT), upgrades.name, version, member, *upgrades.readable(server)]
    texts = {"FOREIGN": upgrades.bitnami, "FORMATS": upgrades.after, "ACCEPTED": accepted}
    texts["RETURNING"] = " ".join(upgrades.returning(server))
    environment = {"PATH": "/bin:/usr/bin", "DATA_NOTE": str(folder / "note"), "TERMINATION_LOG": str(folder / "log")}
    environment |= {name: text for name, text in texts.items() if text}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stderr.strip()


def test_a_volume_without_a_note_is_taken(tmp_path: Path) -> None:
    assert start(tmp_path, "7.0") == (0, "")
    assert (tmp_path / "note").read_text() == f"7.0\n{MEMBER}\n"


@pytest.mark.parametrize(
    ("upgrades", "data", "readers", "others"),
    [
        (MONGODB, "4.4", ("4.4", "5.0"), ("6.0", "7.0")),
        (MONGODB, "7.0", ("7.0", "8.0", "8.2"), ("6.0", "9.0")),
        (RABBITMQ, "3.13", ("3.13", "4.0"), ("3.12", "4.1", "4.2")),
        (RABBITMQ, "4.1", ("4.1", "4.2"), ("4.0", "4.3")),
        (REDIS, "7.2", ("7.2", "7.4", "8.0"), ("6.2", "7.0")),
        (ETCD, "3.5", ("3.5", "3.6"), ("3.4", "3.7")),
    ],
)
def test_who_reads_what(
    tmp_path: Path, upgrades: Upgrades, data: str, readers: tuple[str, ...], others: tuple[str, ...]
) -> None:
    for version in (*readers, *others):
        (tmp_path / "note").write_text(f"{data}\n{MEMBER}\n")
        status, said = start(tmp_path, version, upgrades=upgrades)
        assert status == int(version in others), version
        if status:
            assert said == (
                f"{upgrades.name} {data} wrote the data, and {upgrades.name} {version} cannot read it: nothing was "
                f"started; set the image back to {data}"
            )
            assert (tmp_path / "log").read_text().strip() == said
            assert (tmp_path / "note").read_text().startswith(f"{data}\n"), "it stays what it was"
        else:
            assert (tmp_path / "note").read_text().startswith(f"{version}\n")


def test_the_data_of_another_member_is_left_alone(tmp_path: Path) -> None:
    start(tmp_path, "7.0")
    status, said = start(tmp_path, "7.0", member="stackstorm/st2-mongodb-1")
    assert status == 1
    assert f"is that of {MEMBER}, and this is stackstorm/st2-mongodb-1" in said


@pytest.mark.parametrize(
    ("upgrades", "files"), [(MONGODB, "data/db"), (RABBITMQ, "rabbit@st2-rabbitmq-0.st2-rabbitmq-headless")]
)
def test_data_of_the_helm_chart_is_left_alone(tmp_path: Path, upgrades: Upgrades, files: str) -> None:
    (tmp_path / files).mkdir(parents=True)
    status, said = start(tmp_path, "7.0", upgrades=upgrades)
    assert status == 1
    assert said.startswith(f"this volume has data of the Helm chart's {upgrades.name} (")
    assert not (tmp_path / "note").exists()


def test_what_own_servers_leave_is_not_taken_for_the_chart_s(tmp_path: Path, default_objects: Objects) -> None:
    for upgrades in (MONGODB, RABBITMQ):
        volume = tmp_path / upgrades.name
        (volume / "lost+found").mkdir(parents=True)
        assert start(volume, "4.2", upgrades=upgrades)[0] == 0
        # The volume of RabbitMQ is where its nodes have their folders, as Bitnami's is: the note tells whose they are.
        for name in ("rabbit@st2-rabbitmq-0.st2-rabbitmq-headless", "data/db", "WiredTiger", "journal"):
            (volume / name).mkdir(parents=True)
        assert start(volume, "4.2", upgrades=upgrades) == (0, "")
    for component, pattern in (("mongodb", MONGODB.bitnami), ("rabbitmq", RABBITMQ.bitnami)):
        guard = default_objects.pod(component)["initContainers"][0]
        assert {"name": "FOREIGN", "value": pattern} in guard["env"]


@pytest.mark.parametrize(
    ("last", "formats", "starts", "stops"),
    [
        # Whichever version ran last, it may have kept the formats of the one before.
        ("6.0", "5.0", ("5.0", "6.0"), ("4.4", "7.0")),
        ("6.0", "6.0", ("6.0", "7.0"), ("5.0", "8.0")),
        ("5.0", "4.4", ("4.4", "5.0"), ("6.0",)),
        # No older binary is supported after 7.0.
        ("7.0", "6.0", ("7.0",), ("6.0", "8.0")),
        ("7.0", "7.0", ("7.0", "8.0", "8.2"), ("6.0",)),
    ],
)
def test_the_formats_of_mongodb_count(
    tmp_path: Path, last: str, formats: str, starts: tuple[str, ...], stops: tuple[str, ...]
) -> None:
    for version in (*starts, *stops):
        (tmp_path / "note").write_text(f"{last}\n{MEMBER}\n{formats}\n")
        status, said = start(tmp_path, version)
        assert status == int(version in stops), (version, said)
        kept = last if status else version
        assert (tmp_path / "note").read_text() == f"{kept}\n{MEMBER}\n{formats}\n"
    (tmp_path / "note").write_text(f"6.0\n{MEMBER}\n5.0\n")
    assert start(tmp_path, "7.0")[1] == (
        "featureCompatibilityVersion is 5.0, with which MongoDB 7.0 does not start: nothing was started; set the image "
        "back to 6.0, and featureCompatibilityVersion to it before the next step"
    )


def test_data_that_is_accepted_is_taken(tmp_path: Path) -> None:
    for noted, accepted, status in (("5.0", "5.0", 0), ("5.0", "4.4", 1), ("7.0", "7.0", 0)):
        (tmp_path / "note").write_text(f"{noted}\n{MEMBER}\n5.0\n")
        assert start(tmp_path, "6.0" if noted == "7.0" else "7.0", accepted=accepted)[0] == status
    (tmp_path / "note").write_text("7.0\nother/member\n")
    assert start(tmp_path, "6.0", accepted="7.0")[0] == 1, "another member's is not meant"


def test_what_the_values_accept_is_not_refused_and_told(synth: Synth) -> None:
    def at(version: str, **persistence: str) -> Objects:
        return synth({"rabbitmq": {"image": {"tag": f"{version}-management"}, "persistence": persistence}})

    assert plan_of(at("3.13"), at("4.2")).refused
    accepted = at("4.2", acceptDataOf="3.13")
    plan = plan_of(at("3.13"), accepted)
    assert plan.refused == []
    assert [finding.text for finding in plan.of(Section.DATA)] == [
        "RabbitMQ 3.13 -> 4.2, which is known not to work: members start on the data all the same"
    ]
    guard = accepted.pod("rabbitmq")["initContainers"][0]
    assert {"name": "ACCEPTED", "value": "3.13"} in guard["env"]


def test_a_damaged_note_says_so(tmp_path: Path) -> None:
    (tmp_path / "note").write_text("7.0\n")
    assert start(tmp_path, "7.0")[0] == 1


def test_it_comes_first_in_every_member_that_has_a_volume(synth: Synth) -> None:
    for backend in ("redis", "etcd"):
        objects = synth({"coordination": {"backend": backend}})
        for component in ("mongodb", "rabbitmq", backend):
            pod = objects.pod(component)
            first = pod["initContainers"][0]
            assert first["name"] == "guard-data"
            assert {"name": "data", "mountPath": "/data"} in first["volumeMounts"]
    without = synth({"mongodb": {"persistence": {"enabled": False}}}).pod("mongodb")
    assert "guard-data" not in [each["name"] for each in without["initContainers"]]


def test_it_is_portable_and_without_known_mistakes(require: Require) -> None:
    command = [require("shellcheck"), "--shell=sh", str(SCRIPT)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
