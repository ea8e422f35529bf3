"""How commands are found on pages, so that none is overlooked."""

from __future__ import annotations

from pathlib import Path

from docs.shell import Exec, blocks, commands, exec_of, program, spans

PAGE = """# Title

Text, and `kubectl get pods
-w` in it.

    kubectl one   # why
    two \\
      three

    $ four
    what it says, and doesn't repeat

    more of it

* An item

  that goes on

      five <<'END'
      its input
      END

      $ echo 'it
        goes on' | cat
      it
        goes on

  ```sh
  six
  ```

```yaml
seven: 8
```
"""


def test_what_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    found = [(block.language, [(each.number, each.text) for each in commands(block)]) for block in blocks(page)]
    assert found == [
        (None, [(6, "kubectl one   # why"), (7, "two \\\n  three")]),
        (None, [(10, "four")]),
        (None, [(19, "five <<'END'\nits input\nEND")]),
        (None, [(23, "echo 'it\n  goes on' | cat")]),
        ("sh", [(29, "six")]),
        ("yaml", [(33, "seven: 8")]),
    ]
    assert [(each.number, each.text) for each in spans(page)] == [(3, "kubectl get pods -w")]


def test_what_is_run() -> None:
    assert program("A=/b && kubectl x") == "kubectl"
    assert program("git diff dist/ && kubectl apply") == "git"
    words = ["-n", "a", "exec", "-it", "deployment/b", "-c", "d", "--", "e", "-f"]
    assert exec_of(words) == Exec("deployment/b", "d", ["e", "-f"])
    assert exec_of(["get", "pods"]) is None
