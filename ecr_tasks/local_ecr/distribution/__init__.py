"""The registry (``/v2/``): the OCI distribution specification as ECR speaks it."""
