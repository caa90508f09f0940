"""The default tag rules: sha, branch, semver, `latest` on the highest release, and `-dirty`.

The configurable rule language (``ECR_TAGS``) takes this module's place when it comes: it, too, maps a source
to :class:`Tag` values.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ecr_tasks.source import SourceState
from ecr_tasks.source.semver import Version

Kind = Literal["fixed", "moving"]
"""A fixed tag never moves once it is published; a moving one does."""

MAX_LENGTH = 128
"""Docker's limit, the narrower one: ECR would take 300."""

UNVERSIONED = "unversioned"
"""The tag of a source that has no commit; there is nothing to name it by."""


@dataclass(frozen=True)
class Tag:
    """One tag, the rule that gave it and why, in words."""

    name: str
    kind: Kind
    rule: str
    because: str


def tags(source: SourceState) -> tuple[Tag, ...]:
    """The tags of a source, the one to publish under first.

    An uncommitted tree gets its ``-dirty`` tag and no other: it is never a release and moves no other tag
    (interface.md, ECR_DIRTY).
    """
    if source.revision is None:
        return (Tag(UNVERSIONED, "moving", "type=raw", "there is no git commit to name it by"),)
    short = f"sha-{source.revision[:7]}"
    if source.dirty:
        changed = ", ".join(source.changed[:3]) + (", …" if len(source.changed) > 3 else "")
        return (Tag(f"{short}-dirty", "moving", "type=sha", f"uncommitted changes ({changed})"),)
    found = [Tag(short, "fixed", "type=sha", f"commit {source.revision}")]
    release = _release(source)
    if release is not None:
        found.append(_version_tag(release, source))
    found += _branch_tags(source)
    if release is not None and _is_highest(release, source):
        because = f"{source.tag} is the highest release that git knows"
        found.append(Tag("latest", "moving", "flavor latest=auto", because))
    named: dict[str, Tag] = {}
    for tag in found:  # a branch may be called like another tag; the earlier, stricter one stays
        named.setdefault(tag.name, tag)
    return tuple(named.values())


def as_tag(name: str) -> str | None:
    """A git name as a tag: what a tag can't hold becomes ``-``; None when nothing is left.

    The grammar is docker's, ``[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`` (tags.md).
    """
    tag = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).lstrip(".-")[:MAX_LENGTH]
    return tag or None


def _release(source: SourceState) -> Version | None:
    return Version.parse(source.tag) if source.tag else None


def _version_tag(release: Version, source: SourceState) -> Tag:
    name = as_tag(str(release)) or str(release)
    return Tag(name, "fixed", "type=semver,pattern={{version}}", f"git tag {source.tag}")


def _branch_tags(source: SourceState) -> list[Tag]:
    name = as_tag(source.branch) if source.branch else None
    if name is None:
        return []
    return [Tag(name, "moving", "type=ref,event=branch", f"branch {source.branch}")]


def _is_highest(release: Version, source: SourceState) -> bool:
    """`latest` only moves forward: an older line's patch release does not take it (metadata-action#80)."""
    if release.is_prerelease:
        return False
    others = [version for name in source.release_tags if (version := Version.parse(name))]
    return all(release >= other for other in others if not other.is_prerelease)
