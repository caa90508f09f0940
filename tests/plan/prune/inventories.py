"""Manifests of a repository, made for tests of what `prune` decides."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from ecr_tasks.model.inventory import ImageDetail
from ecr_tasks.plan.prune.rules import PruneRule, parse_prune_rules
from tests.support.build import INDEX, MANIFEST, digest

NOW = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)
OLD = 100
SIGNATURE = "application/vnd.dev.cosign.artifact.sig.v1+json"
CACHE = "application/vnd.buildkit.cacheconfig.v0"


def days_ago(days: float) -> datetime:
    """Return the time so many days before NOW."""
    return NOW - timedelta(days=days)


def image(name: str, *tags: str, days: float = OLD, **more: Any) -> ImageDetail:
    """Return a single manifest, pushed so many days ago."""
    return ImageDetail(digest(name), MANIFEST, tuple(sorted(tags)), **{"size": 10, "pushed": days_ago(days), **more})


def index(name: str, *tags: str, days: float = OLD, **more: Any) -> ImageDetail:
    """Return an index, pushed so many days ago."""
    return ImageDetail(digest(name), INDEX, tuple(sorted(tags)), pushed=days_ago(days), **{"size": 10, **more})


def rules(text: str) -> tuple[PruneRule, ...]:
    """Parse rules."""
    return parse_prune_rules(text, "ECR_PRUNE")
