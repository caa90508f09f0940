"""Where we are: the revision, branch, tags and changes of the project that is to be built.

Git's facts come from ``repository``, the CI system's from ``ci``; ``read`` merges them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ecr_tasks.source.branches import Branch, find_branch
from ecr_tasks.source.ci.detection import detect
from ecr_tasks.source.ci.merging import merge
from ecr_tasks.source.repository import NO_REPOSITORY, git_state, is_tracked
from ecr_tasks.source.state import SourceState

__all__ = ["NO_REPOSITORY", "Branch", "SourceState", "find_branch", "git_state", "is_tracked", "read"]


def read(project: Path, *, environ: Mapping[str, str]) -> SourceState:
    """What git knows of the folder ``project``, merged with what the CI system in ``environ`` says of the run.

    Errors are ``git_state``'s; a CI's variables raise none.
    """
    return merge(git_state(project, environ=environ), detect(environ))
