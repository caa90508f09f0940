"""The verdicts on images whose scans there are none of, can't be started, or ended without findings, in sentences."""

from __future__ import annotations

from collections.abc import Mapping

from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.scan import Scanning, ScanResult, StartRefusal
from ecr_tasks.plan.gates import Failed
from ecr_tasks.plan.scannable_parts import Part

_AGAIN = (
    "Have it scanned once more (`inv scan --again`; where Amazon Inspector scans, push it anew) and run this again."
)
_WITHOUT = "or promote it without --require-scan."
_STATUSES: Mapping[str, tuple[str, str]] = {
    "FAILED": ("failed", _AGAIN),
    "FINDINGS_UNAVAILABLE": ("has no findings to be had", _AGAIN),
    "LIMIT_EXCEEDED": ("is over a limit of ECR's", "Run this again when ECR scans again."),
    "UNSUPPORTED_IMAGE": (
        "can't be made, for ECR does not scan images of this kind",
        f"Build it on a base that ECR scans, {_WITHOUT}",
    ),
    "IMAGE_SIZE_EXCEEDED": ("can't be made, for the image is too large", f"Make it smaller, {_WITHOUT}"),
    "IMAGE_ARCHIVED": ("can't be made, for the image is archived", "Restore it and run this again."),
    "SCAN_ELIGIBILITY_EXPIRED": (
        "is out of date, for the image is older than the registry's scans go back",
        "Push it anew, or lengthen how far they go back (Amazon Inspector's re-scan duration).",
    ),
}
"""The words after "The scan of …" and the remedy for each status without findings (API model, ScanStatus)."""


def missing_scan(part: Part, *, enhanced: bool = False) -> Failed:
    """Return the verdict on an image without a scan."""
    if enhanced:
        return Failed(
            f"There is no scan of {part}, and nobody can start one: Amazon Inspector scans by itself.",
            "Push it anew if it is older than Inspector's re-scan duration, or see there why it isn't covered.",
        )
    return Failed(
        f"There is no scan of {part}.",
        f"Start one (`inv scan {part.digest}`), and have new images scanned on push (`inv repo.ensure`).",
    )


def not_scanned(part: Part, scanning: Scanning) -> Failed:
    """Return the verdict on an image of a repository that enhanced scanning leaves out."""
    return Failed(
        f"There is no scan of {part}: no rule of the registry's {scanning.words} has the repository.",
        "Add one (`aws ecr put-registry-scanning-configuration`) and push the image anew.",
    )


def not_started(part: Part, refusal: StartRefusal) -> Failed:
    """Return the verdict on an image of which ECR starts no scan."""
    says = f" (ECR says: {refusal.message})" if refusal.message else ""
    words, remedy = {
        "unsupported": ("ECR does not scan images of this kind", f"Build it on a base that ECR scans, {_WITHOUT}"),
        "limit": (
            "ECR scans an image once in 24 hours",
            "Leave out --again, so that the scan that is there counts, or run it tomorrow.",
        ),
        "enhanced": ("the registry has enhanced scanning, which scans by itself", "Leave out --again."),
        "archived": ("the image is archived", "Restore it and run this again."),
    }[refusal.reason]
    return Failed(f"No scan of {part} can be started, for {words}{says}.", remedy)


def nothing_to_scan(repository: Repository, image: StoredImage) -> Failed:
    """Return the verdict on an index without images."""
    return Failed(
        f"The index {repository.name}@{image.digest} holds no image that could be scanned.",
        "Promote it without --require-scan, or scan another.",
    )


def not_comparable(other: str, verdict: Failed) -> Failed:
    """Return the verdict on an image that can't be compared with another one, whose scan has this verdict."""
    return Failed(
        f"{verdict.cause.removesuffix('.')}, so there is nothing to compare with ({other}).", verdict.remedy
    )


def ended_without_findings(part: Part, scan: ScanResult) -> Failed:
    """Return the verdict on a scan that has ended without findings, by its status."""
    words, remedy = _STATUSES.get(scan.status, ("has no result", "See what ECR's console says of it."))
    description = f": {scan.description}" if scan.description else ""
    return Failed(f"The scan of {part} {words} (ECR says {scan.status}{description}).", remedy)
