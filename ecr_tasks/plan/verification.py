"""What `verify` says of a published image: one finding for each thing that must be so after a push."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from ecr_tasks.errors import ExitCode
from ecr_tasks.model.artifact import ListedArtifact
from ecr_tasks.model.attestation import attached, signatures_among
from ecr_tasks.model.finding import Finding, Section
from ecr_tasks.model.inventory import ImageDetail
from ecr_tasks.model.manifest import (
    INDEX_MEDIA_TYPES,
    MANIFEST_MEDIA_TYPES,
    StoredImage,
    platform_name,
    short_digest,
    short_tag,
)
from ecr_tasks.model.platform import parse_platform
from ecr_tasks.model.wording import name_some
from ecr_tasks.plan.gates import Failed, Passed
from ecr_tasks.settings.schema import Preset

_PUSH = "Publish it anew: `inv build push`."


def section_of(address: str) -> Section:
    """Return the section of an image's findings; what is wrong there ends with the exit code of a refusal."""
    return Section(address, ExitCode.REFUSED)


def check_digest(section: Section, digest: str, detail: ImageDetail | None) -> Finding:
    """Say whether the registry has an image, and gives it to those who pull it."""
    if detail is None:
        return section.wrong("digest", f"there is no {digest}", _PUSH)
    if detail.status != "ACTIVE":
        return section.wrong(
            "digest", f"{digest} is {detail.status.lower()}: nobody can pull it", "Restore it, or publish it anew."
        )
    return section.fine("digest", digest)


def check_tags(section: Section, digest: str, tags: Mapping[str, str | None]) -> Finding:
    """Say whether tags are on an image; ``tags`` are the digests that they are on now, None for a missing one."""
    wrong = [
        f"{short_tag(tag)} is on {short_digest(now)}" if now else f"{short_tag(tag)} is missing"
        for tag, now in tags.items()
        if now != digest
    ]
    if wrong:
        return section.wrong("tags", "; ".join(wrong), "Run `inv push` again, if no newer image has them by right.")
    if not tags:
        return section.fine("tags", "it is looked at by its digest")
    return section.fine("tags", ", ".join(map(short_tag, tags)))


def check_platforms(
    section: Section,
    image: StoredImage,
    expected: Sequence[str],
    existing: Collection[str],
    manifests: Sequence[tuple[str, str]],
) -> Finding:
    """Say whether an image has the expected platforms, and the registry each one's manifest.

    ``manifests`` are the image's own, as (platform, digest) and those of indexes within it, too; a platform that is
    not known is empty. ``existing`` are the digests of those that the registry has.
    """
    has = list(dict.fromkeys(name for name, _ in manifests if name))
    absent = [name or digest for name, digest in manifests if image.is_index and digest not in existing]
    wanted = [parse_platform(name) or name for name in expected]
    known = {parse_platform(name) or name for name in has}
    missing = [name for name in wanted if name not in known]
    if absent:
        return section.wrong("platforms", f"the manifest of {name_some(absent)} is missing", _PUSH)
    if not has and not image.is_index:
        return section.unknown("platforms", "its configuration can't be read", "Allow ecr:GetDownloadUrlForLayer.")
    if missing:
        shown = ", ".join(has) or "none"
        return section.wrong("platforms", f"{', '.join(missing)} is missing (there: {shown})", _PUSH)
    return section.fine("platforms", ", ".join(has) or "an index without platforms")


def check_media_type(section: Section, image: StoredImage, preset: Preset) -> Finding:
    """Say whether an image's manifest is of a kind that those whom the preset is for can take."""
    name = "media type"
    if image.media_type not in (*INDEX_MEDIA_TYPES, *MANIFEST_MEDIA_TYPES):
        return section.wrong(name, f"{image.media_type or 'none'} is no image", "Name another image.")
    if preset == "lambda" and image.is_index:
        remedy = "Publish it anew with ECR_PRESET=lambda."
        return section.wrong(name, "it is an index, and Lambda takes one manifest alone", remedy)
    foreign = [str(layer.get("mediaType")) for layer in image.document.get("layers", ()) if "foreign" in str(layer)]
    if foreign:
        return section.wrong(name, "it has layers that are in no registry", "Build it on a base that has its layers.")
    return section.fine(name, image.media_type)


_ATTACH = "Publish it anew with `inv build push --republish`, or attach your own with `inv attest FILE`."


