"""The presets (``ECR_PRESET``): which attestations an image gets."""

from __future__ import annotations

from collections.abc import Mapping

from ecr_tasks.model.image import NO_ATTESTATIONS
from ecr_tasks.settings.schema import Preset

ATTESTATIONS: Mapping[Preset, tuple[str, ...]] = {
    "default": NO_ATTESTATIONS,
    "lambda": NO_ATTESTATIONS,
    "supply-chain": ("type=provenance,mode=max", "type=sbom"),
}
"""Attestations by preset. buildx adds provenance by default. Provenance contains times, so that builds of one commit
would differ, and it needs an index, which Lambda refuses (AWS Lambda developer guide, Container images)."""
