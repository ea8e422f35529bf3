"""The tables of st2's options, made anew from an installation of st2."""
