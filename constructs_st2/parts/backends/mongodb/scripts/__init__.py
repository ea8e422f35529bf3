"""The scripts of MongoDB's pods."""
