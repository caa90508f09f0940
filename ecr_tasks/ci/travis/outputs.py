"""TODO."""

from __future__ import annotations

from ecr_tasks.ci.outputs.adapter import Adapter
from ecr_tasks.ci.outputs.escape import _ERASE, one_line, slug


class Travis(Adapter):
    """Values go by ``outputs.env``, which a later command of the job sources (travis-build, travis_fold)."""

    def opened(self, title: str, now: float) -> str:
        return f"travis_fold:start:{slug(title)}{_ERASE}{one_line(title)}"

    def closed(self, title: str, now: float) -> str:
        return f"travis_fold:end:{slug(title)}{_ERASE}"
