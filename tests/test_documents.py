"""What people read and copy: README, docs/ and examples/ must be true."""

from __future__ import annotations

import re
import runpy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import Synth, each_of

from constructs_st2 import node
from constructs_st2.changes.plan import plan_of
from constructs_st2.commands import docs
from constructs_st2.construct.build import build
from constructs_st2.construct.clusters import cluster_of
from constructs_st2.kube.reading import read_folder
from constructs_st2.values import load

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("*/README.md")])
BLOCK = re.compile(r"```yaml\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]*)(?:#([^)]*))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def test_generated_pages_are_fresh() -> None:
    for name, content in docs.pages().items():
        assert (ROOT / "docs" / name).read_text(encoding="utf-8") == content, f"{name} is stale: run make docs"


BLOCKS = {
    f"{page.relative_to(ROOT)}:{number}": block
    for page in PAGES
    for number, block in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")), start=1)
}


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_each_block_of_the_pages_is_a_values_file(synth: Synth, block: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The folders that the blocks name are those of this example.
    monkeypatch.chdir(ROOT / "examples" / "content")
    assert synth(yaml.safe_load(block))


VALUES_FILES = [
    ROOT / "values.yaml",
    *sorted((ROOT / "examples").glob("*.yaml")),
    *sorted((ROOT / "examples").glob("*/values.yaml")),
]


@pytest.mark.parametrize("path", VALUES_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_values_files_synthesize(path: Path) -> None:
    assert objects_of(path)


def objects_of(path: Path) -> list[dict[str, Any]]:
    loaded = load([path], [], release_name="st2", release_namespace="stackstorm")
    return build(cluster_of(loaded.values)).objects


def test_the_values_file_suggests_what_can_be_set(synth: Synth) -> None:
    lines = (ROOT / "values.yaml").read_text(encoding="utf-8").splitlines()
    suggestions = "\n".join(
        line.removeprefix("# ") for line in lines if line.startswith("# ") and lines.index(line) > 4
    )
    assert synth(yaml.safe_load(suggestions))


def run_example(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run an app of the examples, which writes to a folder."""
    node.start()
    import cdk8s

    import constructs_st2.construct.stackstorm  # noqa: F401

    # Node.js runs already, and does not hear of another CDK8S_OUTDIR.
    class App(cdk8s.App):
        def __init__(self) -> None:
            super().__init__(outdir=str(folder))

    monkeypatch.setattr(cdk8s, "App", App)
    runpy.run_path(str(ROOT / "examples" / name), run_name="__main__")


def test_two_releases_in_one_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_example("fleet.py", tmp_path, monkeypatch)
    namespaces = {
        document["metadata"]["namespace"] for document in read_folder(tmp_path) if document["kind"] == "Deployment"
    }
    assert namespaces == {"stackstorm-network", "stackstorm-storage"}


def test_an_app_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_example("library_app.py", tmp_path, monkeypatch)
    files = sorted(path.name for path in tmp_path.iterdir())
    order = [next(n for n, name in enumerate(files) if part in name) for part in ("-tools", "-runners")]
    assert order == sorted(order)
    objects = read_folder(tmp_path)
    of_stackstorm = [each for each in objects if each["metadata"]["name"] != "inventory"]
    assert {each["metadata"]["labels"].get("example.org/team") for each in of_stackstorm} == {"automation"}
    (api,) = (each for each in objects if each["kind"] == "Deployment" and each["metadata"]["name"].endswith("-st2api"))
    assert api["spec"]["revisionHistoryLimit"] == 3


def test_every_example_is_in_their_table() -> None:
    examples = ROOT / "examples"
    table = (examples / "README.md").read_text(encoding="utf-8")
    linked = {target.split("/")[0] for target, _ in LINK.findall(table)}
    tracked = {path.name for path in examples.iterdir() if path.name not in ("README.md", "__pycache__", "dist")}
    assert linked == tracked


NEIGHBOURS = [("laptop", "production"), ("production", "etcd"), ("etcd", "external-backends"), ("eks", "gke")]


@pytest.mark.parametrize("names", NEIGHBOURS, ids="-".join)
def test_from_one_example_to_another_there_is_a_plan(names: tuple[str, str]) -> None:
    old, new = (objects_of(ROOT / "examples" / f"{name}.yaml") for name in names)
    plan = plan_of(old, new)
    assert plan.changes
    assert {finding.subject for finding in plan.findings}


@each_of("page", PAGES)
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        path = page.parent / target if target else page
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), f"{target}#{anchor}"


@cache
def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to the headings of a page."""
    headings = HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_paths_that_contributors_are_sent_to_exist() -> None:
    """Those of recipes begin in the repository, or in the package."""
    text = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
    paths = re.findall(r"`((?:[\w.-]+/)+(?:[\w.-]+\.[a-z]+)?)`", text)
    made = {"build/"}
    places = (ROOT, ROOT / "constructs_st2")
    missing = [path for path in {*paths} - made if not any((place / path).exists() for place in places)]
    assert missing == []


def test_pages_that_programs_name_exist() -> None:
    """In messages, comments and files that people edit."""
    for path in [*ROOT.glob("*.y*ml"), *ROOT.glob("constructs_st2/**/*"), *ROOT.glob("examples/**/*.yaml")]:
        if path.suffix in {".py", ".sh", ".js", ".erl", ".conf", ".yaml", ".yml"}:
            for page in re.findall(r"(?<![\w/.-])docs/[\w./-]+\.(?:md|json|svg)", path.read_text(encoding="utf-8")):
                assert (ROOT / page).is_file(), f"{path.relative_to(ROOT)} names {page}"
