"""A commit that is published once more: its fixed tag never moves, so the new image gets a revision tag, ``…-r2``.

From then on the image with the highest revision is the commit's, and what was published before stays as it is.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from ecr_tasks.errors import Refused
from ecr_tasks.model.image import REVISIONS, Image, revision_name
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import RepositoryView
from ecr_tasks.model.tag import Tag
from ecr_tasks.source.source_state import SourceState

RULE = "revision"
"""The rule of revision tags, which no tag rule gives."""


def commit_tag(image: Image) -> Tag | None:
    """Return the fixed tag that the commit is first published under; None where the rules give no fixed tag."""
    first = next(tag for tag in image.tags if tag.rule != RULE)
    return first if first.kind == "fixed" else None


def revisions(image: Image, view: RepositoryView, source: SourceState) -> dict[str, StoredImage]:
    """Return the images that the commit is published as, by tag: the commit's own, then the revisions, the last last.

    A tag that only looks like a revision's is another commit's.
    """
    first = commit_tag(image)
    if first is None:
        return {}
    names = (first.name, *(revision_name(first.name, number) for number in REVISIONS))
    images = {name: view.tags[name] for name in names if name in view.tags}
    return {
        name: stored
        for name, stored in images.items()
        if name == first.name or stored.revision in (None, source.revision)
    }


def published_name(image: Image, view: RepositoryView, source: SourceState) -> str:
    """Return the tag of the commit's image: its last revision's, or the one that it is first published under."""
    return next(reversed(revisions(image, view, source)), image.tags[0].name)


def with_revision(image: Image, view: RepositoryView, source: SourceState, *, new: str | None) -> Image:
    """Return the image with the tag of its published revision or, where ``new`` is a reason, of a new one at first.

    Raises Refused when no number is left.
    """
    first, published = commit_tag(image), revisions(image, view, source)
    if first is None or not published:
        return image
    if new is None:
        name, because = list(published)[-1], "the commit, published once more"
        if name == first.name:
            return image
    else:
        free = (revision_name(first.name, number) for number in REVISIONS)
        name, because = next((name for name in free if name not in view.tags), ""), new
        if not name:
            raise Refused(
                f"{first.name} in {image.repository} is published with {len(REVISIONS)} revisions, the most.",
                "Make a new commit (`git commit --allow-empty` will do), which is published under a tag of its own.",
            )
    return replace(image, tags=(Tag(name, "fixed", RULE, because), *image.tags))


def has_new_fixed_tag(image: Image, view: RepositoryView) -> bool:
    """Return whether one of the commit's fixed tags, such as a git tag that was set later, is not published yet."""
    return any(tag.kind == "fixed" and tag.name not in view.tags for tag in image.tags)


def stays_published(tag: Tag, current: StoredImage, own: Collection[str]) -> str | None:
    """Return why a fixed tag stays with another image of the same commit, whose digests are ``own``, or None."""
    if tag.kind != "fixed" or current.digest not in own:
        return None
    return f"{tag.name} stays with {current.digest[:19]}, published before: a fixed tag never moves"
