"""The repository as code: what the settings want, what ECR has, and the difference."""
