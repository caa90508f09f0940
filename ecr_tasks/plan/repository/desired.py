"""The settings and tag rules, as the repository that they want."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from ecr_tasks.model.manifest import CACHE_TAG
from ecr_tasks.model.registry import Mutability
from ecr_tasks.model.repository import Desired
from ecr_tasks.plan.repository import policies
from ecr_tasks.plan.repository.exclusion_filters import Locking, locking
from ecr_tasks.plan.repository.tag_shapes import shapes
from ecr_tasks.settings.settings import Settings
from ecr_tasks.source.state import SourceState
from ecr_tasks.tags.from_settings import configured
from ecr_tasks.tags.latest import version_of


def desired(settings: Settings, source: SourceState, actual: Sequence[str] = ()) -> Desired:
    """What the settings want; ``actual`` is the filters that the repository has (``locking``).

    Images are scanned when they are pushed: ECR's basic scan costs nothing, and a registry that scans by rules of
    its own goes by those (API reference, PutImageScanningConfiguration). Raises SettingsError for rules and files
    that can't be used.
    """
    locked = _locking(settings, source, actual)
    return Desired(
        mutability=locked.mutability,
        filters=locked.filters,
        kms_key=settings.kms_key,
        tags=settings.repository_tags,
        lifecycle=_lifecycle(settings),
        policy=_policy(settings.repository_policy),
        notes=locked.notes,
    )


def _locking(settings: Settings, source: SourceState, actual: Sequence[str]) -> Locking:
    word, *patterns = settings.mutability
    if word != "rules":
        mutability = f"{word.upper()}_WITH_EXCLUSION" if patterns else word.upper()
        return Locking(cast(Mutability, mutability), tuple(patterns))
    flavor, rules, is_default = configured(settings)
    inputs = settings.skip == "content"
    found = shapes(rules, flavor, dirty=settings.dirty == "tag", unversioned=is_default, inputs=inputs)
    return locking(found, _majors(source), actual)


def _majors(source: SourceState) -> list[int]:
    """The major versions of git's releases."""
    versions = (version_of(name) for name in (*source.release_tags, *source.tags))
    return [int(version.parts["major"]) for version in versions if version is not None]


def _lifecycle(settings: Settings) -> str | None:
    given = settings.lifecycle_policy
    if isinstance(given, Path):
        return policies.read_lifecycle(given, "ECR_LIFECYCLE_POLICY")
    return policies.default_lifecycle(CACHE_TAG) if given == "default" else None


def _policy(path: Path | None) -> str | None:
    return policies.read_policy(path, "ECR_REPOSITORY_POLICY") if path is not None else None
