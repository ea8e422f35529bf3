"""What a change does: two states of a cluster as plain data, and the consequences of going from one to the other."""
