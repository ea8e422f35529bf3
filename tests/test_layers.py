"""The shape of the code: what import-linter (pyproject.toml) cannot say, and that its lists are complete."""

from __future__ import annotations

import pkgutil
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from graphlib import TopologicalSorter
from importlib import import_module
from itertools import takewhile
from pathlib import Path
from typing import Any, cast, get_args

import grimp
import pytest
import yaml
from default_cluster import SECRETS, SERVICES
from pydantic import BaseModel
from test_blocks import BLOCKS, together

from constructs_st2.changes.rollouts import MEMBERS
from constructs_st2.commands import upgrade
from constructs_st2.construct.build import UnsoundObjects, build
from constructs_st2.construct.clusters import cluster_of
from constructs_st2.errors import InvalidValues, UserError
from constructs_st2.facts import backends, catalogue, chat_adapters, components, jobs
from constructs_st2.facts.backends import BACKENDS, Backend
from constructs_st2.facts.backends.connections import connections
from constructs_st2.facts.backends.failover import races
from constructs_st2.facts.backends.silence import pairs
from constructs_st2.facts.backends.upgrades import UPGRADES
from constructs_st2.facts.monitoring import sources
from constructs_st2.facts.secrets import contract
from constructs_st2.facts.secrets.contract import SSH_PUBLIC_KEY
from constructs_st2.facts.secrets.spec import SecretSpec
from constructs_st2.facts.versions import ST2_RELEASES, ST2_VERSIONS, St2Release
from constructs_st2.parts.alerts import Alert
from constructs_st2.parts.backends.in_cluster import member_set
from constructs_st2.parts.monitoring import alerts
from constructs_st2.parts.optional import OPTIONAL_PARTS, OptionalPart, PartHooks
from constructs_st2.values import from_mapping
from constructs_st2.values.model import Coordination, Values

ROOT = Path(__file__).parents[1]
PACKAGE = "constructs_st2"
PROFILES = ROOT / PACKAGE / "values" / "profiles"
_TOKENS = {f"HUBOT_SLACK_{kind}_TOKEN": {"existingSecret": "slack", "key": kind} for kind in ("BOT", "APP")}
CHATOPS = {"st2chatops": {"enabled": True, "env": {"HUBOT_ADAPTER": "slack"}, "tokens": _TOKENS}}
"""The service that is off by default."""


EVERYTHING = together(BLOCKS)
OTHERS_SECRETS = {
    "enterprise": {"enabled": True},
    "st2": {"existingApikeysSecret": "keys", "existingKeyvalueSecret": "items"},
}
"""Secrets that are in no default cluster, nor in those of the blocks."""


def test_no_two_modules_import_each_other() -> None:
    # CycleError tells the modules of a circle.
    TopologicalSorter(_arrows()).prepare()


def test_no_two_packages_import_each_other() -> None:
    """Nor a package and a module beside it: at each level of the tree, imports have one direction."""
    siblings: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for importer, imported in _arrows().items():
        for other in imported:
            parent, one, another = _parting(importer, other)
            if one and another:
                siblings[parent][one].add(another)
    for arrows in siblings.values():
        TopologicalSorter(arrows).prepare()


def _arrows() -> dict[str, set[str]]:
    graph = grimp.build_graph(PACKAGE, cache_dir=None)
    # The package itself offers the construct by name; of it, others import only the version.
    modules = graph.modules - {PACKAGE}
    return {module: graph.find_modules_directly_imported_by(module) & modules for module in modules}


def _parting(one: str, another: str) -> tuple[str, str, str]:
    """The package in which both are, and what is directly below it on the way to each."""
    left, right = one.split("."), another.split(".")
    shared = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False))))
    return ".".join(left[:shared]), ".".join(left[shared:][:1]), ".".join(right[shared:][:1])


