"""The picture of a cluster: true, complete, and with nothing in the way of anything else."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner
from support import MakeCluster

from constructs_st2.commands.diagram.cli import diagram as command
from constructs_st2.commands.diagram.layout import text_width
from constructs_st2.commands.diagram.mermaid import flowchart
from constructs_st2.commands.diagram.parts import TIMES, parts_of
from constructs_st2.commands.diagram.picture import diagram
from constructs_st2.construct.flows import components, flows
from constructs_st2.errors import UserError
from constructs_st2.parts.flows import Flow, Place

SVG = "{http://www.w3.org/2000/svg}"
CLUSTERS: dict[str, dict[str, Any]] = {
    "the default": {},
    "much": {
        "image": {"tag": "3.8"},
        "st2": {"rbac": {"enabled": True}, "keyvalue": [{"name": "a", "value": "b"}]},
        "coordination": {"backend": "etcd"},
        "st2api": {"service": {"type": "LoadBalancer"}},
        "st2sensorcontainer": {"deployments": 20},
        "st2chatops": {"enabled": True, "adapter": "botframework", "existingSecret": "mine"},
        "docker-registry": {"enabled": True},
        "monitoring": {"enabled": True},
        "backup": {"enabled": True, "destination": {"claim": {"create": {}}}},
        "st2actionrunner": {"pools": [{"name": "spot"}], "autoscaling": {"enabled": True}},
        "mongodb": {"metrics": {"enabled": True}},
        "jobs": {
            "smokeTest": {"enabled": True},
            "preRegisterContentCommand": ["true"],
            "extra": [{"name": f"job-of-mine-with-a-name-that-is-long-{n}", "command": ["true"]} for n in range(10)],
        },
    },
    "backends elsewhere": {
        "mongodb": {"enabled": False, "external": {"uri": "mongodb+srv://db"}},
        "rabbitmq": {"enabled": False, "external": {"urls": ["amqps://mq/st2"]}},
        "coordination": {"backend": "external", "external": {"url": "redis://cache"}},
        "st2auth": {"service": {"type": "ExternalName", "hostname": "a.example.org"}},
        "secrets": {"mode": "existing"},
    },
    "nothing free": {"networkPolicy": {"egress": {"free": []}}, "coordination": {"backend": "none"}, "profile": "dev"},
}


class Line(NamedTuple):
    """A straight line, from left to right or from top to bottom."""

    left: float
    top: float
    right: float
    bottom: float


def parsed(picture: str) -> ET.Element:
    return ET.fromstring(picture)


def lines(picture: ET.Element) -> Iterator[Line]:
    for path in picture.iter(f"{SVG}path"):
        if found := re.fullmatch(r"M([\d.]+) ([\d.]+)([HV])([\d.]+)", path.attrib["d"]):
            x, y, to = float(found[1]), float(found[2]), float(found[4])
            yield Line(x, y, to, y) if found[3] == "H" else Line(x, min(y, to), x, max(y, to))


def texts(picture: ET.Element) -> Iterator[Line]:
    """The places of texts."""
    for text in picture.iter(f"{SVG}text"):
        x, y, size = (float(text.attrib[name]) for name in ("x", "y", "font-size"))
        width = text_width(text.text or "", size)
        left = x - {"middle": width / 2, "end": width}[text.attrib["text-anchor"]]
        yield Line(left, y - size * 0.8, left + width, y + size * 0.2)


def cells(picture: ET.Element) -> Iterator[Line]:
    for box in picture.iter(f"{SVG}rect"):
        if box.attrib["class"] == "cell":
            x, y, width, height = (float(box.attrib[name]) for name in ("x", "y", "width", "height"))
            yield Line(x, y, x + width, y + height)


def overlap(one: Line, other: Line) -> bool:
    return one.left < other.right and other.left < one.right and one.top < other.bottom and other.top < one.bottom


@pytest.fixture(params=list(CLUSTERS.values()), ids=list(CLUSTERS))
def values(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def picture(cluster: MakeCluster, values: dict[str, Any]) -> ET.Element:
    return parsed(diagram(cluster(values)))


class TestNothingIsInTheWay:
    """Of texts, lines and cells, none lies on another one where that would hide or confuse it."""

    def test_texts_do_not_overlap(self, picture: ET.Element) -> None:
        for one, other in itertools.combinations(texts(picture), 2):
            assert not overlap(one, other)

    def test_no_line_goes_through_a_text_or_a_cell(self, picture: ET.Element) -> None:
        boxes = [*texts(picture), *cells(picture)]
        for line in lines(picture):
            # A line that only touches a cell ends there.
            thick = Line(line.left - 0.5, line.top + 0.5, line.right + 0.5, line.bottom - 0.5)
            assert not [box for box in boxes if overlap(thick, box)]

    def test_no_two_lines_lie_on_each_other(self, picture: ET.Element) -> None:
        vertical = [line for line in lines(picture) if line.left == line.right]
        assert vertical
        for one, other in itertools.combinations(vertical, 2):
            near = abs(one.left - other.left) < 5
            assert not (near and one.top < other.bottom and other.top < one.bottom)

    def test_everything_is_on_the_page(self, picture: ET.Element) -> None:
        width, height = float(picture.attrib["width"]), float(picture.attrib["height"])
        for each in (*texts(picture), *lines(picture), *cells(picture)):
            assert each.left >= 0
            assert each.top >= 0
            assert each.right <= width
            assert each.bottom <= height


class TestItIsTrue:
    """It shows the components and the flows of the table, all of them."""

    def test_every_component_is_in_a_cell(
        self, cluster: MakeCluster, values: dict[str, Any], picture: ET.Element
    ) -> None:
        shown = {
            name
            for group in picture.iter(f"{SVG}g")
            if group.find(f"{SVG}rect") is not None
            for name in (group.findtext(f"{SVG}title") or "").partition(": ")[2].split(", ")
        }
        assert {component.name for component in components(cluster(values))} <= shown

    def test_every_flow_is_a_line_or_a_note(
        self, cluster: MakeCluster, values: dict[str, Any], picture: ET.Element
    ) -> None:
        titles = [title.text or "" for title in picture.iter(f"{SVG}title")]
        notes = [text.text or "" for text in picture.iter(f"{SVG}text") if text.attrib["class"] == "note"]
        for flow in flows(cluster(values)):
            port = "any port" if flow.port is None else str(flow.port)
            noted = {flow.server: "members", Place.MONITORING: "metrics", Place.KEDA: "KEDA"}.get(flow.client)
            if noted:
                assert any(re.fullmatch(rf"{noted}: .*\b{port}\b.*", note) for note in notes), flow
            else:
                assert any(shows(title, flow, port) for title in titles), flow

    def test_it_says_the_same_to_those_who_do_not_see_it(
        self, cluster: MakeCluster, values: dict[str, Any], picture: ET.Element
    ) -> None:
        assert picture.attrib["role"] == "img"
        named = {picture.findtext(f"{SVG}title"), picture.findtext(f"{SVG}desc")}
        assert "StackStorm: st2 in stackstorm" in named
        description = picture.findtext(f"{SVG}desc") or ""
        for flow in flows(cluster(values)):
            client = flow.client.value if isinstance(flow.client, Place) else flow.client
            sentence = re.search(rf"(?:^|\. ){re.escape(client)} connects to [^.]*\.", description)
            assert sentence
            assert str(flow.port or "any port") in sentence[0]


def shows(title: str, flow: Flow, port: str) -> bool:
    client, arrow, server = title.partition(" → ")
    if not arrow:
        return False
    inside = [end for end in (flow.client, flow.server) if isinstance(end, str)]
    sides = {flow.client: client, flow.server: server}
    return all(end in re.split(r"[ ,]+", sides[end]) for end in inside) and port in title


def test_it_says_how_many_pods_there_are(cluster: MakeCluster) -> None:
    runners = {"autoscaling": {"enabled": True, "maxReplicas": 12}}
    picture = parsed(diagram(cluster({"st2sensorcontainer": {"deployments": 20}, "st2actionrunner": runners})))
    said = [text.text for text in picture.iter(f"{SVG}text")]
    assert f"st2sensorcontainer {TIMES}20" in said
    assert f"st2actionrunner {TIMES}2 to 12" in said


def test_it_is_for_light_and_for_dark_pages(cluster: MakeCluster) -> None:
    light, dark = diagram(cluster()).split("@media (prefers-color-scheme: dark)")
    rules = [re.findall(r"^(\S.*?) \{", part, re.MULTILINE) for part in (light, dark.partition("</style>")[0])]
    assert rules[0] == [rule for rule in rules[1] if rule]
    used = set(re.findall(r'class="([^"]+)"', dark))
    for kind in used - {"name", "what"}:
        assert any(kind.split()[0] in rule for rule in rules[0]), kind


def test_it_is_always_the_same(cluster: MakeCluster) -> None:
    assert diagram(cluster()) == diagram(cluster())


class TestCommand:
    """`constructs-st2 diagram`."""

    @pytest.fixture(autouse=True)
    def _elsewhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)

    def test_it_prints_the_picture(self, cluster: MakeCluster) -> None:
        done = CliRunner().invoke(command, ["--set", "coordination.backend=etcd", "--release", "blue"])
        assert done.exit_code == 0
        assert done.output == diagram(cluster({"coordination": {"backend": "etcd"}}, release="blue"))

    def test_it_writes_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "cluster.svg"
        done = CliRunner().invoke(command, ["-o", str(path)])
        assert (done.exit_code, done.output) == (0, "")
        assert parsed(path.read_text(encoding="utf-8")).tag == f"{SVG}svg"

    def test_a_file_that_cannot_be_written_is_said(self, tmp_path: Path) -> None:
        done = CliRunner().invoke(command, ["-o", str(tmp_path / "missing" / "cluster.svg")])
        assert str(done.exception).endswith("cluster.svg cannot be written: No such file or directory")


DETAILED = """
st2web: {tls: {enabled: false}}
st2actionrunner: {pools: [{name: spot, replicas: 2}]}
ingress: {enabled: true, hosts: [{host: st2.example.org}]}
backup: {enabled: true, destination: {s3: {bucket: vault, credentials: {existingSecret: s3}}}}
"""


@pytest.fixture
def detailed(tmp_path: Path) -> Path:
    file = tmp_path / "values.yaml"
    file.write_text(DETAILED)
    return file


def written(values: Path, name: str) -> bytes:
    output = values.parent / name
    result = CliRunner().invoke(command, ["-f", str(values), "-o", str(output)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return output.read_bytes()


def test_it_tells_the_hosts_the_pools_and_where_backups_go(detailed: Path) -> None:
    words = " ".join(text.text or "" for text in parsed(written(detailed, "a.svg").decode()).iter(f"{SVG}text"))
    assert "http://st2.example.org" in words
    assert f"pool spot: {TIMES}2" in words
    assert "to s3://vault" in words


def test_the_ending_of_the_file_tells_the_format(detailed: Path) -> None:
    assert written(detailed, "a.png").startswith(b"\x89PNG")
    chart = written(detailed, "a.mmd").decode()
    assert chart.startswith("flowchart TB\n")
    assert "<b>Database</b><br/>mongodb" in chart
    with pytest.raises(UserError, match=r"\.svg, \.png, \.mmd"):
        written(detailed, "a.gif")


def test_a_flowchart_has_all_cells_and_connections(cluster: MakeCluster) -> None:
    parts = parts_of(cluster(CLUSTERS["much"]))
    chart = flowchart(parts)
    assert chart.count("-->") == sum(len(rail.links) for rail in parts.rails)
    assert chart.count("-.->") == len(parts.exchanges)
    assert all(name in chart for cell in parts.cells for name in cell.lines)
    assert not re.search(r'"[^"\n]*"[^"\n]*"[^"\n]*"\]', chart)
