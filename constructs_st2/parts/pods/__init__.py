"""What pods are made of: containers, volumes, scripts and programs."""
