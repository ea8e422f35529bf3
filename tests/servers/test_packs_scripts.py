"""The scripts that bring packs into pods, run as init containers run them, in the shells of the images."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from servers.ports import PATIENCE, eventually
from support import Require, need_root

from constructs_st2.parts.packs import scripts

FOLDER = Path(scripts.__file__).parent
USER = 1000

# $1 becomes /opt. What is mounted below it comes first, because its sources can be anywhere, also in /opt.
CONTAINER = """
set -eu
mount -o bind,ro "$1" "$1"
{mounts}
mount --rbind "$1" /opt
mount -o remount,bind,ro /
shift
exec "$@"
"""

RESTRICTED = [
    "setpriv",
    f"--reuid={USER}",
    f"--regid={USER}",
    f"--groups={USER}",
    "--no-new-privs",
    "--inh-caps=-all",
    "--bounding-set=-all",
]

IMAGE = "/opt/stackstorm"
MERGED = "/opt/merged"
KINDS = ("packs", "virtualenvs")


@dataclass(frozen=True)
class Bind:
    """A folder of the test in a container."""

    source: Path
    options: str = "ro"

    def script(self, at: str) -> str:
        source = shlex.quote(str(self.source))
        return f"mount -o bind,{self.options} {source} {at}\n"


@dataclass(frozen=True)
class Tmpfs:
    """A file system with properties of its own, as the emptyDir of a pod is there: root's, writable by its group."""

    options: str

    def script(self, at: str) -> str:
        return f"mount -t tmpfs -o mode=2775,gid={USER},{self.options} tmpfs {at}\n"


Mounts = Mapping[str, Bind | Tmpfs]


