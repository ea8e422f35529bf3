"""Settings of one section that hold for another where that has none, as in the Helm chart."""

from __future__ import annotations

from typing import Any

from constructs_st2.values.model import Values

_LIKE_RUNNERS = ("st2client", "jobs")
"""They work with the same packs, on the same volumes, as action runners: with the same user and groups."""
_SECURITY = ("security_context", "pod_security_context")


def with_fallbacks(values: Values) -> Values:
    """The values with the security contexts of st2actionrunner for st2client and Jobs that have none."""
    runner = values.st2actionrunner
    update: dict[str, Any] = {}
    for name in _LIKE_RUNNERS:
        section = getattr(values, name)
        missing = [key for key in _SECURITY if getattr(runner, key) and not getattr(section, key)]
        if missing:
            update[name] = section.model_copy(update={key: getattr(runner, key) for key in missing})
    return values.model_copy(update=update) if update else values
