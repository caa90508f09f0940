"""The receipt as a file, ``.ecr-tasks/receipt.json``, for pipelines and for the next run."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from ecr_tasks.errors import BuildError
from ecr_tasks.model.receipt import FOLDER, SCHEMA, Built, Receipt


def path(project: Path) -> Path:
    """Return the path of a project's receipt."""
    return project / FOLDER / "receipt.json"


def write(project: Path, receipt: Receipt) -> Path:
    """Write the receipt in one step, so that a reader never sees half of it, and return its path.

    Its folder ignores itself in git. Raises BuildError when the disk does not take it.
    """
    target = path(project)
    try:
        target.parent.mkdir(exist_ok=True)
        ignore = target.parent / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
        _replace(target, json.dumps(receipt.as_json(), indent=2) + "\n")
    except OSError as error:
        raise BuildError(
            f"The receipt {target} can't be written: {error.strerror}.",
            "Make room or give write access there; what the registry got stays, and a second run only looks.",
        ) from error
    return target


def last_built(project: Path) -> dict[str, Built]:
    """Return what the last run built, by image name; empty when there is no receipt in a known form."""
    try:
        document = json.loads(path(project).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    images = document.get("images") if isinstance(document, dict) and document.get("schema") == SCHEMA else None
    builds = {}
    for image in images if isinstance(images, list) else ():
        with suppress(KeyError, TypeError, ValueError):
            local = dict(image["local"])
            platforms = tuple(local.pop("platforms"))
            builds[image["name"]] = Built(name=image["name"], platforms=platforms, seconds=0.0, **local)
    return builds


def _replace(target: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".receipt-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o644)  # a CI's archiver may be another user; there is no secret in it
        Path(name).replace(target)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
