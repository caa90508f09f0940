"""Moving tags move forward: whether the image that has a moving tag is newer than the commit to publish."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ecr_tasks.errors import Refused
from ecr_tasks.model.manifest import StoredImage, short_digest
from ecr_tasks.model.registry import RepositoryView
from ecr_tasks.model.tag import Tag
from ecr_tasks.source.source_state import SourceState

if TYPE_CHECKING:
    from ecr_tasks.source.git.history import Relation

CLOCKS = timedelta(minutes=1)
"""How far the clocks of who commits and of ECR may be apart."""

SWITCH_OFF = "forward=false in ECR_FLAVOR or in the rule lets it move back"


def newer_image(tag: Tag, current: StoredImage, source: SourceState, relations: Mapping[str, Relation]) -> str | None:
    """Return why the image that has a moving tag is newer than the source's commit, as a sentence; None if it isn't.

    It is the image of the commit that it was built from, and of those that have left it as it is, such as a revert.
    ``relations`` are git's, of each of them to the source's; one that is missing is unknown. Where git doesn't know
    the commit (a pipeline's clone is shallow, or older than the commit), the tags of one branch go by the commits'
    times. Those must be of an image of ecr-tasks, because other tools' ``created`` is the time of the build.
    """
    commits = current.commits
    if tag.forward is None or not commits or any(is_commit(commit, source) for commit in commits):
        return None
    commit = next((commit for commit in commits if relations.get(commit) == "newer"), None)
    if commit is not None:
        known_by = "a descendant of this one"
    elif (
        (commit := current.commit)
        and relations.get(commit, "unknown") == "unknown"
        and tag.forward == "branch"
        and _is_later(current, source)
    ):
        known_by = f"committed later than this one, at {current.created}; this clone doesn't have it"
    else:
        return None
    digest, words = short_digest(current.digest), "built from" if commit == current.commit else "the image of"
    return f"{tag.name} stays with {digest}, which is newer: {words} {commit[:12]}, {known_by} ({SWITCH_OFF})"


def must_be_read(tag: Tag, current: StoredImage, source: SourceState, relation: Relation) -> bool:
    """Return whether only its manifest tells if the image that has a moving tag is newer than the source's commit.

    It is not needed where one of its tags names a commit that git knows, nor for an image that was pushed before the
    commit was made: no descendant's can have been. Reading it counts as a pull.
    """
    if current.is_read or tag.forward is None or source.revision is None:
        return False
    if current.commit is not None and (is_commit(current.commit, source) or relation != "unknown"):
        return False
    if current.commit is not None and tag.forward != "branch":
        return False
    return current.pushed is None or source.commit_time is None or current.pushed > source.commit_time - CLOCKS


def is_older_than_commit(image: StoredImage, source: SourceState) -> bool:
    """Return whether an image that was not read was pushed before the source's commit was made: it can't be its."""
    if image.is_read:
        return False
    return image.pushed is None or source.commit_time is None or image.pushed < source.commit_time


def is_commit(commit: str, source: SourceState) -> bool:
    """Return whether this is the source's commit; it may be the beginning of the id only."""
    return source.revision is not None and source.revision.startswith(commit)


def newer_images(
    tags: Sequence[Tag], view: RepositoryView, source: SourceState, relations: Mapping[str, Relation]
) -> dict[str, str]:
    """Return the sentences of :func:`newer_image` by tag, for the tags of a repository that stay."""
    sentences = {}
    for tag in tags:
        current = view.tags.get(tag.name)
        if current and (sentence := newer_image(tag, current, source, relations)):
            sentences[tag.name] = sentence
    return sentences


def nothing_else(because: str) -> Refused:
    """Return the error for a commit whose only way into the registry is a tag that stays with a newer image."""
    return Refused(
        f"{because[:1].upper()}{because[1:]}, and this commit has no fixed tag to be published under.",
        "Add type=sha to ECR_TAGS, so that each commit has one.",
    )


def _is_later(current: StoredImage, source: SourceState) -> bool:
    """Return whether an image's commit has a later time than the source's, and is not one of its parents."""
    if current.settings is None or source.commit_time is None or current.commit in source.parents:
        return False
    try:
        created = datetime.fromisoformat((current.created or "").replace("Z", "+00:00"))
        return created > source.commit_time
    except (ValueError, TypeError):  # no time, or one without a zone
        return False
