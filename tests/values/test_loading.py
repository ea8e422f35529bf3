"""From files and `--set` to typed values."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from constructs_st2.errors import UserError, ValueProblem
from constructs_st2.values.loading import Format, Loaded, check, read_all
from constructs_st2.values.shape import default_of
from constructs_st2.values.yaml_source import Source


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Image(Strict):
    tag: str = "3.9"
    pull_secret: str | None = Field(None, alias="pullSecret")


class Limits(TypedDict, total=False):
    memory: str


class Service(Strict):
    replicas: int = 1
    image: Image = Field(default={}, validate_default=True)
    limits: Limits = {}
    script: str = ""


class Values(Strict):
    profile: str = "ha"
    image: Image = Image(tag="3.8")
    names: list[str] = Field(default_factory=lambda: ["a"])
    required: str | None = Field(default=None)
    service: Service = Field(default={}, validate_default=True)
    configs: dict[str, str] = {}


class Counting(Values):
    count: int = 0
    replicas: int = 0


@pytest.fixture(autouse=True)
def _in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def loading(*texts: str, sets: tuple[str, ...] = (), model: type[Values] = Values, **options: Any) -> Loaded[Values]:
    files = []
    for name, text in zip(("a.yaml", "b.yaml"), texts, strict=False):
        files.append(Path(name))
        files[-1].write_text(text)
    sources = read_all(files)
    constants = {".Release.Name": "demo", ".Release.Namespace": "tools", ".Chart.AppVersion": "3.9"}
    return check(Format(model, **options), sources, sets, constants=constants)


def problems(*texts: str, sets: tuple[str, ...] = (), **options: Any) -> tuple[str, ...]:
    with pytest.raises(UserError) as caught:
        loading(*texts, sets=sets, **options)
    return caught.value.problems


def test_files_then_sets_then_templates() -> None:
    loaded = loading(
        'service:\n  replicas: 2\n  script: "{{ .Release.Name }} {{ .Values.image.tag }}"\n',
        "image: {tag: x}\nservice: {replicas: 3}\n",
        sets=("service.replicas=4", "names={p,q}"),
    )
    assert loaded.values.service == Service(replicas=4, script="demo x")
    assert loaded.values.names == ["p", "q"]
    assert loaded.where("service.replicas") == "--set service.replicas=4"
    assert loaded.where("image.tag") == "b.yaml:1"
    assert loaded.where(("service", "script")) == "a.yaml:3"


def test_nothing_at_all_gives_the_defaults() -> None:
    loaded = loading()
    assert loaded.values == Values()
    assert loaded.located(ValueProblem("service.replicas", "must be odd")) == "values: service.replicas: must be odd"


def test_the_syntax_errors_of_all_files_are_named_at_once() -> None:
    assert problems("a: @x\n", "- 1\n") == (
        'a.yaml:1: text cannot begin with "@"; put it in quotes',
        "b.yaml:1: must be a mapping of keys to values, not a list",
    )


def test_all_problems_of_the_content_are_named_at_once() -> None:
    assert problems(
        "service:\n  replica: 1\n  script: |\n    x\n    {{ if }}\nimage:\n  tag: 3.9\n",
        "service: {limits: {memory: 1}}\nlegacy: 1\n",
        sets=("service.replicas=x",),
    ) == (
        'a.yaml:2: service.replica: unknown key; did you mean "replicas"?',
        "a.yaml:5: service.script: template {{ if }} is not supported; use {{ .Release.Name }}, "
        "{{ .Release.Namespace }}, {{ .Chart.AppVersion }} and {{ .Values.a.b }}, "
        'or {{ "{{" }} for "{{" itself',
        "a.yaml:7: image.tag: must be text, not the number 3.9; put it in quotes",
        "b.yaml:1: service.limits.memory: must be text, not the number 1; put it in quotes",
        "b.yaml:2: legacy: unknown key; valid keys: profile, image, names, required, service, configs",
        '--set service.replicas=x: service.replicas: must be a whole number, not the text "x"',
    )


def test_a_template_that_failed_is_not_blamed_for_its_type_too() -> None:
    assert problems('service: {replicas: "{{ .Values.x }}"}\n') == (
        'a.yaml:1: service.replicas: there is no value "x"',
    )


def test_the_problems_of_all_sets_are_named_at_once() -> None:
    assert problems(sets=("a", "names[5]=x")) == (
        '--set a: "a" has no value; write a=VALUE',
        "--set names[5]=x: names has 0 items, so the next one is [0]",
    )


def test_references_reach_defaults_and_keep_their_type() -> None:
    loaded = loading(
        "image: {tag: x}\nservice: {replicas: '{{ .Values.count }}'}\ncount: '{{ .Values.replicas }}'\nreplicas: 3\n",
        model=Counting,
    )
    assert loaded.values.service.replicas == 3
    loaded = loading(
        'names: ["{{ .Values.service.image.tag }}", "{{ .Values.image.tag }}", "{{ .Values.service.replicas }}x"]\n'
    )
    assert loaded.values.names == ["3.9", "3.8", "1x"]


def test_raw_paths_keep_templates() -> None:
    loaded = loading('configs: {core.yaml: "{{ st2kv.x }}"}\n', raw_paths=[("configs",)])
    assert loaded.values.configs == {"core.yaml": "{{ st2kv.x }}"}
    assert loaded.where("configs.core.yaml") == "a.yaml:1"


def test_the_base_lies_below_all_files_and_follows_from_them() -> None:
    def base(layered: Any) -> list[Source]:
        assert layered.data["profile"] == "dev"
        return [Source("profile dev", {"service": {"replicas": 7, "script": "s"}}, {("service", "replicas"): None})]

    loaded = loading("profile: ha\nservice: {script: null}\n", sets=("profile=dev",), base=base)
    assert loaded.values.service == Service(replicas=7, script="s")
    assert loaded.where("service.replicas") == "profile dev"
    assert loaded.where("profile") == "--set profile=dev"


def test_later_problems_are_located_in_the_files() -> None:
    loaded = loading("service:\n  script: |\n    one\n    two\n  replicas: 2\n", "image: {tag: x}\n")
    assert loaded.located(ValueProblem("service.script", "is wrong", line=2)) == "a.yaml:4: service.script: is wrong"
    found = [
        ValueProblem("image.tag", "is old"),
        ValueProblem("service.image.tag", "is old"),
        ValueProblem("names", "!"),
    ]
    assert loaded.report(found) == [
        "a.yaml:1: service.image.tag: is old",
        "b.yaml: names: !",
        "b.yaml:1: image.tag: is old",
    ]


@pytest.mark.parametrize(
    ("path", "default"),
    [
        (("profile",), "ha"),
        (("image", "tag"), "3.8"),
        (("image", "pullSecret"), None),
        (("service", "replicas"), 1),
        (("service", "image", "tag"), "3.9"),
        (("names",), ["a"]),
    ],
)
def test_defaults_are_found_by_path(path: tuple[str, ...], default: object) -> None:
    assert default_of(Values, path) == default


@pytest.mark.parametrize(
    "path",
    [("nothing",), ("service", "x"), ("service", "limits", "memory"), ("profile", "x"), ("image", "pull_secret")],
)
def test_what_has_no_default_is_an_error(path: tuple[str, ...]) -> None:
    with pytest.raises(KeyError):
        default_of(Values, path)


def test_loading_imports_nothing_that_only_problems_and_documents_need() -> None:
    program = (
        "import sys; import pydantic; from constructs_st2.values import loading; "
        "print([name for name in ('difflib', 'constructs_st2.values.problems', "
        "'constructs_st2.values.schema') if name in sys.modules])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
