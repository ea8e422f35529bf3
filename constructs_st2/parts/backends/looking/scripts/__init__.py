"""Scripts that run in pods, as data."""
