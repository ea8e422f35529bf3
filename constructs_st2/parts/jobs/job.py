"""The one builder of Jobs: named after what they do and read, so that a change of that makes a new one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from constructs_st2.facts.catalogue import ST2ACTIONRUNNER, Content, Need
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.images import NODES, ST2_UID, Image
from constructs_st2.facts.jobs import HOOK_ANNOTATION, JOB
from constructs_st2.facts.node_loss import keepalive
from constructs_st2.facts.pod_paths import home_of
from constructs_st2.facts.release import WAIT_FOR, WAVE_ANNOTATION
from constructs_st2.kube.documents import Document, fingerprint
from constructs_st2.kube.names import LABEL_LENGTH
from constructs_st2.parts.jobs import programs
from constructs_st2.parts.pods.pod import Container, dns_config, extra_mounts, pod_spec, template_of_pods
from constructs_st2.parts.pods.rolling import checksums
from constructs_st2.parts.pods.security import RESTRICTED_CONTAINER, overlaid, restricted_pod
from constructs_st2.parts.pods.variables import env_of_secrets, environment
from constructs_st2.parts.pods.volumes import Mount
from constructs_st2.parts.services import internal_tls
from constructs_st2.parts.services.contents import CLIENT_CONFIG_PATH, mounts_of
from constructs_st2.parts.services.process import scratch
from constructs_st2.parts.services.urls import urls_env
from constructs_st2.parts.services.users import name_mounts, user_of_files
from constructs_st2.parts.services.waiting import wait_containers
from constructs_st2.values.model import Values
from constructs_st2.values.model.jobs import JobSettings
from constructs_st2.values.model.services import EnvValue

ANY_ACTION = "core.local"
"""An action that there is once the system packs are registered."""
WAVE = 15
"""The sync wave of Jobs that load content: behind the services that they use."""

_HOOKS = {HOOK_ANNOTATION: "Sync", "argocd.argoproj.io/hook-delete-policy": "BeforeHookCreation"}


class Login(NamedTuple):
    """What must be true before a Job uses StackStorm's API.

    Its user can log in, has some roles, and some actions have been registered.
    """

    roles: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()


class Task(NamedTuple):
    """What one Job does.

    ``preparing`` runs after all waiting. ``settings`` are the user's; they differ for the user's own Jobs. With
    ``loads`` it brings what it reads into StackStorm, and must do so again when that has changed.
    """

    name: str
    command: Sequence[str]
    settings: JobSettings
    args: Sequence[str] = ()
    env: Mapping[str, EnvValue] = {}
    mounts: Sequence[Mount] = ()
    needs: tuple[Need, ...] = ()
    login: Login | None = None
    preparing: Sequence[Container] = ()
    wave: int = WAVE
    loads: bool = True

    @property
    def component(self) -> str:
        """Its name in the cluster."""
        return f"{JOB}{self.name}"


def job_image(settings: JobSettings, cluster: Cluster) -> Image:
    """The image of Jobs under some settings: the action runner's, which has all programs of st2."""
    own, runner = settings.image, cluster.values.st2actionrunner.image
    # The action runner's own image, unless there is another one for Jobs.
    return cluster.images.st2(ST2ACTIONRUNNER.name, own if own.model_fields_set else runner)


def job(task: Task, cluster: Cluster) -> Document:
    """The Job of a task."""
    settings = task.settings
    # Programs of st2 have it among their settings.
    authority = [mount for mount in internal_tls.authority_mounts(cluster) if mount not in task.mounts]
    main = container(task._replace(mounts=[*task.mounts, *authority]), cluster, env_from=[urls_env(cluster.release)])
    init_containers = [
        # As long as the Job may take: an attempt that only waited would be lost.
        *wait_containers(task.needs, cluster, seconds=settings.active_deadline_seconds),
        *([_login_container(task.login, main, settings, cluster)] if task.login else []),
        *task.preparing,
    ]
    labels = {
        **settings.labels,
        **cluster.release.labels(task.component, "operations", version=main.image.version),
    }
    reads = checksums([main, *init_containers], live=True) if task.loads else {}
    metadata = {
        "namespace": cluster.release.namespace,
        "labels": labels,
        "annotations": {**settings.annotations, WAVE_ANNOTATION: str(task.wave)},
    }
    spec = _pod_spec(main, init_containers, settings, cluster)
    template = template_of_pods(labels, {**settings.annotations, **reads}, spec)
    return job_document(task.component, metadata, template, settings, cluster)


