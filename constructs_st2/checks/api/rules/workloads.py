"""What makes pods, and what scales and limits them."""

from __future__ import annotations

from constructs_st2.checks.api import forms, judges
from constructs_st2.checks.api.judges import given
from constructs_st2.checks.api.rules.table import Field, Whole
from constructs_st2.checks.api.walk import Faults, Judge
from constructs_st2.checks.data import at, mapping, mappings
from constructs_st2.kube.documents import Document

_SELECTING = "DaemonSetSpec DeploymentSpec ReplicaSetSpec StatefulSetSpec"
_SCALED = "DeploymentSpec ReplicaSetSpec StatefulSetSpec"


@given("maxSurge")
def rolling_update(node: Document) -> Faults:
    """A rollout can go on."""
    if node.get("maxUnavailable") in (0, "0%") and node.get("maxSurge") in (0, "0%"):
        yield "maxUnavailable", "cannot be 0 when maxSurge is 0"


@Judge
def deadline(node: Document) -> Faults:
    """A Deployment is not given up before its pods count as ready."""
    ready, limit = node.get("minReadySeconds") or 0, node.get("progressDeadlineSeconds")
    limit = 600 if limit is None else limit
    if isinstance(ready, int) and isinstance(limit, int) and limit <= ready:
        yield "progressDeadlineSeconds", f"is {limit}; must be more than minReadySeconds, {ready}"


def restart_policy(*policies: str, default: str = "Always") -> Judge:
    """Pods of a workload come back, or not."""

    @Judge
    def judge(node: Document) -> Faults:
        policy = at(node, "template", "spec", "restartPolicy") or default
        if policy not in policies:
            yield ("template", "spec", "restartPolicy"), f"must be {' or '.join(policies)}, not {policy}"

    return judge


@Judge
def indexed(node: Document) -> Faults:
    """What is said of the indexes of a Job is for one that has some."""
    if node.get("completionMode") == "Indexed":
        if node.get("completions") is None:
            yield "completions", "is required with completionMode: Indexed"
        return
    for field in ("backoffLimitPerIndex", "maxFailedIndexes", "successPolicy"):
        if node.get(field) is not None:
            yield field, "can only be used with completionMode: Indexed"


def template_without(field: str) -> Judge:
    """A field that pods have, but not those of a workload."""

    @given("template")
    def judge(node: Document) -> Faults:
        if at(node, "template", "spec", field):
            yield ("template", "spec", field), "cannot be set for pods of this kind of workload"

    return judge


@given("podFailurePolicy")
def failure_policy(node: Document) -> Faults:
    """Pods whose failures are looked at do not start anew by themselves."""
    if node.get("podFailurePolicy") is not None and at(node, "template", "spec", "restartPolicy") != "Never":
        yield ("template", "spec", "restartPolicy"), "must be Never with podFailurePolicy"


@given("podFailurePolicy")
def replacement(node: Document) -> Faults:
    """Pods that are looked at are replaced when they have failed."""
    policy = node.get("podReplacementPolicy")
    if node.get("podFailurePolicy") is not None and policy not in (None, "Failed"):
        yield "podReplacementPolicy", f"must be Failed with podFailurePolicy, not {policy}"


@given("podFailurePolicy")
def failure_rules(node: Document) -> Faults:
    """Rules about failed pods are about what there is."""
    containers = [
        str(container.get("name"))
        for kind in ("containers", "initContainers")
        for container in mappings(at(node, "template", "spec", kind))
    ]
    for position, rule in enumerate(mappings(at(node, "podFailurePolicy", "rules"))):
        path = ("podFailurePolicy", "rules", position)
        if rule.get("action") == "FailIndex" and node.get("backoffLimitPerIndex") is None:
            yield (*path, "action"), "FailIndex needs backoffLimitPerIndex"
        name = at(rule, "onExitCodes", "containerName")
        if name is not None and name not in containers:
            yield (*path, "onExitCodes", "containerName"), f"there is no container {name} in the pod"


