"""A picture of a cluster: its components by tier, and who connects to whom on which port."""
