"""Find images that need no build: one of the same commit, or (ECR_SKIP) the same inputs, is published."""

from __future__ import annotations

from ecr_tasks.model.image import Image
from ecr_tasks.model.manifest import SETTINGS, StoredImage
from ecr_tasks.model.registry import RepositoryView
from ecr_tasks.model.wording import join_words
from ecr_tasks.plan.build_settings import other_settings
from ecr_tasks.plan.republish import published_name, revision_tags, revisions
from ecr_tasks.plan.snapshot import GitProof
from ecr_tasks.source.source_state import SourceState


def same_commit(image: Image, view: RepositoryView, source: SourceState) -> StoredImage | None:
    """Return the image that this commit is published as, or None: its last revision, else that of its fixed tag."""
    return next(reversed(revisions(image, view, source).values()), None)


def same_inputs(image: Image, view: RepositoryView) -> StoredImage | None:
    """Return a published image that was built from the same inputs, or None.

    An image of docker's classic store has no annotations; its inputs' tag is enough.
    """
    if image.inputs is None or image.inputs.tag is None:
        return None
    tagged = view.tags.get(image.inputs.tag)
    if tagged is not None and tagged.inputs in (None, image.inputs.digest):
        return tagged
    return next((stored for stored in view.tags.values() if stored.inputs == image.inputs.digest), None)


def is_ours(published: StoredImage, image: Image, revision: str | None) -> bool:
    """Return whether the image under a commit's tag was built from that commit or from the same tracked files.

    ``revision`` is that commit. Base images and files that git ignores may have changed since. If the inputs are not
    known (ECR_SKIP is not content), any image with an annotation of its inputs is accepted, and one of a commit that
    git proves to have the same.
    """
    if published.revision in (None, revision) or published.revision in image.same_as:
        return True
    tracked = image.inputs.tracked_digest if image.inputs else None
    return published.inputs_tracked is not None and tracked in (None, published.inputs_tracked)


def settings_that_differ(image: Image, view: RepositoryView, source: SourceState) -> tuple[str, ...]:
    """Return in words the settings with which the commit's published image was built otherwise than now."""
    published = same_commit(image, view, source)
    return other_settings(published.settings, image.definition.labels.get(SETTINGS)) if published else ()


def skip_reason(
    image: Image,
    view: RepositoryView,
    source: SourceState,
    *,
    rebuilds: bool,
    revision: str | None = None,
    proof: GitProof | None = None,
) -> str:
    """Return the reason why an image is built or skipped; with ``rebuilds`` (ECR_SKIP=never) it is always built.

    With ``revision``, the reason for a new revision, what comes out otherwise than published gets a tag of its own.
    ``proof`` is git's, of an image whose commit isn't published.
    """
    published = same_commit(image, view, source)
    name = published_name(image, view, source)
    if revision is not None:
        others = join_words(revision_tags(image))
        return f"{revision}; {name} is published and never moves: what comes out otherwise is {others}"
    if rebuilds and published is not None:
        return f"ECR_SKIP is never; {name} is published and never moves, so it must come out as {published.digest}"
    if rebuilds:
        return "ECR_SKIP is never"
    if published is not None and not is_ours(published, image, source.revision):
        return f"{name} has another commit's image"
    if published is not None:
        other = settings_that_differ(image, view, source)
        return f"this commit is published as {name}{f', built with other {join_words(other)}' if other else ''}"
    if image.inputs is not None and same_inputs(image, view) is not None:
        return f"the same inputs are published as {image.inputs.tag}"
    if proof is not None and proof.published is not None:
        return f"nothing of it changed since {(proof.published.revision or '')[:12]}, which is published"
    if source.revision is None:
        reason = "there is no commit to know it by"
    elif image.dirty:
        reason = "the tree has uncommitted changes"
    else:
        reason = f"no image is tagged {name} yet"
    if image.inputs is None:
        return f"{reason}; {proof.difference}" if proof is not None and proof.difference else reason
    if image.inputs.unknown_reason is not None:
        return f"{reason}, and its inputs can't be told: {image.inputs.unknown_reason}"
    return f"{reason}, and no image has the same inputs"
