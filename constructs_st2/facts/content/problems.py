"""What is wrong with the content that the user gives: found here, not in the cluster."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_st2.errors import ValueProblem
from constructs_st2.facts.content.texts import file_key
from constructs_st2.kube.parted import FILES_LIMIT, applied_size
from constructs_st2.values.model import Values
from constructs_st2.values.model.content import Files


def _too_large(folder: str, files: Files, instead: str) -> Iterator[ValueProblem]:
    """Files that do not fit into a ConfigMap. Several that are too large together are put into several."""
    for name, text in files.items():
        # Most are so short that nobody has to count.
        if len(text) * 6 > FILES_LIMIT and (size := applied_size({name: text})) > FILES_LIMIT:
            message = f"has {size} bytes, of at most {FILES_LIMIT} that fit into a ConfigMap; {instead}"
            yield ValueProblem(file_key(folder, name), message)


def content_problems(values: Values) -> Iterator[ValueProblem]:
    """All problems of roles, items, pack configurations and overrides. What nobody uses is not even imported."""
    st2 = values.st2
    for folder, files, instead in (
        (
            "st2.packs.configs",
            st2.packs.configs,
            "give it in the Secret of st2.packs.existingConfigsSecret",
        ),
        ("st2.overrides", st2.overrides, "shorten it"),
        ("st2.rbac.roles", st2.rbac.roles, "make several roles of it"),
        ("st2.rbac.assignments", st2.rbac.assignments, "shorten it"),
        ("st2.rbac.mappings", st2.rbac.mappings, "shorten it"),
    ):
        yield from _too_large(folder, files, instead)
    if st2.rbac.roles or st2.rbac.assignments or st2.rbac.mappings:
        from constructs_st2.facts.content.rbac import rbac_problems

        yield from rbac_problems(st2.rbac.roles, st2.rbac.assignments, st2.rbac.mappings)
    if st2.packs.configs or st2.overrides:
        from constructs_st2.facts.content.configs import config_problems, override_problems

        yield from config_problems(st2.packs.configs)
        yield from override_problems(st2.overrides)
    if st2.has_items:
        from constructs_st2.facts.content.datastore import problems

        yield from problems(values)
