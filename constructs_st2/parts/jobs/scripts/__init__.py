"""The programs that Jobs run. They need nothing of this package but each other.

They run by the Python of the st2 images (3.8 and later) with its standard library, mounted as a package tree:
``python -m constructs_st2.parts.jobs.scripts.smoke_test`` with PYTHONPATH on its top.
"""
