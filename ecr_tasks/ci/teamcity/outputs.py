"""TeamCity: service messages in a file, as the agent reads them on stdout alone and our stdout is data.

The pipeline prints the file, ``cat .ecr-tasks/teamcity.txt``, after the step, failed or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ecr_tasks.ci.outputs.actions import Action, Write
from ecr_tasks.ci.outputs.adapter import Adapter
from ecr_tasks.ci.outputs.escape import teamcity
from ecr_tasks.ci.outputs.model import Outputs

MESSAGES = "teamcity.txt"
DESCRIPTION_LIMIT = 4000
"""A build problem's description is cut there (TeamCity, Service Messages, Reporting Build Problems)."""


class TeamCity(Adapter):
    """Parameters ``env.IMAGE`` and so on for the steps and builds that follow; the build's status; a problem."""

    def outputs(self, outputs: Outputs, environ: Mapping[str, str], folder: Path) -> Sequence[Action]:
        lines = [
            message("setParameter", name=f"env.{name}", value=text) for name, text in outputs.variables().items()
        ]
        if lines:
            first = outputs.images[0]
            told = f"{{build.status.text}}; {first.name} {first.version or first.digest or ''}".rstrip()
            lines.append(message("buildStatus", text=told))
        return [Write(MESSAGES, "".join(f"{line}\n" for line in lines))]

    def error(self, cause: str, remedy: str, environ: Mapping[str, str]) -> Sequence[Action]:
        text = f"ecr-tasks: {cause.strip()} {remedy}"[:DESCRIPTION_LIMIT]
        return [Write(MESSAGES, message("buildProblem", description=text, identity="ecr-tasks") + "\n")]


def message(kind: str, **attributes: str) -> str:
    """One service message."""
    told = " ".join(f"{name}='{teamcity(value)}'" for name, value in attributes.items())
    return f"##teamcity[{kind} {told}]"
