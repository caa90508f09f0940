"""The registry (``/v2/``): the OCI distribution specification, with ECR's deviations."""
