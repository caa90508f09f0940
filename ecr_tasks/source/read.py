"""Reads the state of a project's source from git, CI and ECR_PULL_REQUEST; the other packages call this module."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from ecr_tasks.ci.change import with_pull_request
from ecr_tasks.ci.context import CiContext
from ecr_tasks.ci.detect import detect
from ecr_tasks.settings.settings import Settings
from ecr_tasks.source.git.read import git_state, has_ref
from ecr_tasks.source.merge_ci import merge
from ecr_tasks.source.source_state import SourceState

PULL_REQUEST = "ECR_PULL_REQUEST"


def read(project: Path, *, environ: Mapping[str, str], settings: Settings | None = None) -> SourceState:
    """Read the state of the folder ``project`` from git, and merge it with the facts of the CI system in ``environ``.

    ``settings`` may say that the run is for a change. Raises the errors of ``git_state``; the variables of a CI cause
    no errors.
    """
    source = git_state(project, environ=environ)
    return merge(source, ci_context(project, source, environ=environ, settings=settings))


def ci_context(
    project: Path, source: SourceState, *, environ: Mapping[str, str], settings: Settings | None
) -> CiContext:
    """Return the facts of the CI system, and the settings' change; ``source`` is git's own state."""
    ci = detect(environ, remotes=source.remotes, has_ref=partial(has_ref, project, environ=environ))
    if settings is None or settings.pull_request is None:
        return ci
    origin = settings.origin(PULL_REQUEST)
    place = PULL_REQUEST if origin.kind == "environment" else f"{PULL_REQUEST} in {origin}"
    return with_pull_request(ci, settings.pull_request, place)
