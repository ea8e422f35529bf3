"""Backups and restores: the containers of their pods, run one after the other, with real gzip, sha256sum and rclone.

There is no mongod here: mongodump, bsondump and mongorestore are stand-ins that note how they are called. Dumps hold
documents as BSON has them, length first, and the stand-in of bsondump reads their lengths.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from servers.ports import PATIENCE
from support import MakeCluster, Require

from constructs_st2.kube.documents import Document, pod_template
from constructs_st2.parts.backup import cron_job, restore
from constructs_st2.parts.backup import scripts as own_scripts
from constructs_st2.parts.pods import scripts

SCRIPTS = Path(own_scripts.__file__).parent
NOON = 1_767_268_800
"""2026-01-01, 12:00 UTC."""
DAY = 86_400

PASSWORD = 'tab:\t "quoted" back\\slash $x'

# Shells start ten times as fast as Python, and there are a thousand starts.
STAND_IN = """#!/bin/sh
set -eu
note=$(mktemp -d '{notes}'/"${{0##*/}}.XXXXXX")
printf '%s\\n' "$@" >"$note/arguments"
for option; do
    case $option in
        --config=*) cp -p "${{option#*=}}" "$note/config" ;;
        --out=*) out=${{option#*=}} ;;
        --dir=*) folder=${{option#*=}} ;;
    esac
    last=$option
done
"""

MONGODUMP = """
case " $* " in *" --db="*) parts= ;; *) parts="admin prelude.json.gz" ;; esac
case " $* " in *" --oplog "*) parts="$parts oplog.bson" ;; esac
[ -n "${{WRONG_DATABASE:-}}" ] || parts="$parts st2"
mkdir -p "$out"
for part in $parts; do
    cp -R '{dump}'/"$part" "$out"
done
exit "${{FAILS_WITH:-0}}"
"""

BSONDUMP = """
exec '{python}' -ISc '
import sys
content = sys.stdin.buffer.read()
while content:
    length = int.from_bytes(content[:4], "little")
    if not 5 <= length <= len(content) or content[length - 1]:
        sys.exit("Failed: no document")
    content = content[length:]
'
"""

MONGORESTORE = """
[ -d "$folder" ]
find "$folder" -name '*.bson*' | while IFS= read -r file; do
    gzip -t <"$file"
