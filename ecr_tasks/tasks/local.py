"""The local ECR's tasks: local, local.up, local.down, local.status, local.reset."""

from __future__ import annotations

from invoke.collection import Collection

from ecr_tasks.runner.decorator import task
from ecr_tasks.runner.run import Run

_CONTAINER = "run it in a container, for engines in a virtual machine (Docker Desktop)"


@task()
def use(run: Run) -> None:
    """Start the local ECR if need be and point the tasks that follow at it."""
    from ecr_tasks.tasks import local_server as local_ecr

    local_ecr.use(run)


@task(
    help={
        "container": _CONTAINER,
        "port": "its port (default: the one it had, or any)",
        "image": "the container's image; it needs Python 3.10 or newer",
    }
)
def up(run: Run, container: bool = False, port: int = 0, image: str = "python:3-slim") -> None:
    """Start the local ECR."""
    from ecr_tasks.tasks import local_server as local_ecr

    local_ecr.up(run, container=container, port=port or None, image=image)


@task()
def down(run: Run) -> None:
    """Stop the local ECR; what it holds stays."""
    from ecr_tasks.tasks import local_server as local_ecr

    local_ecr.down(run)


@task(help={"json": "one JSON document on stdout"})
def status(run: Run, json: bool = False) -> None:
    """Show whether the local ECR runs, where, and what it was asked."""
    from ecr_tasks.tasks import local_server as local_ecr

    local_ecr.show(json=json)


@task()
def reset(run: Run) -> None:
    """Empty the local ECR."""
    from ecr_tasks.tasks import local_server as local_ecr

    local_ecr.reset(run)


ns = Collection("local", up, down, status, reset)
ns.add_task(use, name="use", default=True)
