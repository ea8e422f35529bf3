"""`make imports`, by the real program."""

from __future__ import annotations

import ast
from pathlib import Path

from servers.bindings import IMPORTS, definitions, generate
from support import Require

GROUP = "io/k8s/networking/gateway/__init__.py"


def test_it_makes_the_bindings_that_are_committed(tmp_path: Path, require: Require) -> None:
    (definition,) = (path for path in definitions() if path.name == "gateway.networking.k8s.io.yaml")
    generate(require("cdk8s"), tmp_path, [definition])
    assert shape(tmp_path / GROUP) == shape(IMPORTS / GROUP)


def shape(module: Path) -> dict[str, list[str]]:
    """The classes of a module, with their decorators and the arguments to make them.

    The rest of the text may change with the tools that cdk8s uses.
    """
    return {
        node.name: [
            *map(ast.unparse, node.decorator_list),
            *(
                ast.unparse(method.args)
                for method in node.body
                if isinstance(method, ast.FunctionDef) and method.name == "__init__"
            ),
        ]
        for node in ast.parse(module.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    }
