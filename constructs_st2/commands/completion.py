"""Completion in shells: of commands and options by click, of the keys of values by their model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from constructs_st2.errors import UserError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

PROGRAM = "constructs-st2"
_VARIABLE = "_CONSTRUCTS_ST2_COMPLETE"
_FILES = {
    "bash": Path(".local/share/bash-completion/completions", PROGRAM),
    "zsh": Path(".local/share/zsh/site-functions", f"_{PROGRAM}"),
    "fish": Path(".config/fish/completions", f"{PROGRAM}.fish"),
}
"""Where shells look for completions of a user, below the home folder."""
_HINTS = {"zsh": "zsh looks there if ~/.zshrc has, before compinit: fpath=(~/.local/share/zsh/site-functions $fpath)"}


def complete_key(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """The keys of values that begin as a word does, down to the next dot."""
    from click.shell_completion import CompletionItem

    from constructs_st2.values.model import Values
    from constructs_st2.values.shape import keys_at

    above, dot, begun = incomplete.rpartition(".")
    path = tuple(above.split(".")) if above else ()
    return [CompletionItem(f"{above}{dot}{key}") for key in keys_at(Values, path) if key.startswith(begun)]


@click.command()
@click.argument("shell", type=click.Choice(list(_FILES)))
@click.option("--install", is_flag=True, help="Write it to where the shell looks for it, instead of printing it.")
@click.pass_context
def completion(context: click.Context, shell: str, install: bool) -> None:
    """Print what makes a shell complete the commands, options and keys of values."""
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    assert made is not None
    try:
        text = made(context.find_root().command, {}, PROGRAM, _VARIABLE).source()
    except RuntimeError as error:
        raise UserError([str(error)]) from error
    if not install:
        click.echo(text)
        return
    file = Path.home() / _FILES[shell]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    click.echo(f"{file} is written; new shells complete {PROGRAM}")
    if shell in _HINTS:
        click.echo(_HINTS[shell])
