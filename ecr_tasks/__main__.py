"""The console script ``ecr-tasks``: the same tasks where there is no tasks.py."""

from __future__ import annotations

from invoke.program import Program

from ecr_tasks import __version__
from ecr_tasks.tasks.collection import ns


def main() -> None:
    """Runs the command line; ends the process with the tasks' exit code."""
    Program(name="ecr-tasks", binary="ecr-tasks", namespace=ns, version=__version__).run()


if __name__ == "__main__":
    main()
