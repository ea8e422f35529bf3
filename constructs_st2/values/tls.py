"""Settings of TLS within the cluster that do not go together."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_st2.errors import ValueProblem
from constructs_st2.values.model import Values

_KEY = "tls.internal"


def problems(values: Values) -> Iterator[ValueProblem]:
    """What cannot be honoured."""
    internal = values.tls.internal
    settings = internal.cert_manager
    if not settings.enabled:
        return
    if not internal.enabled:
        yield ValueProblem(f"{_KEY}.enabled", f"must be true for {_KEY}.certManager to have an effect; set it")
    if settings.issuer_ref is None:
        yield ValueProblem(f"{_KEY}.certManager.issuerRef", "is required: the issuer that signs the certificates")
    # cert-manager refuses such a Certificate only in the cluster.
    if _hours(settings.renew_before) >= _hours(settings.duration):
        message = f"must be shorter than duration ({settings.duration}), not {settings.renew_before}"
        yield ValueProblem(f"{_KEY}.certManager.renewBefore", message)


def _hours(duration: str) -> int:
    return int(duration.removesuffix("h"))
