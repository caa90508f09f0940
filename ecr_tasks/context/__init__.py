"""What the build context carries into an image, and what it must not."""

from ecr_tasks.context.ignore import DockerIgnore
from ecr_tasks.context.leaks import Leak, carries, find_leaks, refuse

__all__ = ["DockerIgnore", "Leak", "carries", "find_leaks", "refuse"]
