"""Secrets: which ones a release has, and how they come to be."""
