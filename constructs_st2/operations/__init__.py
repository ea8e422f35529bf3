"""What helps to operate a cluster, around it."""
