"""Settings of the StackStorm services. All services share `Service`; the others add what only they have."""

from ipaddress import ip_network
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator
from typing_extensions import Required, Self, TypedDict

from constructs_st2.kube.names import SUBDOMAIN_LENGTH
from constructs_st2.values.deferred import deferred
from constructs_st2.values.model.autoscaling import Autoscaling, HttpAutoscaling, WorkAutoscaling
from constructs_st2.values.model.base import (
    BODY_SIZE,
    ONE_KEY,
    OPTIONAL_HOST_NAME,
    SENSOR_REFERENCE,
    AnnotationKey,
    Annotations,
    Count,
    DnsLabel,
    EnvName,
    LabelValue,
    OneOfSeveral,
    ScalarText,
    Seconds,
    StrictModel,
    key,
    section,
)
from constructs_st2.values.model.exposure import CertManager
from constructs_st2.values.model.images import ImageOverride
from constructs_st2.values.model.kubernetes import EnvVarSource
from constructs_st2.values.model.names import SecretName
from constructs_st2.values.model.pods import Pods


@deferred(ConfigDict(extra="forbid", strict=True))
class EnvSource(TypedDict):
    """An environment variable whose value lies in another object."""

    valueFrom: Required[Annotated[EnvVarSource, ONE_KEY]]


EnvValue: TypeAlias = ScalarText | EnvSource

HTTPS_SWITCH = "ST2WEB_HTTPS"
"""The variable of st2web by which the Helm chart turns HTTPS on."""


class AttachServiceAccount(StrictModel):
    """Whether the pods run as the release's service account."""

    attach: bool = key("Run the pods as the service account of `serviceAccount`, with its token mounted.", False)


class Network(StrictModel):
    """The Service in front of a StackStorm service."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"] = key("Type of the Service.", "ClusterIP")
    hostname: Annotated[str, StringConstraints(pattern=OPTIONAL_HOST_NAME, max_length=SUBDOMAIN_LENGTH)] = key(
        "DNS name of the service: the target with type ExternalName, otherwise what external-dns should publish.", ""
    )
    annotations: Annotations = key("Annotations of the Service.", {})
    node_port: Annotated[int, Field(ge=1, le=65_535)] | None = key(
        "Fixed node port (types NodePort and LoadBalancer); chosen by the cluster by default."
    )
    load_balancer_class: AnnotationKey | None = key("Class of the load balancer (type LoadBalancer).")
    load_balancer_source_ranges: list[str] = key("Addresses that may use the load balancer, in CIDR notation.", [])
    external_traffic_policy: Literal["Cluster", "Local"] | None = key(
        "How traffic from outside is routed (types NodePort and LoadBalancer)."
    )


class WebNetwork(Network):
    """The Service in front of st2web."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"] = key("Type of the Service.", "NodePort")


class Service(Pods):
    """Settings that every StackStorm service has."""

    reference_section: ClassVar[str] = "Settings of every service"

    image: ImageOverride = section("Another image for this service.")
    env: dict[EnvName, EnvValue] = key(
        "Environment variables: text, or `{valueFrom: …}` as in a Kubernetes container.", {}
    )
    env_from_secrets: list[SecretName] = key("Secrets whose keys become environment variables.", [])
    node_selector: dict[AnnotationKey, LabelValue] = key(
        "Labels of the nodes to run on, besides kubernetes.io/arch: amd64.", {}
    )
    service_account: AttachServiceAccount = section("Identity of the pods in the cluster.")
    termination_grace_period_seconds: Seconds | None = key(
        "Time for a pod to stop. For st2actionrunner and st2workflowengine, st2's own limit for running work "
        "(exit_still_active_check) is derived from it, 30 s shorter."
    )
    pre_stop_sleep: Seconds | None = key(
        "Seconds between the decision to stop a pod and the signal to its process, while endpoints drain."
    )
    post_start_script: str = key("Script run by bash beside the service when a container starts.", "")

    @property
    def scaler(self) -> Autoscaling | None:
        """What decides the number of pods in the place of ``replicas``."""
        return None

    @property
    def least_replicas(self) -> int:
        """The least number of pods, whatever decides it."""
        return self.scaler.least(self.replicas) if self.scaler else self.replicas

    @property
    def greatest_replicas(self) -> int:
        """The greatest number of pods, whatever decides it."""
        return self.scaler.max_replicas if self.scaler else self.replicas


