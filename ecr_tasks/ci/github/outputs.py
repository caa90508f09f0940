"""GitHub Actions (and Gitea's and Forgejo's, which follow it): output file, step summary, workflow commands.

The runner reads workflow commands on stderr too: ScriptHandler.cs gives both streams to an OutputManager.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ecr_tasks.ci.outputs.actions import Action, Append, Print, PrintSecret
from ecr_tasks.ci.outputs.adapter import Adapter
from ecr_tasks.ci.outputs.escape import github_data, github_property, one_line
from ecr_tasks.ci.outputs.model import Outputs
from ecr_tasks.ci.outputs.summary import summary

SUMMARY_LIMIT = 1024 * 1024
"""A step's summary has at most 1 MiB (GitHub Docs, Workflow commands, Step isolation and limits)."""


class GitHub(Adapter):
    """Outputs of the step, its summary, groups, error annotations, masks."""

    def outputs(self, outputs: Outputs, environ: Mapping[str, str], folder: Path) -> Sequence[Action]:
        actions: list[Action] = []
        if path := environ.get("GITHUB_OUTPUT"):
            text = "".join(assignment(name, value) for name, value in outputs.values().items())
            actions.append(Append(path, text))
        if path := environ.get("GITHUB_STEP_SUMMARY"):
            actions.append(Append(path, summary(outputs) + "\n", SUMMARY_LIMIT))
        return actions

    def opened(self, title: str, now: float) -> str:
        return f"::group::{github_data(one_line(title))}"

    def closed(self, title: str, now: float) -> str:
        return "::endgroup::"

    def error(self, cause: str, remedy: str, environ: Mapping[str, str]) -> Sequence[Action]:
        text = f"{cause.strip()}\n{remedy}"
        return [Print(f"::error title={github_property('ecr-tasks')}::{github_data(text)}")]

    def mask(self, secret: str) -> Sequence[Action]:
        return [PrintSecret(f"::add-mask::{github_data(secret)}")]


def assignment(name: str, value: str) -> str:
    """One value in the form for several lines; the delimiter is none of the value's lines."""
    value = re.sub(r"\r\n?", "\n", value)  # the runner takes each for the end of a line
    lines = value.split("\n")
    delimiter = "ghadelimiter_" + hashlib.sha256(value.encode("utf-8", "backslashreplace")).hexdigest()
    while delimiter in lines:
        delimiter += "_"
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"
