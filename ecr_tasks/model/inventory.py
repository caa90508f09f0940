"""One manifest as the API tells it, what kind of thing it is, and what a person would say is held. Data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Kind = Literal["image", "cache", "signature", "attestation", "sbom", "referrers", "artifact"]

_IMAGE_TYPES = (
    None,
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)
CACHE = "application/vnd.buildkit.cacheconfig.v0"
"""BuildKit's cache/remotecache/v1 (CacheConfigMediaTypeV0): of a manifest's config, or in an older cache's index."""

_ARTIFACT_TYPES: Mapping[str, Kind] = {
    CACHE: "cache",
    "application/vnd.dev.cosign.artifact.sig.v1+json": "signature",
    "application/vnd.dev.cosign.simplesigning.v1+json": "signature",
    "application/vnd.cncf.notary.signature": "signature",
    "application/vnd.in-toto+json": "attestation",
    "application/vnd.dev.cosign.artifact.att.v1+json": "attestation",
    "application/vnd.dev.cosign.artifact.sbom.v1+json": "sbom",
    "application/spdx+json": "sbom",
    "application/vnd.cyclonedx+json": "sbom",
}
_BUNDLE = re.compile(r"application/vnd\.dev\.sigstore\.bundle(\.v0\.\d+)?\+json(;version=0\.\d+)?")
"""A sigstore bundle of any version (sigstore/protobuf-specs, sigstore_bundle.proto: media_type)."""

_SUFFIXES: Mapping[str, Kind] = {"sig": "signature", "att": "attestation", "sbom": "sbom", "": "referrers"}
_NAMED_AFTER = re.compile(r"sha256-([0-9a-f]{64})(?:\.(sig|att|sbom))?")
"""cosign's tags (sigstore/cosign, specs/SIGNATURE_SPEC.md), and without a suffix the referrers tag schema
(OCI distribution specification 1.1)."""

_SCAN_ORDER = (
    *("FAILED", "LIMIT_EXCEEDED", "FINDINGS_UNAVAILABLE", "UNSUPPORTED_IMAGE", "IMAGE_SIZE_EXCEEDED"),
    *("SCAN_ELIGIBILITY_EXPIRED", "IMAGE_ARCHIVED", "PENDING", "IN_PROGRESS", "ACTIVE", "COMPLETE"),
)


@dataclass(frozen=True)
class Scan:
    """What ECR knows of an image's vulnerabilities: its status and how many findings of each severity."""

    status: str
    severities: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ImageDetail:
    """One manifest as DescribeImages tells it; ``size`` is in compressed bytes."""

    digest: str
    media_type: str
    tags: tuple[str, ...] = ()
    size: int | None = None
    pushed: datetime | None = None
    pulled: datetime | None = None
    artifact_type: str | None = None
    subject: str | None = None
    scan: Scan | None = None
    status: str = "ACTIVE"

    @property
    def own_tags(self) -> tuple[str, ...]:
        """Its tags, without those that only tell which image it belongs to."""
        return tuple(tag for tag in self.tags if not _NAMED_AFTER.fullmatch(tag))

    @property
    def about(self) -> str | None:
        """The digest of the image that it belongs to: its manifest's ``subject``, or what its tag is named after."""
        if self.subject is not None:
            return self.subject
        names = (_NAMED_AFTER.fullmatch(tag) for tag in self.tags)
        return next((f"sha256:{name.group(1)}" for name in names if name), None)

    @property
    def kind(self) -> Kind:
        """What its tags and its type say it is."""
        names = (_NAMED_AFTER.fullmatch(tag) for tag in self.tags)
        named = next((name for name in names if name), None)
        if named is not None:
            return _SUFFIXES[named.group(2) or ""]
        return artifact_kind(self.artifact_type)


def artifact_kind(artifact_type: str | None) -> Kind:
    """What a manifest's artifact type, or its configuration's media type, says it is."""
    if artifact_type in _IMAGE_TYPES:
        return "image"
    if _BUNDLE.fullmatch(artifact_type or ""):
        return "signature"
    return _ARTIFACT_TYPES.get(artifact_type or "", "artifact")


def tag_about(digest: str, suffix: str = "") -> str:
    """The tag of what is about an image: cosign's ``.sig``, ``.att`` and ``.sbom``, or a list of all its referrers.

    The list is the referrers tag schema's (OCI distribution 1.1).
    """
    return digest.replace(":", "-") + suffix


@dataclass(frozen=True)
class Platform:
    """One platform's image, as an index names it."""

    name: str
    digest: str
    size: int | None
    scan: Scan | None


@dataclass(frozen=True)
class Referrer:
    """Something about an image: a signature, an attestation, an SBOM."""

    kind: Kind
    detail: ImageDetail


@dataclass(frozen=True)
class ListedImage:
    """One thing that a person would say the repository holds, with all that belongs to it."""

    detail: ImageDetail
    kind: Kind
    platforms: tuple[Platform, ...] = ()
    """Of an index; a single image's own platform stands in its configuration, which ECR does not tell."""
    attestations: tuple[str, ...] = ()
    """The digests of what BuildKit put into the index beside the platforms."""
    referrers: tuple[Referrer, ...] = ()
    pulled: datetime | None = None
    """The last recorded pull of it or of one of its platforms."""

    @property
    def size(self) -> int | None:
        """Compressed bytes: an index's platforms together (DescribeImages gives the largest alone)."""
        if not self.platforms:
            return self.detail.size
        return sum(platform.size or 0 for platform in self.platforms)

    @property
    def scan(self) -> Scan | None:
        """Its own, or its platforms': the status furthest from done, and each severity's highest count.

        An index itself can't be scanned (ecr.md, Scans).
        """
        scans = [platform.scan for platform in self.platforms if platform.scan is not None]
        if self.detail.scan is not None or not scans:
            return self.detail.scan
        names = dict.fromkeys(name for scan in scans for name in scan.severities)
        worst = {name: max(scan.severities.get(name, 0) for scan in scans) for name in names}
        return Scan(min((scan.status for scan in scans), key=_scan_rank), worst)


def _scan_rank(status: str) -> int:
    return _SCAN_ORDER.index(status) if status in _SCAN_ORDER else -1
