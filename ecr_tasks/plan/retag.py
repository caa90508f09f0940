"""What will become of each tag, against what a repository holds. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import RepositoryView
from ecr_tasks.model.tag import DIRTY, Tag

TagState = Literal["new", "present", "moves", "locked"]


@dataclass(frozen=True)
class PlannedTag:
    """One tag and what will become of it; ``state`` is None where the registry was not asked."""

    tag: Tag
    state: TagState | None = None
    digest: str | None = None
    """The digest it points at now."""
    stays: bool = False
    """Whether it is left where it is, on a higher release."""


def plan_tag(tag: Tag, view: RepositoryView, published: StoredImage | None, *, pushed: bool = False) -> PlannedTag:
    """What becomes of one tag in a repository that is there, once the image gets it.

    ``published`` is the image, None while it has yet to be built; ``pushed`` is for the tag that it is pushed under,
    which moves by that.
    """
    there = view.tags.get(tag.name)
    if there is None:
        return PlannedTag(tag, "new")
    if published is not None and there.digest == published.digest:
        return PlannedTag(tag, "present", there.digest)
    higher = tag.release.higher([there.version]) if tag.release and there.version and not pushed else None
    if higher is not None:
        stays = replace(tag, because=f"{tag.name} stays with the higher release {higher.tag}, which ECR has")
        return PlannedTag(stays, "present", there.digest, stays=True)
    locked = tag.kind == "fixed" or (
        view.repository is not None and view.repository.locks(tag.name) and not is_replaceable(tag)
    )
    return PlannedTag(tag, "locked" if locked else "moves", there.digest)


def is_replaceable(tag: Tag) -> bool:
    """Whether a locked tag may be deleted and set anew: an uncommitted tree's, which means nothing to anybody else.

    No filter of ECR's can lock ``sha-*`` and not ``sha-*-dirty`` (repository/locking.py).
    """
    return tag.kind == "moving" and tag.name.endswith(DIRTY)


def locked_cause(item: PlannedTag, view: RepositoryView | None, where: str, ours: str) -> str:
    """Why a locked tag stays where it is.

    ``where`` is words such as "in team/app", ``ours`` a clause about the image to publish.
    """
    there = view.tags[item.tag.name] if view else None
    origin = f", built from {there.revision}" if there is not None and there.revision else ""
    why = "a fixed tag never moves" if item.tag.kind == "fixed" else "the repository makes this tag immutable"
    return f"The tag {item.tag.name} {where} is {item.digest}{origin}, and {ours}; {why}."


def tag_json(item: PlannedTag) -> dict[str, Any]:
    """A tag as `plan --json` tells it."""
    return {
        "tag": item.tag.name,
        "kind": item.tag.kind,
        "state": item.state,
        "digest": item.digest,
        "because": item.tag.because,
    }
