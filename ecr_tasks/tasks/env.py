"""The `env` task: choose a dotenv file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_tasks.runner.decorator import task

if TYPE_CHECKING:
    from ecr_tasks.runner.run import Run


@task(positional=["name"], help={"name": "prod reads .env.prod"})
def env(run: Run, name: str) -> None:
    """Choose .env.NAME for the tasks that follow."""
    run.choose_env(name)
    _ = run.settings  # load the settings now, so that this task reports their errors
