"""The services of StackStorm."""