class Shell:
    """Runs scripts as the init containers of a pod, with a shell and the programs that its image has.

    Args:
        folder: for the files of the containers.
        name: of the shell.
        programs: where its programs are.
    """

    def __init__(self, folder: Path, name: str, programs: Path) -> None:
        self._folder = folder
        self._name = name
        self._programs = programs
        self._wrappers = folder / "wrappers"
        self._wrappers.mkdir()
        self._count = 0

    def wrap(self, programs: Iterable[str], script: str) -> None:
        """Let programs first do something else. They go on with `real`; `$0` ends with their names."""
        for program in programs:
            wrapper = self._wrappers / program
            wrapper.write_text(
                f'#!/bin/sh\nreal() {{ PATH=/opt/programs:/usr/bin:/bin {program} "$@"; }}\n{script}\nreal "$@"\n'
            )
            wrapper.chmod(0o755)

    def start(self, script: str, *arguments: str, mounts: Mounts, pod: str = "pod-1") -> subprocess.Popen[str]:
        self._count += 1
        opt = self._folder / f"container-{self._count}"
        all_mounts: Mounts = {
            "/opt/constructs-st2": Bind(FOLDER),
            "/opt/programs": Bind(self._programs),
            "/opt/wrappers": Bind(self._wrappers),
            **mounts,
        }
        places = {opt / Path(at).relative_to("/opt"): mount for at, mount in all_mounts.items()}
        for place in places:
            place.mkdir(parents=True)
        readable(opt)
        readable(self._wrappers)
        setup = CONTAINER.format(mounts="".join(mount.script(shlex.quote(str(at))) for at, mount in places.items()))
        command = [self._name, f"/opt/constructs-st2/{script}", *arguments]
        return subprocess.Popen(
            [
                *("unshare", "--mount", "--uts", "sh", "-c", f"hostname {pod}\n{setup}", "setup", str(opt)),
                *RESTRICTED,
                *("env", "-i", "PATH=/opt/wrappers:/opt/programs:/usr/bin:/bin"),
                *command,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, script: str, *arguments: str, mounts: Mounts, pod: str = "pod-1") -> subprocess.CompletedProcess[str]:
        process = self.start(script, *arguments, mounts=mounts, pod=pod)
        out, err = process.communicate(timeout=PATIENCE)
        return subprocess.CompletedProcess([], process.returncode, out, err)


@pytest.fixture(scope="module")
def busybox(require: Require, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a small image."""
    programs = tmp_path_factory.mktemp("busybox")
    programs.chmod(0o755)
    subprocess.run([require("busybox"), "--install", "-s", programs], check=True)
    return programs


@pytest.fixture(params=["dash", "busybox"])
def shell(request: pytest.FixtureRequest, require: Require, tmp_path: Path) -> Shell:
    """dash with the programs of GNU, as in st2's images, or nothing but busybox, as in Alpine's."""
    need_root()
    if request.param == "busybox":
        return Shell(tmp_path, "sh", request.getfixturevalue("busybox"))
    return Shell(tmp_path, require("dash"), Path("/usr/bin"))


def readable(folder: Path) -> None:
    """Let everybody read a tree, as the builders of images should: `chmod -R a+rX`."""
    for place in (folder, *folder.rglob("*")):
        if not place.is_symlink():
            mode = place.stat().st_mode
            place.chmod(mode | (0o555 if place.is_dir() or mode & 0o111 else 0o444))


def make_tree(folder: Path, files: Mapping[str, str]) -> None:
    """Make files by their paths, which end with / for folders. `-> x` makes a symbolic link, `#!...` a program."""
    folder.mkdir(exist_ok=True)
    for path, text in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if path.endswith("/"):
            place.mkdir(exist_ok=True)
        elif text.startswith("-> "):
            place.symlink_to(text.removeprefix("-> "))
        else:
            place.write_text(text)
            place.chmod(0o755 if text.startswith("#!") else 0o644)
    readable(folder)


def tree_of(folder: Path) -> dict[str, str]:
    """What `make_tree` would make it of, without the folders that have something in them."""
    found = {}
    for place in folder.rglob("*"):
        path = str(place.relative_to(folder))
        if place.is_symlink():
            found[path] = f"-> {place.readlink()}"
        elif place.is_file():
            found[path] = place.read_text()
        elif not any(place.iterdir()):
            found[f"{path}/"] = ""
    return found


def make_volume(folder: Path) -> Path:
    """Make what a pod finds in an empty volume: it belongs to root, and to the group of the pod."""
    folder.mkdir()
    os.chown(folder, 0, USER)
    folder.chmod(0o2775)
    return folder


def test_they_are_portable_and_without_known_mistakes(require: Require) -> None:
    command = [require("shellcheck"), "--shell=sh", *map(str, FOLDER.glob("*.sh"))]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


AWS = {"packs/aws/pack.yaml": "name: aws\n", "packs/aws/actions/list.py": "print()\n"}
AWS_VIRTUALENV = {
    "virtualenvs/aws/bin/python": "-> /opt/stackstorm/st2/bin/python3",
    "virtualenvs/aws/lib/python3.10/site-packages/boto3.py": "\n",
    "virtualenvs/aws/lib64": "-> lib",
}
OTHER_AWS = {"packs/aws/pack.yaml": "name: aws\nversion: 2.0.0\n", "packs/aws/new": "\n"}
OTHER_VIRTUALENV = {"virtualenvs/aws/lib/python3.10/site-packages/boto4.py": "\n"}


class Merging:
    """Images of packs, one after the other, and the volumes that they go into."""

    def __init__(self, shell: Shell, folder: Path) -> None:
        self.shell = shell
        self._folder = folder
        self._count = 0
        self.target = folder / "merged"
        self.target.mkdir()
        self.volumes: dict[str, Bind | Tmpfs] = {
            f"{MERGED}/{kind}": Bind(make_volume(self.target / kind), "rw") for kind in KINDS
        }

    def image(self, files: Mapping[str, str]) -> Path:
        """The files of an image."""
        self._count += 1
        image = self._folder / f"image-{self._count}"
        make_tree(image, files)
        return image

    def start(self, mode: str, image: Path, name: str = "images/packs:1", pod: str = "pod-1") -> subprocess.Popen[str]:
        mounts = {IMAGE: Bind(image), **self.volumes}
        return self.shell.start(scripts.MERGE_PACKS, mode, name, IMAGE, MERGED, mounts=mounts, pod=pod)

    def run(
        self, mode: str, image: Path | Mapping[str, str], name: str = "images/packs:1", pod: str = "pod-1"
    ) -> subprocess.CompletedProcess[str]:
        process = self.start(mode, image if isinstance(image, Path) else self.image(image), name, pod)
        out, err = process.communicate(timeout=PATIENCE)
        return subprocess.CompletedProcess([], process.returncode, out, err)

    def merge(self, mode: str, files: Mapping[str, str], name: str = "images/packs:1") -> list[str]:
        """Merge an image without any complaint; returns what the script says."""
        result = self.run(mode, files, name)
        assert (result.returncode, result.stderr) == (0, "")
        return result.stdout.splitlines()

    @property
    def merged(self) -> dict[str, str]:
        """What is in the volumes."""
        return tree_of(self.target)

    def empty(self, *, but: Mapping[str, str] | None = None) -> bool:
        """Whether the volumes have nothing else, work folders included."""
        expected = dict(but or {})
        return self.merged == expected | {
            f"{kind}/": "" for kind in KINDS if not any(path.startswith(f"{kind}/") for path in expected)
        }


@pytest.fixture
def merging(shell: Shell, tmp_path: Path) -> Merging:
    return Merging(shell, tmp_path)


class TestMergePacks:
    """merge-packs.sh."""

    def test_packs_and_virtualenvs_are_copied_whole(self, merging: Merging) -> None:
        files = {
            **AWS,
            **AWS_VIRTUALENV,
            "packs/aws/actions/run.sh": "#!/bin/sh\n",
            "packs/aws/.git/HEAD": "main\n",
            "packs/aws/empty/": "",
            "packs/aws/dangling": "-> /nowhere/at/all",
            "packs/linux/pack.yaml": "name: linux\n",
            "virtualenvs/lone/pyvenv.cfg": "\n",
        }
        image = merging.image(files)
        os.utime(image / "packs/aws/actions/list.py", (1_500_000_000, 1_500_000_000))
        (image / "packs/aws/actions").chmod(0o2555)
        result = merging.run("copy", image)
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout == "images/packs:1: 2 packs, 2 virtualenvs\n"
        assert merging.empty(but=files)
        copy = merging.target / "packs/aws/actions"
        assert (copy / "run.sh").stat().st_mode == (image / "packs/aws/actions/run.sh").stat().st_mode
        assert copy.stat().st_mode & 0o777 == 0o555
        assert (copy / "list.py").stat().st_mtime == 1_500_000_000
        assert (copy / "list.py").stat().st_uid == USER

    @pytest.mark.parametrize("mode", ["copy", "link"])
    def test_any_name_will_do(self, merging: Merging, mode: str) -> None:
        names = ["with blank", "-dash", ".hidden", "..two", "päck", "*", "new"]
        files = {f"{kind}/{name}/file": name for kind in KINDS for name in names}
        assert merging.merge(mode, files) == ["images/packs:1: 7 packs, 7 virtualenvs"]
        assert {path.name for path in (merging.target / "packs").iterdir()} == set(names)
        if mode != "link":
            assert merging.empty(but=files)

    def test_empty_folders_bring_nothing(self, merging: Merging) -> None:
        files = {"packs/": "", "virtualenvs/": "", "packs/README.md": "not a pack\n"}
        assert merging.merge("copy", files) == ["images/packs:1: 0 packs, 0 virtualenvs"]
        assert merging.empty()

    @pytest.mark.parametrize(
        ("files", "missing", "counts"),
        [(AWS, "virtualenvs", "1 packs, 0 virtualenvs"), (AWS_VIRTUALENV, "packs", "0 packs, 1 virtualenvs")],
    )
    def test_an_image_need_not_have_both(
        self, merging: Merging, files: Mapping[str, str], missing: str, counts: str
    ) -> None:
        assert merging.merge("copy", files) == [
            f"images/packs:1: there is no {IMAGE}/{missing}",
            f"images/packs:1: {counts}",
        ]
        assert merging.empty(but=files)

    def test_an_image_without_any_is_a_mistake(self, merging: Merging) -> None:
        result = merging.run("copy", {"opt/aws/pack.yaml": "name: aws\n"})
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr == (
            f"images/packs:1: there is neither {IMAGE}/packs nor {IMAGE}/virtualenvs; the image must hold packs in "
            "/opt/stackstorm/packs, and their virtualenvs in /opt/stackstorm/virtualenvs\n"
        )

    def test_an_unknown_mode_is_a_mistake(self, merging: Merging) -> None:
        result = merging.run("move", AWS)
        assert (result.returncode, merging.empty()) == (1, True)
        assert result.stderr == "images/packs:1: the mode is copy, link or system, not move\n"

    @pytest.mark.parametrize("before", ["copy", "link"])
    @pytest.mark.parametrize("mode", ["copy", "system"])
    def test_a_later_image_replaces_the_whole_pack(self, merging: Merging, before: str, mode: str) -> None:
        stays = {"packs/linux/pack.yaml": "name: linux\n"}
        merging.merge("copy", stays)
        merging.merge(before, AWS | AWS_VIRTUALENV)
        assert merging.merge(mode, OTHER_AWS | OTHER_VIRTUALENV, "images/packs:2") == [
            "pack aws: images/packs:2 replaces the one that was there",
            "images/packs:2: 1 packs, 1 virtualenvs",
        ]
        assert merging.empty(but=stays | OTHER_AWS | OTHER_VIRTUALENV)

    @pytest.mark.parametrize("before", ["copy", "link"])
    def test_links_lead_to_where_the_image_is_mounted(self, merging: Merging, before: str) -> None:
        merging.merge(before, AWS | AWS_VIRTUALENV)
        assert merging.merge("link", OTHER_AWS | OTHER_VIRTUALENV, "images/packs:2") == [
            "pack aws: images/packs:2 replaces the one that was there",
            "images/packs:2: 1 packs, 1 virtualenvs",
        ]
        assert merging.empty(but={f"{kind}/aws": f"-> {IMAGE}/{kind}/aws" for kind in KINDS})

    def test_replacing_a_link_leaves_what_it_leads_to(self, merging: Merging, tmp_path: Path) -> None:
        other = make_volume(tmp_path / "other")
        (other / "kept").write_text("\n")
        os.chown(other / "kept", USER, USER)
        (other / "kept").chmod(0o400)
        os.chown(other, USER, USER)
        other.chmod(0o500)
        merging.volumes["/opt/other"] = Bind(other, "rw")
        (merging.target / "packs" / "aws").symlink_to("/opt/other")
        merging.merge("copy", AWS)
        assert merging.empty(but=AWS)
        assert [path.stat().st_mode & 0o777 for path in (other, other / "kept")] == [0o500, 0o400]

    @pytest.mark.parametrize("mode", ["copy", "link", "system"])
    def test_a_virtualenv_goes_with_its_pack(self, merging: Merging, mode: str) -> None:
        merging.merge("copy", AWS | AWS_VIRTUALENV)
        assert merging.merge(mode, {**OTHER_AWS, "virtualenvs/": ""}, "images/packs:2") == [
            "virtualenv aws: removed, because images/packs:2 brings the pack without one",
            "pack aws: images/packs:2 replaces the one that was there",
            "images/packs:2: 1 packs, 0 virtualenvs",
        ]
        assert not list((merging.target / "virtualenvs").iterdir())

    def test_a_virtualenv_alone_leaves_the_pack(self, merging: Merging) -> None:
        merging.merge("copy", AWS | AWS_VIRTUALENV)
        merging.merge("copy", {**OTHER_VIRTUALENV, "packs/": ""})
        assert merging.empty(but=AWS | OTHER_VIRTUALENV)

    def test_a_pack_that_is_a_link_in_its_image_is_copied(self, merging: Merging) -> None:
        files = {
            "packs/aws": "-> ../src/aws-pack",
            "src/aws-pack/pack.yaml": "name: aws\n",
            "src/aws-pack/link": "-> x",
        }
        merging.merge("copy", files)
        assert merging.empty(but={"packs/aws/pack.yaml": "name: aws\n", "packs/aws/link": "-> x"})

    @pytest.mark.parametrize("mode", ["copy", "link"])
    def test_folders_that_nobody_can_write_are_no_obstacle(self, merging: Merging, mode: str) -> None:
        image = merging.image(AWS)
        for folder in ("packs/aws/actions", "packs/aws"):
            (image / folder).chmod(0o555)
        result = merging.run("copy", image)
        assert (result.returncode, result.stderr) == (0, "")
        (merging.target / "packs" / "aws").chmod(0o555)
        merging.merge(mode, OTHER_AWS)
        assert not (merging.target / "packs" / ".constructs-st2").exists()

    def test_an_unreadable_file_is_named(self, merging: Merging) -> None:
        merging.merge("copy", AWS)
        image = merging.image(OTHER_AWS)
        (image / "packs/aws/new").chmod(0o600)
        result = merging.run("copy", image)
        assert (result.returncode, result.stdout) == (1, f"images/packs:1: there is no {IMAGE}/virtualenvs\n")
        assert f"cannot read all of {IMAGE}/packs/aws as user 1000" in result.stderr
        assert "`chmod -R a+rX`" in result.stderr
        assert f"'{IMAGE}/packs/aws/new'" in result.stderr
        assert "ownership" not in result.stderr
        assert merging.empty(but=AWS)

    class TestSystem:
        """The packs of st2 itself."""

        SYSTEM: Mapping[str, str] = {
            "packs/core/pack.yaml": "name: core\nversion: 3.9.0\n",
            "packs/default/pack.yaml": "name: default\n",
            "virtualenvs/core/lib/python3.10/x.py": "\n",
            "virtualenvs/default/lib/python3.10/x.py": "\n",
            "st2/lib/python3.10/x.py": "\n",
        }
        BROUGHT: Mapping[str, str] = {path: text for path, text in SYSTEM.items() if not path.startswith("st2/")}

        def test_they_are_those_of_the_running_version(self, merging: Merging) -> None:
            merging.merge("copy", {"packs/core/pack.yaml": "name: core\nversion: 3.8.1\n", "packs/core/old": "\n"})
            merging.merge("system", self.SYSTEM, "stackstorm/st2:3.9")
            assert merging.empty(but=self.BROUGHT)

        @pytest.mark.parametrize("virtualenv", [{}, {"virtualenvs/default/lib/python3.10/y.py": "\n"}])
        @pytest.mark.parametrize("mode", ["copy", "link"])
        def test_the_pack_default_is_the_users(
            self, merging: Merging, mode: str, virtualenv: Mapping[str, str]
        ) -> None:
            merging.merge(mode, {"packs/default/rules/mine.yaml": "\n", "virtualenvs/": "", **virtualenv})
            before = merging.merged
            assert merging.merge("system", self.SYSTEM, "stackstorm/st2:3.9") == [
                "pack default: the one that is there stays",
                "stackstorm/st2:3.9: 1 packs, 1 virtualenvs",
            ]
            after = merging.merged
            assert {path: text for path, text in after.items() if "/default" in path} == {
                path: text for path, text in before.items() if "/default" in path
            }
            assert "packs/core/pack.yaml" in after

        def test_a_virtualenv_for_another_python_gets_a_warning(self, merging: Merging) -> None:
            merging.merge(
                "copy",
                {
                    "virtualenvs/old one/lib/python3.8/x.py": "\n",
                    "virtualenvs/good/lib/python3.10/x.py": "\n",
                    "virtualenvs/core/lib/python3.8/x.py": "\n",
                    "virtualenvs/none/x": "\n",
                },
            )
            result = merging.run("system", self.SYSTEM, "stackstorm/st2:3.9")
            assert result.returncode == 0
            assert result.stderr == (
                "virtualenv old one is made for Python 3.8, st2 runs 3.10: its actions will fail; "
                "rebuild the packs image from the image of this st2 version\n"
            )

    class TestSharedVolumes:
        """Volumes that running pods read, and that other runs may have left something in."""

        def test_a_pack_is_missing_only_between_two_renames(self, merging: Merging) -> None:
            merging.merge("copy", AWS | AWS_VIRTUALENV)
            log = "/opt/merged/virtualenvs/log"
            there = " && ".join(f"[ -e {MERGED}/{kind}/aws ]" for kind in KINDS)
            merging.shell.wrap(
                ["cp", "mv", "rm", "chmod", "mkdir", "rmdir", "ln", "find"],
                f'if {there}; then echo "${{0##*/}} yes"; else echo "${{0##*/}} no"; fi >>{log}',
            )
            merging.merge("copy", OTHER_AWS | OTHER_VIRTUALENV)
            seen = set((merging.target / "virtualenvs" / "log").read_text().splitlines())
            assert {"cp yes", "mv yes", "mv no", "rm yes"} <= seen
            assert {line for line in seen if line.endswith(" no")} == {"mv no"}

        @pytest.fixture
        def killed(self, merging: Merging) -> None:
            """A run that is killed when it has copied something."""
            merging.shell.wrap(["cp"], 'real "$@"; sleep 60')
            process = merging.start("copy", merging.image(AWS | AWS_VIRTUALENV), pod="pod-10")
            work = merging.target / "virtualenvs" / ".constructs-st2"
            eventually(lambda: any(work.glob("*/new/lib64")), "the copy")
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            assert list(work.iterdir())
            merging.shell.wrap(["cp"], "")

        @pytest.mark.usefixtures("killed")
        def test_the_next_run_removes_what_a_killed_one_left(self, merging: Merging) -> None:
            assert not (merging.target / "virtualenvs" / "aws").exists()
            result = merging.run("copy", OTHER_AWS, pod="pod-10")
            assert (result.returncode, result.stderr) == (0, "")
            assert merging.empty(but=OTHER_AWS)

        @pytest.mark.usefixtures("killed")
        @pytest.mark.parametrize(("age", "stays"), [(3600, True), (3 * 86400, False)])
        def test_what_other_pods_left_stays_for_two_days(self, merging: Merging, age: int, stays: bool) -> None:
            left = [*merging.target.glob("*/.constructs-st2/*")]
            assert len(left) == 2
            for folder in left:
                os.utime(folder, (time.time() - age, time.time() - age))
            result = merging.run("copy", OTHER_AWS, pod="pod-1")
            assert (result.returncode, result.stderr) == (0, "")
            assert [*merging.target.glob("*/.constructs-st2/*")] == (left if stays else [])
            assert merging.empty(but=OTHER_AWS) is not stays

        def test_what_cannot_be_removed_yet_is_no_failure(self, merging: Merging) -> None:
            merging.merge("copy", AWS)
            # Stands for a file that NFS keeps because a process of the node has it open.
            make_tree(merging.target / "packs" / "aws" / "busy", {"file": "\n"})
            result = merging.run("copy", OTHER_AWS)
            assert result.returncode == 0
            assert "/old now; a later run does" in result.stderr
            assert (merging.target / "packs/aws/new").exists()
            assert list((merging.target / "packs" / ".constructs-st2").rglob("file"))

        def test_a_pack_of_another_user_is_named(self, merging: Merging) -> None:
            make_tree(merging.target / "packs" / "aws", {"pack.yaml": "name: aws\n"})
            result = merging.run("copy", OTHER_AWS)
            assert result.returncode == 1
            assert f"cannot replace {MERGED}/packs/aws as user 1000: drwxr-" in result.stderr
            assert merging.empty(but={"packs/aws/pack.yaml": "name: aws\n"})

        def test_a_full_volume_keeps_what_it_has(self, merging: Merging) -> None:
            merging.volumes[f"{MERGED}/virtualenvs"] = Tmpfs("size=64k")
            merging.merge("copy", AWS)
            result = merging.run("copy", OTHER_AWS | {"virtualenvs/aws/big": "x" * 100_000})
            assert result.returncode == 1
            assert f"images/packs:1: cannot copy {IMAGE}/virtualenvs/aws:" in result.stderr
            assert "No space left on device" in result.stderr
            assert merging.empty(but=AWS)

        @pytest.mark.parametrize(
            ("volume", "error"),
            [
                (Tmpfs("ro"), "Read-only file system"),
                (Tmpfs("gid=0"), "Permission denied"),
            ],
        )
        def test_a_volume_that_cannot_be_written_is_named(self, merging: Merging, volume: Tmpfs, error: str) -> None:
            merging.volumes[f"{MERGED}/packs"] = volume
            result = merging.run("copy", AWS)
            assert (result.returncode, merging.empty()) == (1, True)
            assert error in result.stderr
            assert f"images/packs:1: cannot write into {MERGED}/packs as user 1000, group 1000\n" in result.stderr


class TestCopyConfigs:
    """copy-configs.sh."""

    FROM = "/opt/mounted"
    TO = "/opt/stackstorm/configs"

    @pytest.fixture
    def volume(self, tmp_path: Path) -> Path:
        return make_volume(tmp_path / "configs")

    @pytest.fixture
    def copy(self, shell: Shell, volume: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
        """Copies the keys of a ConfigMap."""

        def copy(files: Mapping[str, str], options: str = "rw") -> subprocess.CompletedProcess[str]:
            mounted = tmp_path / f"mounted-{len(list(tmp_path.glob('mounted-*')))}"
            make_tree(
                mounted,
                {
                    **{f"..2025_01_01/{name}": text for name, text in files.items()},
                    "..data": "-> ..2025_01_01",
                    **{name: f"-> ..data/{name}" for name in files},
                },
            )
            mounts = {self.FROM: Bind(mounted), self.TO: Bind(volume, options)}
            return shell.run(scripts.COPY_CONFIGS, self.FROM, self.TO, mounts=mounts)

        return copy

    def test_files_become_regular_files_beside_the_others(
        self, copy: Callable[..., subprocess.CompletedProcess[str]], volume: Path
    ) -> None:
        (volume / "mine.yaml").write_text("mine\n")
        files = {"aws.yaml": "region: x\n", "with blank.yaml": "\n", ".hidden": "\n", "-dash.yaml": "\n"}
        result = copy(files)
        assert (result.returncode, result.stderr) == (0, "")
        assert sorted(result.stdout.splitlines()) == sorted(f"{name}: written" for name in files)
        assert tree_of(volume) == {"mine.yaml": "mine\n", **files}

    def test_nothing_to_copy_is_no_failure(
        self, copy: Callable[..., subprocess.CompletedProcess[str]], volume: Path
    ) -> None:
        result = copy({})
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
        assert tree_of(volume) == {}

    def test_only_what_changed_is_written(
        self, copy: Callable[..., subprocess.CompletedProcess[str]], volume: Path
    ) -> None:
        copy({"a.yaml": "1\n", "b.yaml": "1\n"})
        before = (volume / "a.yaml").stat()
        assert copy({"a.yaml": "1\n", "b.yaml": "2\n"}).stdout == "b.yaml: written\n"
        after = (volume / "a.yaml").stat()
        assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
        assert (volume / "b.yaml").read_text() == "2\n"

    def test_a_reader_sees_the_old_or_the_new_one(
        self, copy: Callable[..., subprocess.CompletedProcess[str]], volume: Path
    ) -> None:
        copy({"a.yaml": "old\n"})
        with (volume / "a.yaml").open() as reader:
            copy({"a.yaml": "new\n"})
            assert reader.read() == "old\n"

    def test_what_is_in_the_way_is_replaced(
        self, copy: Callable[..., subprocess.CompletedProcess[str]], volume: Path
    ) -> None:
        make_tree(volume, {"link.yaml": "-> same.yaml", "same.yaml": "1\n", ".constructs-st2.pod-1": "of a killed run"})
        (volume / ".constructs-st2.pod-1").chmod(0o400)
        assert copy({"link.yaml": "1\n"}).stdout == "link.yaml: written\n"
        assert tree_of(volume) == {"link.yaml": "1\n", "same.yaml": "1\n"}

    def test_a_folder_is_in_the_way(self, copy: Callable[..., subprocess.CompletedProcess[str]], volume: Path) -> None:
        (volume / "aws.yaml").mkdir()
        result = copy({"aws.yaml": "1\n"})
        assert result.returncode == 1
        assert result.stderr == f"{self.TO}/aws.yaml is a folder: it cannot become a file\n"
        assert tree_of(volume) == {"aws.yaml/": ""}

    def test_a_failed_run_leaves_nothing_behind(
        self, shell: Shell, copy: Callable[..., subprocess.CompletedProcess[str]], volume: Path
    ) -> None:
        shell.wrap(["mv"], "exit 1")
        assert copy({"aws.yaml": "1\n"}).returncode == 1
        assert tree_of(volume) == {}

    def test_a_volume_that_cannot_be_written_is_a_failure(
        self, copy: Callable[..., subprocess.CompletedProcess[str]]
    ) -> None:
        result = copy({"aws.yaml": "1\n"}, "ro")
        assert (result.returncode, result.stdout) == (1, "")
        assert "Read-only file system" in result.stderr

    def test_a_missing_source_is_a_failure(self, shell: Shell, volume: Path) -> None:
        result = shell.run(scripts.COPY_CONFIGS, self.FROM, self.TO, mounts={self.TO: Bind(volume, "rw")})
        assert (result.returncode, result.stderr) == (1, f"there is no {self.FROM}\n")


class TestPacksVolumes:
    """test-packs-volumes.sh."""

    PACKS = "/opt/stackstorm/packs"
    OTHER = "/opt/stackstorm/virtualenvs"
    REMINDER = (
        "many pods share these volumes: the access mode of their claims must be ReadWriteMany, "
        "which this does not test\n"
    )

    @pytest.fixture
    def volume(self, tmp_path: Path) -> Path:
        return make_volume(tmp_path / "volume")

    def test_good_volumes_pass_and_stay_as_they_were(self, shell: Shell, volume: Path) -> None:
        (volume / "aws").mkdir()
        mounts: Mounts = {self.PACKS: Bind(volume, "rw"), self.OTHER: Tmpfs("size=1m")}
        result = shell.run(scripts.TEST_PACKS_VOLUMES, self.PACKS, self.OTHER, mounts=mounts)
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout == f"packs: writable\nvirtualenvs: writable\n{self.REMINDER}"
        assert tree_of(volume) == {"aws/": ""}

    @pytest.mark.parametrize(
        ("mount", "what", "error", "hint"),
        [
            (
                Tmpfs("ro"),
                "make a folder",
                "Read-only file system",
                "the volume is mounted read-only: look for readOnly",
            ),
            (
                Tmpfs("gid=0"),
                "make a folder",
                "Permission denied",
                f"owner and mode of {PACKS} are 0:0 2775, this runs as 1000:1000 (groups 1000): give it to that user",
            ),
            (Tmpfs("nr_inodes=2"), "create a file", "No space left on device", "the volume is full: tmpfs"),
            (Tmpfs("noexec"), "run a program", "Permission denied", "is it mounted with noexec?"),
        ],
    )
    def test_each_failure_comes_with_a_hint(
        self, shell: Shell, volume: Path, mount: Tmpfs, what: str, error: str, hint: str
    ) -> None:
        mounts: Mounts = {self.PACKS: mount, self.OTHER: Bind(volume, "rw")}
        result = shell.run(scripts.TEST_PACKS_VOLUMES, self.PACKS, self.OTHER, mounts=mounts)
        assert (result.returncode, result.stdout) == (1, f"virtualenvs: writable\n{self.REMINDER}")
        failure, advice = result.stderr.splitlines()
        assert failure.startswith(f"packs: cannot {what}: ")
        assert error in failure
        assert advice.startswith(f"packs: {hint}")

    @pytest.mark.parametrize(
        ("program", "script", "failure"),
        [
            ("mkdir", "echo 'mkdir: Stale file handle'; exit 1", "make a folder: mkdir: Stale file handle"),
            # As on SMB.
            (
                "ln",
                "echo 'ln: x: Operation not supported'; exit 1",
                "make a symbolic link: ln: x: Operation not supported",
            ),
            ("mv", "echo 'mv: Input/output error'; exit 1", "rename a file: mv: Input/output error"),
            # The first cat writes, the next ones read.
            ("cat", '[ -n "${1-}" ] && echo other && exit', "read what was written: it has another content: other"),
            # The one at the end cleans up.
            ("rm", '[ "$1" = -rf ] || { echo "rm: in use"; exit 1; }', "delete: rm: in use"),
        ],
    )
    def test_what_the_other_steps_are_for(
        self, shell: Shell, volume: Path, program: str, script: str, failure: str
    ) -> None:
        shell.wrap([program], script)
        result = shell.run(scripts.TEST_PACKS_VOLUMES, self.PACKS, mounts={self.PACKS: Bind(volume, "rw")})
        assert (result.returncode, result.stdout) == (1, self.REMINDER)
        assert result.stderr.startswith(f"packs: cannot {failure}\n")
        assert ("mfsymlinks" in result.stderr) is (program == "ln")
        assert tree_of(volume) == {}

    def test_all_failures_of_a_volume_are_told(self, shell: Shell, volume: Path) -> None:
        shell.wrap(["ln", "mv"], "echo no; exit 1")
        result = shell.run(scripts.TEST_PACKS_VOLUMES, self.PACKS, mounts={self.PACKS: Bind(volume, "noexec")})
        assert [line.split(":")[1] for line in result.stderr.splitlines()[::2]] == [
            " cannot rename a file",
            " cannot run a program",
            " cannot make a symbolic link",
        ]

    def test_the_volumes_must_be_mounted(self, shell: Shell, volume: Path) -> None:
        mounts = {"/opt/stackstorm": Bind(volume, "rw")}
        (volume / "packs").mkdir()
        result = shell.run(scripts.TEST_PACKS_VOLUMES, self.PACKS, self.OTHER, mounts=mounts)
        assert (result.returncode, result.stdout) == (1, self.REMINDER)
        assert result.stderr.splitlines() == [
            f"packs: no volume is mounted at {self.PACKS}",
            f"virtualenvs: there is no {self.OTHER}",
        ]