def check_attestations(
    section: Section,
    image: StoredImage,
    preset: Preset,
    artifacts: Sequence[ListedArtifact],
    wanted: Sequence[str] = (),
) -> Finding:
    """Say whether an image has what the preset promises of SBOM and provenance: in its index, or referring to it.

    ``wanted`` are the kinds that ECR_ATTEST=referrers attaches.
    """
    inside = set(_attested(image)) if image.is_index else set()
    kinds = [attached(item, image.digest).kind for item in artifacts]
    beside = [kind for kind in kinds if kind in ("attestation", "provenance", "sbom")]
    words = [f"of {len(inside)} platform{'s' if len(inside) > 1 else ''} in the index"] if inside else []
    words += [f"{beside.count(kind)} {kind} beside it" for kind in dict.fromkeys(beside)]
    name = "attestations"
    if preset == "lambda" and inside:
        return section.wrong(name, "they are in the index", "Publish it anew with ECR_PRESET=lambda.")
    if absent := ["SBOM" if kind == "sbom" else kind for kind in wanted if kind not in beside]:
        return section.wrong(name, f"{' and '.join(absent)} not attached (ECR_ATTEST=referrers)", _ATTACH)
    if preset == "supply-chain" and not beside:
        missing = [platform for platform, digest in image.children if digest not in inside]
        if missing or not inside:
            which = f" of {', '.join(missing)}" if missing else ""
            return section.wrong(name, f"SBOM and provenance{which} are missing (ECR_PRESET)", _PUSH)
    return section.fine(name, "; ".join(words) or "none, and the preset promises none")


def _attested(image: StoredImage) -> Iterator[str]:
    """Yield the digests of the manifests that BuildKit's attestations in an index are about."""
    for child in image.document.get("manifests", ()):
        annotations = child.get("annotations") or {}
        if platform_name(child.get("platform")) == "unknown/unknown" and isinstance(annotations, dict):
            yield str(annotations.get("vnd.docker.reference.digest", ""))


def gate_finding(section: Section, name: str, verdicts: Sequence[Passed | Failed]) -> Finding:
    """Return what gates came to, as one finding."""
    failed = [verdict for verdict in verdicts if isinstance(verdict, Failed)]
    if failed:
        causes = " ".join(verdict.cause for verdict in failed)
        remedies = " ".join(dict.fromkeys(verdict.remedy for verdict in failed))
        return section.wrong(name, causes.rstrip("."), remedies)
    return section.fine(name, "; ".join(verdict.words for verdict in verdicts if isinstance(verdict, Passed)))


def unrequired_signature(section: Section, artifacts: Sequence[ListedArtifact]) -> Finding:
    """Return the finding on signatures where no signer is expected."""
    count = len(signatures_among(artifacts))
    if not count:
        return section.fine("signature", "none, and no signer is expected (ECR_SIGNED_BY)")
    return section.warning(
        "signature",
        f"{count} there, and nobody knows whose: no signer is expected",
        "Say in ECR_SIGNED_BY whose signature counts.",
    )


def replication_finding(
    section: Section,
    statuses: Mapping[tuple[str, str], str | None],
    copied: Collection[tuple[str, str]] = (),
) -> Finding | None:
    """Return what ECR's own replication came to, by account and region; None where nothing is replicated.

    ``copied`` are the places that have the image with its tags, whatever ECR says: `push` makes up for a failure.
    """
    if not statuses:
        return None
    places = {f"{account}/{region}": status for (account, region), status in statuses.items()}
    by_push = {f"{account}/{region}" for account, region in copied}
    wrong = {place: status for place, status in places.items() if status != "COMPLETE" and place not in by_push}
    if not wrong:
        named = (place if status == "COMPLETE" else f"{place} (copied by push)" for place, status in places.items())
        return section.fine("replication", ", ".join(named))
    if all(status is None for status in wrong.values()):
        return section.warning(
            "replication",
            f"ECR reports none to {', '.join(wrong)}",
            "An image that was pushed before the rule existed is not replicated: `inv push` copies it to "
            "ECR_DESTINATIONS.",
        )
    words = ", ".join(f"{place} {status}" for place, status in wrong.items() if status is not None)
    return section.wrong(
        "replication",
        words,
        f"Run `inv push` again with {' and '.join(wrong)} in ECR_DESTINATIONS: it copies what ECR did not replicate.",
    )
