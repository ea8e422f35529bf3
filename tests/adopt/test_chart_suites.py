"""The unit suites of the chart, made of our objects: here a small one of our own."""

from __future__ import annotations

from pathlib import Path

from chart_suites.__main__ import main, outcomes
from chart_suites.assertions import holds, value_at

SUITE = """
suite: Ours
templates: [deployments.yaml]
chart: {appVersion: "3.9"}
tests:
  - it: is compared
    release: {name: Some-Name}
    set:
      st2api: {replicas: 7, nodeSelector: {disk: ssd}}
      st2chatops: {enabled: true}
    asserts:
      - hasDocuments: {count: 14}
      - equal: {path: spec.replicas, value: 7}
        documentIndex: 1
      - equal: {path: spec.replicas, value: 8}
        documentIndex: 1
      - equal: {path: spec.template.spec.nodeSelector, value: {disk: ssd}}
        documentIndex: 1
      - matchRegex: {path: "spec.template.spec.containers[0].image", pattern: "^stackstorm/.*:3.9$"}
      - contains: {path: "spec.template.spec.containers[0].env", content: {name: NO}}
      - isNull: {path: spec.no}
      - isKind: {of: Deployment}
  - it: is refused
    set: {st2api: {replicas: -1}}
    asserts:
      - equal: {path: spec.replicas, value: -1}
  - it: fails in both
    set: {st2api: {replicas: -1}}
    asserts:
      - failedTemplate: {errorMessage: any}
  - it: has no object
    templates: [configmaps_st2web.yaml]
    asserts:
      - isKind: {of: ConfigMap}
"""


def test_each_assertion_is_judged(tmp_path: Path) -> None:
    suite = tmp_path / "tests/unit/ours_test.yaml"
    suite.parent.mkdir(parents=True)
    suite.write_text(SUITE)
    assert [each.verdict for each in outcomes(suite)] == [
        *("holds", "holds", "differs", "same effect", "holds", "differs", "holds", "holds"),
        *("refused", "holds", "no object"),
    ]
    assert main([str(tmp_path)]) == 0


def test_paths_lead_through_names_with_dots() -> None:
    document = {"metadata": {"labels": {"a.b/c": "x"}}, "list": [{"name": "y"}]}
    assert value_at(document, "metadata.labels.[a.b/c]") == "x"
    assert value_at(document, "list[0].name") == "y"
    assert value_at(document, "list[1].name") is None
    assert holds("notContains", {"path": "list", "content": {"name": "z"}}, [document])
