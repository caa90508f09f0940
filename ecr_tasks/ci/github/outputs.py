"""The outputs for GitHub Actions, Gitea and Forgejo: output file, step summary, workflow commands.

The runner reads workflow commands on stderr too: ScriptHandler.cs passes both streams to an OutputManager.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ecr_tasks.ci.outputs.adapter import Action, Adapter, Annotation, Append, Print
from ecr_tasks.ci.outputs.model import Outputs
from ecr_tasks.ci.outputs.summary import summary
from ecr_tasks.one_line import one_line

SUMMARY_LIMIT = 1024 * 1024
"""A step's summary has at most 1 MiB (GitHub Docs, Workflow commands, Step isolation and limits)."""


class GitHub(Adapter):
    """Sets outputs of the step, and writes its summary, groups and error annotations."""

    def outputs(self, outputs: Outputs, environ: Mapping[str, str], folder: Path) -> Sequence[Action]:
        actions: list[Action] = []
        if path := environ.get("GITHUB_OUTPUT"):
            text = "".join(assignment(name, value) for name, value in outputs.values().items())
            actions.append(Append(path, text))
        if path := environ.get("GITHUB_STEP_SUMMARY"):
            actions.append(Append(path, summary(outputs) + "\n", SUMMARY_LIMIT))
        return actions

    def group_start(self, title: str, now: float) -> str:
        return f"::group::{escape_data(one_line(title))}"

    def group_end(self, title: str, now: float) -> str:
        return "::endgroup::"

    def error(self, cause: str, remedy: str, environ: Mapping[str, str]) -> Sequence[Action]:
        text = f"{cause.strip()}\n{remedy}"
        return [Print(f"::error title={escape_property('ecr-tasks')}::{escape_data(text)}")]

    def annotations(self, items: Sequence[Annotation], environ: Mapping[str, str]) -> Sequence[Action]:
        return [
            Print(
                f"::{item.level} {f'file={escape_property(item.file)},line=1,' if item.file else ''}"
                f"title={escape_property(item.title)}::{escape_data(item.text)}"
            )
            for item in items
        ]

    def section(self, markdown: str, file: Path, environ: Mapping[str, str]) -> Sequence[Action]:
        path = environ.get("GITHUB_STEP_SUMMARY")
        return [Append(path, markdown + "\n", SUMMARY_LIMIT)] if path else []


def assignment(name: str, value: str) -> str:
    """Return an output in GITHUB_OUTPUT's multiline form; the delimiter is not one of the value's lines."""
    value = re.sub(r"\r\n?", "\n", value)  # the runner ends a line at each of these
    lines = value.split("\n")
    delimiter = "ghadelimiter_" + hashlib.sha256(value.encode("utf-8", "backslashreplace")).hexdigest()
    while delimiter in lines:
        delimiter += "_"
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"


def escape_data(text: str) -> str:
    """Return the text as the message of a workflow command (actions/toolkit, command.ts, escapeData)."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(text: str) -> str:
    """Return the text as the value of a workflow command's property (the same file, escapeProperty)."""
    return escape_data(text).replace(":", "%3A").replace(",", "%2C")
