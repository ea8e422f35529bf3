"""Whole Kubernetes objects, of which values check only what identifies them."""

from typing import Annotated

from pydantic import ConfigDict, StringConstraints
from typing_extensions import Required, TypedDict

from constructs_st2.values.deferred import deferred
from constructs_st2.values.model.base import (
    API_VERSION,
    KIND,
    AnnotationKey,
    DnsLabel,
    LabelValue,
    ObjectName,
    ScalarText,
)

_OPEN = ConfigDict(extra="allow", strict=True)


@deferred(_OPEN)
class ObjectMetadata(TypedDict, total=False):
    """Metadata of a whole object."""

    name: Required[ObjectName]
    namespace: DnsLabel
    labels: dict[AnnotationKey, LabelValue]
    annotations: dict[AnnotationKey, ScalarText]


@deferred(_OPEN)
class KubernetesObject(TypedDict, total=False):
    """Any Kubernetes object."""

    apiVersion: Required[Annotated[str, StringConstraints(pattern=API_VERSION)]]
    kind: Required[Annotated[str, StringConstraints(pattern=KIND)]]
    metadata: Required[ObjectMetadata]