done
"""

ETCDCTL = """
printf snapshot >"$last"
"""

STAND_INS = {"mongodump": MONGODUMP, "bsondump": BSONDUMP, "mongorestore": MONGORESTORE, "etcdctl": ETCDCTL}


def document(text: bytes) -> bytes:
    """As BSON has it."""
    return (len(text) + 5).to_bytes(4, "little") + text + bytes(1)


DUMP = {
    "st2/execution_d_b.bson.gz": b"".join(document(b"%d" % number * 50) for number in range(200)),
    "st2/execution_d_b.metadata.json.gz": b"{}",
    "admin/system.users.bson.gz": document(b"root"),
    "prelude.json.gz": b'{"ServerVersion":"7.0.14","ToolVersion":"100.12.0"}',
    # Compressed as well, whatever its name says.
    "oplog.bson": document(b"no operation"),
}
"""What mongodump writes."""

FOREVER = {"retention": {"count": 1000, "days": 10_000}}


@dataclass(frozen=True)
class Result:
    """How a pod ended: the first container that failed ends it."""

    status: int
    output: str


@dataclass(frozen=True)
class Call:
    """How a stand-in was called: its arguments, and the file of its configuration with its mode."""

    arguments: Sequence[str]
    config: str | None
    mode: int | None

    @classmethod
    def noted(cls, note: Path) -> Call:
        """A call as the stand-in has noted it."""
        arguments, config = (note / "arguments").read_text().splitlines(), note / "config"
        if not config.exists():
            return cls(arguments, None, None)
        return cls(arguments, config.read_text(), stat.S_IMODE(config.stat().st_mode))


@dataclass(frozen=True)
class Shell:
    """A shell, and where it finds other programs."""

    command: str
    path: str = "/usr/bin:/bin"


class Node:
    """Runs the containers of pods in folders of its own.

    Args:
        folder: for everything.
        shell: of MongoDB's image.
        small: of rclone's image.
    """

    def __init__(self, folder: Path, shell: Shell, small: Shell) -> None:
        self._folder = folder
        self._shell = shell
        self._small = small
        self.volume = folder / "volume"
        """The volume of backups."""
        self.storage = folder / "storage"
        """What stands for a storage that speaks S3."""
        self._notes = folder / "notes"
        for name in ("volume", "storage", "stand-ins", "notes"):
            (folder / name).mkdir()
        for name, text in STAND_INS.items():
            program = folder / "stand-ins" / name
            places = {"python": sys.executable, "notes": self._notes, "dump": folder / "dump"}
            program.write_text((STAND_IN + text).format(**places))
            program.chmod(0o755)
        for name, content in DUMP.items():
            file = folder / "dump" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(gzip.compress(content))
        (folder / "password").write_text(PASSWORD)
        self.encryption = folder / "encryption"
        """The file with the password that backups are encrypted with."""
        self.encryption.write_text("correct horse battery staple")

    def add(self, name: str, program: str) -> None:
        """Let containers have a program."""
        (self._folder / "stand-ins" / name).symlink_to(program)

    def calls(self, program: str) -> list[Call]:
        """How a stand-in was called, in no order."""
        return [Call.noted(note) for note in self._notes.glob(f"{program}.*")]

    def forget(self) -> None:
        """Forget all calls."""
        for note in self._notes.iterdir():
            shutil.rmtree(note)

    def run(
        self,
        objects: Sequence[Document],
        *,
        now: int = NOON,
        between: Mapping[str, Callable[[Path], object]] | None = None,
        **environment: str,
    ) -> Result:
        """Run the pod among some objects.

        Args:
            objects: a workload, and the ConfigMap that it mounts.
            now: the time that the scripts believe it is.
            between: what to do before a container runs, by its name; called with the folder of backups.
            environment: further variables.
        """
        (spec,) = [pod["spec"] for document in objects if (pod := pod_template(document))]
        (files,) = [document["data"] for document in objects if document["kind"] == "ConfigMap"]
        (volume,) = [volume for volume in spec["volumes"] if volume["name"] == "backup"]
        with tempfile.TemporaryDirectory(dir=self._folder) as pod_folder:
            own = {name: Path(pod_folder, name) for name in ("scripts", "state", "tmp", "backup")}
            for place in own.values():
                place.mkdir()
            for name, text in files.items():
                (own["scripts"] / name).write_text(text)
            backup = self.volume if "persistentVolumeClaim" in volume else own["backup"]
            places = {
                scripts.MOUNT_PATH: own["scripts"],
                "/run/constructs-st2": own["state"],
                "/tmp": own["tmp"],
                "/backup": backup,
                "/etc/constructs-st2/secret/password": self._folder / "password",
                "/etc/constructs-st2/encryption/password": self.encryption,
            }
            output = ""
            for container in [*spec.get("initContainers", []), *spec["containers"]]:
                if between and container["name"] in between:
                    between[container["name"]](backup)
                done = self._container(container, places, {"NOW": str(now), **environment})
                output += done.stdout
                if done.returncode:
                    return Result(done.returncode, output)
            return Result(0, output)

    def _container(
        self, container: Document, places: Mapping[str, Path], environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        def placed(text: str) -> str:
            for path, place in places.items():
                if text == path or text.startswith(f"{path}/"):
                    return f"{place}{text.removeprefix(path)}"
            return text

        given = {
            variable["name"]: placed(variable.get("value", "from the Secret")) for variable in container.get("env", [])
        }
        words: list[str] = [*container["command"], *container.get("args", [])]
        shell = self._small if "rclone" in container["image"] else self._shell
        program = shell.command if words[0] == "sh" else str(self._folder / "stand-ins" / words[0])
        return subprocess.run(
            [program, *map(placed, words[1:])],
            env={
                "PATH": f"{self._folder / 'stand-ins'}:{shell.path}",
                "TMPDIR": str(places["/tmp"]),
                **given,
                # The storage is a folder here.
                "RCLONE_CONFIG_STORAGE_TYPE": "alias",
                "RCLONE_CONFIG_STORAGE_REMOTE": str(self.storage),
                # Rclone, whose runs are short, need not look for garbage.
                "GOGC": "off",
                **environment,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )


@pytest.fixture(scope="module")
def busybox(require: Require, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a small image, as rclone's is."""
    applets = tmp_path_factory.mktemp("bin")
    subprocess.run([require("busybox"), "--install", "-s", applets], check=True)
    return applets


