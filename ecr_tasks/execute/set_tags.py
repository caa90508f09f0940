"""Set the tags of an image in the registry: first the fixed ones, then the moving ones, then `latest`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ecr_tasks.execute.move_latest import move_forward
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.ports import Target
from ecr_tasks.model.registry import Repository
from ecr_tasks.plan.tag_states import PlannedTag, is_replaceable


def set_tags(
    pending: Sequence[PlannedTag],
    image: StoredImage,
    repository: Repository,
    registry: Target,
    warn: Callable[[str], None],
) -> tuple[bool, set[str]]:
    """Set the pending tags, except those that stay on a higher release.

    Returns whether any tag was set, and the names of the tags that stay. The first error ends the loop; earlier tags
    stay set.
    """
    ordered = sorted((item for item in pending if not item.stays), key=lambda item: item.tag.kind != "fixed")
    forward = [item.tag for item in ordered if item.tag.release]
    names = [item.tag.name for item in ordered if not item.tag.release]
    for item in ordered:
        if not item.tag.release:
            delete_replaceable(item, repository, registry)
            registry.set_tag(repository, image, item.tag.name)
    if forward:
        names += move_forward(forward, image, repository, registry, warn)
    return bool(names), {item.tag.name for item in pending if item.tag.name not in names}


def delete_replaceable(item: PlannedTag, repository: Repository, registry: Target) -> None:
    """Delete a tag of an uncommitted tree before it moves, if the repository locks it."""
    if item.state == "moves" and is_replaceable(item.tag) and repository.locks(item.tag.name):
        registry.untag(repository, item.tag.name)