@given("values")
def exit_codes(node: Document) -> Faults:
    """Exit codes are told once, in their order; that of success is no failure."""
    values = node.get("values")
    codes = [each for each in values if isinstance(each, int)] if isinstance(values, list) else []
    if node.get("operator") == "In" and 0 in codes:
        yield ("values", codes.index(0)), "must not be 0 with operator In: 0 is no failure"
    if codes != sorted(set(codes)):
        yield "values", "must be in ascending order, each code once"


@given("maxFailedIndexes")
def index_limits(node: Document) -> Faults:
    """A Job has no more indexes that fail than it has."""
    greatest, total = node.get("maxFailedIndexes"), node.get("completions")
    if greatest is not None and node.get("backoffLimitPerIndex") is None:
        yield "backoffLimitPerIndex", "is required with maxFailedIndexes"
    if isinstance(greatest, int) and isinstance(total, int) and greatest > total:
        yield "maxFailedIndexes", f"is {greatest}; must be at most completions, {total}"


@given("selector")
def own_selector(node: Document) -> Faults:
    """Who selects the pods of a Job says so."""
    if node.get("selector") is not None and not node.get("manualSelector"):
        yield "selector", "can only be used with manualSelector: true; without both, each Job has its own"


@Judge
def success(node: Document) -> Faults:
    """A Job has succeeded by some number or by some indexes."""
    if node.get("succeededCount") is None and node.get("succeededIndexes") is None:
        yield (), "must have one of succeededCount, succeededIndexes"


@given("rollingUpdate")
def one_way_to_update(node: Document) -> Faults:
    """A DaemonSet makes new pods before or after the old ones go."""
    update = mapping(node.get("rollingUpdate"))
    if all(update.get(field) not in (None, 0, "0%") for field in ("maxSurge", "maxUnavailable")):
        yield ("rollingUpdate", "maxSurge"), "cannot be used together with maxUnavailable; set one of them to 0"
    # Other than of a Deployment, its default is 0.
    if update.get("maxSurge") is None and update.get("maxUnavailable") in (0, "0%"):
        yield ("rollingUpdate", "maxUnavailable"), "cannot be 0 without maxSurge"


@Judge
def of_average(node: Document) -> Faults:
    """A resource is measured as a share of the requests, or as an amount."""
    found = [field for field in ("averageUtilization", "averageValue") if at(node, "target", field) is not None]
    if len(found) != 1:
        yield "target", "must have exactly one of averageUtilization, averageValue"


@given("scaleTargetRef")
def scaled_group(node: Document) -> Faults:
    """What is scaled has a version with a group."""
    target = mapping(node.get("scaleTargetRef"))
    if "/" not in str(target.get("apiVersion")) and target.get("kind") not in (None, _OLD):
        yield ("scaleTargetRef", "apiVersion"), f"must have a group, such as apps/v1, not {target.get('apiVersion')!r}"


_OLD = "ReplicationController"


@given("minReplicas")
def replicas(node: Document) -> Faults:
    """An autoscaler has a range."""
    least, greatest = node.get("minReplicas"), node.get("maxReplicas")
    if isinstance(least, int) and isinstance(greatest, int) and greatest < least:
        yield "maxReplicas", f"is {greatest}; must be at least minReplicas, {least}"


_METRICS = {
    "ContainerResource": "containerResource",
    "External": "external",
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
}


@Judge
def metric(node: Document) -> Faults:
    """A metric is of one type."""
    expected = _METRICS.get(str(node.get("type")))
    for field in _METRICS.values():
        if (node.get(field) is None) == (field == expected):
            yield field, f"{'is required' if field == expected else 'cannot be used'} with type: {node.get('type')}"


HIGHEST_PRIORITY = 1_000_000_000


@Judge
def priority(node: Document) -> Faults:
    """Classes of Kubernetes itself come before all others."""
    if str(at(node, "metadata", "name")).startswith("system-"):
        yield ("metadata", "name"), "must not begin with system-, which is for Kubernetes itself"
    value = node.get("value")
    if isinstance(value, int) and value > HIGHEST_PRIORITY:
        yield "value", f"must be at most {HIGHEST_PRIORITY}, not {value}"


