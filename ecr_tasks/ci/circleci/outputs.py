"""The outputs for CircleCI: variables for later steps, in a file that CircleCI names."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from ecr_tasks.ci.outputs.adapter import Action, Adapter, Append
from ecr_tasks.ci.outputs.model import Outputs
from ecr_tasks.one_line import one_line


class CircleCi(Adapter):
    """Exports variables in ``$BASH_ENV``, which each later step of the job sources."""

    def outputs(self, outputs: Outputs, environ: Mapping[str, str], folder: Path) -> Sequence[Action]:
        path = environ.get("BASH_ENV")
        lines = (f"export {name}={shlex.quote(one_line(text))}\n" for name, text in outputs.variables().items())
        return [Append(path, "".join(lines))] if path else []
