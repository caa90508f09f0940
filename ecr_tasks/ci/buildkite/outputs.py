"""The outputs for Buildkite: meta-data, annotations and secrets through its agent's program, and log groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ecr_tasks.ci.outputs.adapter import Action, Adapter, Annotation, Print, Start
from ecr_tasks.ci.outputs.escape import markdown
from ecr_tasks.ci.outputs.model import Outputs
from ecr_tasks.ci.outputs.summary import summary, truncate
from ecr_tasks.one_line import one_line

AGENT = "buildkite-agent"
ANNOTATION_LIMIT = 1024 * 1024
"""An annotation's body has at most 1 MiB (Buildkite, buildkite-agent annotate)."""


class Buildkite(Adapter):
    """Sets meta-data under the variables' names: all steps of a build share it. Buildkite takes no empty value."""

    def outputs(self, outputs: Outputs, environ: Mapping[str, str], folder: Path) -> Sequence[Action]:
        actions: list[Action] = [
            Start((AGENT, "meta-data", "set", name), value)
            for name, value in outputs.variables().items()
            if value.strip()
        ]
        actions.append(_annotate("info", _annotation_context("ecr-tasks", environ), summary(outputs)))
        return actions

    def group_start(self, title: str, now: float) -> str:
        return f"--- {one_line(title)}"

    def error(self, cause: str, remedy: str, environ: Mapping[str, str]) -> Sequence[Action]:
        text = f"**ecr-tasks**: {markdown(cause.strip())} {markdown(remedy)}\n"
        # "^^^ +++" expands the log group that the error is in.
        return [Print("^^^ +++"), _annotate("error", _annotation_context("ecr-tasks-error", environ), text)]

    def annotations(self, items: Sequence[Annotation], environ: Mapping[str, str]) -> Sequence[Action]:
        style = "error" if any(item.level == "error" for item in items) else "warning"
        text = "".join(f"- **{markdown(item.title)}** {markdown(item.text)}\n" for item in items)
        return [_annotate(style, _annotation_context("ecr-tasks-scan", environ), text)]

    def mask(self, secret: str) -> Sequence[Action]:
        return [Start((AGENT, "redactor", "add"), secret)]


def _annotate(style: str, context: str, text: str) -> Start:
    return Start((AGENT, "annotate", "--style", style, "--context", context), truncate(text, ANNOTATION_LIMIT))


def _annotation_context(name: str, environ: Mapping[str, str]) -> str:
    """Return the annotation's context: a retried step replaces its own annotation, not another step's."""
    step = environ.get("BUILDKITE_STEP_ID", "")
    return f"{name}-{step}" if step else name