@pytest.mark.parametrize("part", OPTIONAL_PARTS, ids=lambda part: part.package)
def test_optional_parts_are_complete(part: OptionalPart) -> None:
    package = import_module(f"{PACKAGE}.parts.{part.package}")
    assert isinstance(getattr(package, "PART", None), PartHooks), f"parts/{part.package}/__init__.py must offer PART"
    try:
        part.is_on(Values())
    except AttributeError as error:
        pytest.fail(f"add the section of {part.package} to Values of values/model/__init__.py: {error}")
    contracts = (ROOT / "pyproject.toml").read_text()
    said = f'"{PACKAGE}.parts.{part.package}"'
    assert said in contracts, f"add {said} to the independent modules of tool.importlinter in pyproject.toml"


def test_all_optional_parts_are_listed() -> None:
    folders = {path.parent.name for path in (ROOT / PACKAGE / "parts").glob("*/__init__.py") if _offers_part(path)}
    missing = sorted(folders - {part.package for part in OPTIONAL_PARTS})
    assert missing == [], "add an entry for it to OPTIONAL_PARTS of parts/optional.py"


def _offers_part(path: Path) -> bool:
    return "\nPART = " in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("part", OPTIONAL_PARTS, ids=lambda part: part.package)
def test_optional_parts_are_on_a_page(part: OptionalPart) -> None:
    pages = [path.read_text(encoding="utf-8") for path in (ROOT / "docs").rglob("*.md")]
    by_hand = "\n".join(page for page in pages if not page.startswith("<!-- Generated"))
    for name in part.is_on.__code__.co_names:
        if field := Values.model_fields.get(name):
            section = field.alias or name
            assert re.search(rf"`{section}[.`:]|^ *{section}:", by_hand, re.MULTILINE), (
                f"tell people of {section} on a page or in a section of docs/"
            )


SWITCHES = [
    field.alias or name
    for name, field in Values.model_fields.items()
    if isinstance(model := field.annotation, type)
    and issubclass(model, BaseModel)
    and (switch := model.model_fields.get("enabled"))
    and switch.default is False
]
"""The sections of parts that are off by default."""


@pytest.mark.parametrize("section", SWITCHES)
def test_parts_that_are_turned_on_pass_the_checks(section: str) -> None:
    """Those which need no other value: of the pods of a new one, say, that they have resources."""
    with suppress(UserError, InvalidValues):
        made = cluster_of(from_mapping({section: {"enabled": True}}))
        try:
            build(made)
        except UnsoundObjects as error:
            pytest.fail(
                f"mend it in its folder in parts/, or add its resources to values/profiles/common.yaml: {error}"
            )


def test_all_services_are_listed() -> None:
    made = [value for value in vars(catalogue).values() if isinstance(value, catalogue.CatalogueEntry)]
    missing = [entry.name for entry in made if entry not in catalogue.CATALOGUE]
    assert missing == [], "add it to CATALOGUE of facts/catalogue.py"


@cache
def profile(name: str) -> Mapping[str, Any]:
    """What is in the file of a profile."""
    return cast(Mapping[str, Any], yaml.safe_load((PROFILES / f"{name}.yaml").read_text(encoding="utf-8")))


def test_each_service_is_complete() -> None:
    """Looks at the texts, because a cluster cannot even be built where one is missing."""
    for entry in catalogue.CATALOGUE:
        assert entry.name in Values.model_fields, f"add the section {entry.name} to Values of values/model/__init__.py"
        bounds = profile("common").get(entry.name, {})
        assert "resources" in bounds, f"add the limits of {entry.name} to values/profiles/common.yaml"
        for name in ("dev", "ha"):
            missing = {"replicas", "resources"} - profile(name).get(entry.name, {}).keys()
            assert not missing, f"add {entry.name} to values/profiles/{name}.yaml: {', '.join(sorted(missing))}"


def test_each_service_is_expected() -> None:
    missing = [entry.name for entry in catalogue.CATALOGUE if entry.name not in (*SERVICES, "st2chatops")]
    assert missing == [], "say what is expected of it in SERVICES of tests/default_cluster.py"