class ScaledService(Service):
    """Settings of services that answer requests: those of every service, and these."""

    autoscaling: HttpAutoscaling = section("How many pods there are, by their load.")

    @property
    def scaler(self) -> Autoscaling | None:
        """What decides the number of pods in the place of ``replicas``."""
        return self.autoscaling if self.autoscaling.enabled else None


class HttpService(ScaledService):
    """Settings of the services that are reached by HTTP: those of every service, and these."""

    service: Network = section("The Service in front of the pods.")


class WorkService(Service):
    """Settings of services that share work: those of every service, and these."""

    autoscaling: WorkAutoscaling = section("How many pods there are, by the work that there is.")

    @property
    def scaler(self) -> Autoscaling | None:
        """What decides the number of pods in the place of ``replicas``."""
        return self.autoscaling if self.autoscaling.enabled else None


class WebTls(StrictModel):
    """HTTPS of the web UI."""

    enabled: bool = key("Serve HTTPS (and redirect HTTP to it). Turn off where an ingress ends TLS.", True)
    existing_secret: SecretName | None = key("Your own TLS Secret (tls.crt, tls.key) instead of the release's.")
    cert_manager: CertManager | None = key(
        "Let cert-manager make the release's TLS Secret and renew it. st2web takes it without a restart."
    )


def _network(value: str) -> str:
    try:
        ip_network(value, strict=False)
    except ValueError:
        raise ValueError("must be an address or a network, such as 10.0.0.0/8") from None
    return value


class RealIp(StrictModel):
    """How st2web knows its clients behind proxies."""

    proxies: list[Annotated[str, AfterValidator(_network)]] = key(
        "Addresses or networks of the ingress controllers and load balancers in front, which are believed what they "
        "say of the client's address.",
        [],
    )
    header: Literal["X-Forwarded-For", "X-Real-IP"] = key("The header in which they say it.", "X-Forwarded-For")


class WebLimits(StrictModel):
    """What one client may take of a pod of st2web, beyond which it gets the status 429."""

    logins_per_minute: Annotated[int, Field(ge=1, le=100_000)] = key(
        "Logins of one account from one address. As many more may come at once.", 30
    )
    logins_per_minute_and_address: Annotated[int, Field(ge=1, le=100_000)] = key(
        "Logins of all accounts from one address, where addresses of clients are known: with `realIp.proxies`, or with "
        "`service.externalTrafficPolicy: Local`. Otherwise those of all clients behind a proxy would count as one's.",
        120,
    )
    requests: Annotated[int, Field(ge=1, le=100_000)] = key(
        "Requests at the same time from one address, event streams among them, where addresses are known.", 256
    )
    uploads: Annotated[int, Field(ge=1, le=1000)] = key(
        "Requests above 100 kB at the same time from one address, where addresses are known. How many there may be of "
        "all clients follows from `maxUploadSize` and the pod's limit of ephemeral-storage.",
        4,
    )


