"""Published images for the tests of the formats."""

from __future__ import annotations

from typing import Any

from ecr_tasks.model.publication import PublishedImage
from tests.support.build import HOST, MANIFEST, digest


def published(name: str = "team/app", **changes: Any) -> PublishedImage:
    """Return an image: the only one of a project, or of a target where ``name`` has no slash."""
    is_only = "/" in name
    fields: dict[str, Any] = {
        "name": name,
        "registry": HOST,
        "repository": name if is_only else f"team/{name}",
        "digest": digest(name),
        "tags": ("sha-a1b2c3d", "main"),
        "platforms": ("linux/amd64",),
        "media_type": MANIFEST,
        "is_only": is_only,
    }
    return PublishedImage(**{**fields, **changes})
