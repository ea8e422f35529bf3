"""`constructs-st2 plan`: what an apply would change, and what that does."""
