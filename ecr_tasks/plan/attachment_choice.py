"""Which of the documents that are attached to images a user means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ecr_tasks.errors import RegistryError
from ecr_tasks.model.attestation import Attached

_FORMATS = ("spdx", "cyclonedx", "in-toto")


def choose_attached(attached: Mapping[str, Sequence[Attached]], wanted: str | None) -> tuple[str, Attached]:
    """Return the one document that ``wanted`` names, and its image's name; without it, the only one that is there.

    ``wanted`` is a kind (sbom, provenance), a format (spdx), a media or predicate type, or a digest. Raises
    RegistryError when none or several match.
    """
    matching = [(name, item) for name, items in attached.items() for item in items if _matches(item, wanted)]
    if len(matching) == 1:
        return matching[0]
    if not matching:
        kinds = sorted({item.kind for items in attached.values() for item in items})
        there = f"It has {', '.join(kinds)}; `inv attest` lists what is attached."
        raise RegistryError(
            f"No {wanted[:100] if wanted else 'document'} is attached to {', '.join(attached)}.",
            there
            if kinds
            else "Nothing is: attach it first (`inv attest FILE`, or ECR_ATTEST=referrers and a push).",
        )
    shown = ", ".join(f"{item.kind} {item.platform or name} {item.digest}" for name, item in matching[:5])
    several = len({name for name, _ in matching}) > 1
    raise RegistryError(
        f"{len(matching)} documents match: {shown}{', …' if len(matching) > 5 else ''}.",
        f"Choose one with --platform, or by its digest: `inv attest --get {matching[0][1].digest}`"
        + (", or one image with --image." if several else "."),
    )


def _matches(item: Attached, wanted: str | None) -> bool:
    if wanted is None:
        return item.kind != "signature"
    text = wanted.strip().lower()
    names = (item.kind, item.artifact_type, item.predicate_type, item.digest, item.name)
    return text in [name.lower() for name in names if name] or (text in _FORMATS and text in item.artifact_type)
