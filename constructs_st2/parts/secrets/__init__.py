"""Secrets: how they come to be."""