@pytest.fixture
def small(busybox: Path) -> Shell:
    """The shell of a small image."""
    return Shell(str(busybox / "sh"), str(busybox))


@pytest.fixture
def dash(require: Require) -> Shell:
    """The shell of MongoDB's image, with the programs of GNU."""
    return Shell(require("dash"))


@dataclass(frozen=True)
class Place:
    """A place for backups: what the values say of it, and where the test finds them."""

    destination: dict[str, Any]
    folder: Path

    def backups(self) -> list[str]:
        """The names of backups that count."""
        return sorted(manifest.parent.name for manifest in self.folder.glob("*/manifest.json"))

    def everything(self) -> list[str]:
        """Whatever is there."""
        return sorted(place.name for place in self.folder.iterdir()) if self.folder.exists() else []


@pytest.fixture(params=["volume", "volume, small image", "storage"])
def kind(request: pytest.FixtureRequest) -> str:
    """Where backups go, and whether MongoDB's image is one that holds nothing but busybox."""
    found: str = request.param
    return found


@pytest.fixture
def node(tmp_path: Path, kind: str, dash: Shell, small: Shell) -> Node:
    return Node(tmp_path, small if "small" in kind else dash, small)


@pytest.fixture
def place(kind: str, node: Node, require: Require) -> Place:
    if kind != "storage":
        return Place({"claim": {"create": {}}}, node.volume)
    node.add("rclone", require("rclone"))
    s3 = {"bucket": "backups", "prefix": "prod/", "credentials": {"existingSecret": "s3"}}
    return Place({"s3": s3}, node.storage / "backups/prod")


on_a_volume = pytest.mark.parametrize("kind", ["volume", "volume, small image"], indirect=True)
in_a_storage = pytest.mark.parametrize("kind", ["storage"], indirect=True)


Make = Callable[..., list[Document]]


@pytest.fixture
def backup(cluster: MakeCluster, place: Place) -> Make:
    """The objects of backups with some settings."""

    def make(values: Mapping[str, Any] | None = None, release: str = "st2", **settings: Any) -> list[Document]:
        own = {"enabled": True, "destination": place.destination, **settings}
        return cron_job.documents(cluster({"backup": own, **(values or {})}, release=release))

    return make


@pytest.fixture
def restoring(cluster: MakeCluster, place: Place) -> Make:
    """The objects that restore a backup."""

    def make(name: str, values: Mapping[str, Any] | None = None) -> list[Document]:
        return restore.documents(cluster({"backup": {"destination": place.destination}, **(values or {})}), name)

    return make


def named(seconds: int, release: str = "st2") -> str:
    """The name of a backup that was made at a time."""
    return f"{release}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(seconds))}"


AT_NOON = "st2-20260101T120000Z"


