"""The typed model of the values file: every key that a user can set."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BeforeValidator, StringConstraints

from constructs_st2.kube.names import SUBDOMAIN_LENGTH
from constructs_st2.kube.well_known import CLUSTER_DOMAIN
from constructs_st2.values.layers import Layered
from constructs_st2.values.model.autoscaling import ScalerAccess, Scheduling, WorkAutoscaling
from constructs_st2.values.model.backends import Coordination, Etcd, Mongodb, Rabbitmq, Redis
from constructs_st2.values.model.backup import Backup
from constructs_st2.values.model.base import (
    DNS_SUBDOMAIN,
    JSON_POINTER,
    Annotations,
    Labels,
    Seconds,
    StrictModel,
    key,
    same,
    section,
)
from constructs_st2.values.model.chatops import Chatops
from constructs_st2.values.model.execution_watch import ExecutionWatch
from constructs_st2.values.model.exposure import Gateway, Ingress
from constructs_st2.values.model.helpers import HelperResources
from constructs_st2.values.model.images import Image
from constructs_st2.values.model.jobs import Gitops, Jobs
from constructs_st2.values.model.kubernetes import (
    PodDNSConfig,
    PodSecurityContext,
    SecurityContext,
)
from constructs_st2.values.model.monitoring import Monitoring
from constructs_st2.values.model.names import ANYTHING, Names, SecretName, ServiceAccountName
from constructs_st2.values.model.network_policy import NetworkPolicy
from constructs_st2.values.model.objects import KubernetesObject
from constructs_st2.values.model.pods import ONE_OF_MANY_STAYS, SINGLE_STAYS
from constructs_st2.values.model.registry import Registry
from constructs_st2.values.model.secrets import Secrets, SecretValue
from constructs_st2.values.model.security import Security
from constructs_st2.values.model.services import (
    ActionRunner,
    GarbageCollector,
    HttpService,
    SensorContainer,
    Service,
    Timers,
    Web,
    WorkService,
)
from constructs_st2.values.model.st2 import St2
from constructs_st2.values.model.tls import ClusterTls
from constructs_st2.values.yaml_source import Source

__all__ = [
    "ActionRunner",
    "Backup",
    "Chatops",
    "ClusterTls",
    "Coordination",
    "Enterprise",
    "Etcd",
    "GarbageCollector",
    "Gateway",
    "Gitops",
    "HelperResources",
    "HttpService",
    "Image",
    "Ingress",
    "Jobs",
    "Mongodb",
    "Monitoring",
    "Namespace",
    "NetworkPolicy",
    "Patch",
    "PatchOperation",
    "PatchTarget",
    "PodDNSConfig",
    "PodSecurityContext",
    "Rabbitmq",
    "Redis",
    "Registry",
    "ScalerAccess",
    "Scheduling",
    "SecretValue",
    "Secrets",
    "Security",
    "SecurityContext",
    "SensorContainer",
    "Service",
    "ServiceAccount",
    "St2",
    "Timers",
    "Values",
    "Web",
    "WorkAutoscaling",
    "WorkService",
]


class Enterprise(StrictModel):
    """Images from the enterprise registry."""

    enabled: bool = key(
        "Use the enterprise images of docker.stackstorm.com, pulled with the Secret <release>-st2-license, "
        "and label everything `support: enterprise`.",
        False,
    )
    license: SecretValue | None = key("License key, from which the pull Secret is made.")
    existing_pull_secret: SecretName | None = key("Your own pull Secret instead of <release>-st2-license.")


class Namespace(StrictModel):
    """The namespace of the release."""

    create: bool = key("Write the Namespace object.", True)
    labels: Labels = key("Further labels.", {})
    annotations: Annotations = key("Annotations.", {})
    pod_security: Literal["auto", "restricted", "baseline", "privileged", "none"] = key(
        "Pod Security level that the namespace enforces. `auto`: the strictest level that all pods of the release "
        "meet; `none`: no label.",
        "auto",
    )
    protect_data: bool = key(
        "Have the cluster refuse to delete the namespace, its volume claims and the Secrets of data, until somebody "
        "annotates them. Needs the right to make a ValidatingAdmissionPolicy.",
        True,
    )


class ServiceAccount(StrictModel):
    """The service account of pods whose service has `serviceAccount.attach`."""

    create: bool = key("Write the ServiceAccount object.", True)
    service_account_name: ServiceAccountName | None = key("Name. Default: <release>-st2.")
    service_account_annotations: Annotations = key("Annotations, e.g. for cloud identities.", {})
    service_account_labels: Labels = key("Further labels.", {})
    pull_secret: SecretName | None = key("Pull Secret of the service account.")


class Failover(StrictModel):
    """How soon the cluster is rid of what was on a lost node."""

    toleration_seconds: Seconds | None = key(
        "Seconds that the pods of StackStorm stay on a node that is lost (not ready or unreachable) until others take "
        f"their place. Default: {SINGLE_STAYS} for services of which there is one pod, {ONE_OF_MANY_STAYS} for others."
    )
    keepalive_sysctls: bool = key(
        "Have pods find dead connections soon, by the sysctls net.ipv4.tcp_keepalive_time, _intvl and _probes. "
        "Kubernetes before 1.29, and nodes or runtimes that refuse sysctls, do not run pods that have them.",
        True,
    )


class PatchTarget(StrictModel):
    """The object that a patch changes."""

    kind: str = key("Kind of the object.", ...)
    name: str = key("Name of the object.", ...)


class PatchOperation(StrictModel):
    """One operation of a JSON Patch (RFC 6902)."""

    op: Literal["add", "remove", "replace", "move", "copy", "test"] = key("What to do.", ...)
    path: Annotated[str, StringConstraints(pattern=JSON_POINTER)] = key("JSON pointer of the place.", ...)
    value: Any = key("Value to add, replace with, or test for.")
    from_: str | None = same("from", "JSON pointer of the source (move, copy).")


class Patch(StrictModel):
    """A last change to one object."""

    target: PatchTarget = key("The object.", ...)
    patch: list[PatchOperation] = key("The operations, in order.", ...)


def _empty_is_nothing(value: object) -> object:
    return {} if value is None else value


ClusterDomain: TypeAlias = Annotated[str, StringConstraints(pattern=DNS_SUBDOMAIN, max_length=SUBDOMAIN_LENGTH)]
OptionalDnsConfig: TypeAlias = Annotated[PodDNSConfig, BeforeValidator(_empty_is_nothing)]


class Values(StrictModel):
    """Everything that a values file can hold. The keys are those of the Helm chart `stackstorm-ha`, and some more."""

    IS_SECTION: ClassVar[bool] = False

    profile: Literal["ha", "dev"] = key(
        "`ha`: several replicas of everything. `dev`: one replica of everything with small requests, for a laptop.",
        "ha",
    )
    image: Image = section("Images of the StackStorm services, and what holds for every image of the cluster.")
    enterprise: Enterprise = section("Images from the enterprise registry.")
    cluster_domain: ClusterDomain = key("DNS domain of the cluster.", CLUSTER_DOMAIN)
    namespace: Namespace = section("The namespace of the release.")
    service_account: ServiceAccount = section("The service account of pods whose service has `serviceAccount.attach`.")
    secrets: Secrets = section("Who makes the Secrets.")
    security: Security = section("What a synth takes for a danger.")
    st2: St2 = section("Settings that the StackStorm services share.")
    pod_security_context: PodSecurityContext = key("Laid over the security settings of every StackStorm pod.", {})
    security_context: SecurityContext = key("Laid over the security settings of every StackStorm container.", {})
    dns_policy: Literal["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"] | None = key(
        "DNS policy of every StackStorm pod."
    )
    dns_config: OptionalDnsConfig = key(
        "DNS parameters of every StackStorm pod. Without `options`, names are asked for twice, for 1 s each.", {}
    )

    st2web: Web = section("The web UI, and the way in to the APIs.")
    st2auth: HttpService = section("Authentication.")
    st2api: HttpService = section("The REST API.")
    st2stream: HttpService = section("The event stream.")
    st2rulesengine: Service = section("Matches triggers with rules.")
    st2timersengine: Timers = section("Fires timers.")
    st2workflowengine: WorkService = section("Runs workflows.")
    st2scheduler: WorkService = section("Schedules executions.")
    st2notifier: Service = section("Notifies of finished executions.")
    st2sensorcontainer: SensorContainer = section("Runs sensors.")
    st2actionrunner: ActionRunner = section("Runs actions.")
    st2garbagecollector: GarbageCollector = section("Deletes old data.")
    st2client: Service = section("A pod with the st2 command line, logged in.")
    st2chatops: Chatops = section("The chat bot.")

    ingress: Ingress = section("An Ingress in front of st2web.")
    gateway: Gateway = section("A route of the Gateway API to st2web.")

    mongodb: Mongodb = section("The database.")
    rabbitmq: Rabbitmq = section("The message bus.")
    coordination: Coordination = section("The coordination backend: locks and the service registry.")
    redis: Redis = section("Redis and its sentinels, the coordination backend.")
    etcd: Etcd = section("etcd, the other coordination backend.")

    tls: ClusterTls = section("TLS within the cluster.")
    docker_registry: Registry = same(
        "docker-registry", "A registry in the cluster, for packs images.", {}, validate_default=True
    )
    jobs: Jobs = section("The Jobs that load content, and your own.")
    gitops: Gitops = section("How GitOps tools treat the Jobs.")
    network_policy: NetworkPolicy = section("Who may connect to whom.")
    backup: Backup = section("Backups of the database, and their restore.")

    helper_resources: HelperResources = section(
        "Requests and limits of containers that help others. The defaults come from the profile."
    )
    autoscaling: ScalerAccess = section("How KEDA reaches MongoDB.")
    scheduling: Scheduling = section("What concerns the scheduling of all pods.")
    failover: Failover = section("How soon the cluster is rid of what was on a lost node.")

    monitoring: Monitoring = section("Metrics for Prometheus, alerts, and dashboards for Grafana.")
    execution_watch: ExecutionWatch = section("The pod that looks for executions that nobody works on any more.")
    extra_objects: list[Annotated[KubernetesObject, Names(ANYTHING)]] = key(
        "Further Kubernetes objects, checked like the release's own.", []
    )
    patches: list[Patch] = key("JSON patches, applied last, by kind and name of the object.", [])

    @staticmethod
    def _below(values: Layered) -> Sequence[Source]:
        """The profile, and the files of folders that the values name."""
        from constructs_st2.values.below import below

        return below(values)

    @property
    def coordination_backend(self) -> Literal["redis", "etcd", "external", "none"]:
        """The coordination backend in use."""
        return self.coordination.backend or ("external" if self.redis.enabled is False else "redis")

    @property
    def watches_executions(self) -> bool:
        """Whether a pod looks for executions that nobody works on any more."""
        watch = self.execution_watch
        return watch.cleanup.enabled or self.monitoring.exports(watch.enabled)

    @property
    def uses_keda(self) -> bool:
        """Whether KEDA decides how many pods there are of something."""
        return any(scaler.uses_keda for scaler in self._work_scalers)

    @property
    def has_autoscalers(self) -> bool:
        """Whether an autoscaler decides how many pods there are of something."""
        http = (self.st2web, self.st2auth, self.st2api, self.st2stream)
        return any(scaler.enabled for scaler in (*self._work_scalers, *(service.autoscaling for service in http)))

    @property
    def _work_scalers(self) -> list[WorkAutoscaling]:
        services = (self.st2actionrunner, self.st2workflowengine, self.st2scheduler)
        pools = self.st2actionrunner.pools
        return [*(service.autoscaling for service in services), *(pool.autoscaling for pool in pools)]
