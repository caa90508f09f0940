"""Where we are: the revision, branch, tags and changes of the project that is to be built.

Git's facts come from ``repository``; CI systems' adapters get a package of their own, merged over them here.
"""

from ecr_tasks.source.repository import NO_REPOSITORY, is_tracked, read
from ecr_tasks.source.state import SourceState

__all__ = ["NO_REPOSITORY", "SourceState", "is_tracked", "read"]
