"""The check that the source is still what the tags say, after a wait and after a build.

git is read when a run begins. A build reads the files later, so what was edited meanwhile would be published as the
commit's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ecr_tasks.errors import Refused
from ecr_tasks.model.image import Image
from ecr_tasks.model.tag import Tag
from ecr_tasks.model.wording import name_some
from ecr_tasks.plan.republish import RULE
from ecr_tasks.settings.settings import Settings
from ecr_tasks.source.image_source import image_source
from ecr_tasks.source.source_state import SourceState
from ecr_tasks.tags.from_settings import tag_set

_REMEDY = (
    "Run it again when nothing changes it; a work tree of its own is left alone (`git worktree add ../release`, and "
    "build there)."
)


def check_unchanged_source(
    images: Sequence[Image],
    before: SourceState,
    now: SourceState,
    settings: Settings,
    definition_files: Sequence[Path],
    environ: Mapping[str, str],
    *,
    during: str,
) -> None:
    """Raise Refused when an image may hold something else than the commit that its tags name.

    These are another commit, a change that reaches an image of a clean one, and a git tag that is gone. ``during`` is
    what the time since was for, such as "the build". A tree that was uncommitted before says so in its tags.
    """
    for image in images:
        if before.revision != now.revision:
            raise Refused(
                f"Another commit was checked out during {during} ({_short(now)} instead of {_short(before)}), so "
                f"{image.name} would not be what its tag {image.local_tags[0].name} says.",
                _REMEDY,
            )
        if image.dirty:
            continue
        seen = image_source(now, image.definition.with_links(), settings, definition_files, environ=environ)
        if seen.dirty:
            raise Refused(
                f"What {image.name} is built from changed during {during} ({name_some(seen.changed)}), so it would "
                f"not be what its tag {image.local_tags[0].name} says.",
                _REMEDY,
            )
        given = {tag.name for tag in tag_set(settings, seen, environ).tags}
        if gone := [tag for tag in image.local_tags if tag.name not in given and _is_of_this_commit(tag)]:
            raise Refused(
                f"{image.name} was to be tagged {gone[0].name} ({gone[0].because}), and git says otherwise after "
                f"{during}: that tag was moved or deleted.",
                "Run it again, which publishes the commit under the tags that it has now.",
            )


def _is_of_this_commit(tag: Tag) -> bool:
    """Return whether git gives the tag to the commit alone: where a branch is, and which release is the highest, may
    change."""
    return tag.rule != RULE and (tag.kind == "fixed" or "event=tag" in tag.rule.split(","))


def _short(source: SourceState) -> str:
    return (source.revision or "none")[:12]
