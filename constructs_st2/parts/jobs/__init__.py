"""The Jobs that load content into StackStorm, and those of the user."""
