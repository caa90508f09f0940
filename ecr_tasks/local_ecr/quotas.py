"""ECR's quotas of images, tags and repositories (ECR user guide, "Amazon ECR service quotas": the defaults).

Those that the API model has as well stand where they are checked, and so do those of one operation (rules, scans).
A layer's size and its number of parts aren't counted: few machines have room for such a layer.
"""

from __future__ import annotations

from .errors import EcrError

IMAGES = 100_000
"""Images per repository."""

TAGS = 1_000
"""Tags per image."""

REPOSITORIES = 100_000
"""Registered repositories of an account in a region."""


def exceeded(whose: str, what: str, most: int) -> EcrError:
    """Return the LimitExceededException, with ECR's sentence (github.com/semaphoreci/docs, issue 404)."""
    message = f"The {whose} already has the maximum allowed number of {what} which is '{most}'"
    return EcrError("LimitExceededException", message)
