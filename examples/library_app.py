"""StackStorm in an app of your own: values with types, a chart of yours beside it, and a service that is changed.

The app writes to dist/.
"""

from __future__ import annotations

import cdk8s
from cdk8s import ApiObjectMetadata, JsonPatch

from constructs_st2 import StackStorm, Values
from constructs_st2.values.model import ActionRunner

NAMESPACE = "stackstorm"


class Automation(StackStorm):
    """StackStorm as this company runs it: everything tells whose it is."""

    def __init__(self, scope: cdk8s.App, name: str, *, values: Values) -> None:
        super().__init__(scope, name, namespace=NAMESPACE, values=values)
        for each in self.node.find_all():
            if isinstance(each, cdk8s.ApiObject):
                each.metadata.add_label("example.org/team", "automation")


app = cdk8s.App()
stack = Automation(app, "automation", values=Values(st2actionrunner=ActionRunner(replicas=8)))

# Whatever cdk8s can do with an object, it can do with those of StackStorm.
stack.api["st2api"]["Deployment"].add_json_patch(JsonPatch.add("/spec/revisionHistoryLimit", 3))

# A chart of your own, which is applied before the runners that read it.
tools = cdk8s.Chart(app, "tools", namespace=NAMESPACE)
cdk8s.ApiObject(
    tools,
    "inventory",
    api_version="v1",
    kind="ConfigMap",
    metadata=ApiObjectMetadata(name="inventory"),
)
stack.runners.add_dependency(tools)

app.synth()
