"""Folders that the values name: where they are, and what their files become."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from constructs_st2.construct.clusters import cluster_of
from constructs_st2.errors import InvalidValues, UserError
from constructs_st2.values import Values, from_mapping, load
from constructs_st2.values.folders import FOLDERS
from constructs_st2.values.loading import Loaded

ROLE = "name: dev\ndescription: Developers.\n"


@pytest.fixture(autouse=True)
def _in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make(files: Mapping[str, str]) -> None:
    for path, text in files.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text)


def loaded(*files: str, sets: tuple[str, ...] = ()) -> Loaded[Values]:
    return load([Path(file) for file in files], sets, release_name="st2", release_namespace="stackstorm")


def configs(*files: str, sets: tuple[str, ...] = ()) -> dict[str, str]:
    return loaded(*files, sets=sets).values.st2.packs.configs


def problems(*files: str, sets: tuple[str, ...] = ()) -> list[str]:
    """All that is wrong, as the command line prints it."""
    try:
        found = loaded(*files, sets=sets)
    except UserError as error:
        return list(error.problems)
    with pytest.raises(InvalidValues) as caught:
        cluster_of(found.values)
    return found.report(caught.value.problems)


def naming(folder: object) -> str:
    return f"st2: {{packs: {{configsFrom: {folder}}}}}\n"


@pytest.mark.parametrize(
    ("setting", "file", "target", "text"),
    [
        ("packs.configsFrom", "x/aws.yaml", "packs.configs", "region: eu\n"),
        ("overridesFrom", "x/aws.yaml", "overrides", "rules: {}\n"),
        ("rbac.from", "x/roles/dev.yaml", "rbac.roles", ROLE),
        ("rbac.from", "x/assignments/eve.yaml", "rbac.assignments", "username: eve\nroles: [admin]\n"),
        ("rbac.from", "x/mappings/devs.yaml", "rbac.mappings", "group: devs\nroles: [admin]\n"),
        ("keyvalueFrom", "x/a.yaml", "keyvalue_files", "- {name: a, value: b}\n"),
        ("apikeysFrom", "x/a.yaml", "apikeys_files", "- {user: a, id: b, key_hash: c}\n"),
    ],
)
def test_the_files_of_a_folder_become_values(setting: str, file: str, target: str, text: str) -> None:
    make({file: text})
    found: Any = loaded(sets=(f"st2.{setting}=x",)).values.st2
    for name in target.split("."):
        found = getattr(found, name)
    assert found == {Path(file).name: text}


def test_every_setting_with_a_folder_is_tested_above() -> None:
    parts = {(".".join(key[1:]), target[-1]) for key, targets in FOLDERS.items() for target in targets.values()}
    assert len(parts) == 7


def test_a_folder_is_beside_the_file_that_names_it() -> None:
    make({"live/values.yaml": naming("packs"), "live/packs/aws.yaml": "a: live\n", "packs/aws.yaml": "a: here\n"})
    assert configs("live/values.yaml") == {"aws.yaml": "a: live\n"}
    assert configs(str(Path("live/values.yaml").absolute())) == {"aws.yaml": "a: live\n"}
    assert configs("live/values.yaml", sets=("st2.packs.configsFrom=packs",)) == {"aws.yaml": "a: here\n"}


def test_a_folder_is_found_by_the_file_that_has_the_last_word() -> None:
    make(
        {
            "base/values.yaml": naming("packs"),
            "base/packs/aws.yaml": "a: base\n",
            "live/values.yaml": naming("packs"),
            "live/packs/chef.yaml": "a: live\n",
            "off.yaml": naming("null"),
            "other.yaml": "st2: {packs: {images: []}}\n",
        }
    )
    assert configs("base/values.yaml", "live/values.yaml") == {"chef.yaml": "a: live\n"}
    assert configs("base/values.yaml", "other.yaml") == {"aws.yaml": "a: base\n"}
    assert configs("base/values.yaml", "off.yaml") == {}


def test_an_absolute_folder_is_where_it_says() -> None:
    make({"live/values.yaml": naming(Path("elsewhere").absolute()), "elsewhere/aws.yaml": "a: 1\n"})
    assert configs("live/values.yaml") == {"aws.yaml": "a: 1\n"}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"x/role/dev.yaml": ROLE}, 'x/role would not be read; did you mean "roles"?'),
        ({"x/roles/dev.yaml": ROLE, "x/groups/a.yaml": ""}, "x/groups would not be read; only the folders roles, "),
        ({"x/dev.yaml": ROLE}, "x/dev.yaml would not be read; only the folders roles, assignments, mappings are"),
        ({"x/roles/team/dev.yaml": ROLE}, "x/roles/team is a folder, and no folder is looked into here"),
        ({"x/roles/dev.yaml.bak": ROLE}, "x/roles/dev.yaml.bak would not be read: only files that end with .yaml are"),
        ({"x/README.md": "", "x/.git/a": ""}, "x has none of the folders roles, assignments, mappings"),
        ({"x/roles/dev.yaml": ROLE, "x/roles/ops.yaml": ""}, "x/roles/ops.yaml is empty"),
        ({"x/mappings/ops.yaml": ""}, "x/mappings/ops.yaml is empty"),
    ],
)
def test_what_nobody_would_read_is_an_error(files: dict[str, str], message: str) -> None:
    make(files)
    (problem,) = problems(sets=("st2.rbac.from=x",))
    assert message in problem


@pytest.mark.parametrize("target", ["a.yaml", "nowhere.yaml"])
def test_links_that_lead_nowhere_are_an_error(target: str) -> None:
    make({"x/b.yaml": "a: 1\n"})
    Path("x/a.yaml").symlink_to(target)
    (problem,) = problems(sets=("st2.packs.configsFrom=x",))
    assert "x/a.yaml is no file that can be read: a link that leads nowhere or to itself" in problem


def test_a_loop_of_folders_is_an_error() -> None:
    Path("x").symlink_to("x")
    (problem,) = problems(sets=("st2.packs.configsFrom=x",))
    assert "st2.packs.configsFrom: " in problem


def test_line_ends_of_windows_are_those_of_unix() -> None:
    make({"x/a.yaml": ""})
    Path("x/a.yaml").write_bytes(b"a: |\r\n  x\r\n  y\r\n")
    assert configs(sets=("st2.packs.configsFrom=x",)) == {"a.yaml": "a: |\n  x\n  y\n"}


def test_programs_name_folders_from_where_they_are() -> None:
    make({"packs/aws.yaml": "a: 1\n"})
    assert from_mapping({"st2": {"packs": {"configsFrom": "packs"}}}).st2.packs.configs == {"aws.yaml": "a: 1\n"}


def test_values_win_over_the_file_of_the_same_name_and_can_take_it_away() -> None:
    make(
        {
            "values.yaml": "st2: {packs: {configsFrom: packs, configs: {aws.yaml: y, chef.yaml: '', new.yaml: x}}}",
            **{f"packs/{name}.yaml": "a: 1\n" for name in ("aws", "chef", "kept")},
        }
    )
    assert configs("values.yaml") == {"aws.yaml": "y", "chef.yaml": "", "kept.yaml": "a: 1\n", "new.yaml": "x"}


def test_templates_of_st2_stay_as_they_are() -> None:
    make({"packs/aws.yaml": "token: '{{st2kv.system.token}}'\n", "kv/a.yaml": "- {name: a, value: '{{ x }}'}\n"})
    values = loaded(sets=("st2.packs.configsFrom=packs", "st2.keyvalueFrom=kv")).values
    assert values.st2.packs.configs == {"aws.yaml": "token: '{{st2kv.system.token}}'\n"}
    assert values.st2.keyvalue_files == {"a.yaml": "- {name: a, value: '{{ x }}'}\n"}


def test_other_files_do_not_count() -> None:
    make({f"packs/{name}": "a: 1\n" for name in ("aws.yaml", "README.md", "Readme", ".hidden.yaml", ".git/chef.yaml")})
    assert configs(sets=("st2.packs.configsFrom=packs",)) == {"aws.yaml": "a: 1\n"}


def test_a_link_counts_as_what_it_leads_to() -> None:
    make({"shared/aws.yaml": "a: 1\n"})
    Path("packs").mkdir()
    Path("packs/aws.yaml").symlink_to("../shared/aws.yaml")
    Path("linked").symlink_to("packs")
    assert configs(sets=("st2.packs.configsFrom=linked",)) == {"aws.yaml": "a: 1\n"}


def test_an_empty_assignment_takes_a_default_one_away() -> None:
    make({"v.yaml": "st2: {rbac: {enabled: true, from: x}}", "x/assignments/stanley.yaml": ""})
    assert loaded("v.yaml").values.st2.rbac.assignments == {"stanley.yaml": ""}


def test_a_folder_of_roles_need_not_have_all_kinds() -> None:
    make({"access/roles/dev.yaml": ROLE})
    rbac = loaded(sets=("st2.rbac.from=access",)).values.st2.rbac
    assert (rbac.roles, rbac.assignments, rbac.mappings) == ({"dev.yaml": ROLE}, {}, {})


def test_the_order_is_that_of_the_names_whatever_the_file_system_says(monkeypatch: pytest.MonkeyPatch) -> None:
    make({f"packs/{name}.yaml": "a: 1\n" for name in ("b", "a", "c", "B", "a_b")})
    orders = []
    listed = list(Path("packs").iterdir())
    for found in (listed, listed[::-1]):

        def files(_: Path, found: list[Path] = found) -> Iterator[Path]:
            return iter(found)

        monkeypatch.setattr(Path, "iterdir", files)
        orders.append(list(configs(sets=("st2.packs.configsFrom=packs",))))
    assert orders == [["B.yaml", "a.yaml", "a_b.yaml", "b.yaml", "c.yaml"]] * 2


@pytest.mark.parametrize(
    ("files", "sets", "expected"),
    [
        pytest.param(
            {"live/values.yaml": naming("packs"), "live/packs/aws.yaml": "a: 1\nb: [\n"},
            (),
            ['live/packs/aws.yaml:3: st2.packs.configs["aws.yaml"]: is not YAML: did not find expected node content'],
            id="not YAML",
        ),
        pytest.param(
            {"packs/aws.yaml": "a: 1\npassword: hunter2\n"},
            ("st2.packs.configsFrom=packs",),
            [
                'packs/aws.yaml:2: st2.packs.configs["aws.yaml"]: password: holds a value of password in clear text; '
                "put it into the datastore and refer to it ({{st2kv.system.NAME}}), or give the whole file in the "
                "Secret of st2.packs.existingConfigsSecret; if it is no secret, add it to security.notSecret: "
                'st2.packs.configs["aws.yaml"].password'
            ],
            id="a secret",
        ),
        pytest.param(
            {"packs/aws.yml": "a: 1\n"},
            ("st2.packs.configsFrom=packs",),
            [
                'packs/aws.yml:1: st2.packs.configs["aws.yml"]: must be <pack>.yaml, and a pack\'s name has small '
                "letters, digits and _; name it aws.yaml"
            ],
            id="a name that st2 ignores",
        ),
        pytest.param(
            {"access/roles/dev.yaml": "---\nname: dev\ndescription: x\nrole: y\n"},
            ("st2.rbac.from=access",),
            [
                'access/roles/dev.yaml:4: st2.rbac.roles["dev.yaml"]: role: unknown key; valid keys: name, '
                "description, enabled, permission_grants"
            ],
            id="an unknown key",
        ),
        pytest.param(
            {"kv/a.yaml": "- name: a\n  value: b\n- name: c\n"},
            ("st2.keyvalueFrom=kv",),
            ['kv/a.yaml:3: st2.keyvalueFiles["a.yaml"]: [1].value: is required'],
            id="an item without a value",
        ),
        pytest.param(
            {"kv/a.yaml": "- {name: a, value: b}\n", "kv/b.yaml": "\n- {name: a, value: c}\n"},
            ("st2.keyvalueFrom=kv",),
            [
                'kv/b.yaml:2: st2.keyvalueFiles["b.yaml"]: [0]: the item "a" is already in line 1 of '
                'st2.keyvalueFiles["a.yaml"]'
            ],
            id="the same item in two files",
        ),
        pytest.param(
            {"live/values.yaml": "# x\nst2:\n  packs:\n    configsFrom: packs\n"},
            (),
            ["live/values.yaml:4: st2.packs.configsFrom: there is no folder live/packs"],
            id="no folder",
        ),
        pytest.param(
            {},
            ("st2.packs.configsFrom=packs",),
            ["--set st2.packs.configsFrom=packs: st2.packs.configsFrom: there is no folder packs"],
            id="no folder by --set",
        ),
        pytest.param(
            {"packs": "a: 1\n"},
            ("st2.packs.configsFrom=packs",),
            ["--set st2.packs.configsFrom=packs: st2.packs.configsFrom: there is no folder packs"],
            id="a file",
        ),
        pytest.param(
            {},
            ("st2.rbac.from=access",),
            ["--set st2.rbac.from=access: st2.rbac.from: there is no folder access"],
            id="no folder of roles",
        ),
        pytest.param(
            {},
            ("st2.packs.configsFrom=5",),
            ["--set st2.packs.configsFrom=5: st2.packs.configsFrom: must be text, not the number 5; put it in quotes"],
            id="a number",
        ),
    ],
)
def test_problems_name_the_file_of_the_folder_and_its_line(
    files: dict[str, str], sets: tuple[str, ...], expected: list[str]
) -> None:
    make(files)
    assert problems(*(file for file in files if file.endswith("values.yaml")), sets=sets) == expected


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "packs"
    folder.mkdir()
    (folder / "aws.yaml").write_bytes(b"a: 1\nb: \xff\n")
    expected = ["packs/aws.yaml:2: is not UTF-8 text; save the file as UTF-8"]
    assert problems(sets=("st2.packs.configsFrom=packs",)) == expected


def test_a_file_with_a_byte_order_mark_is_read() -> None:
    Path("packs").mkdir()
    Path("packs/aws.yaml").write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert configs(sets=("st2.packs.configsFrom=packs",)) == {"aws.yaml": "a: 1\n"}


def test_a_name_that_no_config_map_can_hold_is_an_error() -> None:
    make({"packs/my pack.yaml": "a: 1\n"})
    (problem,) = problems(sets=("st2.packs.configsFrom=packs",))
    assert problem.startswith('packs/my pack.yaml:1: st2.packs.configs["my pack.yaml"]: ')


def test_a_folder_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: Path) -> Iterator[Path]:
        raise PermissionError(errno.EACCES, "Permission denied")

    Path("packs").mkdir()
    monkeypatch.setattr(Path, "iterdir", refused)
    setting = "st2.packs.configsFrom"
    assert problems(sets=(f"{setting}=packs",)) == [
        f"--set {setting}=packs: {setting}: packs cannot be read: Permission denied"
    ]
