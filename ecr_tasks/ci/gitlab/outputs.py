"""The outputs for GitLab CI: sections of the log, by markers that the runner reads on stdout and stderr."""

from __future__ import annotations

from ecr_tasks.ci.outputs.adapter import Adapter
from ecr_tasks.ci.outputs.escape import ERASE_LINE, section_name
from ecr_tasks.one_line import one_line


class GitLab(Adapter):
    """Writes sections (GitLab Docs, "Custom collapsible sections"). GitLab reads values from ``outputs.env``."""

    def group_start(self, title: str, now: float) -> str:
        return f"\x1b[0Ksection_start:{now:.0f}:{section_name(title)}{ERASE_LINE}{one_line(title)}"

    def group_end(self, title: str, now: float) -> str:
        return f"\x1b[0Ksection_end:{now:.0f}:{section_name(title)}{ERASE_LINE}"
