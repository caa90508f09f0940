"""All that a project needs: `inv build push` here builds the images of this folder and pushes them."""

from ecr_tasks import ns

__all__ = ["ns"]
