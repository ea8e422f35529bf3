"""Two StackStorm clusters in one cdk8s app: this package as a library. The app writes to dist/."""

import cdk8s

from constructs_st2 import StackStorm, Values
from constructs_st2.values.model import ActionRunner

app = cdk8s.App()

network = StackStorm(
    app,
    "network",
    namespace="stackstorm-network",
    values=Values(st2actionrunner=ActionRunner(replicas=8)),
)
StackStorm(app, "storage", namespace="stackstorm-storage", values=Values(profile="dev"))

# Whatever cdk8s can do with an object, it can do with these.
network.api["st2api"]["Deployment"].metadata.add_annotation("example.org/owner", "network-team")

app.synth()
