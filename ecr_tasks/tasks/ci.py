"""The CI's tasks: ci.context."""

from __future__ import annotations

from ecr_tasks.runner.decorator import task
from ecr_tasks.runner.run import Run


@task(help={"json": "one JSON document on stdout"})
def context(run: Run, json: bool = False) -> None:
    """Show what we understood of this CI run, and which variable said it."""
    import os

    from ecr_tasks.ci.detect import detect
    from ecr_tasks.console import document, table, warn
    from ecr_tasks.source.git.read import git_state
    from ecr_tasks.tasks import ci_context_view as show

    source, ci = git_state(run.project, environ=os.environ), detect(os.environ)
    if json:
        document(show.as_json(source, ci))
        return
    table(("name", "value", "from"), show.as_rows(source, ci))
    for note in show.notes(source, ci):
        warn(note)
