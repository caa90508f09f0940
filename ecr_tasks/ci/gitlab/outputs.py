"""GitLab CI and Travis CI: groups of the log by marks that their runners look for in either stream."""

from __future__ import annotations

from ecr_tasks.ci.outputs.adapter import Adapter
from ecr_tasks.ci.outputs.escape import _ERASE, one_line, slug


class GitLab(Adapter):
    """Values go by ``outputs.env``, as ``artifacts:reports:dotenv`` (GitLab, Custom collapsible sections)."""

    def opened(self, title: str, now: float) -> str:
        return f"\x1b[0Ksection_start:{now:.0f}:{slug(title)}{_ERASE}{one_line(title)}"

    def closed(self, title: str, now: float) -> str:
        return f"\x1b[0Ksection_end:{now:.0f}:{slug(title)}{_ERASE}"
