"""`constructs-st2 images`: what a cluster pulls, and the digests of that."""
