"""The files in ``.ecr-tasks/`` that every pipeline can read, on any CI."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ecr_tasks.ci.outputs.adapter import Write
from ecr_tasks.ci.outputs.escape import dotenv, properties
from ecr_tasks.ci.outputs.model import VARIABLES, Outputs
from ecr_tasks.ci.outputs.names import DOTENV, JSON, PROPERTIES, SUMMARY
from ecr_tasks.ci.outputs.summary import summary

SCHEMA = 1


def files(outputs: Outputs) -> Sequence[Write]:
    """Return ``outputs.env`` (for shells and GitLab), ``.json``, ``.properties`` and ``summary.md``."""
    return (
        Write(DOTENV, assignments(outputs)),
        Write(JSON, json.dumps(_document(outputs), indent=2) + "\n"),
        Write(PROPERTIES, "".join(f"{name}={properties(text)}\n" for name, text in outputs.values().items())),
        Write(SUMMARY, summary(outputs)),
    )


def assignments(outputs: Outputs) -> str:
    """Return ``KEY=value`` lines without the JSON: GitLab takes at most 5 KiB, and parsers differ in quotes."""
    variables = {VARIABLES[name]: text for name, text in outputs.values().items() if name != "images"}
    return "".join(f"{name}={dotenv(text)}\n" for name, text in variables.items())


def _document(outputs: Outputs) -> dict[str, object]:
    values: dict[str, object] = dict(outputs.values())
    if values:
        values["tags"] = list(outputs.images[0].tags)
        values["images"] = [image.as_json() for image in outputs.images]
    return {"schema": SCHEMA, **values}
