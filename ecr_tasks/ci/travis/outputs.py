"""The outputs for Travis CI: folds of the log, by markers that it reads on stdout and stderr."""

from __future__ import annotations

from ecr_tasks.ci.outputs.adapter import Adapter
from ecr_tasks.ci.outputs.escape import ERASE_LINE, section_name
from ecr_tasks.one_line import one_line


class Travis(Adapter):
    """Writes folds (travis-build, travis_fold). Later commands of the job source ``outputs.env``."""

    def group_start(self, title: str, now: float) -> str:
        return f"travis_fold:start:{section_name(title)}{ERASE_LINE}{one_line(title)}"

    def group_end(self, title: str, now: float) -> str:
        return f"travis_fold:end:{section_name(title)}{ERASE_LINE}"
