"""What ECR Public can't do, and why: one text for each, wherever somebody asks for it (ECR Public's API model)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from ecr_tasks.errors import Refused

Limit = Literal["scan", "prune", "registry", "pull times"]

_LIMITS: Mapping[Limit, tuple[str, str]] = MappingProxyType(
    {
        "scan": (
            "ECR Public scans no images, so there are no findings to show or to wait for.",
            "Leave ECR_SCAN_FAIL_ON out, or push to a private repository, which ECR scans, and from there on with "
            "`inv promote --require-scan --to public.ecr.aws/ALIAS/NAME`.",
        ),
        "prune": (
            "ECR Public tells neither who runs an image nor when it was last pulled, and has no archive, so nothing "
            "is pruned or restored there.",
            "Delete what nobody can need by its digest: `aws ecr-public batch-delete-image --region us-east-1`.",
        ),
        "registry": (
            "A registry of ECR Public has none of a private one's settings: no scanning, replication, templates, "
            "pull-through rules or policy.",
            "Name a private repository in ECR_REPOSITORY for those of its registry.",
        ),
        "pull times": (
            "ECR Public records no pulls that could be left out.",
            "Take ECR_PULL_TIME_EXCLUSIONS out.",
        ),
    }
)

PRIVATE_TASKS: Mapping[str, Limit] = MappingProxyType(
    {
        "scan": "scan",
        "prune": "prune",
        "restore": "prune",
        "registry.show": "registry",
        "registry.ensure": "registry",
    }
)
"""The tasks that ECR Public gives nothing to do."""


def not_in_public(limit: Limit) -> Refused:
    """Return the error for what ECR Public can't do."""
    return Refused(*_LIMITS[limit])
