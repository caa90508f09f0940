"""Labels and annotations: the OCI pre-defined keys that git can fill in, and the user's additions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ecr_tasks.registry import OCI_KEYS
from ecr_tasks.source import SourceState
from ecr_tasks.tagging.rules import Tag

_VERSION_RULES = ("type=semver", "type=ref", "type=sha", "type=raw")
"""Which rule's tag is the version: the highest priority (tags.md: semver 900, ref 600, sha 100)."""


def image_labels(name: str, source: SourceState, tags: Sequence[Tag], additions: Mapping[str, str]) -> dict[str, str]:
    """The image configuration's labels; an addition replaces the key that git gave.

    ``created`` is the commit's time and not the clock's, so that the same commit gives the same bytes.
    """
    found = {
        "title": name.rpartition("/")[2],
        "version": _version(tags),
        "revision": source.revision,
        "created": source.commit_time.strftime("%Y-%m-%dT%H:%M:%SZ") if source.commit_time else None,
        "source": source.remote_url,
        "url": source.remote_url,
    }
    known = {OCI_KEYS + key: value for key, value in found.items() if value}
    return {**known, **additions}


def image_annotations(labels: Mapping[str, str], additions: Mapping[str, str]) -> dict[str, str]:
    """The manifest's annotations: the OCI keys among the labels, and the user's own additions."""
    return {**{key: value for key, value in labels.items() if key.startswith(OCI_KEYS)}, **additions}


def _version(tags: Sequence[Tag]) -> str | None:
    for rule in _VERSION_RULES:
        for tag in tags:
            if tag.rule.startswith(rule):
                return tag.name
    return None
