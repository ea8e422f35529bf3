"""The parts of a cluster: each turns facts into documents."""
