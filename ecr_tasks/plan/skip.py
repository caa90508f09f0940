"""Which images need no build, and why: one of the same commit, or (ECR_SKIP) the same inputs, is published."""

from __future__ import annotations

from ecr_tasks.model.image import Image
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import RepositoryView
from ecr_tasks.source.source_state import SourceState


def same_commit(image: Image, view: RepositoryView) -> StoredImage | None:
    """Return the published image that has this commit's own, fixed tag."""
    publishing = image.tags[0]
    return view.tags.get(publishing.name) if publishing.kind == "fixed" else None


def same_inputs(image: Image, view: RepositoryView) -> StoredImage | None:
    """Return a published image that is made of the same inputs.

    An image of docker's classic store has no annotations: there the tag alone decides.
    """
    if image.inputs is None or image.inputs.tag is None:
        return None
    named = view.tags.get(image.inputs.tag)
    if named is not None and named.inputs in (None, image.inputs.digest):
        return named
    return next((stored for stored in view.tags.values() if stored.inputs == image.inputs.digest), None)


def is_ours(published: StoredImage, image: Image, source: SourceState) -> bool:
    """Whether the image under a commit's own tag is right: built from that commit, or from the same tracked files.

    Base images and files that git ignores may have changed since. Where the inputs are not known (another ECR_SKIP
    than content), an image that was published for its inputs is accepted.
    """
    if published.revision in (None, source.revision):
        return True
    tracked = image.inputs.tracked_digest if image.inputs else None
    return published.inputs_tracked is not None and tracked in (None, published.inputs_tracked)


def skip_reason(image: Image, view: RepositoryView, source: SourceState, *, rebuilds: bool) -> str:
    """Return why an image is built or is not; ``rebuilds`` means that it is built whatever is published."""
    name, published = image.tags[0].name, same_commit(image, view)
    if rebuilds and published is not None:
        return f"ECR_SKIP is never; {name} is published and never moves, so it must come out as {published.digest}"
    if rebuilds:
        return "ECR_SKIP is never"
    if published is not None:
        return f"this commit is published as {name}"
    if image.inputs is not None and same_inputs(image, view) is not None:
        return f"the same inputs are published as {image.inputs.tag}"
    if source.revision is None:
        reason = "there is no commit to know it by"
    elif source.dirty:
        reason = "the tree has uncommitted changes"
    else:
        reason = f"no image is tagged {name} yet"
    if image.inputs is None:
        return reason
    if image.inputs.unknown_reason is not None:
        return f"{reason}, and its inputs can't be told: {image.inputs.unknown_reason}"
    return f"{reason}, and no image has the same inputs"
