"""The registry as code: what a file wants of it, what ECR has, and the difference."""
