"""Values files of the chart, converted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from constructs_st2.commands.adopt.conversion import convert
from constructs_st2.values.chart import RULES, translate
from constructs_st2.values.layers import merge
from constructs_st2.values.model import Values
from constructs_st2.values.yaml_source import read


def converted(text: str, folder: Path, **options: Any) -> str:
    file = folder / "v.yaml"
    file.write_text(text)
    return convert(text, read(file), **options).text


def data(text: str, folder: Path) -> Any:
    file = folder / "converted.yaml"
    file.write_text(text)
    return merge([read(file)]).data


FILES = {
    "keys beside each other": "mongodb:\n  # members\n  replicas: 3\n  # the set\n  replicaSetName: rs0\n",
    "a mapping that goes": "redis:\n  cluster:\n    slaveCount: 3\n  # end\nst2: {}\n",
    "a mapping in one line": "mongodb: {architecture: replicaset, replicas: 5, replicaSetName: x}\n",
    "a text": "st2:\n"
    "  config: |\n    [database]\n    connection_timeout = 5000\n    [api]\n    a = 1\n# next\nst2web: {}\n",
    "a key that goes to another mapping": "redis:\n  password: {existingSecret: a, key: b}\nst2: {}\n",
    "a mapping that is not there": "secrets:\n  st2:\n    username: me\n",
    "a list": 'ingress:\n  hosts:\n    - host: a\n      paths: [{path: /, serviceName: x, servicePort: "80"}]\n',
    "two keys that become one": "rabbitmq:\n  labels: {a: b}\n  podLabels: {c: d}\n",
    "nothing": "",
}


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_it_says_what_the_file_meant_and_nothing_is_left_to_convert(text: str, tmp_path: Path) -> None:
    (tmp_path / "v.yaml").write_text(text)
    meant = translate(merge([read(tmp_path / "v.yaml")]), rules=RULES, model=Values).layered.data
    made = converted(text, tmp_path)
    assert without_empty(data(made, tmp_path)) == without_empty(meant)
    assert converted(made, tmp_path) == made


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_what_the_user_wrote_is_still_there(text: str, tmp_path: Path) -> None:
    words = converted(text, tmp_path).split()
    assert all(word in words for line in text.splitlines() for word in line.split())


def without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: kept for key, item in value.items() if (kept := without_empty(item)) not in (None, {})}
    return [without_empty(item) for item in value] if isinstance(value, list) else value


def test_changes_have_their_reasons(tmp_path: Path) -> None:
    assert converted("mongodb:\n  # members\n  replicas: 3\n", tmp_path) == (
        "mongodb:\n  # members\n  #: mongodb.replicas: it is mongodb.replicaCount here\n  # replicas: 3\n"
        "  replicaCount: 3\n"
    )


def test_further_values_are_set_where_they_belong_unless_they_are_there(tmp_path: Path) -> None:
    sets = {("image", "tag"): ("3.8", "why"), ("namespace", "podSecurity"): ("none", "so")}
    made = converted("image:\n  pullPolicy: Always\n", tmp_path, sets=sets)
    assert yaml.safe_load(made) == {
        "image": {"tag": "3.8", "pullPolicy": "Always"},
        "namespace": {"podSecurity": "none"},
    }
    assert "#: image.tag: why" in made
    assert converted(made, tmp_path, sets=sets) == made


def test_passwords_are_commented_out_without_their_value(tmp_path: Path) -> None:
    made = converted(
        "st2:\n  password: s3cret\n", tmp_path, drop=lambda path, _: "elsewhere" if path[-1] == "password" else None
    )
    assert "s3cret" not in made
