"""Makes the types of Kubernetes' fields in the model of values, of Kubernetes' own description of its API."""
