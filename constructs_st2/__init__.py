"""StackStorm on Kubernetes, as a cdk8s app and as a construct for any other.

What is offered here is loaded when it is used: cdk8s starts a Node.js program as soon as it is imported.
"""

from __future__ import annotations

__version__ = "0.1.0"

# Jedi, which completes in notebooks and many editors, leaves out what stands below a constant.
TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from constructs_st2.commands.program import program
    from constructs_st2.commands.synth import Arguments
    from constructs_st2.construct.stackstorm import StackStorm
    from constructs_st2.construct.tiers import Tier
    from constructs_st2.construct.writing import App
    from constructs_st2.errors import UserError
    from constructs_st2.facts.cluster import Cluster
    from constructs_st2.parts.tiers import Part, Plan
    from constructs_st2.values import Values, load_values

__all__ = [
    "App",
    "Arguments",
    "Cluster",
    "Part",
    "Plan",
    "StackStorm",
    "Tier",
    "UserError",
    "Values",
    "load_values",
    "program",
]

_MODULES = {
    "App": "construct.writing",
    "Arguments": "commands.synth",
    "Cluster": "facts.cluster",
    "Part": "parts.tiers",
    "Plan": "parts.tiers",
    "StackStorm": "construct.stackstorm",
    "Tier": "construct.tiers",
    "UserError": "errors",
    "Values": "values",
    "load_values": "values",
    "program": "commands.program",
}


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in ("App", "StackStorm", "Tier"):
        from constructs_st2 import node

        node.start()
    # Not importlib, which imports more: a program begins here, and does not catch signals yet.
    found: object = getattr(__import__(f"{__name__}.{_MODULES[name]}", fromlist=[name]), name)
    # A module of the same name is an attribute of the package once it has been imported.
    globals()[name] = found
    return found
