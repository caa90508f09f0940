"""The receipt, ``.ecr-tasks/receipt.json``: what was built and published, for pipelines and for the next run."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ecr_tasks.errors import BuildError
from ecr_tasks.execute.build import Built
from ecr_tasks.execute.destinations import Failed
from ecr_tasks.execute.push import Published
from ecr_tasks.model.receipt import FOLDER
from ecr_tasks.source.state import SourceState

SCHEMA = 1


@dataclass
class Entry:
    """What this run knows of one image so far."""

    built: Built | None = None
    published: list[Published] = field(default_factory=list)
    """Where it is now: the repository itself first, then the destinations."""
    failed: list[Failed] = field(default_factory=list)
    """Destinations that it did not get to."""
    platforms: tuple[str, ...] = ()
    size: int | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    """Compressed bytes by platform, of an index."""
    seconds: float = 0.0


def path(project: Path) -> Path:
    """Where the receipt of a project is."""
    return project / FOLDER / "receipt.json"


def write(project: Path, source: SourceState, entries: Mapping[str, Entry]) -> Path:
    """Writes the receipt in one step, so that a reader never sees half of it; returns its path.

    Its folder ignores itself in git. Raises BuildError when the disk does not take it.
    """
    target = path(project)
    document = {
        "schema": SCHEMA,
        "images": [_image(name, entry, source) for name, entry in entries.items()],
    }
    try:
        target.parent.mkdir(exist_ok=True)
        ignore = target.parent / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
        _replace(target, json.dumps(document, indent=2) + "\n")
    except OSError as error:
        raise BuildError(
            f"The receipt {target} can't be written: {error.strerror}.",
            "Make room or give write access there; what the registry got stays, and a second run only looks.",
        ) from error
    return target


def last_built(project: Path) -> dict[str, Built]:
    """What the last run built, by image name; empty when there is no receipt that we understand."""
    try:
        document = json.loads(path(project).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    images = document.get("images") if isinstance(document, dict) and document.get("schema") == SCHEMA else None
    found = {}
    for image in images if isinstance(images, list) else ():
        with suppress(KeyError, TypeError, ValueError):
            local = dict(image["local"])
            platforms = tuple(local.pop("platforms"))
            found[image["name"]] = Built(name=image["name"], platforms=platforms, seconds=0.0, **local)
    return found


def _image(name: str, entry: Entry, source: SourceState) -> dict[str, Any]:
    built = entry.built
    published = entry.published[0] if entry.published else None
    return {
        "name": name,
        "digest": published.digest if published else built.digest if built else None,
        "platforms": list(entry.platforms or (built.platforms if built else ())),
        "size": entry.size,
        "source": {
            "revision": source.revision,
            "dirty": source.dirty,
            "branch": source.branch,
            "tag": source.tag,
            "pull_request": source.pull_request,
            "ci": source.ci,
        },
        "published": [
            {
                "registry": item.registry,
                "repository": item.repository,
                "tags": list(item.tags),
                "reference": item.reference,
                "state": item.state,
                "by": item.by,
            }
            for item in entry.published
        ],
        "failed": [
            {"destination": item.copy.place, "cause": item.error.cause, "remedy": item.error.remedy}
            for item in entry.failed
        ],
        "seconds": round(entry.seconds, 3),
        # What the next run needs to push exactly this; the key is a hash and tells nothing.
        "local": None
        if built is None
        else {
            "key": built.key,
            "digest": built.digest,
            "image_id": built.image_id,
            "platforms": list(built.platforms),
            "keep": built.keep,
        },
    }


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
