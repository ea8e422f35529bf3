"""Single values within Kubernetes' fields, for the types that `make kubernetes-types` makes."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import AfterValidator, ConfigDict, Field

from constructs_st2.values.model.base import DnsLabel, PortNumber

STRICT = ConfigDict(extra="forbid", strict=True)
"""No unknown keys, and no silent conversion of types."""

AT_LEAST_ONE = Field(min_length=1)
"""For lists that must not be empty."""

Positive: TypeAlias = Annotated[int, Field(ge=1)]
NotNegative: TypeAlias = Annotated[int, Field(ge=0)]
Port: TypeAlias = PortNumber | DnsLabel
PortName: TypeAlias = Annotated[DnsLabel, Field(max_length=15)]
UserId: TypeAlias = Annotated[int, Field(ge=0, le=2**31 - 1)]
Weight: TypeAlias = Annotated[int, Field(ge=1, le=100)]
Mode: TypeAlias = Annotated[int, Field(ge=0, le=0o777)]
"""Permission bits. YAML writes them in octal as 0644."""
ScalingPeriod: TypeAlias = Annotated[int, Field(ge=1, le=1800)]
StabilizationWindow: TypeAlias = Annotated[int, Field(ge=0, le=3600)]


def _network(text: str) -> str:
    # Whoever says nothing of addresses does not pay for the module.
    from ipaddress import ip_network

    try:
        ip_network(text)
    except ValueError as error:
        raise ValueError(f"must be a range of addresses such as 10.0.0.0/8; {error}") from None
    return text


Cidr: TypeAlias = Annotated[str, AfterValidator(_network)]
