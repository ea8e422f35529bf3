"""Has linters of others look at the default cluster; what they find and is right all the same is in exceptions.yaml."""
