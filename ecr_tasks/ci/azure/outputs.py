"""The outputs for Azure Pipelines: output variables, summary, issues and groups by logging commands.

The agent reads them on stderr too: NodeHandler.cs passes both streams to one OnDataReceived.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ecr_tasks.ci.outputs.adapter import Action, Adapter, Annotation, Print
from ecr_tasks.ci.outputs.model import Outputs
from ecr_tasks.ci.outputs.names import SUMMARY
from ecr_tasks.one_line import one_line


class Azure(Adapter):
    """Sets output variables only: other variables would be in later steps' environment, as VERSION for example."""

    def outputs(self, outputs: Outputs, environ: Mapping[str, str], folder: Path) -> Sequence[Action]:
        commands = [
            f"##vso[task.setvariable variable={escape_property(name)};isoutput=true]{escape_data(one_line(value))}"
            for name, value in outputs.values().items()
        ]
        commands.append(f"##vso[task.uploadsummary]{escape_data(str(folder / SUMMARY))}")
        return [Print(command) for command in commands]

    def group_start(self, title: str, now: float) -> str:
        return f"##[group]{one_line(title)}"

    def group_end(self, title: str, now: float) -> str:
        return "##[endgroup]"

    def error(self, cause: str, remedy: str, environ: Mapping[str, str]) -> Sequence[Action]:
        text = one_line(f"{cause.strip()} {remedy}")
        return [Print(f"##vso[task.logissue type=error]{escape_data(text)}")]

    def annotations(self, items: Sequence[Annotation], environ: Mapping[str, str]) -> Sequence[Action]:
        def command(item: Annotation) -> str:
            path = f";sourcepath={escape_property(item.file)}" if item.file else ""
            return f"##vso[task.logissue type={item.level}{path}]{escape_data(f'{item.title}: {item.text}')}"

        return [Print(command(item)) for item in items]

    def section(self, markdown: str, file: Path, environ: Mapping[str, str]) -> Sequence[Action]:
        return [Print(f"##vso[task.uploadsummary]{escape_data(str(file))}")]


def escape_data(text: str) -> str:
    """Return the text as the message of a logging command (azure-pipelines-task-lib, taskcommand.ts, escapedata)."""
    return text.replace("%", "%AZP25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(text: str) -> str:
    """Return the text as the value of a logging command's property (the same file, escape)."""
    return escape_data(text).replace("]", "%5D").replace(";", "%3B")
