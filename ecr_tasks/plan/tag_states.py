"""The state of each planned tag, compared with the tags that a repository has."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Literal

from ecr_tasks.errors import Refused
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.image import releases_of
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.refusals import Lock, locked_tag
from ecr_tasks.model.registry import Repository, RepositoryView
from ecr_tasks.model.tag import DIRTY, INPUTS_RULE, PART_RULE, Tag
from ecr_tasks.plan.republish import stays_published

TagState = Literal["new", "present", "moves", "locked", "stays"]


@dataclass(frozen=True)
class PlannedTag:
    """One tag and its state.

    ``state`` is None when the registry was not read; ``digest`` is the one that the tag points at now. A tag that
    stays is not moved, because it points at a newer image; the tag's ``because`` says how that is known.
    """

    tag: Tag
    state: TagState | None = None
    digest: str | None = None

    @property
    def stays(self) -> bool:
        """Whether the tag is left on another image than the one to publish."""
        return self.state == "stays"


def is_contested(item: PlannedTag, repository: Repository) -> bool:
    """Return whether two runs could set a tag to two images: it must not move, and ECR doesn't lock it.

    The tags of parts and of inputs have the inputs in their names: of two images of the same ones, either will do.
    """
    tag = item.tag
    must_stay = tag.kind == "fixed" and not item.stays and tag.rule not in (PART_RULE, INPUTS_RULE)
    return must_stay and not repository.locks(tag.name)


def plan_tag(
    tag: Tag,
    view: RepositoryView,
    published: StoredImage | None,
    *,
    newer: str | None = None,
    own: Collection[str] = (),
) -> PlannedTag:
    """Return the state of one tag in an existing repository for the image to publish.

    ``published`` is that image, None before it is built; ``newer`` is why the tag's present image is newer
    (``plan/forward.py``); ``own`` are the digests of what the commit is published as.
    """
    current = view.tags.get(tag.name)
    if current is None:
        return PlannedTag(tag, "new")
    if published is not None and current.digest == published.digest:
        return PlannedTag(tag, "present", current.digest)
    higher = tag.release.higher(releases_of(current.version, current.tags)) if tag.release else None
    if higher is not None:
        newer = f"{tag.name} stays with the higher release {higher.tag}, which ECR has"
    newer = newer or stays_published(tag, current, own)
    if newer is not None:
        return PlannedTag(replace(tag, because=newer), "stays", current.digest)
    locks = view.repository is not None and view.repository.locks(tag.name)
    locked = tag.kind == "fixed" or (locks and not is_replaceable(tag))
    return PlannedTag(tag, "locked" if locked else "moves", current.digest)


def is_replaceable(tag: Tag) -> bool:
    """Return whether a locked tag may be deleted and set again: only tags of uncommitted trees may.

    No filter of ECR's can lock ``sha-*`` and not ``sha-*-dirty`` (plan/repository/exclusion_filters.py).
    """
    return tag.kind == "moving" and tag.name.endswith(DIRTY)


def locked_planned_tag(item: PlannedTag, view: RepositoryView | None, place: str, ours: str, remedy: str) -> Refused:
    """Return the error for a planned tag that is locked.

    ``place`` is a phrase such as "in team/app", ``ours`` a clause about the image to publish.
    """
    current = view.tags.get(item.tag.name) if view else None
    lock: Lock = "fixed tag" if item.tag.kind == "fixed" else "immutable"
    revision = current.commit if current else None
    return locked_tag(item.tag.name, place, item.digest, ours, lock, revision=revision, remedy=remedy)
