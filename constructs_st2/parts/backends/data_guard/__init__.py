"""What keeps a member from touching data that it cannot read."""
