"""Programs that run in pods import nothing of a synth. What they say by themselves is what a synth says."""

from __future__ import annotations

from support import each_of

from constructs_st2.facts import catalogue
from constructs_st2.facts.jobs import APPLY_RBAC, JOB, REGISTER_CONTENT
from constructs_st2.facts.release import Release
from constructs_st2.facts.secrets import contract
from constructs_st2.facts.secrets.programs import bootstrap
from constructs_st2.kube.well_known import AUTHORITIES
from constructs_st2.parts.jobs.job import ANY_ACTION
from constructs_st2.parts.jobs.scripts import smoke_checks, smoke_test, watch_executions
from constructs_st2.parts.pods.volumes import SERVICE_ACCOUNT_PATH, Volume


def test_they_find_the_token_of_the_kubernetes_api() -> None:
    assert {bootstrap.ACCOUNT, watch_executions.ACCOUNT} == {SERVICE_ACCOUNT_PATH}
    sources = Volume.api_token().source["projected"]["sources"]
    files = {item["path"] for source in sources for item in source.get("configMap", {}).get("items", ())}
    assert files == {AUTHORITIES, contract.TLS_AUTHORITY} == {"ca.crt"}


@each_of("name", [name for name in vars(smoke_checks) if name.startswith("ST2")])
def test_the_smoke_test_knows_the_services(name: str) -> None:
    assert getattr(smoke_checks, name) == getattr(catalogue, name).name


def test_the_smoke_test_knows_the_jobs_and_an_action() -> None:
    assert (f"{JOB}{APPLY_RBAC}", f"{JOB}{REGISTER_CONTENT}") == (
        smoke_checks.APPLY_RBAC,
        smoke_checks.REGISTER_CONTENT,
    )
    assert ANY_ACTION in smoke_checks.shell_action.__code__.co_consts


def test_the_smoke_test_tells_how_to_find_the_pods_of_a_service() -> None:
    release = Release("blue", "automation")
    settings = {"REGISTRY": "st2api=api", "NAMESPACE": release.namespace, "RELEASE": release.name}
    for service, component in (("st2api", "st2api"), ("st2actionrunner", "st2actionrunner-gpu")):
        said = smoke_test.commands(service, settings).partition("--selector ")[2].split(";")[0]
        labels = release.labels(component, "backend", app=service)
        assert dict(each.split("=") for each in said.split(",")).items() <= labels.items()
