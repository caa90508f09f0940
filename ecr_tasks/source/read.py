"""TODO."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ecr_tasks.ci.detect import detect
from ecr_tasks.source.git.read import git_state
from ecr_tasks.source.merge_ci import merge
from ecr_tasks.source.state import SourceState


def read(project: Path, *, environ: Mapping[str, str]) -> SourceState:
    """What git knows of the folder ``project``, merged with what the CI system in ``environ`` says of the run.

    Errors are ``git_state``'s; a CI's variables raise none.
    """
    return merge(git_state(project, environ=environ), detect(environ))
