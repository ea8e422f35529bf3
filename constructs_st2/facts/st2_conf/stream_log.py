"""The log of st2stream, in which a request is no error."""

from __future__ import annotations

from functools import cache
from importlib import resources

STREAM_LOG = "st2.stream.logging.conf"
"""Its file in the directory of st2.conf."""


@cache
def stream_log() -> str:
    """The settings of Python's `logging`."""
    return resources.files(__package__).joinpath("stream_log.conf").read_text(encoding="utf-8")
