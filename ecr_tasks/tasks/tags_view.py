"""A tag set as `tags` shows it: the JSON document of interface.md, and rows for people."""

from __future__ import annotations

from typing import Any

from ecr_tasks.tags.tag_set import TagSet


def as_json(found: TagSet) -> dict[str, Any]:
    """The document of `tags --json`; ``tags`` are names, by priority; ``publishing`` is pushed under first."""
    return {
        "version": found.version,
        "tags": [tag.name for tag in found.tags],
        "publishing": found.publishing.name if found.publishing else None,
        "labels": dict(found.labels),
        "annotations": dict(found.annotations),
        "rules": [
            {"rule": result.rule, "tag": result.tag, "kind": result.kind, "because": result.because}
            for result in found.rules
        ],
    }


def as_rows(found: TagSet) -> list[tuple[str, str, str, str]]:
    """Each rule's tag, kind, text and reason; ``-`` where it gives none."""
    return [(result.tag or "-", result.kind or "-", result.rule, result.because) for result in found.rules]
