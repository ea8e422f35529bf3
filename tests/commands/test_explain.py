"""`constructs-st2 explain`: what a key of the values means, and what it does."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from constructs_st2.commands.explain import explain
from constructs_st2.errors import UserError


def run(*arguments: str) -> Result:
    return CliRunner().invoke(explain, arguments, catch_exceptions=False)


def explained(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_key_has_a_meaning_a_type_its_defaults_an_example_and_an_effect() -> None:
    text = explained("st2api.replicas")
    assert "Number of pods." in text
    assert "whole number from 0 to 1000" in text
    assert "default  2 with profile ha\n  default  1 with profile dev" in text
    assert "  example\n    st2api:\n      replicas: 3\n" in text
    assert "with 3 it changes\n    Deployment/st2-st2api: st2api.replicas 2 -> 3\n" in text


def test_where_a_key_is_set_is_told(somewhere: Path) -> None:
    (somewhere / "values.yaml").write_text("st2api:\n  replicas: 5\n")
    assert "here     5, set at values.yaml:2" in explained("st2api.replicas")
    assert "here     7, set at --set st2api.replicas=7" in explained("st2api.replicas", "--set", "st2api.replicas=7")


def test_a_section_lists_its_keys() -> None:
    text = explained("st2web.service")
    assert "type " in text
    assert "hostname " in text
    assert "it changes" not in text


def test_without_a_key_all_at_the_top_are_listed() -> None:
    assert {"st2api", "mongodb", "backup"} <= {line.split()[0] for line in explained().splitlines() if line}


def test_what_a_value_would_do() -> None:
    assert "with NodePort it changes no object" in explained("st2web.service.type=NodePort")
    text = explained("mongodb.persistence.size=20Gi")
    assert "StatefulSet/st2-mongodb: mongodb.persistence.size 10Gi -> 20Gi" in text


def test_why_a_key_cannot_be_set_alone() -> None:
    text = explained("backup.enabled")
    assert "It cannot be true alone: backup.destination: is required" in text
    assert "constructs-st2 explain backup.enabled=VALUE" in text


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("st2apix", 'st2apix: unknown key; did you mean "st2api"?'),
        ("st2api.replica", 'st2api.replica: unknown key; did you mean "replicas"?'),
        ("st2api.replicas.x", "st2api.replicas.x: unknown key; no keys are possible here"),
        ("st2api.replicas=x", 'st2api.replicas: must be a whole number, not the text "x"'),
        ("st2api.env={", "this is not YAML"),
        ("=5", "=5: a key is missing before the value"),
        (".=5", ".=5: a key is missing before the value"),
    ],
)
def test_what_is_wrong_is_told(key: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        run(key)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("key", "part"),
    [
        ("st2api.env", "env[OTHER] is new"),
        ("st2actionrunner.pools", "Deployment/st2-st2actionrunner-other: new"),
        ("redis.resources.limits.memory", "memory: 7Gi"),
        ("st2.packs.images[0].tag", "tag: 3.9-r7"),
    ],
)
def test_examples_of_all_kinds(key: str, part: str) -> None:
    assert part in explained(key)


def test_a_key_of_the_chart_is_that_of_ours() -> None:
    text = explained("mongodb.replicas=5")
    assert text.startswith("note: mongodb.replicas is a key of the Helm chart: it is mongodb.replicaCount here\n")
    assert "StatefulSet/st2-mongodb: mongodb.replicaCount 3 -> 5" in text


@pytest.mark.parametrize("key", ['st2api.annotations["a/b', "st2.packs.sensors[0", "a]b"])
def test_brackets_and_quotes_must_be_closed(key: str) -> None:
    with pytest.raises(UserError, match="a bracket or a quote has no other"):
        run(key)
