"""What the Helm chart `stackstorm-ha` is like where this project differs, so that a chart user's values file works.

The table is in `keys`, what it is applied by in `translation`.
"""

from __future__ import annotations

from constructs_st2.values.chart.keys import RAW_PATHS, RULES
from constructs_st2.values.chart.translation import Note, Translated, translate

__all__ = ["MONGODB_NAMES", "RAW_PATHS", "RULES", "Note", "Translated", "translate"]

MONGODB_NAMES = ("mongodb", "mongodb-ha")
"""What follows the release in the name of its MongoDB: in newer versions of the chart, and in older ones."""
