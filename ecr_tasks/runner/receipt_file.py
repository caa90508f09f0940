"""The receipt file ``.ecr-tasks/receipt.json``, which pipelines and the next run read."""

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
    """Write the receipt atomically and return its path.

    A .gitignore in its folder hides the folder from git. Raises BuildError when the file can't be written.
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
    """Return the last run's builds by image name; empty without a receipt of the known schema."""
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
        Path(name).chmod(0o644)  # the CI may read it as another user; it contains no secret
        Path(name).replace(target)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
