"""The conditions an image must meet to be promoted, and the verdict on each. Pure: decided from what was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ecr_tasks.errors import SettingsError
from ecr_tasks.model.manifest import INDEX_MEDIA_TYPES, StoredImage, platform_name
from ecr_tasks.model.ports import Signing
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.scan import DEFAULT_LEVEL, LEVELS, Level, ScanResult, describe_counts
from ecr_tasks.model.tag import DIRTY
from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.parse import values
from ecr_tasks.source.git.branches import Membership

APPEARS_SECONDS = 60.0
"""How long a scan may take to be known at all: just after a push ECR says that there is none (ecr.md, Scans)."""

NEW_SECONDS = 600.0
"""An image that was pushed longer ago and has no scan gets none by itself."""

_NAMES = 3
"""How many vulnerabilities an error names."""

_RUNNING = ("IN_PROGRESS", "PENDING")
_DONE = ("COMPLETE", "ACTIVE")
_AGAIN = "Have it scanned once more and run this again."
_STATUSES: Mapping[str, tuple[str, str]] = {
    "FAILED": ("failed", _AGAIN),
    "FINDINGS_UNAVAILABLE": ("has no findings to be had", _AGAIN),
    "LIMIT_EXCEEDED": ("is over a limit of ECR's", "Run this again when ECR scans again."),
    "UNSUPPORTED_IMAGE": (
        "can't be made, for ECR does not scan images of this kind",
        "Build it on a base that ECR scans, or promote it without --require-scan.",
    ),
    "IMAGE_SIZE_EXCEEDED": (
        "can't be made, for the image is too large",
        "Make it smaller, or promote it without --require-scan.",
    ),
    "IMAGE_ARCHIVED": ("can't be made, for the image is archived", "Restore it and run this again."),
    "SCAN_ELIGIBILITY_EXPIRED": (
        "is out of date, for the image is older than the registry's scans go back",
        "Push it anew, or lengthen how far they go back (Amazon Inspector's re-scan duration).",
    ),
}
"""Statuses without findings, in words that go on from "The scan of …", and what to do (API model, ScanStatus)."""


@dataclass(frozen=True)
class Passed:
    """A condition is met; ``facts`` is what the JSON document tells about it."""

    words: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Failed:
    """A condition isn't met: a sentence of cause, one of remedy."""

    cause: str
    remedy: str


@dataclass(frozen=True)
class Pending:
    """It isn't known yet; ``otherwise`` holds when it doesn't become so, within so many seconds where it says."""

    words: str
    otherwise: Failed
    within: float | None = None


Verdict = Passed | Failed | Pending


@dataclass(frozen=True)
class Part:
    """One manifest to look at: an image by itself, or an index's child with its platform, if it names one."""

    repository: Repository
    digest: str
    platform: str = ""
    is_index: bool = False

    def __str__(self) -> str:
        return self._shown(self.digest)

    @property
    def short(self) -> str:
        """For a line that says what is waited for."""
        return self._shown(self.digest[:19])

    def _shown(self, digest: str) -> str:
        platform = f" ({self.platform})" if self.platform else ""
        return f"{self.repository.name}@{digest}{platform}"


def scan_level(given: str | bool | None, configured: Level | None) -> Level | None:
    """The level of ``--require-scan[=LEVEL]``: its own, else the configured one, else critical; None without it.

    Raises SettingsError naming the levels. An empty one is none of them: a pipeline's variable that isn't set must
    not open the gate.
    """
    if given is None or given is False:
        return None
    if given is True:
        return configured or DEFAULT_LEVEL
    try:
        return values.choice(*LEVELS)(given)
    except Malformed as error:
        raise SettingsError(
            f"The level of --require-scan {error.messages[0]}.",
            "Correct it, or leave it out: then it is ECR_SCAN_FAIL_ON's, or critical.",
        ) from error


