"""The console script ``ecr-tasks``, which runs the same tasks in a project without a tasks.py."""

from __future__ import annotations

import sys

from ecr_tasks.signals import end_run_by_signals, exit_while_loading


def main() -> None:
    """Run the command line and end the process with the tasks' exit code.

    What goes wrong outside of a task, such as in a dependency that is installed only in part, is one sentence, too.
    """
    try:
        with exit_while_loading():
            from ecr_tasks import __version__
            from ecr_tasks.runner.exit_codes import say_interrupted
            from ecr_tasks.runner.program import EcrTasksProgram
            from ecr_tasks.tasks.collection import ns
        end_run_by_signals(say_interrupted)
        EcrTasksProgram(name="ecr-tasks", binary="ecr-tasks", namespace=ns, version=__version__).run()
    except Exception as error:
        from ecr_tasks.runner.unexpected import show, unexpected

        show(unexpected(error), error)
        sys.exit(1)


if __name__ == "__main__":
    main()
