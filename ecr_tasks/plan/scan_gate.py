"""The scan gate: an image may have no scan findings of a severity level or of worse ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ecr_tasks.errors import SettingsError
from ecr_tasks.model.manifest import INDEX_MEDIA_TYPES, StoredImage, platform_name
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.scan import DEFAULT_LEVEL, LEVELS, Level, ScanResult, describe_counts
from ecr_tasks.model.wording import name_some
from ecr_tasks.plan.gates import Failed, Passed, Pending, Verdict
from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.parse import values

APPEARS_SECONDS = 60.0
"""How long a scan may take to exist: just after a push ECR raises ScanNotFoundException."""

NEW_SECONDS = 600.0
"""The age of an image without a scan from which on no scan is expected any more."""

"""The number of vulnerabilities that an error names."""

_RUNNING = ("IN_PROGRESS", "PENDING")
_DONE = ("COMPLETE", "ACTIVE")
_AGAIN = "Have it scanned once more and run this again."
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


@dataclass(frozen=True)
class Part:
    """One manifest to check: a single image, or an index's child with its platform, if it names one."""

    repository: Repository
    digest: str
    platform: str = ""
    is_index: bool = False

    def __str__(self) -> str:
        return f"{self.repository.name}@{self.digest}{f' ({self.platform})' if self.platform else ''}"

    @property
    def short(self) -> str:
        """The part with a short digest, for messages about waiting."""
        return str(self).replace(self.digest, self.digest[:19])


def scan_level(option: str | bool | None, configured: Level | None) -> Level | None:
    """Return the level of ``--require-scan[=LEVEL]``, the configured level or critical; None without the flag.

    Raises SettingsError for an unknown level, also for an empty text: a pipeline's unset variable must not open the
    gate.
    """
    if option is None or option is False:
        return None
    if option is True:
        return configured or DEFAULT_LEVEL
    try:
        return values.choice(*LEVELS)(option)
    except Malformed as error:
        raise SettingsError(
            f"The level of --require-scan {error.messages[0]}.",
            "Correct it, or leave it out: then it is ECR_SCAN_FAIL_ON's, or critical.",
        ) from error


def scannable_parts(repository: Repository, image: StoredImage) -> tuple[Part, ...]:
    """Return the manifests that ECR scans: the image itself, or each child of an index.

    Attestations, whose platform is unknown, are left out; a child without a platform is included.
    """
    if not image.is_index:
        return (Part(repository, image.digest),)
    listed = [(platform_name(child.get("platform")), child) for child in image.document.get("manifests", ())]
    return tuple(
        Part(repository, child["digest"], name, child.get("mediaType") in INDEX_MEDIA_TYPES)
        for name, child in listed
        if name != "unknown/unknown"
    )


def judge_scan(part: Part, scan: ScanResult | None, level: Level, age: float | None = None) -> Verdict:
    """Decide whether an image passes by its scan; ``age`` is the seconds since the push, None if unknown."""
    if scan is None:
        missing = Failed(
            f"There is no scan of {part}.",
            f"Start one (`aws ecr start-image-scan --repository-name {part.repository.name} --image-id "
            f"imageDigest={part.digest}`), and have new images scanned on push (`inv repo.ensure`).",
        )
        if age is not None and age > NEW_SECONDS:
            return missing
        return Pending(f"a scan of {part.short}", missing, APPEARS_SECONDS)
    if scan.status in _RUNNING or (scan.status in _DONE and not scan.complete):
        cause = f"The scan of {part} did not end while we waited (ECR says {scan.status})."
        late = Failed(cause, "Run this again later.")
        return Pending(f"the scan of {part.short} ({scan.status})", late)
    if scan.status not in _DONE:
        words, remedy = _STATUSES.get(scan.status, ("has no result", "See what ECR's console says of it."))
        description = f": {scan.description}" if scan.description else ""
        return Failed(f"The scan of {part} {words} (ECR says {scan.status}{description}).", remedy)
    if bad := scan.at_or_above(level):
        return Failed(
            f"The scan of {part} found {describe_counts(bad)}{_names(scan.worst(level))}, "
            f"and --require-scan={level} lets no such thing through.",
            "Mend what they are in (packages, base image) and build it anew, or ask for another level.",
        )
    facts = {"platform": part.platform or None, "digest": part.digest, "status": scan.status}
    findings = {name.lower(): count for name, count in scan.counts.items()}
    words = f"{part.platform or 'the image'}: {describe_counts(scan.counts)}"
    return Passed(words, {**facts, "findings": findings})


def nothing_to_scan(repository: Repository, image: StoredImage) -> Failed:
    """Return the verdict on an index without images."""
    return Failed(
        f"The index {repository.name}@{image.digest} holds no image that could be scanned.",
        "Promote it without --require-scan.",
    )


def _names(names: Sequence[str]) -> str:
    return f" ({name_some(names)})" if names else ""
