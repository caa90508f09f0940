"""The recorder of a command that promotes, with what is known here of who runs it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ecr_tasks.console import warn
from ecr_tasks.execute.record_release import Recorder
from ecr_tasks.model.release import Promoter, Task

if TYPE_CHECKING:
    from ecr_tasks.model.ports import Target
    from ecr_tasks.runner.run import Run


def recorder(run: Run, task: Task, source: str, target: Target) -> Recorder:
    """Return the recorder for a registry; ``source`` is the tag or digest that was typed."""
    return Recorder(target, task, source, _promoter(run), warn)


def _promoter(run: Run) -> Promoter:
    from ecr_tasks.ci.detect import detect
    from ecr_tasks.source.git.user import git_user

    ci = detect(os.environ)
    return Promoter(
        git_user=git_user(run.project, os.environ) if not run.in_ci else None,
        ci=ci.provider,
        ci_run=ci.build_url,
        ci_actor=ci.actor,
    )