FIELDS: tuple[Field, ...] = (
    Field(f"{_SCALED} DaemonSetSpec", "minReadySeconds", forms.not_negative, "apps.ValidateDeploymentSpec"),
    Field(_SCALED, "replicas", forms.not_negative, "apps.ValidateDeploymentSpec"),
    Field("DaemonSetSpec DeploymentSpec", "revisionHistoryLimit", forms.not_negative, "apps.ValidateDeploymentSpec"),
    Field("DeploymentSpec", "progressDeadlineSeconds", forms.not_negative, "apps.ValidateDeploymentSpec"),
    Field("DeploymentStrategy", "type", forms.one_of("Recreate", "RollingUpdate"), "apps.ValidateDeploymentStrategy"),
    Field("RollingUpdate", "maxUnavailable", forms.count_or_percent, "apps.ValidateRollingUpdateDeployment"),
    Field("RollingUpdate", "maxSurge", forms.surge, "apps.ValidateRollingUpdateDeployment"),
    Field("RollingUpdate", "partition", forms.not_negative, "apps.validateRollingUpdateStatefulSet"),
    Field(
        "StatefulSetSpec",
        "podManagementPolicy",
        forms.one_of("OrderedReady", "Parallel"),
        "apps.ValidateStatefulSetSpec",
    ),
    Field(
        "StatefulSetSpec",
        "serviceName",
        forms.unless_empty(forms.dns_label),
        "apps.ValidateStatefulSetSpec",
    ),
    Field(
        "StatefulSetUpdateStrategy DaemonSetUpdateStrategy",
        "type",
        forms.one_of("OnDelete", "RollingUpdate"),
        "apps.ValidateStatefulSetSpec",
    ),
    Field(
        "ClaimRetentionPolicy",
        "whenDeleted",
        forms.retain_or_delete,
        "apps.ValidatePersistentVolumeClaimRetentionPolicy",
    ),
    Field(
        "ClaimRetentionPolicy",
        "whenScaled",
        forms.retain_or_delete,
        "apps.ValidatePersistentVolumeClaimRetentionPolicy",
    ),
    Field("JobSpec", "parallelism", forms.not_negative, "batch.validateJobSpec"),
    Field("JobSpec", "completions", forms.not_negative, "batch.validateJobSpec"),
    Field("JobSpec", "activeDeadlineSeconds", forms.not_negative, "batch.validateJobSpec"),
    Field("JobSpec", "backoffLimit", forms.not_negative, "batch.validateJobSpec"),
    Field("JobSpec", "ttlSecondsAfterFinished", forms.not_negative, "batch.validateJobSpec"),
    Field("JobSpec", "backoffLimitPerIndex", forms.not_negative, "batch.validateJobSpec"),
    Field("JobSpec", "maxFailedIndexes", forms.not_negative, "batch.validateJobSpec"),
    Field("JobSpec", "managedBy", forms.controller, "batch.validateJobSpec"),
    Field(
        "JobSpec",
        "podReplacementPolicy",
        forms.one_of("Failed", "TerminatingOrFailed"),
        "batch.validatePodReplacementPolicy",
    ),
    Field("PodFailurePolicy", "rules", forms.at_most(20), "batch.validatePodFailurePolicy"),
    Field(
        "PodFailurePolicyRule",
        "action",
        forms.one_of("Count", "FailIndex", "FailJob", "Ignore"),
        "batch.validatePodFailurePolicyRule",
    ),
    Field("ExitCodes", "operator", forms.one_of("In", "NotIn"), "batch.validatePodFailurePolicyRuleOnExitCodes"),
    Field("PodConditionsPattern", "type", forms.label_key, "batch.validatePodFailurePolicyRuleOnPodConditions"),
    Field(
        "PodConditionsPattern",
        "status",
        forms.one_of("False", "True", "Unknown"),
        "batch.validatePodFailurePolicyRuleOnPodConditions",
    ),
    Field("SuccessPolicyRule", "succeededCount", forms.not_negative, "batch.validateSuccessPolicyRule"),
    Field("SuccessPolicyRule", "succeededIndexes", forms.indexes, "batch.validateIndexesFormat"),
    Field("StatefulSetOrdinals", "start", forms.not_negative, "apps.ValidateStatefulSetSpec"),
    Field("ReplicationControllerSpec", "replicas", forms.not_negative, "ValidateReplicationControllerSpec"),
    Field("ReplicationControllerSpec", "minReadySeconds", forms.not_negative, "ValidateReplicationControllerSpec"),
    Field(
        "MetricTarget",
        "type",
        forms.one_of("AverageValue", "Utilization", "Value"),
        "autoscaling.validateMetricTarget",
    ),
    Field("MetricTarget", "averageUtilization", forms.positive, "autoscaling.validateMetricTarget"),
    Field("MetricTarget", "averageValue", forms.more_than_none, "autoscaling.validateMetricTarget"),
    Field("MetricTarget", "value", forms.more_than_none, "autoscaling.validateMetricTarget"),
    Field(
        "HorizontalPodAutoscalerSpec",
        "targetCPUUtilizationPercentage",
        forms.positive,
        "autoscaling.validateMetricTarget",
    ),
    Field("CrossVersionObjectReference", "kind", forms.object_name, "autoscaling.ValidateCrossVersionObjectReference"),
    Field("CrossVersionObjectReference", "name", forms.object_name, "autoscaling.ValidateCrossVersionObjectReference"),
    Field("LeaseSpec", "holderIdentity", forms.not_empty_text, "coordination.ValidateLeaseSpec"),
    Field("JobSpec", "completionMode", forms.one_of("Indexed", "NonIndexed"), "batch.validateJobSpec"),
    Field("CronJobSpec", "schedule", forms.schedule, "batch.validateScheduleFormat"),
    Field("CronJobSpec", "timeZone", forms.time_zone, "batch.validateTimeZone"),
    Field("CronJobSpec", "startingDeadlineSeconds", forms.not_negative, "batch.validateCronJobSpec"),
    Field(
        "CronJobSpec",
        "concurrencyPolicy",
        forms.one_of("Allow", "Forbid", "Replace"),
        "batch.validateConcurrencyPolicy",
    ),
    Field("CronJobSpec", "successfulJobsHistoryLimit", forms.not_negative, "batch.validateCronJobSpec"),
    Field("CronJobSpec", "failedJobsHistoryLimit", forms.not_negative, "batch.validateCronJobSpec"),
    Field(
        "HorizontalPodAutoscalerSpec", "minReplicas", forms.positive, "autoscaling.validateHorizontalPodAutoscalerSpec"
    ),
    Field(
        "HorizontalPodAutoscalerSpec", "maxReplicas", forms.positive, "autoscaling.validateHorizontalPodAutoscalerSpec"
    ),
    Field("HPAScalingRules", "stabilizationWindowSeconds", forms.number(0, 3600), "autoscaling.validateScalingRules"),
    Field(
        "HPAScalingRules", "selectPolicy", forms.one_of("Max", "Min", "Disabled"), "autoscaling.validateScalingRules"
    ),
    Field("HPAScalingPolicy", "type", forms.one_of("Pods", "Percent"), "autoscaling.validateScalingPolicy"),
    Field("HPAScalingPolicy", "value", forms.positive, "autoscaling.validateScalingPolicy"),
    Field("HPAScalingPolicy", "periodSeconds", forms.number(1, 1800), "autoscaling.validateScalingPolicy"),
    Field("PodDisruptionBudgetSpec", "minAvailable", forms.count_or_percent, "policy.ValidatePodDisruptionBudgetSpec"),
    Field(
        "PodDisruptionBudgetSpec", "maxUnavailable", forms.count_or_percent, "policy.ValidatePodDisruptionBudgetSpec"
    ),
    Field(
        "PodDisruptionBudgetSpec",
        "unhealthyPodEvictionPolicy",
        forms.one_of("AlwaysAllow", "IfHealthyBudget"),
        "policy.ValidatePodDisruptionBudgetSpec",
    ),
    Field(
        "PriorityClass", "preemptionPolicy", forms.one_of("PreemptLowerPriority", "Never"), "ValidatePreemptionPolicy"
    ),
    Field("LeaseSpec", "leaseDurationSeconds", forms.positive, "coordination.ValidateLeaseSpec"),
    Field("LeaseSpec", "leaseTransitions", forms.not_negative, "coordination.ValidateLeaseSpec"),
)

