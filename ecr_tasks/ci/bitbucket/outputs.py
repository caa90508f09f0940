"""The outputs for Bitbucket Pipelines: variables for later steps, in a file that Bitbucket names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ecr_tasks.ci.outputs.adapter import Action, Adapter, Append
from ecr_tasks.ci.outputs.files import assignments
from ecr_tasks.ci.outputs.model import Outputs


class Bitbucket(Adapter):
    """Writes all variables but IMAGES. Later steps get those that the step's ``output-variables:`` lists."""

    def outputs(self, outputs: Outputs, environ: Mapping[str, str], folder: Path) -> Sequence[Action]:
        path = environ.get("BITBUCKET_PIPELINES_VARIABLES_PATH")
        return [Append(path, assignments(outputs))] if path else []
