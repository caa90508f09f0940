"""How the source's commit stands to those of other images, as far as this clone knows."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecr_tasks.model.manifest import StoredImage
    from ecr_tasks.model.tag import Tag
    from ecr_tasks.runner.run import Run
    from ecr_tasks.source.git.history import Relation


def relations(run: Run, revisions: Collection[str]) -> Mapping[str, Relation]:
    """Return how other commits are related to the source's, by commit; what git has answered is not asked again."""
    own = run.source.revision
    if not own:
        return dict.fromkeys(revisions, "unknown")
    known = {revision: run.relations.get((own, revision)) for revision in revisions}
    found: dict[str, Relation] = {revision: answer for revision, answer in known.items() if answer is not None}
    # As git says of a commit and itself.
    found |= dict.fromkeys((revision for revision in revisions if own.startswith(revision)), "newer")
    if unknown := [revision for revision in revisions if revision not in found]:
        from ecr_tasks.source.git import history

        answers = history.relations(run.project, own, unknown, environ=os.environ)
        run.relations.update({(own, key): answer for key, answer in answers.items() if answer in ("newer", "older")})
        found |= answers
    return found


def newer_image(run: Run, tag: Tag, current: StoredImage, read: Callable[[StoredImage], StoredImage]) -> str | None:
    """Return why the image that has a moving tag is newer than the source's commit, or None.

    ``read`` returns an image with its manifest, which ECR counts as a pull.
    """
    from ecr_tasks.plan import forward

    known = relations(run, [current.commit])[current.commit] if current.commit else "unknown"
    has_no_annotations = current.is_read and current.revision is None
    if has_no_annotations or forward.must_be_read(tag, current, run.source, known):
        current = read(current)
    return forward.newer_image(tag, current, run.source, relations(run, current.commits))
