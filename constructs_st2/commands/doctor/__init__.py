"""`constructs-st2 doctor`: what a release lacks, before an apply and at any time."""
