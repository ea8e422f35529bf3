"""Argo CD's sync waves."""

from __future__ import annotations

import pytest
from checks.sound import (
    API,
    CONFIG,
    MONGODB,
    TEMPLATE,
    Change,
    Finding,
    add,
    both,
    document,
    findings_after,
    problems_after,
    put,
)

FIELD = "metadata.annotations[argocd.argoproj.io/sync-wave]"
CLAIM = "PersistentVolumeClaim/st2-packs"
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "st2-st2api"}
AUTOSCALER = document(
    "HorizontalPodAutoscaler",
    "st2-st2api",
    "st2api",
    spec={"scaleTargetRef": TARGET, "minReplicas": 2, "maxReplicas": 3},
)


def wave(subject: str, number: object) -> Change:
    return put(subject, "metadata", "annotations", value={"argocd.argoproj.io/sync-wave": number})


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        pytest.param(wave(CONFIG, "first"), ("wave", CONFIG, FIELD), id="no number"),
        pytest.param(wave(CONFIG, "1"), ("wave", API, FIELD), id="a ConfigMap after its pods"),
        pytest.param(
            wave("Service/st2-mongodb", "1"), ("wave", API, FIELD), id="a Service after those who wait for it"
        ),
        pytest.param(wave(MONGODB, "1"), ("wave", API, FIELD), id="a database after those who wait for it"),
        pytest.param(wave("Namespace/stackstorm", "1"), ("wave", CONFIG, FIELD), id="a namespace after its objects"),
        pytest.param(
            both(wave(API, "2"), wave(CLAIM, "1")), ("wave", CLAIM, FIELD), id="a claim before the pods that bind it"
        ),
        pytest.param(
            both(wave(API, "2"), add(AUTOSCALER)),
            ("wave", "HorizontalPodAutoscaler/st2-st2api", FIELD),
            id="an autoscaler before what it scales",
        ),
    ],
)
def test_waves_that_never_end_are_found(change: Change, finding: Finding) -> None:
    assert finding in findings_after(change)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(wave("Namespace/stackstorm", "-5"), id="a namespace before its objects"),
        pytest.param(both(wave(API, "2"), wave(CLAIM, "2")), id="pods after what they need"),
        pytest.param(
            both(
                wave(CONFIG, "1"),
                wave(MONGODB, "0"),
                put(API, "metadata", "annotations", value={"argocd.argoproj.io/hook": "PostSync"}),
            ),
            id="a hook, which has its own order",
        ),
        pytest.param(
            put(API, *TEMPLATE, "metadata", "annotations", value={"argocd.argoproj.io/sync-wave": "x"}),
            id="the annotation of pods, which means nothing",
        ),
    ],
)
def test_waves_that_end_are_accepted(change: Change) -> None:
    assert findings_after(change) == []


def test_the_object_and_both_waves_are_told() -> None:
    (problem,) = problems_after(wave(CONFIG, "3"))
    assert problem.message == "wave 0 needs ConfigMap/st2-st2-config, which is in wave 3; it must not be later"
