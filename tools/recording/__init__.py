"""The recording of a terminal in the README: real commands, run when it is made, and their real output."""
