"""Redis with Sentinel."""
