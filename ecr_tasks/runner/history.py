"""How the source's commit stands to those of other images, as far as this clone knows."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecr_tasks.model.manifest import StoredImage
    from ecr_tasks.model.tag import Tag
    from ecr_tasks.runner.run import Run
    from ecr_tasks.source.git.history import Relation


def relation(run: Run, revision: str) -> Relation:
    """Return how another commit is related to the source's; what git has answered is not asked again."""
    own = run.source.revision
    if not own:
        return "unknown"
    if own.startswith(revision):
        return "newer"  # as git says of a commit and itself
    known = run.relations.get((own, revision))
    if known is None:
        from ecr_tasks.source.git import history

        known = history.relation(run.project, own, revision, environ=os.environ)
        if known in ("newer", "older"):
            run.relations[own, revision] = known
    return known


def newer_image(run: Run, tag: Tag, current: StoredImage, read: Callable[[StoredImage], StoredImage]) -> str | None:
    """Return why the image that has a moving tag is newer than the source's commit, or None.

    ``read`` returns an image with its manifest, which ECR counts as a pull.
    """
    from ecr_tasks.plan import forward

    known = relation(run, current.commit) if current.commit else "unknown"
    has_no_annotations = current.is_read and current.revision is None
    if has_no_annotations or forward.must_be_read(tag, current, run.source, known):
        current = read(current)
    return forward.newer_image(tag, current, run.source, partial(relation, run))
