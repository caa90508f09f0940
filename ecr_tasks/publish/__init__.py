"""How a plan is carried out: built, pushed, tagged; each step takes the plan and the ports."""

from ecr_tasks.publish.building import Built, build, build_key
from ecr_tasks.publish.pushing import Published, publish
from ecr_tasks.publish.spreading import Failed, spread
from ecr_tasks.publish.turns import Turns

__all__ = ["Built", "Failed", "Published", "Turns", "build", "build_key", "publish", "spread"]