def _pod_spec(
    main: Container, init_containers: Sequence[Container], settings: JobSettings, cluster: Cluster
) -> Document:
    values = cluster.values
    return pod_spec(
        settings,
        [main],
        init_containers,
        security=overlaid(
            restricted_pod(user_of_files(settings, cluster), ST2_UID), keepalive(values), values.pod_security_context
        ),
        grace=30,
        nodeSelector={**NODES, **settings.node_selector},
        dnsPolicy=values.dns_policy,
        dnsConfig=dns_config(values.dns_config),
    )


def container(task: Task, cluster: Cluster, *, env_from: Sequence[Document] = ()) -> Container:
    """The container that does a task, as the user's settings want it. It can write to its home and /tmp."""
    settings = task.settings
    return Container(
        name=task.name,
        image=job_image(settings, cluster),
        command=task.command,
        args=task.args,
        env=environment(task.env, settings.env),
        env_from=[*env_from, *env_of_secrets(settings.env_from_secrets)],
        resources=settings.resources,
        security=overlaid(RESTRICTED_CONTAINER, cluster.values.security_context, settings.security_context),
        mounts=[
            *task.mounts,
            *scratch(home_of(cluster.values)),
            *name_mounts(user_of_files(settings, cluster), settings, cluster),
        ],
        extra_mounts=extra_mounts(settings),
    )


def job_document(
    name: str, metadata: Document, template: Document, settings: JobSettings, cluster: Cluster
) -> Document:
    """A Job around a pod.

    It cannot be changed once it is there. So its name ends with a hash of its template: the same one makes no new
    Job, another one does. Hooks of Argo CD keep their name, by which it finds the one that it has to delete.

    Args:
        name: its name after the release's, without the hash.
        metadata: its metadata but for the name.
        template: the pod; with the checksums of what it reads, or else a change of that goes unnoticed.
        settings: what the user says of such Jobs.
        cluster: the cluster that it belongs to.
    """
    spec: Document = {"backoffLimit": settings.backoff_limit, "activeDeadlineSeconds": settings.active_deadline_seconds}
    if settings.ttl_seconds_after_finished is not None:
        spec["ttlSecondsAfterFinished"] = settings.ttl_seconds_after_finished
    # Not OnFailure, by which the pod and its log go away when the last attempt has failed.
    template = {**template, "spec": {**template["spec"], "restartPolicy": "Never"}}
    if cluster.values.gitops.jobs == "argo-hooks":
        metadata = {**metadata, "annotations": {**metadata.get("annotations", {}), **_HOOKS}}
    else:
        ending = f"-{fingerprint([spec, template])[:10]}"
        # The labels in the template have the whole name: two that are shortened to the same have other hashes.
        longest = LABEL_LENGTH - len(f"{cluster.release.name}-{ending}")
        name = name[:longest].rstrip("-.") + ending
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": cluster.release.named(name), **metadata},
        "spec": {**spec, "template": template},
    }


def roles_of_administrator(cluster: Cluster) -> tuple[str, ...]:
    """The roles that the first user must have before a Job can work on his behalf; none without RBAC."""
    if not cluster.role_files:
        return ()
    from constructs_st2.facts.content import rbac

    return rbac.roles_of(cluster.values.st2.username, cluster.role_files["assignments"])


def client_env(values: Values) -> dict[str, EnvValue]:
    """The environment by which the st2 command line finds its credentials."""
    return {"HOME": home_of(values), "ST2_CONFIG_FILE": CLIENT_CONFIG_PATH}


def _login_container(login: Login, main: Container, settings: JobSettings, cluster: Cluster) -> Container:
    """Waits until the user can log in; as restricted as the main container, and of its image."""
    actions = [f"--action={action}" for action in login.actions]
    return Container(
        name=f"{WAIT_FOR}login",
        image=main.image,
        command=[*cluster.values.image.entrypoint, *programs.AWAIT_LOGIN],
        args=[str(settings.active_deadline_seconds), *actions, *login.roles],
        env=environment({**programs.ENVIRONMENT, **client_env(cluster.values)}, {}),
        env_from=[urls_env(cluster.release)],
        resources=cluster.values.helper_resources.of("login"),
        security=main.security,
        mounts=[
            programs.mount(cluster.release),
            *mounts_of(Content.CREDENTIALS, cluster),
            *internal_tls.authority_mounts(cluster),
            *name_mounts(user_of_files(settings, cluster), settings, cluster),
        ],
    )