class Web(ScaledService):
    """Settings of st2web: those of every service, and these."""

    service: WebNetwork = section("The Service in front of the pods.")
    tls: WebTls = section("HTTPS of the web UI.")
    config: str | None = key("Content of the UI's config.js.")
    max_upload_size: Annotated[str, StringConstraints(pattern=BODY_SIZE)] = key(
        "Largest request body that is passed on, in nginx's notation.", "100m"
    )
    real_ip: RealIp = section("How st2web knows its clients behind proxies.")
    limits: WebLimits = section("What one client may take of a pod, beyond which it gets the status 429.")

    @model_validator(mode="after")
    def _chart_switch_agrees(self) -> Self:
        switch = self.env.get(HTTPS_SWITCH)
        if switch is not None and (switch == "1") != self.tls.enabled:
            raise ValueError(
                f"env.{HTTPS_SWITCH} is {switch} but tls.enabled is {str(self.tls.enabled).lower()}; "
                f"set st2web.tls.enabled and remove {HTTPS_SWITCH}"
            )
        return self


def _only_one(reason: str) -> BeforeValidator:
    def check(value: object) -> object:
        if isinstance(value, int) and value > 1:
            raise ValueError(f"must be 1: {reason}")
        return value

    return BeforeValidator(check)


class Timers(Service):
    """Settings of st2timersengine, of which there can be only one."""

    replicas: Annotated[int, _only_one("a second timers engine would fire every timer twice"), Field(ge=0, le=1)] = key(
        "1, or 0 to turn timers off.", 1
    )


class GarbageCollector(Service):
    """Settings of st2garbagecollector, of which there can be only one."""

    replicas: Annotated[int, _only_one("a second one would delete what the first one deletes"), Field(ge=0, le=1)] = (
        key("1, or 0 to delete nothing.", 1)
    )


class Runners(WorkService):
    """Settings of action runners, whether of all or of a pool: those of every service, and these."""

    protect_from_eviction: bool = key(
        "Tell autoscalers of nodes (Cluster Autoscaler, Karpenter) to leave the pods alone. For actions that take "
        "longer than a pod has to stop; a node with such a pod is never given back, whether the pod is busy or not.",
        False,
    )


class RunnerPool(OneOfSeveral, Runners):
    """Further action runners; everything that is left out is taken from `st2actionrunner`.

    All runners take work from the same queues, so an action cannot be bound to a pool: what one of them needs, all of
    them must have.
    """

    OWN = frozenset({"replicas", "autoscaling"})

    name: DnsLabel = key("Name of the pool, after `st2actionrunner-`.", ...)
    replicas: Count = key("Number of pods.", 2)
    autoscaling: WorkAutoscaling = section(
        "How many pods there are, by the work that there is. Pools that KEDA scales share it evenly."
    )


class ActionRunner(Runners):
    """Settings of st2actionrunner: those of every service, and these."""

    pools: list[RunnerPool] = key(
        "Further runners with settings of their own, such as for spot nodes; what they leave out is that of "
        "`st2actionrunner`. They take work from the same queues: an action cannot be bound to a pool.",
        [],
    )
    sudo: bool = key(
        "Run the action runner as root, so that actions can use sudo. "
        "Its pods then need the Pod Security level `baseline` instead of `restricted`.",
        False,
    )


class Sensors(Service):
    """Settings of sensors, whether of all or of one: those of every service, and these."""

    replicas: Annotated[int, Field(ge=0, le=1)] = key(
        "Pods per partition: 1, or 0 to stop all sensors. For more pods set `deployments`.", 1
    )


class SensorContainer(Sensors):
    """Settings of st2sensorcontainer: those of every service, and these."""

    deployments: Annotated[int, Field(ge=1, le=128)] = key(
        "Number of partitions, each a Deployment of one pod that runs the sensors of its hash range.", 1
    )


class Sensor(OneOfSeveral, Sensors):
    """One sensor in a pod of its own; everything that is left out is taken from `st2sensorcontainer`."""

    name: DnsLabel = key("Name of the pod, after `st2sensorcontainer-`.", ...)
    ref: Annotated[str, StringConstraints(pattern=SENSOR_REFERENCE)] = key("The sensor: `pack.SensorClass`.", ...)
    replicas: Annotated[int, Field(ge=0, le=1)] = key("1, or 0 to stop the sensor.", 1)
