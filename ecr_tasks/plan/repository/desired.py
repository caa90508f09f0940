"""The desired state of a repository, from the settings and the tag rules."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from ecr_tasks.model.manifest import CACHE_TAGS
from ecr_tasks.model.registry import Mutability
from ecr_tasks.model.repository import DesiredRepository
from ecr_tasks.plan.repository.exclusion_filters import Locking, locking
from ecr_tasks.plan.repository.lifecycle_policy import default_lifecycle, read_lifecycle
from ecr_tasks.plan.repository.repository_policy import read_policy
from ecr_tasks.plan.repository.tag_shapes import tag_shapes
from ecr_tasks.settings.settings import Settings
from ecr_tasks.source.source_state import SourceState
from ecr_tasks.tags.from_settings import rules_of
from ecr_tasks.tags.latest import version_of


def desired_repository(settings: Settings, source: SourceState, actual: Sequence[str] = ()) -> DesiredRepository:
    """Return the repository that the settings want; ``actual`` are its present filters (see ``locking``).

    Images are scanned when they are pushed: ECR's basic scan costs nothing, and a registry with scan rules of its
    own uses those (API reference, PutImageScanningConfiguration). Raises SettingsError for rules and files that
    can't be used.
    """
    locks, policy = _locking(settings, source, actual), settings.repository_policy
    return DesiredRepository(
        mutability=locks.mutability,
        filters=locks.filters,
        kms_key=settings.kms_key,
        tags=settings.repository_tags,
        lifecycle=_lifecycle(settings),
        policy=read_policy(policy, "ECR_REPOSITORY_POLICY") if policy is not None else None,
        notes=locks.notes,
    )


def public_repository(settings: Settings) -> DesiredRepository:
    """Return the repository of ECR Public that the settings want: it has no more than AWS tags."""
    note = "ECR Public locks no tags and scans no images; fixed tags never move by `inv push`."
    return DesiredRepository(scan_on_push=False, tags=settings.repository_tags, notes=(note,))


def _locking(settings: Settings, source: SourceState, actual: Sequence[str]) -> Locking:
    mode, *filters = settings.mutability
    if mode != "rules":
        mutability = f"{mode.upper()}_WITH_EXCLUSION" if filters else mode.upper()
        return Locking(cast(Mutability, mutability), tuple(filters))
    flavor, rules, is_default = rules_of(settings)
    inputs = settings.skip == "content"
    shapes = tag_shapes(rules, flavor, dirty=settings.dirty == "tag", unversioned=is_default, inputs=inputs)
    return locking(shapes, _majors(source), actual)


def _majors(source: SourceState) -> list[int]:
    """Return the major versions of the releases that git tags name."""
    versions = (version_of(name) for name in (*source.release_tags, *source.tags))
    return [int(version.parts["major"]) for version in versions if version is not None]


def _lifecycle(settings: Settings) -> str | None:
    policy = settings.lifecycle_policy
    if isinstance(policy, Path):
        return read_lifecycle(policy, "ECR_LIFECYCLE_POLICY")
    return default_lifecycle(CACHE_TAGS) if policy == "default" else None
