"""What st2 lacks to outlast another master of Redis: a Python module for its own interpreter.

``st2_redis.py`` is data: it runs in the images of st2, which have redis-py, and is not imported here.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

from constructs_st2.parts.backends import egg
from constructs_st2.values.model.backends import REDIS_SCHEME

LIBRARY_FILE = "st2_redis.egg"
SCHEMES = (REDIS_SCHEME,)
"""What the URL of a coordinator begins with, for the driver in the library."""


@cache
def library() -> bytes:
    """The content of ``LIBRARY_FILE``, the same for every version of st2 and wherever it is made."""
    source = resources.files(__name__).joinpath("st2_redis.py").read_bytes()
    return egg.archive(egg.driver("st2_redis", source, SCHEMES))
