"""Copies an image into another repository, region or account, with everything about it, and tags it there last.

Nothing in the target has a tag until the digest is there, whole: `imagetools` copies by digest, the API tags.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ecr_tasks.errors import RegistryError
from ecr_tasks.execute.promote import Promotion, carry_out, found, refuse_locked
from ecr_tasks.model.destination import Destination
from ecr_tasks.model.inventory import referrer_tag
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.reference import MOST_TAGS, Source
from ecr_tasks.model.registry import Repository

if TYPE_CHECKING:
    from ecr_tasks.model.ports import Docker, Registry, Target

_SUFFIXES = ("", ".sig", ".att", ".sbom")
"""What is about an image by its tag alone: the referrers tag schema's list, and cosign's kinds."""

_ENSURE = " (`inv repo.ensure` with that registry's settings)"


@dataclass(frozen=True)
class Copy:
    """What is to be copied: the image, what is about it, and where it goes."""

    source: Repository
    promotion: Promotion
    named: dict[str, StoredImage]
    """What is about it by its tag alone, by the tags that have to be set for it."""
    missing: tuple[str, ...]
    """The digests that the target has not, in the order in which they can be copied."""


def decide_copy(
    registry: Registry,
    name: str,
    source: Source,
    target: Target,
    target_name: str,
    tags: Sequence[str],
    *,
    where: Destination,
) -> Copy:
    """Looks at both registries; raises RegistryError or Refused before anything is copied.

    What is about the image comes along: what has it or one of its platforms as subject, and cosign's tags.
    """
    repository, image = found(registry.find(name, [source.reference]), name, source)
    there = target.describe({target_name: ()})[target_name].repository
    if there is None:
        raise RegistryError(
            f"The repository {target_name} does not exist in the {where.registry}.",
            f"Create it there{'' if where.is_public else _ENSURE}, or let these credentials see it.",
        )
    subjects = [image.digest, *(digest for _, digest in image.children)]
    about = tuple(_about(registry, repository, subjects))
    named = _named(registry, repository, [*subjects, *(item.digest for item in about)])
    wanted = list(dict.fromkeys([image.digest, *(item.digest for item in (*about, *named.values()))]))
    names = [*tags, *named]
    view_tags: dict[str, StoredImage] = {}
    asked = [*wanted, *names]
    for start in range(0, len(asked), MOST_TAGS):
        view_tags.update(target.find(target_name, asked[start : start + MOST_TAGS]).tags)
    now = {tag: view_tags[tag].digest if tag in view_tags else None for tag in tags}
    promotion = Promotion(there, image, now)
    refuse_locked(promotion, there, view_tags)
    missing = tuple(digest for digest in wanted if digest not in view_tags)
    open_names = {
        tag: item for tag, item in named.items() if tag not in view_tags or view_tags[tag].digest != item.digest
    }
    return Copy(repository, promotion, open_names, missing)


def carry_out_copy(copy: Copy, docker: Docker, registry: Registry, target: Target) -> None:
    """Copies what the target lacks, looks whether it is there, then sets the tags; a second run does what is left."""
    there = copy.promotion.repository
    if copy.missing:
        docker.authorize(replace(registry.token(), host=copy.source.host))
        docker.authorize(replace(target.token(), host=there.host))
    for digest in copy.missing:
        image = copy.promotion.image
        with target.reserve(there, image.manifests if digest == image.digest else 1):
            failed = docker.copy(f"{copy.source.uri}@{digest}", [f"{there.uri}@{digest}"])
        for error in failed.values():
            raise error
    if copy.missing:
        held = target.present(there, copy.missing)
        gone = [digest for digest in copy.missing if digest not in held]
        if gone:
            raise RegistryError(f"ECR does not have {gone[0]} in {there.uri} after the copy.", "Run it again.")
    for tag, item in copy.named.items():
        target.set_tag(there, item, tag)
    carry_out(target, copy.promotion)


def _about(registry: Registry, repository: Repository, subjects: Sequence[str]) -> Iterator[StoredImage]:
    """What refers to these, and what refers to that."""
    seen = set(subjects)
    queue = list(subjects)
    for subject in queue:
        fresh = [digest for digest in registry.referrers(repository, subject) if digest not in seen]
        seen.update(fresh)
        queue += fresh
        yield from registry.images(repository, fresh).values() if fresh else ()


def _named(registry: Registry, repository: Repository, digests: Sequence[str]) -> dict[str, StoredImage]:
    """What is about these by its tag alone, as cosign's signatures are."""
    names = [referrer_tag(digest, suffix) for digest in digests for suffix in _SUFFIXES]
    found: dict[str, StoredImage] = {}
    for start in range(0, len(names), MOST_TAGS):
        found.update(registry.find(repository.name, names[start : start + MOST_TAGS]).tags)
    return found
