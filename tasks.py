"""What a user's own tasks.py looks like."""

from ecr_tasks import ns

__all__ = ["ns"]
