"""Labels and annotations: the OCI pre-defined keys that git can fill in, the user's additions, and annotation levels.

The keys are metadata-action's without ``description`` and ``licenses``, because only GitHub's API knows those.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timezone

from ecr_tasks.errors import SettingsError
from ecr_tasks.model.manifest import OCI_KEYS
from ecr_tasks.tags.event import Event
from ecr_tasks.tags.rules import template_of

LEVELS_VARIABLE = "DOCKER_METADATA_ANNOTATIONS_LEVELS"

_LEVEL = r"(?:manifest|index)(?:-descriptor)?(?:\[[^\]]*\])?"


def oci_labels(title: str | None, event: Event, version: str | None) -> dict[str, str]:
    """Return the pre-defined keys (OCI image-spec, annotations.md), sorted; keys without a known value are left out.

    ``title`` is the repository's name. ``created`` is the time of the commit and not of the build, so that the same
    commit gives the same bytes. It is written with milliseconds, as in JavaScript.
    """
    source, created = event.source, None
    if source.commit_time:
        utc = source.commit_time.astimezone(timezone.utc).replace(tzinfo=None)
        created = f"{utc.isoformat(timespec='milliseconds')}Z"
    values = {
        "created": created,
        "revision": event.revision,
        "source": source.remote_url,
        "title": (title or source.remote_url or "").rpartition("/")[2],
        "url": source.remote_url,
        "version": version,
    }
    return {OCI_KEYS + key: value for key, value in values.items() if value}


def render_additions(additions: Mapping[str, str], event: Event) -> dict[str, str]:
    """Return the user's labels or annotations with their expressions' values. Raises RuleError for a bad template."""
    entries = (f"{key}={value}" for key, value in additions.items())
    texts = (event.render(template_of(entry)) if "{{" in entry else entry for entry in entries)
    return {key: value for key, _, value in (text.partition("=") for text in texts)}


def at_levels(annotations: Mapping[str, str], environ: Mapping[str, str], *, index: bool) -> dict[str, str]:
    """Return annotations with the levels of ``DOCKER_METADATA_ANNOTATIONS_LEVELS`` before keys without a level.

    Without the variable the annotations are unchanged. If the image has no index (``index`` is false), index levels
    are left out, because BuildKit would refuse them. Raises SettingsError for a level that doesn't exist.
    """
    levels = [level.strip() for level in environ.get(LEVELS_VARIABLE, "").split(",") if level.strip()]
    for level in levels:
        if not re.fullmatch(_LEVEL, level):
            raise SettingsError(
                f"The environment variable {LEVELS_VARIABLE} names {level!r}, which is no level.",
                "Use manifest, index, manifest-descriptor or index-descriptor, separated by commas.",
            )
    prefix = ",".join(level for level in levels if index or not level.startswith("index"))
    if not prefix:
        return dict(annotations)
    at_level = re.compile(rf"{_LEVEL}(?:,{_LEVEL})*:")
    return {key if at_level.match(key) else f"{prefix}:{key}": value for key, value in annotations.items()}
