"""Volumes in the form of the Helm chart."""

from typing import Annotated

from pydantic import Field
from typing_extensions import Required, TypedDict

from constructs_st2.values.deferred import deferred
from constructs_st2.values.model.base import ONE_KEY, DnsLabel
from constructs_st2.values.model.kubernetes import VolumeMountOfVolume, VolumeSource
from constructs_st2.values.model.kubernetes_scalars import STRICT


@deferred(STRICT)
class ExtraVolume(TypedDict, total=False):
    """A volume and where it is mounted, in the chart's form."""

    name: Required[Annotated[DnsLabel, Field(description="Name of the volume.")]]
    mount: Required[Annotated[VolumeMountOfVolume, Field(description="Where it is in the container.")]]
    volume: Required[Annotated[VolumeSource, ONE_KEY, Field(description="Its source, as in Kubernetes.")]]
