"""The attestations of an image by ``ECR_PRESET`` and ``ECR_ATTEST``: in its index, or attached after the push."""

from __future__ import annotations

from collections.abc import Mapping

from ecr_tasks.frozen import dataclass
from ecr_tasks.model.image import NO_ATTESTATIONS
from ecr_tasks.model.option_fields import join_fields, split_fields
from ecr_tasks.settings.schema import Preset
from ecr_tasks.settings.settings import Settings

ATTESTATIONS: Mapping[Preset, tuple[str, ...]] = {
    "default": NO_ATTESTATIONS,
    "lambda": NO_ATTESTATIONS,
    "supply-chain": ("type=provenance,mode=max", "type=sbom"),
}
"""Attestations by preset. buildx adds provenance by default. Provenance contains times, so that builds of one commit
would differ, and it needs an index, which Lambda refuses (AWS Lambda developer guide, Container images)."""

_NO_GENERATOR = "none"


@dataclass(frozen=True)
class Attestations:
    """The attestations that the build puts into the index, and those to attach after the push, in buildx's syntax."""

    in_index: tuple[str, ...]
    referrers: tuple[str, ...] = ()


def attestations(settings: Settings, own: tuple[str, ...] = ()) -> Attestations:
    """Return an image's attestations; ``own`` are those of its bake file, which a preset other than default replaces.

    With ``ECR_ATTEST=referrers`` there are provenance and an SBOM, except for one that the file disables.
    """
    wanted = own if own and settings.preset == "default" else ATTESTATIONS[settings.preset]
    if settings.attest == "preset":
        return Attestations(_with_generator(wanted, settings.sbom_generator))
    fields = {entry.get("type"): entry for entry in map(split_fields, own)}
    kinds = [kind for kind in ("provenance", "sbom") if fields.get(kind, {}).get("disabled") != "true"]
    generator = fields.get("sbom", {}).get("generator")
    referrers = tuple(
        join_fields({"type": kind, **({"generator": generator} if kind == "sbom" and generator else {})})
        for kind in kinds
    )
    return Attestations(NO_ATTESTATIONS, _with_generator(referrers, settings.sbom_generator))


def referrer_kinds(settings: Settings, own: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the kinds of attestations that are attached after a push: ``provenance``, ``sbom``.

    An image's bake file may disable one of them in its ``own``.
    """
    return tuple(split_fields(entry)["type"] for entry in attestations(settings, own).referrers)


def _with_generator(entries: tuple[str, ...], generator: str) -> tuple[str, ...]:
    """Return entries with the image of the settings as the one that makes SBOMs, or without SBOMs."""
    if not generator:
        return entries
    others = tuple(entry for entry in entries if split_fields(entry).get("type") != "sbom")
    makes_sbom = any(split_fields(entry).get("disabled") != "true" for entry in entries if entry not in others)
    if not makes_sbom:
        return entries
    return others if generator == _NO_GENERATOR else (*others, join_fields({"type": "sbom", "generator": generator}))
