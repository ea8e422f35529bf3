"""Secrets: which ones a release has, and how they come to be."""

from __future__ import annotations

PLAN = "plan.json"
"""The key of the plan by which the bootstrap Job makes Secrets, in its ConfigMap."""
