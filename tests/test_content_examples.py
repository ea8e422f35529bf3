"""The examples of content are whole, and docs/how-to/gitops.md is right about what runs again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import Objects, Synth

from constructs_st2.construct.build import build
from constructs_st2.construct.clusters import cluster_of
from constructs_st2.facts import ini
from constructs_st2.kube.documents import Document, identity, pod_template
from constructs_st2.values import load
from constructs_st2.values.folders import FOLDERS
from constructs_st2.values.layers import overlay
from constructs_st2.values.paths import dotted, get

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
CONTENT = EXAMPLES / "content"
PACKS_IMAGE = EXAMPLES / "packs-image"

IMAGE = {"repository": "registry.example.org", "name": "st2packs", "tag": "1"}
KEY = {"existingSecret": "robots", "key": "pipeline"}
ROLE = "name: operator\ndescription: On call\npermission_grants: [{permission_types: [%s]}]\n"
ASSIGNMENT = "username: anna\nroles: [%s]\n"
OVERRIDE = "sensors: {defaults: {enabled: %s}}\n"

WITH_EVERYTHING: Mapping[str, Any] = {
    "st2": {
        "packs": {"images": [IMAGE], "configs": {"aws.yaml": "region: north\n"}},
        "overrides": {"aws.yaml": OVERRIDE % "false"},
        "rbac": {
            "enabled": True,
            "roles": {"operator.yaml": ROLE % "pack_list"},
            "assignments": {"anna.yaml": ASSIGNMENT % "operator"},
        },
        "keyvalue": [{"name": "mood", "value": "good"}],
        "apikeys": [{"user": "pipeline", "id": "0" * 24, "key": KEY}],
    },
    "jobs": {"smokeTest": {"enabled": True}, "extra": [{"name": "yours", "command": ["st2", "--version"]}]},
}
"""The cluster that the table has in mind."""

CHANGES: Mapping[str, Mapping[str, Any]] = {
    "st2.packs.configs": {"st2": {"packs": {"configs": {"aws.yaml": "region: south\n"}}}},
    "st2.overrides": {"st2": {"overrides": {"aws.yaml": OVERRIDE % "true"}}},
    "st2.packs.images": {"st2": {"packs": {"images": [{**IMAGE, "tag": "2"}]}}},
    "st2.rbac.roles": {"st2": {"rbac": {"roles": {"operator.yaml": ROLE % "rule_list"}}}},
    "st2.rbac.assignments": {"st2": {"rbac": {"assignments": {"anna.yaml": ASSIGNMENT % "observer"}}}},
    "st2.keyvalue": {"st2": {"keyvalue": [{"name": "mood", "value": "better"}]}},
    "st2.apikeys": {"st2": {"apikeys": [{"user": "pipeline", "id": "1" * 24, "key": KEY}]}},
    "st2.config.garbagecollector": {"st2": {"config": {"garbagecollector": {"action_executions_ttl": 60}}}},
    "st2.config.log": {"st2": {"config": {"log": {"mask_secrets": False}}}},
    "image.tag": {"image": {"tag": "3.9.0"}},
    "st2actionrunner.image": {"st2actionrunner": {"image": {"tag": "3.9.0"}}},
    "st2actionrunner.replicas": {"st2actionrunner": {"replicas": 9}},
    "jobs.resources": {"jobs": {"resources": {"requests": {"cpu": "250m"}}}},
    "jobs.extra": {"jobs": {"extra": [{"name": "yours", "command": ["st2", "--help"]}]}},
}
"""By the key that a row of the table begins with, a change of it."""

NO_VALUES = "the content of a Secret"
"""The row for what is not in the values, so that it cannot change anything."""

ROW = re.compile(r"^\| (?:`([\w.]+)`[^|]*|([^`|]+)) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def rows() -> dict[str, tuple[str, str]]:
    """The table of docs/how-to/gitops.md: by key, the cells for Jobs and for pods."""
    text = (ROOT / "docs/how-to/gitops.md").read_text(encoding="utf-8")
    table = text.partition("## What runs again when")[2].partition("\n## ")[0]
    return {key or words: (jobs, pods) for key, words, jobs, pods in ROW.findall(table) if jobs.strip("-")}


ROWS = rows()
TOLD = "say what the change concerns in the table of docs/how-to/gitops.md"


@pytest.fixture(scope="module")
def before(synth: Synth) -> Objects:
    return synth(WITH_EVERYTHING)


def test_the_table_has_exactly_the_changes_that_are_tested() -> None:
    assert set(ROWS) == {*CHANGES, NO_VALUES, "a change of"}
    assert ROWS[NO_VALUES] == ("none", "none")


@pytest.mark.parametrize("key", CHANGES)
def test_a_change_runs_the_jobs_of_the_table_and_no_others(synth: Synth, before: Objects, key: str) -> None:
    jobs, pods = ROWS[key]
    after = synth(overlay(WITH_EVERYTHING, CHANGES[key]))
    assert get(CHANGES[key], tuple(key.split(".")))
    assert new_jobs(before, after) == expected(jobs, job_names(before)), TOLD
    assert replaced(before, after) == expected(pods, services(before)), TOLD
    # The Role of the Job that makes Secrets names that Job.
    assert other_kinds(before, after) <= {"ConfigMap", "Role"}


def expected(cell: str, everything: Sequence[str]) -> set[str]:
    """The names that a cell of the table means."""
    names = set(re.findall(r"`([\w-]+)`", cell))
    if cell == "none":
        return set()
    if cell.startswith("all"):
        return set(everything) - names
    assert names, cell
    return names


def job_names(objects: Objects) -> list[str]:
    return [name_of(job) for job in objects.of_kind("Job")]


def name_of(job: Document) -> str:
    """The name of a Job in the table."""
    component: str = job["metadata"]["labels"]["app"]
    return component.removeprefix("job-")


def services(objects: Objects) -> list[str]:
    return [deployment["metadata"]["labels"]["app"] for deployment in objects.of_kind("Deployment")]


def new_jobs(before: Objects, after: Objects) -> set[str]:
    there = {identity(job) for job in before.of_kind("Job")}
    return {name_of(job) for job in after.of_kind("Job") if identity(job) not in there}


def replaced(before: Objects, after: Objects) -> set[str]:
    """The workloads whose pods are others."""
    old = {identity(document): pod_template(document) for document in before if document["kind"] != "Job"}
    return {
        document["metadata"]["labels"]["app"]
        for document in after
        if document["kind"] != "Job" and pod_template(document) != old[identity(document)]
    }


def other_kinds(before: Objects, after: Objects) -> set[str]:
    """The kinds of the other objects that changed, in more than their labels."""
    old = {identity(document): without_metadata(document) for document in before}
    changed = [document for document in after if old.get(identity(document)) != without_metadata(document)]
    return {document["kind"] for document in changed} - {"Job", "Deployment"}


def without_metadata(document: Document) -> Document:
    return {key: value for key, value in document.items() if key != "metadata"}


def test_each_folder_that_values_can_name_is_in_the_example() -> None:
    values = yaml.safe_load((CONTENT / "values.yaml").read_text(encoding="utf-8"))
    for key, parts in FOLDERS.items():
        for part in parts:
            folder = CONTENT / get(values, key) / part
            assert list(folder.glob("*.yaml")), f"{dotted(key)}: {folder}"


def test_all_files_of_the_example_reach_the_cluster() -> None:
    loaded = load([CONTENT / "values.yaml"], [], release_name="st2", release_namespace="stackstorm")
    objects = Objects(build(cluster_of(loaded.values)).objects)
    mounted = {(name, text) for config in objects.of_kind("ConfigMap") for name, text in config.get("data", {}).items()}
    for path in [path for path in CONTENT.glob("*/**/*.yaml") if "datastore" not in path.parts]:
        assert (path.name, path.read_text(encoding="utf-8")) in mounted, path
    for folder, name, key in (("keyvalue", "st2-kv", "name"), ("apikeys", "st2-apikeys", "id")):
        (text,) = objects.named("ConfigMap", f"st2-{name}")["data"].values()
        assert sorted(item[key] for item in yaml.safe_load(text)) == sorted(item[key] for item in items_of(folder))
    assert {"register-content", "apply-rbac", "key-load", "apikey-load"} <= set(job_names(objects))


def test_secrets_in_pack_configs_are_items_that_the_example_loads() -> None:
    configs = "".join(path.read_text(encoding="utf-8") for path in (CONTENT / "pack-configs").iterdir())
    secret = {item["name"] for item in items_of("keyvalue") if item.get("secret")}
    assert set(re.findall(r"\{\{st2kv\.system\.(\w+)\}\}", configs)) == secret


def items_of(folder: str) -> list[Document]:
    """The items of all files of a folder of the example."""
    paths = (CONTENT / "datastore" / folder).iterdir()
    return [item for path in paths for item in yaml.safe_load(path.read_text(encoding="utf-8"))]


def argo(file: str) -> Document:
    document: Document = yaml.safe_load((EXAMPLES / "argocd" / file).read_text(encoding="utf-8"))
    assert document["apiVersion"] == "argoproj.io/v1alpha1"
    return document


def test_the_application_points_at_the_output_of_a_synth() -> None:
    application = argo("application.yaml")
    assert application["kind"] == "Application"
    assert (ROOT / application["spec"]["source"]["path"]).is_dir()
    # Otherwise the deletion of the Application takes the namespace with all its volumes away.
    assert "finalizers" not in application["metadata"]
    assert_syncs(application["spec"])


def test_the_application_set_has_a_folder_and_a_namespace_for_each() -> None:
    applications = argo("applicationset.yaml")
    assert applications["kind"] == "ApplicationSet"
    assert applications["spec"]["syncPolicy"]["preserveResourcesOnDeletion"] is True
    (generator,) = applications["spec"]["generators"]
    elements = generator["list"]["elements"]
    template = yaml.safe_dump(applications["spec"]["template"])
    for name in re.findall(r"\{\{ \.(\w+) \}\}", template):
        assert all(element[name] for element in elements), name
    for key in ("name", "path"):
        assert len({element[key] for element in elements}) == len(elements), key
    readme = (EXAMPLES / "argocd" / "README.md").read_text(encoding="utf-8")
    for element in elements:
        assert f"--output {element['path']}" in readme
    assert_syncs(applications["spec"]["template"]["spec"])


def assert_syncs(spec: Document) -> None:
    policy = spec["syncPolicy"]
    assert policy["automated"] == {"prune": True, "selfHeal": True}
    assert policy["syncOptions"] == ["CreateNamespace=false", "ServerSideApply=true"]


@pytest.mark.parametrize("folder", ["argocd", "packs-image"])
def test_commands_of_a_readme_name_files_that_exist(folder: str) -> None:
    readme = (EXAMPLES / folder / "README.md").read_text(encoding="utf-8")
    for name in re.findall(r"`((?:[\w-]+/)*[\w-]+\.yaml|Dockerfile|packs/\w*)`|-f (application\S*)", readme):
        path = EXAMPLES / folder / (name[0] or name[1])
        assert path.exists(), path


def instructions() -> list[tuple[str, str]]:
    """The lines of the Dockerfile as instruction and arguments."""
    lines = (PACKS_IMAGE / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    split = [line.partition(" ") for line in lines if line and not line.startswith("#")]
    return [(name, arguments) for name, _, arguments in split]


def test_the_dockerfile_uses_its_arguments_and_keeps_both_folders() -> None:
    steps = instructions()
    assert {name for name, _ in steps} <= {"ARG", "FROM", "USER", "RUN", "COPY"}
    for name, arguments in steps:
        if name == "ARG":
            variable = arguments.partition("=")[0]
            uses = re.compile(rf"\$\{{?{variable}\b")
            assert any(uses.search(other) for _, other in steps), variable
    last = max(index for index, (name, _) in enumerate(steps) if name == "FROM")
    folders = ("/opt/stackstorm/packs", "/opt/stackstorm/virtualenvs")
    assert steps[last + 1 :] == [("COPY", f"--from=packs {folder} {folder}") for folder in folders]
    assert ("RUN", f"chmod -R a+rX {' '.join(folders)}") in steps


def test_packs_are_not_built_in_an_image_that_declares_their_folders_as_volumes() -> None:
    (base, *_) = [arguments for name, arguments in instructions() if name == "FROM"]
    assert base == "stackstorm/st2:${ST2_VERSION} AS packs"


def test_what_the_dockerfile_copies_from_its_folder_exists() -> None:
    for name, arguments in instructions():
        if name == "COPY" and not arguments.startswith("--from"):
            assert (PACKS_IMAGE / arguments.split()[0]).is_dir()


def test_the_pack_of_the_example_is_one() -> None:
    for manifest in (PACKS_IMAGE / "packs").glob("*/pack.yaml"):
        pack = yaml.safe_load(manifest.read_text(encoding="utf-8"))
        assert pack["ref"] == manifest.parent.name
        assert {"name", "description", "version", "author", "email"} <= pack.keys()
        for path in (manifest.parent / "actions").glob("*.yaml"):
            action = yaml.safe_load(path.read_text(encoding="utf-8"))
            assert (action["pack"], action["name"]) == (pack["ref"], path.stem)


def test_the_settings_for_ldap_are_complete() -> None:
    page = (ROOT / "docs/how-to/access.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```ini\n(.*?)```", page, re.DOTALL)
    (entry,) = ini.parse(block)
    assert (entry.section, entry.option) == ("auth", "backend_kwargs")
    # The required ones of https://github.com/StackStorm/st2-auth-ldap
    required = {"bind_dn", "bind_password", "base_ou", "group_dns", "host", "port"}
    assert required <= json.loads(entry.value).keys()
