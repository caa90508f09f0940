"""The receipt of a prune, ``.ecr-tasks/prune-TIME.json``: what was to go, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ecr_tasks.errors import UnexpectedError
from ecr_tasks.model.receipt import FOLDER
from ecr_tasks.own_files import ignore_in_git, replace_file
from ecr_tasks.redaction import redact_document

MODE = 0o600


def path(project: Path, begun: datetime) -> Path:
    """Return the path of the receipt of a run that began then; each run has its own."""
    return project / FOLDER / f"prune-{begun:%Y%m%dT%H%M%S.%f}Z.json"


def write(target: Path, project: Path, document: Mapping[str, Any]) -> None:
    """Write the receipt in one step. Raises UnexpectedError when it can't be written."""
    try:
        ignore_in_git(target.parent, project)
        text = json.dumps(redact_document(document), indent=2, default=str) + "\n"
        replace_file(target, text.encode(), project, MODE)
    except OSError as error:
        raise UnexpectedError(
            f"The receipt {target} can't be written: {error.strerror}.",
            "Make room or give write access there: nothing is deleted without a receipt.",
        ) from error
