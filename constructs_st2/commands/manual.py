"""The reference page of a command line, in Markdown: what `--help` says, of all commands at once."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import click

from constructs_st2.values.reference_words import cell


class _Entry(NamedTuple):
    """A command, and all words that call it."""

    words: tuple[str, ...]
    command: click.Command


def manual(programs: Mapping[str, click.Command], intro: str) -> str:
    """The page.

    Args:
        programs: each program by its name.
        intro: what stands at the top.
    """
    entries = [entry for name, program in programs.items() for entry in _entries(_Entry((name,), program))]
    return "\n".join([intro, *("\n".join(_section(entry)) for entry in entries)])


def _entries(entry: _Entry) -> Iterator[_Entry]:
    """A command, and those below it, in the order in which the help has them."""
    yield entry
    if isinstance(entry.command, click.Group):
        context = click.Context(entry.command, info_name=entry.words[-1])
        for name in entry.command.list_commands(context):
            command = entry.command.get_command(context, name)
            if command and not command.hidden:
                yield from _entries(_Entry((*entry.words, name), command))


def _section(entry: _Entry) -> Iterator[str]:
    context = _context(entry)
    usage = [" ".join(entry.words), *entry.command.collect_usage_pieces(context)]
    yield f"## {' '.join(entry.words)}\n"
    yield f"```text\n{' '.join(usage)}\n```\n"
    yield f"{_text(entry.command.help or '')}\n"
    options = [option for option in entry.command.params if isinstance(option, click.Option) and not option.hidden]
    if options:
        yield "| option | meaning |\n|---|---|"
        for option in options:
            names, meaning = option.get_help_record(context) or ("", "")
            yield f"| `{cell(names)}` | {cell(_text(meaning))} |"
        yield ""


def _context(entry: _Entry) -> click.Context:
    """With the names of the commands above, which some commands speak of."""
    context: click.Context | None = None
    for word in entry.words[:-1]:
        context = click.Context(entry.command, parent=context, info_name=word)
    return click.Context(entry.command, parent=context, info_name=entry.words[-1])


def _text(help_text: str) -> str:
    """As Markdown: placeholders in angle brackets are no tags."""
    return inspect.cleandoc(help_text).replace("\b\n", "").replace("<", "&lt;")
