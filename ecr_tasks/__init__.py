"""Invoke tasks that build, tag and push container images to Amazon ECR."""

__version__ = "0.1.0"
