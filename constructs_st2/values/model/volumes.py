"""Volumes in the form of the Helm chart."""

from __future__ import annotations

from typing import Annotated

from typing_extensions import Required, TypedDict

from constructs_st2.values.model.base import ONE_KEY, DnsLabel
from constructs_st2.values.model.deferred import deferred
from constructs_st2.values.model.kubernetes import VolumeMountOfVolume, VolumeSource
from constructs_st2.values.model.kubernetes_scalars import STRICT


@deferred(STRICT)
class ExtraVolume(TypedDict, total=False):
    """A volume and where it is mounted, in the chart's form."""

    name: Required[DnsLabel]
    mount: Required[VolumeMountOfVolume]
    volume: Required[Annotated[VolumeSource, ONE_KEY]]
