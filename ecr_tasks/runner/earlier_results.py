"""What the earlier tasks of a command line left for the one that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_tasks.frozen import dataclass

if TYPE_CHECKING:
    from ecr_tasks.model.receipt import Receipt
    from ecr_tasks.runner.job import Job
    from ecr_tasks.settings.settings import Settings


@dataclass(frozen=True, repr=False)
class EarlierResults:
    """The results of earlier tasks of the command line: the job of `build`, or the receipt of `push`.

    ``settings`` are those that the tasks used. `env` and `local` change the settings; then the results are not used.
    `inv -d` logs the repr, and a plan may contain secrets from a bake file.
    """

    settings: Settings | None = None
    job: Job | None = None
    receipt: Receipt | None = None
