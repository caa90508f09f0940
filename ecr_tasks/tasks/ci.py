"""The CI's tasks: ci.context."""

from __future__ import annotations

from ecr_tasks.run import Run
from ecr_tasks.tasks.task import task


@task(help={"json": "one JSON document on stdout"})
def context(run: Run, json: bool = False) -> None:
    """Show what we understood of this CI run, and which variable said it."""
    import os

    from ecr_tasks.report.terminal import document, table, warn
    from ecr_tasks.source.ci import show
    from ecr_tasks.source.ci.detection import detect
    from ecr_tasks.source.repository import git_state

    source, ci = git_state(run.project, environ=os.environ), detect(os.environ)
    if json:
        document(show.as_json(source, ci))
        return
    table(("name", "value", "from"), show.as_rows(source, ci))
    for note in show.notes(source, ci):
        warn(note)