def test_the_scripts_are_portable_and_without_known_mistakes(require: Require) -> None:
    for script in SCRIPTS.glob("*.sh"):
        command = [require("shellcheck"), "--shell=sh", str(script)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout


class TestBackup:
    """A backup, from the dump to its place."""

    def test_it_is_a_folder_called_after_the_release_and_the_time(self, node: Node, backup: Make, place: Place) -> None:
        result = node.run(backup())
        assert result.status == 0, result.output
        assert place.everything() == [AT_NOON]
        assert sorted(
            str(file.relative_to(place.folder / AT_NOON)) for file in (place.folder / AT_NOON).rglob("*.*")
        ) == [
            "manifest.json",
            "mongodb/oplog.bson",
            "mongodb/prelude.json.gz",
            "mongodb/st2/execution_d_b.bson.gz",
            "mongodb/st2/execution_d_b.metadata.json.gz",
        ]
        assert result.output.splitlines()[-2:] == ["there are:", AT_NOON]

    def test_users_with_their_passwords_are_not_in_it(self, node: Node, backup: Make, place: Place) -> None:
        node.run(backup())
        assert not list(place.folder.rglob("*users*"))

    def test_its_manifest_tells_what_is_in_it_and_what_it_needs(self, node: Node, backup: Make, place: Place) -> None:
        node.run(backup({"st2": {"existingDatastoreSecret": "my-crypto-key"}}))
        folder = place.folder / AT_NOON
        manifest = json.loads((folder / "manifest.json").read_text())
        assert manifest["name"] == AT_NOON
        assert manifest["of"] == {
            "release": "st2",
            "namespace": "stackstorm",
            "st2": "3.9",
            "database": "st2",
            "wholeServer": True,
            "image": "docker.io/library/mongo:7.0",
            "secrets": {"my-crypto-key": "Encrypts secret items of the key-value store"},
        }
        assert (manifest["server"], manifest["tools"]) == ("7.0.14", "100.12.0")
        content = {each["path"]: (folder / each["path"]).read_bytes() for each in manifest["files"]}
        assert sorted(content) == sorted(
            str(file.relative_to(folder / "")) for file in folder.rglob("*") if file.is_file() and file.parent != folder
        )
        assert manifest["size"] == sum(map(len, content.values()))
        for each in manifest["files"]:
            assert each["size"] == len(content[each["path"]])
            assert each["sha256"] == hashlib.sha256(content[each["path"]]).hexdigest()

    def test_the_password_is_in_no_argument_and_read_by_nobody_else(self, node: Node, backup: Make) -> None:
        result = node.run(backup())
        for program in ("mongodump", "mongorestore"):
            (call,) = node.calls(program)
            assert call.config == 'password: "tab:\\t \\"quoted\\" back\\\\slash $x"\n'
            assert call.mode == 0o600
            assert PASSWORD not in "".join(call.arguments)
        assert PASSWORD not in result.output

    def test_all_is_of_one_moment(self, node: Node, backup: Make) -> None:
        node.run(backup())
        (call,) = node.calls("mongodump")
        assert {"--oplog", "--gzip", "--username=backup", "--readPreference=secondaryPreferred"} <= {*call.arguments}

    def test_it_is_read_again_before_it_counts(self, node: Node, backup: Make) -> None:
        node.run(backup())
        assert len(node.calls("bsondump")) == 2
        (call,) = node.calls("mongorestore")
        assert "--dryRun" in call.arguments

    def test_a_part_of_a_server_elsewhere_can_be_one(self, node: Node, backup: Make, place: Place) -> None:
        elsewhere = {"mongodb": {"enabled": False, "external": {"uri": "mongodb://db.example.org/"}}}
        external = {"username": "reader", "password": {"existingSecret": "db"}}
        result = node.run(backup(elsewhere, external=external))
        assert result.status == 0, result.output
        (call,) = node.calls("mongodump")
        assert "--db=st2" in call.arguments
        assert "--oplog" not in call.arguments
        manifest = json.loads((place.folder / AT_NOON / "manifest.json").read_text())
        assert (manifest["server"], manifest["of"]["wholeServer"]) == (None, False)

    @on_a_volume
    def test_a_snapshot_of_etcd_is_part_of_it(self, node: Node, backup: Make, place: Place) -> None:
        result = node.run(backup({"coordination": {"backend": "etcd"}}, etcd=True))
        assert result.status == 0, result.output
        folder = place.folder / AT_NOON
        assert (folder / "etcd.db").read_text() == "snapshot"
        assert "etcd.db" in [file["path"] for file in json.loads((folder / "manifest.json").read_text())["files"]]


def damage(pattern: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """A change of one file of a dump."""

    def change_it(folder: Path) -> None:
        (file,) = folder.glob(f".partial-*/mongodb/{pattern}")
        file.write_bytes(change(file.read_bytes()))

    return change_it


DATA = "st2/execution_d_b.bson.gz"


def forge(backup: Path) -> None:
    """Change a file of a backup together with its checksum."""
    file, sums = backup / "mongodb" / DATA, backup / "SHA256SUMS"
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    file.write_bytes(gzip.compress(b""))
    sums.write_text(sums.read_text().replace(before, hashlib.sha256(file.read_bytes()).hexdigest()))


class TestFailures:
    """What is not good is no backup."""

    def test_a_dump_that_fails_leaves_nothing(self, node: Node, backup: Make, place: Place) -> None:
        result = node.run(backup(), FAILS_WITH="1")
        assert result.status == 1
        assert (place.everything(), list(node.volume.iterdir())) == ([], [])

    @on_a_volume
    @pytest.mark.parametrize(
        ("pattern", "change"),
        [
            (DATA, lambda content: content[: len(content) // 2]),
            (DATA, lambda content: content[:-20] + bytes([content[-20] ^ 1]) + content[-19:]),
            (DATA, lambda content: gzip.compress(gzip.decompress(content)[:-7])),
            (DATA, lambda _: b""),
            ("st2/execution_d_b.metadata.json.gz", lambda content: content[:-3]),
            ("oplog.bson", lambda content: gzip.compress(gzip.decompress(content)[3:])),
        ],
        ids=["truncated", "a bit flipped", "a document cut off", "empty", "metadata", "oplog"],
    )
    def test_a_damaged_dump_is_found(
        self, node: Node, backup: Make, place: Place, pattern: str, change: Callable[[bytes], bytes]
    ) -> None:
        result = node.run(backup(), between={"verify": damage(pattern, change)})
        assert result.status == 1
        assert f"{pattern} is damaged" in result.output
        assert (place.everything(), list(node.volume.iterdir())) == ([], [])

    def test_a_dump_without_the_database_is_found(self, node: Node, backup: Make, place: Place) -> None:
        result = node.run(backup(), WRONG_DATABASE="1")
        assert result.status == 1
        assert "the dump holds nothing of the database st2" in result.output
        assert place.everything() == []

    def test_backups_from_before_stay_when_one_fails(self, node: Node, backup: Make, place: Place) -> None:
        settings = {"retention": {"count": 1, "days": 0}}
        node.run(backup(**settings))
        node.run(backup(**settings), now=NOON + 90 * DAY, FAILS_WITH="1")
        assert place.backups() == [AT_NOON]

    def test_what_a_killed_run_left_goes_when_it_cannot_be_alive(self, node: Node, backup: Make, place: Place) -> None:
        left, alive = named(NOON - 7200), named(NOON - 60)
        for name in (left, alive):
            for unfinished in (place.folder / name, node.volume / f".partial-{name}"):
                (unfinished / "mongodb").mkdir(parents=True)
                (unfinished / "mongodb" / "half").write_text("x")
        result = node.run(backup(activeDeadlineSeconds=3600))
        assert result.status == 0, result.output
        assert {alive, AT_NOON} == {*place.everything()} - {f".partial-{alive}", f".partial-{left}"}
        assert place.backups() == [AT_NOON]
        if place.folder == node.volume:
            assert f".partial-{left}" not in place.everything()
            assert f".partial-{alive}" in place.everything()

    @on_a_volume
    def test_it_goes_before_the_dump_because_it_may_fill_the_volume(
        self, node: Node, backup: Make, place: Place
    ) -> None:
        (node.volume / f".partial-{named(NOON - 30 * DAY)}").mkdir()
        node.run(backup(), FAILS_WITH="1")
        assert place.everything() == []

    @in_a_storage
    def test_an_upload_that_fails_is_no_backup(self, node: Node, backup: Make, place: Place, tmp_path: Path) -> None:
        rclone = tmp_path / "stand-ins" / "rclone"
        real = rclone.readlink()
        rclone.unlink()
        rclone.write_text(f'#!/bin/sh\n[ "$1" != check ] || exit 1\nexec {real} "$@"\n')
        rclone.chmod(0o755)
        assert node.run(backup()).status == 1
        assert place.everything() == [AT_NOON]
        assert place.backups() == []


class TestRetention:
    """Which backups are kept."""

    def test_old_ones_beyond_the_count_go(self, node: Node, backup: Make, place: Place) -> None:
        for day in range(5):
            settings = {"retention": {"count": 2, "days": 3}} if day == 4 else FOREVER
            result = node.run(backup(**settings), now=NOON + day * DAY)
            assert result.status == 0, result.output
        kept = [named(NOON + day * DAY) for day in (1, 2, 3, 4)]
        assert place.everything() == kept
        assert result.output.splitlines()[-5:] == ["there are:", *kept]
        assert f"removing {AT_NOON}" in result.output

    def test_others_are_left_alone(self, node: Node, backup: Make, place: Place) -> None:
        others = ["st2-blue-20200101T000000Z", "st2-notes", "20200101T000000Z", "st2-20200101T000000Z.old"]
        for name in others:
            (place.folder / name).mkdir(parents=True)
            (place.folder / name / "manifest.json").write_text("{}")
        node.run(backup(retention={"count": 1, "days": 0}))
        assert place.everything() == sorted([*others, AT_NOON])

    @pytest.mark.parametrize(
        ("ages", "count", "days", "kept"),
        [
            ([0], 1, 0, [0]),
            ([400], 1, 0, [400]),
            ([0, 1, 2, 3], 2, 0, [0, 1]),
            ([0, 1, 2, 3], 1, 2, [0, 1, 2]),
            ([5, 6, 7, 8], 1, 2, [5]),
            ([0, 10, 20, 30], 3, 15, [0, 10, 20]),
            ([0, 1], 7, 14, [0, 1]),
            ([], 1, 1, []),
        ],
    )
    def test_a_backup_is_kept_by_either_rule(
        self, dash: Shell, ages: list[int], count: int, days: int, kept: list[int]
    ) -> None:
        names = {age: named(NOON - age * DAY) for age in ages}
        removed = expired(dash, [*names.values()], count, days)
        assert {names[age] for age in ages} - removed == {names[age] for age in kept}

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.lists(st.integers(-DAY, 400 * DAY), unique=True, max_size=12),
        st.integers(1, 8),
        st.integers(0, 200),
        st.booleans(),
    )
    @example([DAY], 1, 1, True)
    def test_whatever_there_is(
        self, dash: Shell, small: Shell, ages: list[int], count: int, days: int, is_small: bool
    ) -> None:
        names = [named(NOON - age) for age in ages]
        removed = expired(small if is_small else dash, names, count, days)
        newest = {named(NOON - age) for age in sorted(ages)[:count]}
        young = {named(NOON - age) for age in ages if age <= days * DAY}
        assert removed == {*names} - newest - young


def expired(shell: Shell, names: Sequence[str], count: int, days: int) -> set[str]:
    """What expired.sh says."""
    result = subprocess.run(
        [shell.command, str(SCRIPTS / "expired.sh"), str(count), str(days)],
        input="".join(f"{name}\n" for name in names),
        env={"PATH": shell.path, "RELEASE": "st2", "NOW": str(NOON)},
        capture_output=True,
        text=True,
        check=True,
    )
    return {*result.stdout.splitlines()}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For a backup in each kind of place, because many tests begin with the same one."""
    return tmp_path_factory.mktemp("kept")


class TestRestore:
    """The Job of a restore."""

    @pytest.fixture
    def made(self, node: Node, backup: Make, kind: str, kept: Path) -> Node:
        """A node with one backup, whose calls are forgotten."""
        places = {kept / kind / place.name: place for place in (node.volume, node.storage)}
        if (kept / kind).exists():
            for there, place in places.items():
                shutil.copytree(there, place, dirs_exist_ok=True)
            return node
        result = node.run(backup())
        assert result.status == 0, result.output
        for there, place in places.items():
            shutil.copytree(place, there)
        node.forget()
        return node

    def test_it_replaces_what_is_there_and_stops_at_errors(self, made: Node, restoring: Make) -> None:
        result = made.run(restoring(AT_NOON))
        assert result.status == 0, result.output
        assert result.output.splitlines()[-1] == f"restored {AT_NOON}"
        (call,) = made.calls("mongorestore")
        assert {"--drop", "--stopOnError", "--gzip", "--oplogReplay", "--username=root"} <= {*call.arguments}
        assert "--dryRun" not in call.arguments
        assert call.mode == 0o600

    def test_a_backup_of_a_part_has_no_oplog(self, node: Node, backup: Make, restoring: Make) -> None:
        elsewhere = {"mongodb": {"enabled": False, "external": {"uri": "mongodb://db.example.org/"}}}
        user = {"username": "reader", "password": {"existingSecret": "db"}}
        node.run(backup(elsewhere, external={**user, "restore": {**user, "username": "writer"}}))
        node.forget()
        # Also the settings of those who restore may be others.
        result = node.run(restoring(AT_NOON))
        assert result.status == 0, result.output
        (call,) = node.calls("mongorestore")
        assert "--oplogReplay" not in call.arguments

    @on_a_volume
    @pytest.mark.parametrize(
        "change",
        [
            lambda folder: (folder / "mongodb" / DATA).write_bytes(b"other"),
            lambda folder: (folder / "mongodb" / "oplog.bson").unlink(),
            lambda folder: (folder / "mongodb" / "st2" / "more.bson.gz").write_bytes(gzip.compress(b"")),
            lambda folder: (folder / "SHA256SUMS").write_text(""),
            forge,
        ],
        ids=["changed", "lost", "added", "checksums", "forged"],
    )
    def test_a_damaged_backup_is_not_restored(
        self, made: Node, restoring: Make, place: Place, change: Callable[[Path], object]
    ) -> None:
        change(place.folder / AT_NOON)
        result = made.run(restoring(AT_NOON))
        assert result.status == 1
        assert f"{AT_NOON} is damaged" in result.output
        assert made.calls("mongorestore") == []

    def test_one_that_is_not_there_is_not_restored(self, made: Node, restoring: Make) -> None:
        result = made.run(restoring("st2-20250101T000000Z"))
        assert result.status == 1
        assert result.output.splitlines() == ["there is no backup st2-20250101T000000Z; there are:", AT_NOON]
        assert made.calls("mongorestore") == []

    def test_one_of_another_database_is_not_restored(self, made: Node, restoring: Make) -> None:
        result = made.run(restoring(AT_NOON, {"mongodb": {"auth": {"database": "other"}}}))
        assert result.status == 1
        assert f"{AT_NOON} holds nothing of the database other" in result.output
        assert made.calls("mongorestore") == []

    @on_a_volume
    @pytest.mark.parametrize("packed", [False, True])
    def test_a_plain_folder_of_mongodump_is_restored(
        self, node: Node, cluster: MakeCluster, place: Place, packed: bool
    ) -> None:
        folder = place.folder / "old-dump" / "st2"
        folder.mkdir(parents=True)
        (folder / ("a.bson.gz" if packed else "a.metadata.json")).write_bytes(gzip.compress(b"x"))
        made = restore.documents_of_dump(cluster({"backup": {"destination": place.destination}}), "old-dump")
        result = node.run(made)
        assert result.status == 0, result.output
        assert result.output.splitlines()[-1] == "restored old-dump"
        (call,) = node.calls("mongorestore")
        assert {"--drop", "--stopOnError", "--nsInclude=st2.*"} <= {*call.arguments}
        assert ("--gzip" in call.arguments) is packed

    @on_a_volume
    def test_a_plain_dump_that_is_not_there_is_not_restored(
        self, node: Node, cluster: MakeCluster, place: Place
    ) -> None:
        place.folder.mkdir(parents=True, exist_ok=True)
        made = restore.documents_of_dump(cluster({"backup": {"destination": place.destination}}), "nothing")
        result = node.run(made)
        assert result.status == 1
        assert "there is no dump nothing of the database st2" in result.output

    def test_the_backup_stays_as_it_is(self, made: Node, restoring: Make, place: Place) -> None:
        before = {file: file.read_bytes() for file in place.folder.rglob("*") if file.is_file()}
        made.run(restoring(AT_NOON))
        assert {file: file.read_bytes() for file in place.folder.rglob("*") if file.is_file()} == before


@in_a_storage
class TestEncryption:
    """Backups that are encrypted before they leave the cluster."""

    @pytest.fixture
    def destination(self, place: Place) -> Document:
        s3 = place.destination["s3"]
        return {"s3": {**s3, "encryption": {"existingSecret": "crypt"}}}

    @pytest.fixture
    def made(self, node: Node, cluster: MakeCluster, destination: Document) -> Node:
        objects = cron_job.documents(cluster({"backup": {"enabled": True, "destination": destination}}))
        for day in (1, 0):
            result = node.run(objects, now=NOON - day * DAY)
            assert result.status == 0, result.output
        assert f"there are:\n{named(NOON - DAY)}\n" in result.output
        node.forget()
        return node

    def test_the_storage_sees_names_and_no_content_which_comes_back_with_the_password_alone(
        self, made: Node, cluster: MakeCluster, destination: Document
    ) -> None:
        files = [path for path in made.storage.rglob("*") if path.is_file()]
        assert len(files) > 6
        assert {path.suffix for path in files} == {".bin"}
        assert all(path.read_bytes().startswith(b"RCLONE\0\0") for path in files)
        assert {AT_NOON} <= {path.parts[-2] for path in files}

        restoring = restore.documents(cluster({"backup": {"destination": destination}}), AT_NOON)
        result = made.run(restoring)
        assert result.status == 0, result.output
        assert result.output.splitlines()[-1] == f"restored {AT_NOON}"
        made.encryption.write_text("another")
        result = made.run(restoring)
        assert result.status != 0

    def test_old_ones_go_and_an_empty_password_is_an_error(
        self, node: Node, cluster: MakeCluster, destination: Document
    ) -> None:
        retention = {"count": 1, "days": 0}
        values = {"backup": {"enabled": True, "destination": destination, "retention": retention}}
        objects = cron_job.documents(cluster(values))
        for day in (1, 0):
            result = node.run(objects, now=NOON - day * DAY)
            assert result.status == 0, result.output
        assert {path.parts[-2] for path in node.storage.rglob("manifest.json.bin")} == {AT_NOON}
        node.encryption.write_text("")
        result = node.run(objects)
        assert result.status != 0
        assert "is empty" in result.output
