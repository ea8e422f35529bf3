"""What Helm would render, and nothing here does."""

from __future__ import annotations

import copy

import pytest
from checks.test_described import WORKLOAD, changed
from support import each_of

from constructs_st2.checks import check
from constructs_st2.checks.warnings import warnings
from constructs_st2.facts.release import TEMPLATES_ANNOTATION
from constructs_st2.kube.documents import Document

OF_HELM = (
    "{{ .Values.foo }}",
    "{{.Release.Name}}-x",
    "{{- $.Values.foo | quote -}}",
    '{{ include "st2.labels" . | nindent 4 }}',
    '{{- if .Capabilities.APIVersions.Has "a/v1" }}',
    "{{ tpl .x . }}",
    '{{ (lookup "v1" "Secret" "a" "b").data }}',
    "{{ if and .x .Values.y }}",
)
OF_OTHERS = (
    "{{ $labels.instance }} is down for {{ $value }}",
    '{{ template "slack.default.title" . }}',
    "{{ range .Alerts.Firing }}{{ .Annotations.summary }}{{ end }}",
    "{{ .CommonLabels.alertname }}",
    "{{ .password | b64enc }}",
    "{{st2kv.system.secret | decrypt_kv}}",
    "{{ release.values.x }}",
    "{{ .Data.data.Values.x }}",
    "{{ a }} .Values.b",
)


def file(text: str, **annotations: str) -> Document:
    metadata = {"name": "x", "annotations": annotations}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": text}}


def warned(document: Document) -> list[str]:
    return [problem.field for problem in warnings([document]) if problem.rule == "helm-template"]


def refused(document: Document) -> list[str]:
    return [problem.field for problem in check([document]) if problem.rule == "template"]


@pytest.mark.parametrize("text", OF_HELM)
def test_in_a_file_it_is_warned_of(text: str) -> None:
    assert warned(file(text)) == ["data.a"]
    assert refused(file(text)) == []


@each_of("text", OF_OTHERS)
def test_templates_of_others_pass(text: str) -> None:
    assert warned(file(text)) == []


@pytest.mark.parametrize("text", OF_HELM)
def test_what_is_meant_passes(text: str) -> None:
    assert warned(file(text, **{TEMPLATES_ANNOTATION: "kept"})) == []


def test_objects_of_custom_kinds_may_be_rendered_by_their_controllers() -> None:
    document = {"apiVersion": "a.b/v1", "kind": "C", "metadata": {"name": "x"}, "spec": {"values": [OF_HELM[0]]}}
    assert warned(document) == ["spec.values[0]"]
    assert refused(document) == []


@pytest.mark.parametrize("text", OF_HELM)
def test_what_kubernetes_reads_is_refused(text: str) -> None:
    argument = changed([text], "spec", "template", "spec", "containers", 0, "args")
    assert refused(argument) == ["spec.template.spec.containers[a].args[0]"]
    assert refused(changed(text, "metadata", "labels", "a")) == ["metadata.labels.a"]
    assert refused(copy.deepcopy(WORKLOAD)) == []
