"""The repository's tasks: repo.ensure, repo.show, repo.delete."""

from __future__ import annotations

from invoke.collection import Collection

from ecr_tasks.runner.decorator import task
from ecr_tasks.runner.run import Run


@task(
    help={
        "check": "print the difference, change nothing, and exit with 6 if there is one",
        "json": "the difference as one JSON document on stdout",
    }
)
def ensure(run: Run, check: bool = False, json: bool = False) -> None:
    """Create the repositories of the planned images, or make them as the settings want them."""
    from ecr_tasks.tasks import repositories

    repositories.ensure(run, check=check, json=json)


@task(help={"json": "one JSON document on stdout"})
def show(run: Run, json: bool = False) -> None:
    """Print what is set on the repositories."""
    from ecr_tasks.tasks import repositories

    repositories.show(run, json=json)


@task(help={"yes": "don't ask", "force": "also with images in it"})
def delete(run: Run, yes: bool = False, force: bool = False) -> None:
    """Delete the repositories, after asking; one that holds images only with --force."""
    from ecr_tasks.tasks import repositories

    repositories.delete(run, yes=yes, force=force)


ns = Collection("repo", ensure, show, delete)
