"""What users add or change beyond the settings: whole objects, and patches."""

from __future__ import annotations

import copy
import re
import textwrap
from collections.abc import Iterable
from typing import Any

from constructs_st2.errors import InvalidValues, ValueProblem
from constructs_st2.facts.images import pin
from constructs_st2.kube.documents import Document, copied, identity
from constructs_st2.values.model import Patch, Values


def extra_objects(values: Values) -> Iterable[Document]:
    """The user's own objects, with the digests of images that the values pin."""
    for given in values.extra_objects:
        document = copy.deepcopy(dict(given))
        pin(document, values.image.digests)
        yield document


def apply_patches(patches: Iterable[Patch], objects: Iterable[Document]) -> None:
    """Change objects in place by JSON patches (RFC 6902).

    Raises:
        InvalidValues: a patch matches no object, or cannot be applied to it.
    """
    by_identity = {identity(document): document for document in objects}
    problems = [
        problem
        for index, patch in enumerate(patches)
        if (problem := _apply(patch, by_identity, f"patches[{index}]")) is not None
    ]
    if problems:
        raise InvalidValues(*problems)


def _apply(patch: Patch, objects: dict[str, Document], key: str) -> ValueProblem | None:
    # Only who patches pays for the library.
    import difflib

    import jsonpatch
    from jsonpointer import JsonPointerException

    wanted = f"{patch.target.kind}/{patch.target.name}"
    document = objects.get(wanted)
    if document is None:
        near = difflib.get_close_matches(wanted, objects, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return ValueProblem(f"{key}.target", f"matches no object: there is no {wanted}{hint}")
    changed: Any = copied(document)
    for number, operation in enumerate(patch.patch):
        try:
            given = [operation.model_dump(by_alias=True, exclude_unset=True)]
            changed = jsonpatch.apply_patch(changed, given, in_place=True)
        except (jsonpatch.JsonPatchException, JsonPointerException) as error:
            return ValueProblem(f"{key}.patch[{number}]", f"cannot be applied to {wanted}: {_reason(error)}")
    if not _is_object(changed) or identity(changed) != wanted:
        return ValueProblem(f"{key}.patch", f"must leave kind and metadata.name of {wanted} as they are")
    if not isinstance(changed.get("apiVersion"), str):
        return ValueProblem(f"{key}.patch", f"must leave apiVersion of {wanted} a text")
    document.clear()
    document.update(changed)
    return None


def _reason(error: Exception) -> str:
    """What went wrong, without the half of the object that the library quotes."""
    text = re.sub(r" in [{\[].*", "", str(error), flags=re.DOTALL)
    return textwrap.shorten(text, 200, placeholder=" …")


def _is_object(changed: object) -> bool:
    """Whether something still says what it is and how it is called."""
    metadata = changed.get("metadata") if isinstance(changed, dict) else None
    return isinstance(changed, dict) and "kind" in changed and isinstance(metadata, dict) and "name" in metadata
