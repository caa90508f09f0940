"""Which CI system this is and what it says of the run: one adapter a system, merged with git's facts."""

from ecr_tasks.source.ci.detection import detect
from ecr_tasks.source.ci.merging import merge
from ecr_tasks.source.ci.model import NO_CI, CiContext

__all__ = ["NO_CI", "CiContext", "detect", "merge"]
