"""`constructs-st2 adopt`: from the Helm chart to manifests, with names and data."""
