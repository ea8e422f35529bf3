"""Helm's templates inside values."""

from __future__ import annotations

from typing import Any

from support import each_of

from constructs_st2.values.layers import Layered, merge
from constructs_st2.values.templates import render
from constructs_st2.values.yaml_source import Source

SUPPORTED = (
    "use {{ .Release.Name }}, {{ .Release.Namespace }}, {{ .Chart.AppVersion }} and {{ .Values.a.b }}, "
    'or {{ "{{" }} for "{{" itself'
)


CONSTANTS = {".Release.Name": "demo", ".Release.Namespace": "tools", ".Chart.AppVersion": "3.8"}
DEFAULTS: dict[tuple[str | int, ...], object] = {("image", "tag"): "3.9", ("image", "pullSecret"): None, ("list",): []}


def rendered(layered: Layered, raw_paths: tuple[tuple[str, ...], ...] = ()) -> Any:
    result = render(layered, CONSTANTS, lambda path: DEFAULTS[path], raw_paths)
    assert not result.findings
    return result.layered.data


def problems(data: dict[str, Any], text_lines: dict[tuple[str | int, ...], int] | None = None) -> tuple[str, ...]:
    lines: dict[tuple[str | int, ...], int | None] = {(key,): number for number, key in enumerate(data, start=1)}
    layered = merge([Source("v.yaml", data, lines, text_lines or {})])
    return tuple(layered.report(render(layered, CONSTANTS, lambda path: DEFAULTS[path]).findings))


@each_of(
    ("text", "result"),
    [
        ("{{ .Release.Name }}-x", "demo-x"),
        ("{{.Release.Namespace}}", "tools"),
        ("v{{ .Chart.AppVersion }}", "v3.8"),
        ("/home/{{ .Values.user }}/{{ .Values.user }}", "/home/stanley/stanley"),
        ("{{ .Values.deep.in }}", "text"),
        ("{{ .Values.image.tag }}", "3.9"),
        ("a  {{- .Values.user }}", "astanley"),
        ("{{ .Values.user -}} \n b", "stanleyb"),
        ("{{ .Values.count }}", 3),
        ("{{ .Values.on }}", True),
        ("{{ .Values.count }} {{ .Values.on }} {{ .Values.half }}", "3 true 0.5"),
        ("{{ .Values.indirect }}", "demo stanley"),
        ("{{ .Values.copy }}", 3),
        ('{{ "{{" }} x }}', "{{ x }}"),
        ("{{ `{{ .Values.count }}` }}", "{{ .Values.count }}"),
        ("{{ .Values.literal }}", "{{ raw }}"),
        ("no template } }} {", "no template } }} {"),
    ],
)
def test_supported_forms(text: str, result: object) -> None:
    data = {
        "t": text,
        "user": "stanley",
        "deep": {"in": "text"},
        "count": 3,
        "on": True,
        "half": 0.5,
        "indirect": "{{ .Release.Name }} {{ .Values.user }}",
        "copy": "{{ .Values.count }}",
        "literal": '{{ "{{" }} raw }}',
    }
    value = rendered(Layered(data))["t"]
    assert (value, type(value)) == (result, type(result))


def test_texts_are_found_at_any_depth_and_the_rest_is_left_alone() -> None:
    data = {"a": [{"b": "{{ .Release.Name }}"}, 1], "c": {"d": "x"}}
    result = rendered(Layered(data))
    assert result == {"a": [{"b": "demo"}, 1], "c": {"d": "x"}}
    assert result["c"] is data["c"]
    assert data["a"][0] == {"b": "{{ .Release.Name }}"}  # type: ignore[index]


def test_values_without_templates_are_not_copied() -> None:
    data = {"a": {"b": ["x"]}}
    assert rendered(Layered(data)) is data


def test_raw_texts_are_left_as_they_are_also_where_they_are_referred_to() -> None:
    data = {
        "packs": {"x": {"config": "{{ st2kv.system.a }}"}, "y": "{{ .Release.Name }}"},
        "copy": "{{ .Values.packs.x.config }}",
    }
    assert rendered(Layered(data), (("packs", "*", "config"),)) == {
        "packs": {"x": {"config": "{{ st2kv.system.a }}"}, "y": "demo"},
        "copy": "{{ st2kv.system.a }}",
    }


@each_of(
    ("data", "message"),
    [
        ({"a": '{{ include "x" . }}'}, f'v.yaml:1: a: template {{{{ include "x" . }}}} is not supported; {SUPPORTED}'),
        (
            {"a": "{{ .Values.b | quote }}"},
            f"v.yaml:1: a: template {{{{ .Values.b | quote }}}} is not supported; {SUPPORTED}",
        ),
        ({"a": "x {{ .Values.b"}, f"v.yaml:1: a: template {{{{ .Values.b is not supported; {SUPPORTED}"),
        ({"a": "{{ .Values }}"}, f"v.yaml:1: a: template {{{{ .Values }}}} is not supported; {SUPPORTED}"),
        (
            {"a": "{{ .Release.Revision }}"},
            f"v.yaml:1: a: template {{{{ .Release.Revision }}}} is not supported; {SUPPORTED}",
        ),
        (
            {"a": "{{ " + "x" * 100 + " }}"},
            f"v.yaml:1: a: template {{{{ {'x' * 54}... is not supported; {SUPPORTED}",
        ),
        ({"a": "{{ .Values.no.such }}"}, 'v.yaml:1: a: there is no value "no.such"'),
        ({"a": "{{ .Values.image.pullSecret }}"}, 'v.yaml:1: a: "image.pullSecret" is not set and has no default'),
        (
            {"a": "{{ .Values.b }}", "b": {}},
            'v.yaml:1: a: "b" is a mapping; only text, numbers, true and false can be referred to',
        ),
        (
            {"a": "{{ .Values.list }}"},
            'v.yaml:1: a: "list" is a list; only text, numbers, true and false can be referred to',
        ),
        ({"a": "{{ .Values.a }}"}, "v.yaml:1: a: refers to itself: a -> a"),
        (
            {"a": "x{{ .Values.b }}", "b": "{{ .Values.c }}", "c": "{{ .Values.a }}"},
            "v.yaml:1: a: refers to itself: a -> b -> c -> a",
        ),
        ({"a": "{{ .Values.b }}", "b": "{{ .Values.no }}"}, 'v.yaml:2: b: there is no value "no"'),
    ],
)
def test_other_templates_are_refused(data: dict[str, Any], message: str) -> None:
    assert problems(data) == (message,)


def test_every_wrong_template_is_named_with_its_line() -> None:
    text = "ok {{ .Release.Name }}\n{{ if x }}\n{{ .Values.no }} {{ end }}\n"
    assert problems({"a": text}, {("a",): 10}) == (
        f"v.yaml:12: a: template {{{{ if x }}}} is not supported; {SUPPORTED}",
        f"v.yaml:13: a: template {{{{ end }}}} is not supported; {SUPPORTED}",
        'v.yaml:13: a: there is no value "no"',
    )
