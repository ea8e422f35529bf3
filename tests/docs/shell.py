"""What people copy from the pages into a shell: the lines of code blocks, and commands in running text."""

from __future__ import annotations

import functools
import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])

SHELLS = frozenset({"bash", "console", "sh", "shell"})
"""Languages of blocks that are for a shell."""

OTHERS = frozenset({"dockerfile", "ini", "json", "lua", "python", "text", "toml", "yaml"})
"""Languages of blocks that are not."""

_FENCE = re.compile(r"(?P<indent> *)(?P<ticks>```+)(?P<language>[\w-]*)\s*$")
_ITEM = re.compile(r"(?P<indent> *(?:[-*+]|\d+[.)]) +)\S")
_SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_HEREDOC = re.compile(r"<<-?\s*'?(\w+)'?")
_INDENT = 4


class Block(NamedTuple):
    """A block of code on a page."""

    page: Path
    number: int
    language: str | None
    """None: it is indented, and says of itself nothing."""
    text: str


class Command(NamedTuple):
    """A command on a page."""

    page: Path
    number: int
    text: str
    block: int | None
    """The number of the block's line; None: it stands in running text, where it may be a mere name."""

    @property
    def in_text(self) -> bool:
        """Whether it stands in running text."""
        return self.block is None

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.number}"


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of code of a page."""
    lines = page.read_text(encoding="utf-8").split("\n")
    item, number = 0, 0
    while number < len(lines):
        line, begin = lines[number], number
        number += 1
        if fence := _FENCE.match(line):
            while lines[number].strip() != fence["ticks"]:
                number += 1
            yield Block(page, begin + 2, fence["language"], textwrap.dedent("\n".join(lines[begin + 1 : number])))
            number += 1
        elif line.strip():
            indent = len(line) - len(line.lstrip())
            if indent < item:
                item = 0
            if (begin == 0 or not lines[begin - 1].strip()) and indent >= item + _INDENT:
                # Paragraphs are blocks of their own, but what a program answers may have several.
                answers = line.strip().startswith("$ ")
                while number < len(lines) and (
                    lines[number].startswith(" " * indent) or (answers and not lines[number].strip())
                ):
                    number += 1
                yield Block(page, begin + 1, None, textwrap.dedent("\n".join(lines[begin:number])).rstrip())
            elif found := _ITEM.match(line):
                item = len(found["indent"])


def commands(block: Block) -> Iterator[Command]:
    """The commands of a block: lines, of which some go on in others. With prompts, what follows them."""
    lines = block.text.split("\n")
    # From the first prompt on, the rest is what programs answer.
    first = next((at for at, line in enumerate(lines) if line.startswith("$ ")), len(lines))
    number = 0
    while number < len(lines):
        begin = number
        text = lines[number].removeprefix("$ ")
        number += 1
        if not text.strip() or text.startswith("#") or (begin >= first and not lines[begin].startswith("$ ")):
            continue
        while _goes_on(text) and number < len(lines):
            text += "\n" + lines[number]
            number += 1
        if end := _HEREDOC.search(text):
            while lines[number - 1] != end[1]:
                text += "\n" + lines[number]
                number += 1
        yield Command(block.page, block.number + begin, text.strip(), block.number)


def _goes_on(text: str) -> bool:
    """Whether a shell waits for another line: a quotation is open, or the end of the line is escaped."""
    try:
        shlex.split(text, comments=True)
    except ValueError:
        return True
    return text.endswith("\\")


def spans(page: Path) -> Iterator[Command]:
    """The code in running text."""
    text = page.read_text(encoding="utf-8")
    for block in blocks(page):
        # Of the same length, so that the numbers of lines stay.
        lines = text.split("\n")
        for number in range(block.number - 1, block.number + block.text.count("\n")):
            lines[number] = ""
        text = "\n".join(lines)
    for found in _SPAN.finditer(text):
        number = text.count("\n", 0, found.start()) + 1
        yield Command(page, number, " ".join(found[1].split()), None)


@functools.cache
def program(text: str) -> str:
    """The first program that a command runs."""
    words = [word for word in _words(text) if not re.fullmatch(r"\w+=.*|&&", word)]
    return words[0] if words else ""


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text, comments=True)
    except ValueError:
        return text.split()


class Exec(NamedTuple):
    """What is run in a pod by ``kubectl exec``."""

    target: str
    container: str | None
    command: list[str]


def exec_of(words: list[str]) -> Exec | None:
    """What the arguments of kubectl run in a pod, or None where they do not."""
    if "exec" not in words:
        return None
    options, separator, command = _partition(words[words.index("exec") + 1 :], "--")
    container, targets = None, []
    arguments = iter(options)
    for word in arguments:
        if word in ("-c", "--container"):
            container = next(arguments)
        elif word in ("-n", "--namespace"):
            next(arguments)
        elif not word.startswith("-"):
            targets.append(word)
    if not separator or len(targets) != 1 or not command:
        raise ValueError(f"kubectl exec takes one pod, and the command after --: {shlex.join(words)}")
    return Exec(targets[0], container, command)


def _partition(words: list[str], separator: str) -> tuple[list[str], bool, list[str]]:
    if separator not in words:
        return words, False, []
    at = words.index(separator)
    return words[:at], True, words[at + 1 :]
