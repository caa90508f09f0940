"""What need not be built, and why: an image of the same commit, or (ECR_SKIP) of the same inputs. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import RepositoryView
from ecr_tasks.source.state import SourceState

if TYPE_CHECKING:
    from ecr_tasks.model.image import Image


def same_commit(image: Image, view: RepositoryView) -> StoredImage | None:
    """The image that has this commit's own, fixed tag."""
    publishing = image.tags[0]
    return view.tags.get(publishing.name) if publishing.kind == "fixed" else None


def same_inputs(image: Image, view: RepositoryView) -> StoredImage | None:
    """An image that is made of the same, among those that were asked for.

    A classic store's image has no annotations: there the tag's word is taken for it.
    """
    if image.inputs is None or image.inputs.tag is None:
        return None
    named = view.tags.get(image.inputs.tag)
    if named is not None and named.inputs in (None, image.inputs.digest):
        return named
    return next((there for there in view.tags.values() if there.inputs == image.inputs.digest), None)


def is_ours(published: StoredImage, image: Image, source: SourceState) -> bool:
    """Whether a commit's own tag is on its image: built from it, or taken over from another commit.

    Then what a commit decides must be the same; a base image or a file that git ignores may have changed since, and
    the tag stays. Where that is not known (under another ECR_SKIP than content), an image that was published for its
    inputs is taken.
    """
    if published.revision in (None, source.revision):
        return True
    ours = image.inputs.tracked if image.inputs else None
    return published.inputs_tracked is not None and ours in (None, published.inputs_tracked)


def because(image: Image, view: RepositoryView, source: SourceState, *, rebuilds: bool) -> str:
    """Why it is built, or is not. ``rebuilds``: whatever is published (ECR_SKIP=never)."""
    name, published = image.tags[0].name, same_commit(image, view)
    if rebuilds and published is not None:
        return f"ECR_SKIP is never; {name} is published and never moves, so it must come out as {published.digest}"
    if rebuilds:
        return "ECR_SKIP is never"
    if published is not None:
        return f"this commit is published as {name}"
    if image.inputs is not None and same_inputs(image, view) is not None:
        return f"the same inputs are published as {image.inputs.tag}"
    return _changed(name, source) + _and_inputs(image)


def _changed(name: str, source: SourceState) -> str:
    if source.revision is None:
        return "there is no commit to know it by"
    if source.dirty:
        return "the tree has uncommitted changes"
    return f"no image is tagged {name} yet"


def _and_inputs(image: Image) -> str:
    """What the inputs add to the reason for a build."""
    if image.inputs is None:
        return ""
    if image.inputs.unknown is not None:
        return f", and its inputs can't be told: {image.inputs.unknown}"
    return ", and no image has the same inputs"