def test_each_service_is_built() -> None:
    built = {document["metadata"]["name"] for document in build(cluster_of(from_mapping(CHATOPS))).objects}
    for entry in catalogue.CATALOGUE:
        assert f"st2-{entry.name}" in built, f"the tier {entry.tier} in construct/plans.py does not build {entry.name}"


def test_all_jobs_are_listed() -> None:
    """Looks at the texts, because a default cluster does not even import some."""
    folder = ROOT / PACKAGE / "parts" / "jobs"
    listed = (folder / "tasks.py").read_text(encoding="utf-8")
    modules = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.py") if path.stem != "job"}
    missing = [name for name, text in modules.items() if " Task(" in text and f"{name}." not in listed]
    assert missing == [], "add its task to _tasks() of parts/jobs/tasks.py"
    names = {value for name, value in vars(jobs).items() if name.isupper() and isinstance(value, str)}
    of_tasks = names - {jobs.JOB, jobs.HOOK_ANNOTATION, jobs.EXTRA_HOOK}
    assert of_tasks == {*jobs.PURPOSES}, "say what it does in PURPOSES of facts/jobs.py"
    assert of_tasks == {*jobs.SKIPPABLE.values()}, "say by which name it is skipped in SKIPPABLE of facts/jobs.py"


def test_all_alerts_are_listed() -> None:
    known = set(alerts.names())
    for module in pkgutil.iter_modules(alerts.__path__):
        values = vars(import_module(f"{alerts.__name__}.{module.name}")).values()
        made = {each.name for value in values if isinstance(value, tuple) for each in value if isinstance(each, Alert)}
        assert made <= known, f"add those of {module.name}.py to parts/monitoring/alerts/__init__.py"


def test_all_secrets_are_listed() -> None:
    made = [spec for spec in vars(contract).values() if isinstance(spec, SecretSpec)]
    missing = [spec.component for spec in made if spec not in contract.CONTRACT]
    assert missing == [], "add it to CONTRACT of facts/secrets/contract.py"


def test_each_secret_of_the_default_cluster_is_expected() -> None:
    needed = [spec.component for spec in contract.required(from_mapping({}))]
    assert needed == list(SECRETS), "add it to SECRETS of tests/default_cluster.py, in the order of CONTRACT"


def test_each_key_of_a_secret_is_read() -> None:
    """By a pod, by another controller, or by what makes another key of it."""
    unread = {(spec.component, key) for spec in contract.CONTRACT for key in spec.keys} - {("st2-ssh", SSH_PUBLIC_KEY)}
    # With etcd there is no Redis.
    with_redis = together(sorted(BLOCKS.keys() - {"etcd"}))
    for values in ({}, EVERYTHING, OTHERS_SECRETS, with_redis):
        made = cluster_of(from_mapping(values))
        secrets = {spec.name(made.release, made.values): spec for spec in contract.required(made.values)}
        recipes = [recipe(made) for spec in secrets.values() for recipe in (each.recipe for each in spec.keys.values())]
        for name, key in _read_keys([*build(made).objects, *recipes]):
            if name in secrets:
                unread -= {(secrets[name].component, each) for each in ([key] if key else secrets[name].keys)}
        if not unread:
            break
    assert unread == set(), "let a pod mount it, or the recipe of another key be made of it, or take it out"


def _read_keys(data: object) -> Iterator[tuple[str, str]]:
    """The Secrets and keys that are named in data; no key for all of a Secret."""
    if isinstance(data, Mapping):
        name = data.get("secretName") or data.get("secret") or data.get("object") or data.get("name")
        if isinstance(name, str):
            items = data.get("items")
            for key in [item["key"] for item in items] if items else [data.get("key", "")]:
                if items or "key" in data or "secretName" in data or data.keys() == {"name"}:
                    yield name, key
        for value in data.values():
            yield from _read_keys(value)
    elif isinstance(data, list):
        for value in data:
            yield from _read_keys(value)


