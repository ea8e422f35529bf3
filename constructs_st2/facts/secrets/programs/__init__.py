"""How the values of Secrets are made: programs that run in a pod, and import nothing but each other.

A synth makes values by the same code (`secrets.mode: plain`, `constructs-st2 secrets generate`), and writes texts with
secrets in them by the same encodings; so it stands among the facts, and not beside the Job that mounts it.
"""
