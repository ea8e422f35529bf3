"""Configurations of packs and overrides: what st2 would refuse or ignore, and secrets in clear text."""

from __future__ import annotations

import pytest
from checks.sound import *  # noqa: F403
