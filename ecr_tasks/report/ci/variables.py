"""CircleCI and Bitbucket Pipelines: variables for later steps, by a file that the CI names."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from ecr_tasks.report.ci.actions import Action, Append
from ecr_tasks.report.ci.adapter import Adapter
from ecr_tasks.report.ci.escape import one_line
from ecr_tasks.report.ci.files import assignments
from ecr_tasks.report.ci.values import Outputs


class CircleCi(Adapter):
    """``$BASH_ENV`` is sourced by each later step of the same job."""

    def outputs(self, outputs: Outputs, environ: Mapping[str, str], folder: Path) -> Sequence[Action]:
        path = environ.get("BASH_ENV")
        lines = (f"export {name}={shlex.quote(one_line(text))}\n" for name, text in outputs.variables().items())
        return [Append(path, "".join(lines))] if path else []


class Bitbucket(Adapter):
    """Variables that the step's ``output-variables:`` lists reach later steps; JSON does not, it has a file."""

    def outputs(self, outputs: Outputs, environ: Mapping[str, str], folder: Path) -> Sequence[Action]:
        path = environ.get("BITBUCKET_PIPELINES_VARIABLES_PATH")
        return [Append(path, assignments(outputs))] if path else []
