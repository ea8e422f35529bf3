"""Reading manifests back from files."""

from __future__ import annotations

from pathlib import Path

import yaml

from constructs_st2.errors import UserError
from constructs_st2.kube.documents import Document

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_folder(folder: Path) -> list[Document]:
    """All objects of the YAML files in a folder, as kubectl would read them.

    Raises:
        UserError: there are none, or a file is not made of Kubernetes objects.
    """
    paths = sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml"))
    if not paths:
        raise UserError(f"{folder}: has no manifests (*.yaml)")
    return [document for path in paths for document in _read(path)]


def _read(path: Path) -> list[Document]:
    return read_text(path.read_bytes(), str(path))


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
        documents = [document for document in yaml.load_all(text, _LOADER) if document is not None]
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
