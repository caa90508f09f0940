"""Sets the tags of an image that is there: fixed ones first, then moving ones, then those that only move forward."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ecr_tasks.execute.move_latest import move_forward
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.ports import Target
from ecr_tasks.model.registry import Repository
from ecr_tasks.plan.retag import PlannedTag, is_replaceable


def set_tags(
    due: Sequence[PlannedTag],
    image: StoredImage,
    repository: Repository,
    registry: Target,
    warn: Callable[[str], None],
) -> tuple[bool, set[str]]:
    """Sets those tags that are ``due``; one that ``stays`` on a higher release is left there.

    Says whether any was set, and which are left to higher releases. Errors come through, the tags before it are set.
    """
    ordered = sorted((item for item in due if not item.stays), key=lambda item: item.tag.kind != "fixed")
    forward = [item.tag for item in ordered if item.tag.release]
    done = [item.tag.name for item in ordered if not item.tag.release]
    for item in ordered:
        if not item.tag.release:
            make_way(item, repository, registry)
            registry.set_tag(repository, image, item.tag.name)
    if forward:
        done += move_forward(forward, image, repository, registry, warn)
    return bool(done), {item.tag.name for item in due if item.tag.name not in done}


def make_way(item: PlannedTag, repository: Repository, registry: Target) -> None:
    """Deletes an uncommitted tree's tag that is there, where the repository would lock it."""
    if item.state == "moves" and is_replaceable(item.tag) and repository.locks(item.tag.name):
        registry.untag(repository, item.tag.name)
