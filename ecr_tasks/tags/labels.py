"""Labels and annotations: the OCI pre-defined keys that git can fill in, and the user's additions.

The keys are metadata-action's, but for ``description`` and ``licenses``, which only GitHub's API knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone

from ecr_tasks.model.manifest import OCI_KEYS
from ecr_tasks.tags.event import Facts
from ecr_tasks.tags.rules import template_of


def oci_labels(title: str | None, facts: Facts, version: str | None) -> dict[str, str]:
    """The pre-defined keys (image-spec, annotations.md), sorted; what is not known is left out.

    ``title`` is the repository's name. ``created`` is the commit's time and not the clock's, so that the same
    commit gives the same bytes; it is written as JavaScript writes it, with milliseconds.
    """
    source = facts.source
    found = {
        "created": _written(source.commit_time) if source.commit_time else None,
        "revision": facts.revision,
        "source": source.remote_url,
        "title": (title or source.remote_url or "").rpartition("/")[2],
        "url": source.remote_url,
        "version": version,
    }
    return {OCI_KEYS + key: value for key, value in found.items() if value}


def expanded(additions: Mapping[str, str], facts: Facts) -> dict[str, str]:
    """The user's labels or annotations with their expressions' values. RuleError for what can't be read."""
    entries = (f"{key}={value}" for key, value in additions.items())
    texts = (facts.render(template_of(entry)) if "{{" in entry else entry for entry in entries)
    return {key: value for key, _, value in (text.partition("=") for text in texts)}


def _written(moment: datetime) -> str:
    utc = moment.astimezone(timezone.utc)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03}Z"
