"""The outputs for TeamCity: service messages.

TeamCity's agent reads them on stdout only, and stdout of ecr-tasks is data. So they are written to a file that the
pipeline prints with ``cat .ecr-tasks/teamcity.txt`` after the step, even after one that failed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ecr_tasks.ci.outputs.adapter import Action, Adapter, Write
from ecr_tasks.ci.outputs.escape import printable_ascii
from ecr_tasks.ci.outputs.model import Outputs
from ecr_tasks.ci.outputs.names import MESSAGES

DESCRIPTION_LIMIT = 4000
"""The most characters of a build problem's description; TeamCity cuts the rest (Service Messages, Reporting Build
Problems)."""


class TeamCity(Adapter):
    """Writes messages that set parameters (``env.IMAGE``, …), the build's status text, and a build problem."""

    def outputs(self, outputs: Outputs, environ: Mapping[str, str], folder: Path) -> Sequence[Action]:
        lines = [
            message("setParameter", name=f"env.{name}", value=text) for name, text in outputs.variables().items()
        ]
        if lines:
            first = outputs.images[0]
            status = f"{{build.status.text}}; {first.name} {first.version or first.digest or ''}".rstrip()
            lines.append(message("buildStatus", text=status))
        return [Write(MESSAGES, "".join(f"{line}\n" for line in lines))]

    def error(self, cause: str, remedy: str, environ: Mapping[str, str]) -> Sequence[Action]:
        text = f"ecr-tasks: {cause.strip()} {remedy}"[:DESCRIPTION_LIMIT]
        return [Write(MESSAGES, message("buildProblem", description=text, identity="ecr-tasks") + "\n")]


def message(kind: str, **attributes: str) -> str:
    """Return one service message."""
    values = " ".join(f"{name}='{escape(value)}'" for name, value in attributes.items())
    return f"##teamcity[{kind} {values}]"


def escape(text: str) -> str:
    """Return the text as the value of a service message's attribute (TeamCity, Service Messages, Escaped Values)."""
    return printable_ascii(text.translate(_ESCAPES), "|0x{:04X}")


_ESCAPES = str.maketrans({"|": "||", "'": "|'", "[": "|[", "]": "|]", "\n": "|n", "\r": "|r"})
