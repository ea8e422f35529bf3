"""Plain data as YAML that every tool reads alike, whether it goes by YAML 1.1 (kubectl) or 1.2."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import yaml

from constructs_st2.kubernetes import Document

_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

_AMBIGUOUS = re.compile(r"[yYnN]|[-+.]?[0-9][0-9a-fA-FxobXOB_.,:+-]*|[-+]?\.[0-9eE_+-]+")
"""Texts that some parser takes for a number or a truth value. More than those are in quotes, which does no harm.

PyYAML itself writes ``1e3`` and ``y`` plain, which kubectl takes for 1000.0 and true:
https://github.com/go-yaml/yaml/blob/v2.4.0/resolve.go
"""


class _Writer(_Dumper):  # type: ignore[misc]
    """Keeps the order of keys, writes texts of several lines as blocks, and everything where it is used."""

    def ignore_aliases(self, _: Any) -> bool:
        """Never an alias: objects may share parts."""
        return True


def _text(writer: Any, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else '"' if _AMBIGUOUS.fullmatch(text) else None
    node: yaml.ScalarNode = writer.represent_scalar("tag:yaml.org,2002:str", text, style=style)
    return node


_Writer.add_representer(str, _text)


def yaml_text(documents: Iterable[Document]) -> str:
    """The text of a file of objects."""
    text: str = yaml.dump_all(
        documents, Dumper=_Writer, sort_keys=False, allow_unicode=True, width=2**31 - 1, default_flow_style=False
    )
    return text
