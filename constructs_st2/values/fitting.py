"""Resources of the profile that give way to those of the user, so that both together are what Kubernetes accepts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from constructs_st2.kube.quantity import PLAIN, parsed

_KINDS = ("requests", "limits")
_IN_VALUES = re.compile(PLAIN)
_EVERY = "every"
"""The key of resources that several kinds of containers share, beside those of each kind."""


def fitted(profile: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The data of a profile, with requests no higher than limits that are given, and limits no lower than requests.

    Where requests are left out, Kubernetes takes the limits for them. Those of a profile are there, and must not make
    an object impossible for which the user has given the other half.
    """
    found: dict[str, Any] = {}
    for key, own in profile.items():
        users = given.get(key)
        if not isinstance(own, dict) or not isinstance(users, dict):
            found[key] = own
        elif own.keys() <= {*_KINDS} and own:
            found[key] = _resources(own, users)
        elif isinstance(shared := users.get(_EVERY), dict):
            found[key] = {kind: _below(resources, shared, users.get(kind)) for kind, resources in own.items()}
        else:
            found[key] = fitted(own, users)
    return found


def _below(profile: Mapping[str, Any], shared: Mapping[str, Any], own: object) -> dict[str, Any]:
    """The resources of the profile for one kind of several, where the user says something of all kinds."""
    said_of_all = {part: _mapping(shared.get(part)) for part in _KINDS}
    of_kind = own if isinstance(own, dict) else {}
    given = {part: {**said_of_all[part], **_mapping(of_kind.get(part))} for part in _KINDS}
    fit = _resources(profile, given)
    return {part: {name: fit[part][name] for name in fit[part] if name not in said_of_all[part]} for part in fit}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def laid_over(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The resources of one of several workloads: its own, and for the rest those that all share, as far as they fit."""
    fit = _resources(shared, own)
    return {kind: {**fit.get(kind, {}), **own.get(kind, {})} for kind in _KINDS if kind in fit or kind in own}


def _resources(own: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    requests, limits = (_mapping(given.get(kind)) for kind in _KINDS)
    fits: Mapping[str, Callable[[str, Any], Any]] = {
        "requests": lambda name, quantity: _chosen(quantity, limits.get(name), min),
        "limits": lambda name, quantity: _chosen(quantity, requests.get(name), max),
    }
    return {kind: {name: fits[kind](name, quantity) for name, quantity in own[kind].items()} for kind in own}


def _chosen(own: str, given: object, choose: Callable[[Decimal, Decimal], Decimal]) -> object:
    ours, users = parsed(own), parsed(given)
    # Nothing is given, or what is no amount or not in the form that values have, which is told later, and once.
    if ours is None or users is None or not _IN_VALUES.fullmatch(str(given)):
        return own
    return own if choose(ours, users) == ours else given
