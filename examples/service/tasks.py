"""All that a project needs: `inv build push` here builds this folder's image and pushes it."""

from ecr_tasks import ns

__all__ = ["ns"]
