"""The StackStorm services, as facts.

One entry per service says what the service needs and how it behaves; ``workload.py`` turns any entry into objects.
Behaviour under signals was measured for each service as PID 1 of a container: seven of them ignore SIGTERM.
"""

from __future__ import annotations

from enum import Enum
from typing import Literal, NamedTuple

from constructs_st2.facts.pod_paths import PROGRAMS
from constructs_st2.facts.release import Role


class Need(Enum):
    """What a service must reach before it can start. The values name the thing in messages."""

    DATABASE = "database"
    MESSAGING = "messaging"
    COORDINATION = "coordination"
    AUTH = "st2auth"
    API = "st2api"
    STREAM = "st2stream"


class Content(Enum):
    """What a service reads from files, besides st2.conf."""

    CRYPTO_KEY = "crypto key"
    HTPASSWD = "htpasswd"
    SSH_KEY = "SSH key"
    PACKS = "packs"
    VIRTUALENVS = "virtualenvs"
    CONFIGS = "pack configs"
    OVERRIDES = "overrides"
    RBAC = "RBAC definitions"
    CREDENTIALS = "st2 credentials"
    STREAM_LOG = "log settings"


class Probes(Enum):
    """How Kubernetes sees whether a service works. Liveness never tests a backend."""

    AUTH = "GET /v1/sso, which needs no login"
    OPTIONS = "OPTIONS request by curl: these APIs answer every GET with 401"
    MESSAGING = "ready while connected to the message bus; alive while it does anything at all"
    DATABASE = "ready while connected to the database; alive while it does anything at all"
    OWN = "those of its program, which is none of st2's services"


Stop = Literal["TERM", "INT", "QUIT"]
"""A signal that ends a process."""

Rollout = Literal["surge", "replace-one", "recreate"]
"""How pods are replaced: a new one first; one at a time besides a new one; or the old one first."""

CONTROL_PLANE = (Need.DATABASE, Need.MESSAGING, Need.COORDINATION)
"""Every st2 service but st2auth needs all three: with the service registry on, each joins it before it does any work
(`service_registry=True` in the `cmd` module of each service in the sources of st2)."""
APIS = (Need.AUTH, Need.API, Need.STREAM)
HALF_A_MINUTE = 30
BESIDES_RUNNING_WORK = 30
"""Seconds that a pod has to stop beyond st2's own limit for running work, to record what it abandoned."""


class CatalogueEntry(NamedTuple):
    """The facts of one service.

    ``stop`` is the signal that ends its process; where that is not TERM, TERM is turned into it. ``grace`` is the
    time to stop, in seconds, of which the first ``drain`` pass before the signal. ``finishes_work`` names the section
    of st2.conf whose exit_still_active_check bounds how long the service waits for running work when it stops.
    ``uses`` is what it talks to besides ``needs``, and does not wait for.
    ``manages_packs``: installs packs or edits their files, where they are on shared volumes.
    ``is_stanley``: must run as the user of the images, as whom it runs actions.
    ``keeps_files``: must run as that user where its pods find files of others, or of former ones.
    ``registered_as``: its group in st2's service registry, the `service` of its `cmd` module in the sources of st2; the
    same in 3.8 and 3.9. None for what does not join it.
    ``queues``: whose messages it must work on (st2common/st2common/transport/queues.py). Nobody reads
    `st2.resultstracker.work`, which st2 still makes.
    ``shares_work``: several of it work on the same items, and need coordination for that.
    ``replaced``: what becomes of its work while its pods are replaced; of a single one, what pauses meanwhile.
    """

    name: str
    purpose: str
    tier: str
    needs: tuple[Need, ...] = ()
    uses: tuple[Need, ...] = ()
    contents: tuple[Content, ...] = ()
    port: int | None = None
    path: str = "/"
    probes: Probes = Probes.MESSAGING
    stop: Stop = "TERM"
    grace: int = HALF_A_MINUTE
    drain: int = 0
    rollout: Rollout = "surge"
    writes_home: bool = False
    finishes_work: str | None = None
    image: str | None = None
    role: Role = "backend"
    manages_packs: bool = False
    is_stanley: bool = False
    keeps_files: bool = False
    registered_as: str | None = None
    queues: tuple[str, ...] = ()
    shares_work: bool = False
    replaced: str = ""

    @property
    def is_single(self) -> bool:
        """Whether there is never a second pod of it."""
        return self.rollout == "recreate"

    @property
    def command(self) -> str:
        """The program in the image."""
        return f"{PROGRAMS}/{self.name}"


