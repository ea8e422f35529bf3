"""Problems of objects in the words of who wrote the values: by file, line and key where one is to blame."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Any

from constructs_st2.checks import Problem
from constructs_st2.checks.data import label
from constructs_st2.kube.documents import Document, identity
from constructs_st2.values import Loaded, Values
from constructs_st2.values.layers import Finding
from constructs_st2.values.origins import Origins, Step
from constructs_st2.values.paths import KeyPath, dotted

_SEGMENT = re.compile(r"\[([^\]]*)\]|([^.\[\]]+)")


def explained(
    problems: Iterable[Problem], objects: Sequence[Document], loaded: Loaded[Values], *, with_rules: bool = False
) -> list[str]:
    """A line of text for each problem, those of values first, in the order of the files.

    Args:
        problems: what is wrong with the objects.
        objects: the objects.
        loaded: the values that they were made of.
        with_rules: whether each line ends with the name of the rule; of problems that no value is to blame for, all do.
    """
    explanation = _Explanation(objects, loaded)
    by_value: dict[tuple[KeyPath, str, str], list[str]] = {}
    others: list[str] = []
    for problem in problems:
        path = explanation.origin(problem)
        if path is None:
            others.append(str(problem))
        else:
            named_alike = problem.field.endswith(dotted(path[-1:]))
            subject = problem.object if named_alike else f"{problem.object}: {problem.field}"
            rule = f" [{problem.rule}]" if with_rules else ""
            by_value.setdefault((path, problem.message, rule), []).append(subject)
    findings = [
        Finding(path, f"{message} ({_listed(subjects)}){rule}") for (path, message, rule), subjects in by_value.items()
    ]
    return [*loaded.layered.report(findings), *others]


def _listed(subjects: Sequence[str]) -> str:
    first, *others = dict.fromkeys(subjects)
    return f"{first} and {len(others)} more" if others else first


class _Explanation:
    def __init__(self, objects: Sequence[Document], loaded: Loaded[Values]) -> None:
        self._objects = {identity(document): document for document in objects}
        self._values = loaded.values
        self._origins = Origins(loaded.values, loaded.layered.is_given)

    def origin(self, problem: Problem) -> KeyPath | None:
        """The path of the value that brought a problem about; None where it is not known."""
        document = self._objects.get(problem.object)
        if document is None:
            return None
        steps = list(_steps(document, problem.field))
        own = self._of_users_object(document, steps) or self._of_patches(problem.object, steps)
        found = own or self._origins.find(steps, label(document, "app") or "")
        return found or self._of_some_patch(problem.object, steps)

    def _of_users_object(self, document: Document, steps: Sequence[Step]) -> KeyPath | None:
        for position, given in enumerate(self._values.extra_objects):
            metadata = document["metadata"]
            if identity(dict(given)) == identity(document) and given["apiVersion"] == document["apiVersion"]:
                namespace = given["metadata"].get("namespace", metadata.get("namespace"))
                if namespace == metadata.get("namespace"):
                    return ("extraObjects", position, *(step.key for step in steps))
        return None

    def _of_patches(self, subject: str, steps: Sequence[Step]) -> KeyPath | None:
        """The last operation on the field, on what is around it, or on something in it."""
        keys = [str(step.key) for step in steps]
        for path, tokens in self._operations(subject):
            common = min(len(tokens), len(keys))
            if all(token in (key, "-") for token, key in zip(tokens[:common], keys[:common], strict=True)):
                rest = [step.key for step in steps[len(tokens) :]]
                return (*path, *(["value", *rest] if rest else []))
        return None

    def _of_some_patch(self, subject: str, steps: Sequence[Step]) -> KeyPath | None:
        """The last of the operations that come nearest to the field: what they change does not go with the field."""
        keys = [str(step.key) for step in steps]

        def common(tokens: Sequence[str]) -> int:
            return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(tokens, keys, strict=False)))

        return max(self._operations(subject), key=lambda each: common(each[1]), default=((), ()))[0] or None

    def _operations(self, subject: str) -> Iterator[tuple[KeyPath, list[str]]]:
        """The path of each operation on an object, the last one first, and the way to what it changes."""
        for position, patch in reversed(list(enumerate(self._values.patches))):
            if f"{patch.target.kind}/{patch.target.name}" == subject:
                for number, operation in reversed(list(enumerate(patch.patch))):
                    tokens = [token.replace("~1", "/").replace("~0", "~") for token in operation.path.split("/")[1:]]
                    yield ("patches", position, "patch", number), tokens


def _steps(document: Document, field: str) -> Iterator[Step]:
    """The way to a field, as messages show it: items of lists are called by their names or positions."""
    value: Any = document
    for bracketed, plain in _SEGMENT.findall(field):
        key: str | int = bracketed or plain
        if isinstance(value, list):
            key = _position(value, str(key))
            value = value[key] if key < len(value) else None
        else:
            value = value.get(key) if isinstance(value, dict) else None
        yield Step(key, value)


def _position(items: Sequence[Any], name: str) -> int:
    for position, item in enumerate(items):
        if isinstance(item, dict) and name in (item.get("name"), (item.get("metadata") or {}).get("name")):
            return position
    return int(name) if name.isdecimal() else len(items)
