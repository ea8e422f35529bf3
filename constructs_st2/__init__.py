"""StackStorm on Kubernetes, as a cdk8s app."""
