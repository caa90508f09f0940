"""What a user's own tasks.py looks like, and the benchmark of this project."""

from bench.task import bench
from ecr_tasks import ns

ns.add_task(bench)

__all__ = ["ns"]
