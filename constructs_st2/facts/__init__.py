"""The facts of a release: names, versions, services, Secrets, backends, connections and settings.

Nothing is built here.
"""
