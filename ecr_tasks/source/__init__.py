"""Where we are: the revision, branch, tags and changes of the project that is to be built."""

from ecr_tasks.source.state import SourceState

__all__ = ["SourceState"]
