"""`constructs-st2 secrets`."""
