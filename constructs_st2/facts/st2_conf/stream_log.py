"""The log of st2stream, in which a request is no error."""

from __future__ import annotations

from constructs_st2.kube.shipped import shipped_text

STREAM_LOG = "st2.stream.logging.conf"
"""Its file in the directory of st2.conf."""


def stream_log() -> str:
    """The settings of Python's `logging`."""
    return shipped_text(__package__, "stream_log.conf")
