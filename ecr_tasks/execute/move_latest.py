"""Move `latest` and the tags of release lines forward only, also when several pipelines publish at once.

ECR can't compare and set a tag in one step. So every run publishes its release's fixed tag before it moves any other
tag, and reads the releases again afterwards. The run that moves a tag last sees all releases that exist then and
points the tag at the highest. A later release moves the tag itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from ecr_tasks.model.image import releases_of, split_revision
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.tag import Release, Tag

if TYPE_CHECKING:
    from ecr_tasks.model.ports import Target

ROUNDS = 10
"""How often a run reads the releases again after it has pointed a tag at a higher one."""


def move_forward(
    tags: Sequence[Tag],
    image: StoredImage,
    repository: Repository,
    registry: Target,
    note: Callable[[str, str], None],
) -> list[str]:
    """Set the tags that no higher release has, and return the names of those that point at the image in the end.

    ``note`` gets the name of each tag that stays with a higher release, and why.
    """
    on_image: list[str] = []
    pending: dict[str, Release] = {}
    releases = _releases(tags, repository, registry)
    for tag in tags:
        try:
            _check_highest(tag, releases)
            registry.set_tag(repository, image, tag.name, partial(_look_again, tag, repository, registry))
        except _Higher as error:
            note(tag.name, f"{tag.name} stays with the higher release {error.tag}, which ECR has")
            continue
        on_image.append(tag.name)
        if tag.release:
            pending[tag.name] = tag.release
    for _ in range(ROUNDS):
        if not pending:
            break
        releases = _releases([tag for tag in tags if tag.name in pending], repository, registry)
        pending = {name: higher for name, release in pending.items() if (higher := release.higher(releases[name]))}
        for name, release in list(pending.items()):
            if name in on_image:
                on_image.remove(name)
                note(name, f"{name} belongs to the higher release {release.canonical}, published meanwhile")
            if not _point_at(name, release, repository, registry):
                del pending[name]
    return on_image


class _Higher(Exception):
    """ECR has a higher release than the one that a tag is to be set to."""

    def __init__(self, tag: str) -> None:
        super().__init__(tag)
        self.tag = tag


def _check_highest(tag: Tag, releases: Mapping[str, Sequence[str]]) -> None:
    higher = tag.release.higher(releases[tag.name]) if tag.release else None
    if higher is not None:
        raise _Higher(higher.tag)


def _look_again(tag: Tag, repository: Repository, registry: Target) -> None:
    _check_highest(tag, _releases([tag], repository, registry))


def _point_at(tag: str, release: Release, repository: Repository, registry: Target) -> bool:
    """Point a tag at a release's last revision; return False if it does already or if the release is gone."""
    image = registry.image(repository, release.tag)
    names = [name for name in registry.list_tags(repository) or () if split_revision(name)[0] == release.tag]
    for name in sorted(names, key=lambda name: split_revision(name)[1]):
        revision = registry.image(repository, name)
        if revision is not None and revision.version != name:  # a pre-release may be called so
            image = revision
    current = registry.image(repository, tag)
    if image is None or (current is not None and current.digest == image.digest):
        return False
    registry.set_tag(repository, image, tag)
    return True


def _releases(tags: Sequence[Tag], repository: Repository, registry: Target) -> dict[str, Sequence[str]]:
    """Return the candidate releases by tag: the repository's tags, or the tag's own version if we may not list.

    The revisions of a release are no other releases, though PEP 440 takes ``1.2.3-r2`` for a later one.
    """
    listed = registry.list_tags(repository)
    if listed is not None:
        names = {*listed}
        listed = [name for name in listed if (base := split_revision(name)[0]) == name or base not in names]
        return {tag.name: listed for tag in tags}
    current = {tag.name: registry.image(repository, tag.name) for tag in tags}
    return {name: releases_of(image.version, image.tags) if image else [] for name, image in current.items()}
