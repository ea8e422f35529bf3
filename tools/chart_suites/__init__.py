"""Runs the unit suites of the Helm chart on our objects: which of their assertions hold, given the same values."""