ST2AUTH = CatalogueEntry(
    "st2auth",
    "Authenticates users and issues tokens",
    tier="api",
    needs=(Need.DATABASE, Need.COORDINATION),
    contents=(Content.HTPASSWD,),
    port=9100,
    probes=Probes.AUTH,
    stop="INT",
    grace=45,
    drain=10,
    registered_as="auth",
    replaced="logins go on",
)
ST2API = CatalogueEntry(
    "st2api",
    "Serves the REST API to the web UI, the command line, chat bots and webhooks",
    tier="api",
    keeps_files=True,
    needs=CONTROL_PLANE,
    contents=(Content.CRYPTO_KEY, Content.PACKS, Content.VIRTUALENVS, Content.CONFIGS, Content.OVERRIDES),
    port=9101,
    path="/v1/",
    probes=Probes.OPTIONS,
    stop="INT",
    grace=45,
    drain=10,
    manages_packs=True,
    registered_as="api",
    replaced="requests and webhooks go on",
)
ST2STREAM = CatalogueEntry(
    "st2stream",
    "Sends events to the web UI and chat bots",
    tier="api",
    needs=CONTROL_PLANE,
    contents=(Content.STREAM_LOG,),
    port=9102,
    path="/v1/stream",
    probes=Probes.OPTIONS,
    stop="INT",
    # With a client connected it was seen to take up to 24 s after the signal.
    grace=45,
    drain=10,
    registered_as="stream",
    replaced="event streams break off; web UI and chat bot connect anew",
)
ST2RULESENGINE = CatalogueEntry(
    "st2rulesengine",
    "Matches triggers with rules and requests actions",
    tier="engines",
    needs=CONTROL_PLANE,
    contents=(Content.CRYPTO_KEY,),
    stop="INT",
    registered_as="rulesengine",
    queues=("st2.trigger_instances_dispatch.rules_engine",),
    shares_work=True,
    replaced="triggers go on to be matched, by the others",
)
ST2TIMERSENGINE = CatalogueEntry(
    "st2timersengine",
    "Fires timers; a second one would fire every timer twice",
    tier="engines",
    needs=CONTROL_PLANE,
    stop="INT",
    rollout="recreate",
    registered_as="timer_engine",
    replaced="no timer fires meanwhile; what falls due is left out, and intervals begin anew",
)
ST2WORKFLOWENGINE = CatalogueEntry(
    "st2workflowengine",
    "Runs Orquesta workflows",
    tier="engines",
    needs=CONTROL_PLANE,
    contents=(Content.CRYPTO_KEY,),
    grace=330,
    # The messages that it is at, and no workflows: another engine takes those on (st2actions/workflows/workflows.py).
    finishes_work="workflow_engine",
    registered_as="workflow_engine",
    queues=(
        "st2.workflow.work",
        "st2.workflow.resume",
        "st2.workflow.action.update",
    ),
    shares_work=True,
    replaced="workflows go on, at the others",
)
ST2SCHEDULER = CatalogueEntry(
    "st2scheduler",
    "Applies policies to requested executions and hands them to runners",
    tier="engines",
    needs=CONTROL_PLANE,
    contents=(Content.CRYPTO_KEY,),
    registered_as="scheduler",
    queues=("st2.actionrunner.req",),
    shares_work=True,
    replaced="executions go on to be scheduled, by the others; "
    "one that is requested at the last moment may stay `requested`",
)
ST2NOTIFIER = CatalogueEntry(
    "st2notifier",
    "Notifies of finished executions",
    tier="engines",
    needs=CONTROL_PLANE,
    stop="INT",
    registered_as="notifier",
    queues=("st2.notifiers.execution.work",),
    shares_work=True,
    replaced="ends of executions go on to be told, by the others",
)
ST2GARBAGECOLLECTOR = CatalogueEntry(
    "st2garbagecollector",
    "Deletes old executions and other data",
    tier="engines",
    needs=CONTROL_PLANE,
    # It opens its connection to the message bus only now and then: that cannot be a sign of readiness.
    probes=Probes.DATABASE,
    stop="INT",
    rollout="recreate",
    registered_as="garbagecollector",
    replaced="nothing old is deleted meanwhile, and more afterwards",
)
ST2SENSORCONTAINER = CatalogueEntry(
    "st2sensorcontainer",
    "Runs sensors; a second one of a partition would emit every trigger twice",
    tier="runners",
    keeps_files=True,
    needs=CONTROL_PLANE,
    # By the code of packs.
    uses=APIS,
    contents=(Content.CRYPTO_KEY, Content.PACKS, Content.VIRTUALENVS),
    # Sensors are stopped one after the other, up to 5 s each.
    grace=60,
    rollout="recreate",
    writes_home=True,
    registered_as="sensorcontainer",
    replaced="its sensors do not run meanwhile; what they poll is found afterwards, what comes to them is lost",
)
ST2ACTIONRUNNER = CatalogueEntry(
    "st2actionrunner",
    "Runs actions",
    tier="runners",
    is_stanley=True,
    needs=CONTROL_PLANE,
    # By the code of packs.
    uses=APIS,
    contents=(
        Content.CRYPTO_KEY,
        Content.PACKS,
        Content.VIRTUALENVS,
        Content.CONFIGS,
        Content.OVERRIDES,
        Content.SSH_KEY,
    ),
    grace=330,
    rollout="replace-one",
    writes_home=True,
    finishes_work="actionrunner",
    manages_packs=True,
    registered_as="actionrunner",
    queues=(
        "st2.actionrunner.work",
        "st2.actionrunner.cancel",
        "st2.actionrunner.pause",
        "st2.actionrunner.resume",
    ),
    replaced="actions that run are finished",
)
ST2WEB = CatalogueEntry(
    "st2web",
    "Serves the web UI and passes requests on to the APIs",
    tier="frontend",
    uses=APIS,
    stop="QUIT",
    grace=45,
    drain=10,
    role="frontend",
    replaced="requests go on",
)
ST2CLIENT = CatalogueEntry(
    "st2client",
    "The st2 command line, logged in, for administration",
    tier="client",
    keeps_files=True,
    # The last three by st2-register-content and the like.
    uses=(*APIS, *CONTROL_PLANE),
    contents=(
        Content.CREDENTIALS,
        Content.CRYPTO_KEY,
        Content.PACKS,
        Content.VIRTUALENVS,
        Content.CONFIGS,
        Content.OVERRIDES,
        Content.RBAC,
        Content.SSH_KEY,
    ),
    probes=Probes.OWN,
    rollout="recreate",
    writes_home=True,
    image="st2actionrunner",
    manages_packs=True,
    replaced="sessions in it end",
)
ST2CHATOPS = CatalogueEntry(
    "st2chatops",
    "The chat bot (Hubot); it cannot run twice",
    tier="chatops",
    is_stanley=True,
    needs=(Need.API, Need.AUTH, Need.STREAM),
    port=8081,
    rollout="recreate",
    replaced="the chat bot does not answer meanwhile",
)

CATALOGUE: tuple[CatalogueEntry, ...] = (
    ST2AUTH,
    ST2API,
    ST2STREAM,
    ST2RULESENGINE,
    ST2TIMERSENGINE,
    ST2WORKFLOWENGINE,
    ST2SCHEDULER,
    ST2NOTIFIER,
    ST2GARBAGECOLLECTOR,
    ST2SENSORCONTAINER,
    ST2ACTIONRUNNER,
    ST2WEB,
    ST2CLIENT,
    ST2CHATOPS,
)


def sensor_component(partition: str | int) -> str:
    """The component that runs a part of the sensors: a hash range, or one sensor."""
    return f"{ST2SENSORCONTAINER.name}-{partition}"


def pool_component(pool: str) -> str:
    """The component that is a pool of action runners."""
    return f"{ST2ACTIONRUNNER.name}-{pool}"
