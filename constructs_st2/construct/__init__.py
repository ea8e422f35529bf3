"""StackStorm as a construct: the tiers, composed of the parts, as charts of cdk8s."""