WHOLES: tuple[Whole, ...] = (
    Whole(_SELECTING, judges.required("selector", "template"), "apps.ValidateDeploymentSpec"),
    Whole("DeploymentSpec", deadline, "apps.ValidateDeploymentSpec"),
    Whole(
        "DeploymentStrategy",
        judges.only_with("rollingUpdate", "type", "RollingUpdate", default="RollingUpdate"),
        "apps.ValidateDeploymentStrategy",
    ),
    Whole(
        "StatefulSetUpdateStrategy",
        judges.only_with("rollingUpdate", "type", "RollingUpdate", default="RollingUpdate"),
        "apps.ValidateStatefulSetSpec",
    ),
    Whole("RollingUpdate", rolling_update, "apps.ValidateRollingUpdateDeployment"),
    Whole(_SELECTING, template_without("activeDeadlineSeconds"), "apps.ValidatePodTemplateSpecForReplicaSet"),
    Whole(f"{_SELECTING} JobSpec", template_without("ephemeralContainers"), "ValidatePodTemplateSpec"),
    Whole(_SELECTING, restart_policy("Always"), "apps.ValidatePodTemplateSpecForReplicaSet"),
    Whole("JobSpec", restart_policy("OnFailure", "Never"), "batch.validateJobSpec"),
    Whole("JobSpec", indexed, "batch.validateJobSpec"),
    Whole("JobSpec", failure_policy, "batch.validateJobSpec"),
    Whole("JobSpec", replacement, "batch.validatePodReplacementPolicy"),
    Whole("JobSpec", failure_rules, "batch.validatePodFailurePolicyRule"),
    Whole("JobSpec", index_limits, "batch.validateJobSpec"),
    Whole("JobSpec", own_selector, "batch.ValidateJobSpec"),
    Whole(
        "PodFailurePolicyRule",
        judges.exactly_one("onExitCodes", "onPodConditions"),
        "batch.validatePodFailurePolicyRule",
    ),
    Whole("PodFailurePolicyRule", judges.required("action"), "batch.validatePodFailurePolicyRule"),
    Whole("ExitCodes", exit_codes, "batch.validatePodFailurePolicyRuleOnExitCodes"),
    Whole("ExitCodes", judges.required("operator", "values"), "batch.validatePodFailurePolicyRuleOnExitCodes"),
    Whole("SuccessPolicy", judges.required("rules"), "batch.validateSuccessPolicy"),
    Whole("SuccessPolicyRule", success, "batch.validateSuccessPolicyRule"),
    Whole("DaemonSetUpdateStrategy", one_way_to_update, "apps.ValidateRollingUpdateDaemonSet"),
    Whole("ResourceMetric", of_average, "autoscaling.validateResourceSource"),
    Whole("HorizontalPodAutoscalerSpec", scaled_group, "autoscaling.ValidateCrossVersionObjectReference"),
    Whole("CronJobSpec", judges.required("schedule", "jobTemplate"), "batch.validateCronJobSpec"),
    Whole("HorizontalPodAutoscalerSpec", replicas, "autoscaling.validateHorizontalPodAutoscalerSpec"),
    Whole(
        "HorizontalPodAutoscalerSpec",
        judges.required("maxReplicas", "scaleTargetRef"),
        "autoscaling.validateHorizontalPodAutoscalerSpec",
    ),
    Whole(
        "CrossVersionObjectReference",
        judges.required("kind", "name"),
        "autoscaling.ValidateCrossVersionObjectReference",
    ),
    Whole("HPAScalingRules", judges.not_empty("policies"), "autoscaling.validateScalingRules"),
    Whole("HPAScalingPolicy", judges.required("type", "value", "periodSeconds"), "autoscaling.validateScalingPolicy"),
    Whole("MetricSpec", metric, "autoscaling.validateMetricSpec"),
    Whole(
        "PodDisruptionBudgetSpec",
        judges.not_both("minAvailable", "maxUnavailable"),
        "policy.ValidatePodDisruptionBudgetSpec",
    ),
    Whole("PriorityClass", priority, "scheduling.ValidatePriorityClass"),
)
