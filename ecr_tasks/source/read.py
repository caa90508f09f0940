"""Reads the state of a project's source from git and CI; the other packages call this module."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ecr_tasks.ci.detect import detect
from ecr_tasks.source.git.read import git_state
from ecr_tasks.source.merge_ci import merge
from ecr_tasks.source.source_state import SourceState


def read(project: Path, *, environ: Mapping[str, str]) -> SourceState:
    """Read the state of the folder ``project`` from git, and merge it with the facts of the CI system in ``environ``.

    Raises the errors of ``git_state``; the variables of a CI cause no errors.
    """
    return merge(git_state(project, environ=environ), detect(environ))
