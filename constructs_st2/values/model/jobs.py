"""Settings of the Jobs that load content, and of the user's own."""

from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import BeforeValidator, Field, StringConstraints

from constructs_st2.values.model.base import (
    ACTION_REFERENCE,
    DnsLabel,
    EnvName,
    OneOfSeveral,
    Seconds,
    Shared,
    StrictModel,
    key,
    same,
    section,
)
from constructs_st2.values.model.images import ImageOverride
from constructs_st2.values.model.names import SecretName
from constructs_st2.values.model.pods import PodTemplate
from constructs_st2.values.model.services import EnvValue

ActionReference: TypeAlias = Annotated[str, StringConstraints(pattern=ACTION_REFERENCE)]
Command: TypeAlias = Annotated[list[str], Field(min_length=1)]

_HONOURED = {"post-install", "post-upgrade", "post-rollback"}


def _is_honoured(value: object) -> object:
    hooks = {hook.strip() for hook in value.split(",")} if isinstance(value, str) else set()
    others = sorted(hook or '""' for hook in hooks - _HONOURED)
    if others:
        raise ValueError(
            f"{', '.join(others)} cannot be honoured, as only Helm knows an installation from an upgrade; "
            f"a Job can only run after StackStorm is there ({', '.join(sorted(_HONOURED))}), "
            "when it is new or its settings have changed"
        )
    return value


class JobSettings(PodTemplate):
    """Settings of Jobs, whether of all or of one."""

    reference_section: ClassVar[str] = "Settings of every Job"

    image: ImageOverride = section("Another image than st2actionrunner's.")
    env: dict[EnvName, EnvValue] = key("Environment variables: text, or `{valueFrom: …}`.", {})
    env_from_secrets: list[SecretName] = key("Secrets whose keys become environment variables.", [])
    active_deadline_seconds: Seconds = key("How long a Job may take, with all its waiting and attempts.", 3600)
    backoff_limit: Annotated[int, Field(ge=0, le=100)] = key("How often a failed Job is tried again.", 6)
    ttl_seconds_after_finished: Seconds | None = key(
        "When finished Jobs are deleted. Leave it out with Argo CD, which would make them anew."
    )


class UsersJob(OneOfSeveral, JobSettings):
    """A Job of yours; everything that is left out is taken from `jobs`."""

    env: dict[EnvName, EnvValue] = key("Further environment variables.", {})

    def over(self, shared: Shared) -> Shared:
        """The settings that hold for it. Its environment comes on top of that of all Jobs."""
        settings = super().over(shared)
        both = {**shared.env, **self.env} if isinstance(shared, JobSettings) else self.env
        return settings.model_copy(update={"env": both})


class ExtraJob(UsersJob):
    """A Job of yours: it has the st2 command line logged in, st2.conf and the packs."""

    name: DnsLabel = key("Name of the Job.", ...)
    command: Command = key("What to run.", ...)
    needs: list[Literal["database", "messaging", "coordination", "st2auth", "st2api", "st2stream"]] = key(
        "What to wait for.", ["st2auth", "st2api"]
    )
    actions: list[ActionReference] = key("Actions that must have been registered before, such as `pack.action`.", [])


class HookJob(UsersJob):
    """A Job of yours in the chart's form."""

    name: DnsLabel = key("Name of the Job, after `extra-helm-hook-`.", ...)
    hook: Annotated[str, BeforeValidator(_is_honoured)] = key(
        "When the chart runs it; only post-install, post-upgrade and post-rollback can be honoured.", ...
    )
    hook_weight: int = same("hook_weight", "Has no effect: such Jobs wait for the registered content.", 10)
    command: Command = key("What to run.", ...)


class SmokeTest(StrictModel):
    """A Job that tries everything out."""

    enabled: bool = key("Run the Job.", False)


class Jobs(JobSettings):
    """Settings of the Jobs that load content, and of your own."""

    pre_register_content_command: list[str] = key(
        "Command that runs before content is registered, with the packs writable.", []
    )
    skip: list[str] = key(
        "Jobs that are left out: apply_rbac_definitions, apikey_load, key_load, register_content, packs_write_test, "
        "smoke_test, or the name of one of yours.",
        [],
    )
    smoke_test: SmokeTest = section("A Job that tries everything out.")
    extra: list[ExtraJob] = key("Jobs of yours; what they leave out is that of `jobs`.", [])
    extra_hooks: list[HookJob] = same(
        "extra_hooks", "Jobs of yours, in the chart's form; what they leave out is that of `jobs`.", []
    )


class Gitops(StrictModel):
    """How GitOps tools treat the Jobs."""

    jobs: Literal["tracked", "argo-hooks"] = key(
        "`tracked`: a Job is named after its content, so a change of that makes a new one, and nothing else does. "
        "`argo-hooks`: Jobs are hooks of Argo CD, which runs all of them again in every sync.",
        "tracked",
    )
