"""What all services share: their configuration, their namespace, and who they are in it."""
