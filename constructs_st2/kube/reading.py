"""Reading manifests back from files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

from constructs_st2.errors import UserError
from constructs_st2.kube.documents import Document
from constructs_st2.kube.yaml_text import LOADER


def read_folder(folder: Path) -> list[Document]:
    """All objects of the YAML files in a folder, as kubectl would read them.

    Raises:
        UserError: there are none, a file is not made of Kubernetes objects, or a key is there twice.
    """
    paths = sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml"))
    if not paths:
        raise UserError(f"{folder}: has no manifests (*.yaml)")
    return [document for path in paths for document in _read(path)]


def _read(path: Path) -> list[Document]:
    content = path.read_bytes()
    documents = read_text(content, str(path))
    twice = [
        f"{path}:{line}: {key} is there twice, which kubectl refuses"
        for node in yaml.compose_all(content, LOADER)
        for line, key in _repeated(node)
    ]
    if twice:
        raise UserError(twice)
    return documents


def _repeated(node: yaml.Node | None) -> Iterator[tuple[int, str]]:
    """The line and name of each key that is in its mapping before."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated(item)
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    yield key.start_mark.line + 1, key.value
                seen.add(key.value)
            yield from _repeated(value)


def read_text(text: bytes | str, name: str) -> list[Document]:
    """All objects of a text.

    Args:
        text: the text.
        name: how messages name it.

    Raises:
        UserError: it is not made of Kubernetes objects.
    """
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise UserError(f"{name}: is not UTF-8 text") from None
    try:
        documents = [document for document in yaml.load_all(text, LOADER) if document is not None]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        # What the reader of characters says goes on in a second line, about its own bytes.
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise UserError(f"{name}{line}: is not YAML: {problem}") from error
    for document in documents:
        if not isinstance(document, dict) or not {"apiVersion", "kind", "metadata"} <= document.keys():
            raise UserError(f"{name}: holds something that is no Kubernetes object (apiVersion, kind, metadata)")
    return documents
