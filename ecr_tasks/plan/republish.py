"""A commit that is published once more: its fixed tags never move, so the new image gets revision tags, ``…-r2``.

Each fixed tag that is there gets its own, with one number for all: ``sha-1a2b3c4-r2`` and ``1.2.3-r2``. From then on
the image with the highest revision is the commit's, and what was published before stays as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from ecr_tasks.errors import Refused
from ecr_tasks.model.image import REVISIONS, Image, revision_name, revision_names
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import RepositoryView
from ecr_tasks.model.tag import Tag
from ecr_tasks.model.wording import join_words
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
    names = (first.name, *revision_names(first.name))
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
    """Return the image with the tags of its published revision or, where ``new`` is a reason, of a new one at first.

    They are those of each fixed tag that another image of the commit has. Raises Refused when no number is left.
    """
    first, published = commit_tag(image), revisions(image, view, source)
    if first is None or not published:
        return image
    last, current = next(reversed(published.items()))
    own, others = {stored.digest for stored in published.values()}, _other_names(image, source)
    fixed = [tag.name for tag in image.tags if tag.kind == "fixed" and tag.rule != RULE and tag != first]
    fixed = [name for name in fixed if name in view.tags and view.tags[name].digest in own]
    present = next((number for number in REVISIONS if revision_name(first.name, number) == last), 1)
    if new is None:
        if present == 1:
            return image
        names = [revision_name(name, present) for name in fixed if view.tags[name].digest != current.digest]
        # What has such a name else is another image: the first tag's revision alone says which is the commit's.
        free = (name for name in names if name not in others and _is_free(name, view, current))
        return _with_tags(image, (last, *free), "the commit, published once more")
    taken, own_names = {*view.tags, *others}, list[str]()
    for number in range(present + 1, REVISIONS.stop):
        # The first tag's revisions have no gap, because each is looked for only where the one before is there.
        own_names += {revision_name(first.name, number)} - taken
        names = [revision_name(name, number) for name in (first.name, *fixed)]
        if taken.isdisjoint(names):
            return _with_tags(image, (*own_names, *names), new)
    raise Refused(
        f"{join_words((first.name, *fixed))} in {image.repository} {'are' if fixed else 'is'} published with "
        f"{len(REVISIONS)} revisions, the most: no number from -r{REVISIONS[0]} to -r{REVISIONS[-1]} is free.",
        "Make a new commit (`git commit --allow-empty` will do), which is published under tags of its own.",
    )


def revision_tags(image: Image) -> tuple[str, ...]:
    """Return the names of an image's revision tags, the one that it is pushed under first."""
    return tuple(tag.name for tag in image.tags if tag.rule == RULE)


def _with_tags(image: Image, names: Iterable[str], because: str) -> Image:
    return replace(image, tags=(*(Tag(name, "fixed", RULE, because) for name in dict.fromkeys(names)), *image.tags))


def _other_names(image: Image, source: SourceState) -> set[str]:
    """Return the names that look like revisions and are tags of their own: of this image, or a release's git tag."""
    git_tags = (*source.repository_tags, *source.tags)
    return {*(tag.name for tag in image.tags), *git_tags, *(name.removeprefix("v") for name in git_tags)}


def _is_free(name: str, view: RepositoryView, image: StoredImage) -> bool:
    return name not in view.tags or view.tags[name].digest == image.digest


def has_new_fixed_tag(image: Image, view: RepositoryView) -> bool:
    """Return whether one of the commit's fixed tags, such as a git tag that was set later, is not published yet."""
    return any(tag.kind == "fixed" and tag.name not in view.tags for tag in image.tags)


def stays_published(tag: Tag, current: StoredImage, own: Collection[str]) -> str | None:
    """Return why a fixed tag stays with another image of the same commit, whose digests are ``own``, or None."""
    if tag.kind != "fixed" or current.digest not in own:
        return None
    return f"{tag.name} stays with {current.digest[:19]}, published before: a fixed tag never moves"
