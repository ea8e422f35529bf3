"""The scripts of Redis's pods."""