def parts(repository: Repository, image: StoredImage) -> tuple[Part, ...]:
    """What of an image is scanned: itself, or each child of an index, which can't be (ecr.md, Scans).

    Attestations, whose platform is unknown, are left out; a child that names no platform is not.
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
    """Whether a scan lets an image through; ``age`` is how many seconds ago it was pushed, if that is known."""
    if scan is None:
        none = Failed(
            f"There is no scan of {part}.",
            f"Start one (`aws ecr start-image-scan --repository-name {part.repository.name} --image-id "
            f"imageDigest={part.digest}`), and have new images scanned on push (`inv repo.ensure`).",
        )
        return (
            none
            if age is not None and age > NEW_SECONDS
            else Pending(f"a scan of {part.short}", none, APPEARS_SECONDS)
        )
    if scan.status in _RUNNING or (scan.status in _DONE and not scan.complete):
        late = Failed(
            f"The scan of {part} did not end while we waited (ECR says {scan.status}).",
            "Run this again later.",
        )
        return Pending(f"the scan of {part.short} ({scan.status})", late)
    if scan.status not in _DONE:
        words, remedy = _STATUSES.get(scan.status, ("has no result", "See what ECR's console says of it."))
        said = f": {scan.description}" if scan.description else ""
        return Failed(f"The scan of {part} {words} (ECR says {scan.status}{said}).", remedy)
    bad = scan.at_or_above(level)
    if bad:
        return Failed(
            f"The scan of {part} found {describe_counts(bad)}{_named(scan.worst(level))}, "
            f"and --require-scan={level} lets no such thing through.",
            "Mend what they are in (packages, base image) and build it anew, or ask for another level.",
        )
    facts = {"platform": part.platform or None, "digest": part.digest, "status": scan.status}
    found = {name.lower(): count for name, count in scan.counts.items()}
    words = f"{part.platform or 'the image'}: {describe_counts(scan.counts)}"
    return Passed(words, {**facts, "findings": found})


def no_parts(repository: Repository, image: StoredImage) -> Failed:
    """The verdict on an index that holds no image, and so nothing to be scanned."""
    return Failed(
        f"The index {repository.name}@{image.digest} holds no image that could be scanned.",
        "Promote it without --require-scan.",
    )


def judge_signature(
    repository: Repository, image: StoredImage, found: Sequence[str], signing: Sequence[Signing]
) -> Verdict:
    """Whether there is a signature about the image itself; ``found`` are signatures' digests."""
    if found:
        return Passed(f"signed ({len(found)} signature{'s' if len(found) > 1 else ''})", {"signatures": list(found)})
    statuses = {item.status for item in signing}
    if "COMPLETE" in statuses:
        return Passed("signed by ECR's managed signing", {"signatures": []})
    name = f"{repository.name}@{image.digest}"
    if "IN_PROGRESS" in statuses:
        late = Failed(f"ECR did not end signing {name} while we waited.", "Run this again later.")
        return Pending(f"ECR to sign {repository.name}@{image.digest[:19]}", late)
    reasons = ", ".join(dict.fromkeys(item.reason or item.status for item in signing))
    if reasons:
        return Failed(
            f"{name} is not signed: ECR's managed signing failed ({reasons}).", "Mend that, or sign it yourself."
        )
    return Failed(
        f"{name} has no signature.",
        "Sign this digest (cosign, notation or ECR's managed signing); a platform's own signature does not count.",
    )


def judge_branch(repository: Repository, image: StoredImage, branch: str, has: Membership | None) -> Passed | Failed:
    """Whether the image is of a commit on the branch; ``has`` is git's answer, None without a commit to ask about."""
    name, revision = f"{repository.name}@{image.digest}", image.revision
    if revision is None:
        return Failed(
            f"{name} does not say which commit it was built from (org.opencontainers.image.revision).",
            "Build it with `inv build push`, which writes that annotation, or promote it without --from-branch.",
        )
    commit = revision[:64]
    if (image.version or "").endswith(DIRTY):
        return Failed(
            f"{name} was built from {commit} with uncommitted changes, which are on no branch.",
            "Commit them and build it anew.",
        )
    if has == "yes":
        return Passed(f"commit {commit[:12]} is on {branch}", {"revision": commit})
    if has == "no":
        return Failed(
            f"{name} was built from {commit}, and that commit is not on {branch}.",
            "Merge it and promote what is built of the branch; if it was merged just now, `git fetch` first.",
        )
    if has == "shallow":
        return Failed(
            f"{name} was built from {commit}, and whether that commit is on {branch} can't be told: "
            "this clone is shallow.",
            "Fetch the whole history: `git fetch --unshallow`, in CI a depth of 0 (fetch-depth: 0, GIT_DEPTH: 0).",
        )
    return Failed(
        f"{name} was built from {commit!r}, which is no commit that this clone knows.",
        "Run `git fetch`, or run this in a clone of the repository that it was built from.",
    )


def _named(names: Sequence[str]) -> str:
    more = len(names) - _NAMES
    return f" ({', '.join(names[:_NAMES])}{f' and {more} more' if more > 0 else ''})" if names else ""
