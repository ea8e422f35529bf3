"""`constructs-st2 try`: a small cluster of its own on this machine."""
