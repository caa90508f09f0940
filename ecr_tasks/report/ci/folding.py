"""GitLab CI and Travis CI: groups of the log by marks that their runners look for in either stream."""

from __future__ import annotations

import re

from ecr_tasks.report.ci.adapter import Adapter
from ecr_tasks.report.ci.escape import one_line

_ERASE = "\r\x1b[0K"
"""Takes the mark away from before the eyes of whoever reads the raw log."""


class GitLab(Adapter):
    """Values go by ``outputs.env``, as ``artifacts:reports:dotenv`` (GitLab, Custom collapsible sections)."""

    def opened(self, title: str, now: float) -> str:
        return f"\x1b[0Ksection_start:{now:.0f}:{slug(title)}{_ERASE}{one_line(title)}"

    def closed(self, title: str, now: float) -> str:
        return f"\x1b[0Ksection_end:{now:.0f}:{slug(title)}{_ERASE}"


class Travis(Adapter):
    """Values go by ``outputs.env``, which a later command of the job sources (travis-build, travis_fold)."""

    def opened(self, title: str, now: float) -> str:
        return f"travis_fold:start:{slug(title)}{_ERASE}{one_line(title)}"

    def closed(self, title: str, now: float) -> str:
        return f"travis_fold:end:{slug(title)}{_ERASE}"


def slug(title: str) -> str:
    """A section's name: letters, digits and underscores."""
    return "ecr_tasks_" + re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")
