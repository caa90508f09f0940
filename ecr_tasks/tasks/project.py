"""The project's tasks: settings, init, env."""

from __future__ import annotations

from ecr_tasks.runner.decorator import task
from ecr_tasks.runner.run import Run


@task(help={"json": "one JSON document on stdout"})
def settings(run: Run, json: bool = False) -> None:
    """Show every setting, its value (secrets hidden) and where it came from."""
    from ecr_tasks.console import document, table
    from ecr_tasks.tasks.settings_view import as_json, as_rows

    if json:
        document(as_json(run.settings))
    else:
        table(("name", "value", "from"), as_rows(run.settings))


@task()
def init(run: Run) -> None:
    """Write a starting .env, tasks.py and ignore lines; overwrite nothing."""
    from ecr_tasks.console import say
    from ecr_tasks.tasks.init_files import start

    for line in start(run.project, dry=run.dry):
        say(line)


@task(positional=["name"], help={"name": "prod reads .env.prod"})
def env(run: Run, name: str) -> None:
    """Choose .env.NAME for the tasks that follow."""
    run.choose_env(name)
    _ = run.settings
