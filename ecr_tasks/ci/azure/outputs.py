"""Azure Pipelines: output variables, the run's summary, issues, groups, masks, all by logging commands.

The agent reads them on stderr too: NodeHandler.cs gives both streams to one OnDataReceived.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ecr_tasks.ci.outputs.actions import Action, Print, PrintSecret
from ecr_tasks.ci.outputs.adapter import Adapter
from ecr_tasks.ci.outputs.escape import azure_data, azure_property, one_line
from ecr_tasks.ci.outputs.files import SUMMARY
from ecr_tasks.ci.outputs.model import Outputs


class Azure(Adapter):
    """Output variables only: plain ones would become environment variables such as VERSION in later steps."""

    def outputs(self, outputs: Outputs, environ: Mapping[str, str], folder: Path) -> Sequence[Action]:
        commands = [
            f"##vso[task.setvariable variable={azure_property(name)};isoutput=true]{azure_data(value)}"
            for name, value in outputs.values().items()
        ]
        commands.append(f"##vso[task.uploadsummary]{azure_data(str(folder / SUMMARY))}")
        return [Print(command) for command in commands]

    def opened(self, title: str, now: float) -> str:
        return f"##[group]{one_line(title)}"

    def closed(self, title: str, now: float) -> str:
        return "##[endgroup]"

    def error(self, cause: str, remedy: str, environ: Mapping[str, str]) -> Sequence[Action]:
        text = one_line(f"{cause.strip()} {remedy}")
        return [Print(f"##vso[task.logissue type=error]{azure_data(text)}")]

    def mask(self, secret: str) -> Sequence[Action]:
        return [PrintSecret(f"##vso[task.setsecret]{azure_data(secret)}")]
