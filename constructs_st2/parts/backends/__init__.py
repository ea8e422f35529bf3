"""The backends that run in the cluster."""
