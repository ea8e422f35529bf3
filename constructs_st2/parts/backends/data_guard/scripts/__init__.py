"""The script that guards the data of members."""
