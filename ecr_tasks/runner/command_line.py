"""The command line that a task is part of: which tasks follow, and the results of earlier tasks."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecr_tasks.model.receipt import Receipt
    from ecr_tasks.runner.publish_steps import Job
    from ecr_tasks.settings.settings import Settings


@dataclass(frozen=True, repr=False)
class EarlierResults:
    """The results of earlier tasks of the command line: the job of `build`, or the receipt of `push`.

    ``settings`` are those of the tasks. After `env` or `local` the settings are others, and the results are not used.
    """

    settings: Settings | None = None
    job: Job | None = None
    receipt: Receipt | None = None

    def __repr__(self) -> str:
        return "<what earlier tasks left>"  # `inv -d` logs it, and a plan holds whatever a bake file says


def follows(name: str) -> bool:
    """Whether a task of that name is typed in this command line (`inv build push`).

    Invoke gives a task its own arguments only and keeps its parser's result in the program, which no task can reach;
    so this one function reads sys.argv. A word that only looks like the task makes `build` ask the registry for
    nothing, which is all the harm it does.
    """
    return name in [word.rpartition(".")[2] for word in sys.argv[1:]]