def test_optional_parts_name_all_their_components() -> None:
    named = {name for part in OPTIONAL_PARTS for name in part.components} | {components.SECRETS_BOOTSTRAP}
    known = {value for name, value in vars(components).items() if name.isupper()}
    assert named == known, "each name of facts/components.py belongs to one entry of parts/optional.py"


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda backend: backend.component)
def test_each_backend_is_complete(backend: Backend) -> None:
    name, choices = backend.component, get_args(Coordination.model_fields["backend"].annotation)
    said = f"of {name} to"
    assert name in Values.model_fields, f"add the section {said} values/model/backends.py, and to Values"
    for file in ("common", "dev", "ha"):
        assert name in profile(file), f"add the size {said} {file}.yaml"
    if backend.role == "coordination":
        assert name in {name for choice in choices for name in get_args(choice)}, (
            f"add the choice {said} coordination.backend in values/model/"
        )
    assert name in St2Release._fields, f"add the tag of the image {said} St2Release of facts/versions.py"
    assert name in UPGRADES, f"add the versions {said} UPGRADES of facts/backends/upgrades.py"
    assert name in MEMBERS, f"add what becomes {said} MEMBERS of changes/rollouts.py, while its members are replaced"
    assert name in upgrade.BACKENDS, f"add the name {said} BACKENDS of commands/upgrade.py"
    assert f"{name}-tls" in {spec.component for spec in contract.CERTIFICATES}, (
        f"add the certificate {said} CERTIFICATES of facts/secrets/contract.py"
    )
    coordination = {"coordination": {"backend": name}} if backend.role == "coordination" else {}
    made = cluster_of(from_mapping({"monitoring": {"enabled": True}, **coordination}))
    assert connections(made.values, made.release, made.version).get(backend.role), (
        f"add the connection {said} facts/backends/connections.py"
    )
    waiting = {race.failover.backend.lower() for race in races(made.values, {}, made.version)}
    assert name in waiting, f"add the failover {said} races() of facts/backends/failover.py"
    silent = " ".join(pair.server.lower() for pair in pairs(made.values))
    assert name in silent, f"add the connections {said} pairs() of facts/backends/silence.py"
    measured = {source.component for source in sources(made.values)}
    assert name in measured, f"add the metrics {said} sources() of facts/monitoring.py"
    assert member_set(backend.role, made) is not None, f"add the members {said} parts/backends/in_cluster.py"


def test_all_backends_are_listed() -> None:
    made = [value for value in vars(backends).values() if isinstance(value, Backend)]
    missing = [backend.component for backend in made if backend not in BACKENDS]
    assert missing == [], "add it to BACKENDS of facts/backends/__init__.py"


@pytest.mark.parametrize("version", sorted({*ST2_VERSIONS, *ST2_RELEASES}))
def test_each_version_of_st2_is_complete(version: str) -> None:
    assert version in ST2_VERSIONS, f"add st2 {version} to St2Version of values/model/images.py"
    assert version in ST2_RELEASES, f"add st2 {version} to facts/versions.py"
    table = ROOT / PACKAGE / "facts" / "st2_options" / f"{version}.json"
    assert table.is_file(), f"make the table of the options of st2 {version}: make st2-options"
    adapters = [adapter for adapter in chat_adapters.ADAPTERS if version in adapter.versions]
    assert adapters, f"add the adapters of the chat bot of st2 {version} to facts/chat_adapters.py"


def test_each_package_is_in_a_layer() -> None:
    contracts = (ROOT / "pyproject.toml").read_text()
    packages = {path.parent.name for path in (ROOT / PACKAGE).glob("*/__init__.py")} - {"imports"}
    missing = sorted(name for name in packages if f'"{PACKAGE}.{name}"' not in contracts)
    assert missing == [], "add it to the layers of tool.importlinter in pyproject.toml"
