"""The manifests of a repository: as ECR lists them, and grouped into images with their platforms and referrers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from datetime import datetime
from typing import Literal

from ecr_tasks.frozen import dataclass
from ecr_tasks.model.manifest import INDEX_MEDIA_TYPES
from ecr_tasks.model.tag import PART_TAG

Kind = Literal["image", "cache", "signature", "attestation", "sbom", "release", "referrers", "artifact", "part"]
"""A part has no tag, and may belong to an index whose manifest is not known here."""

CACHE = "application/vnd.buildkit.cacheconfig.v0"
"""The media type of a cache's configuration (BuildKit, cache/remotecache/v1, CacheConfigMediaTypeV0)."""

RELEASE = "application/vnd.ecr-tasks.release.v1+json"
"""The artifact type of a record of a release (``model/release.py``)."""

_ARTIFACT_TYPES: Mapping[str | None, Kind] = {
    None: "image",
    "application/vnd.oci.image.config.v1+json": "image",
    "application/vnd.docker.container.image.v1+json": "image",
    CACHE: "cache",
    "application/vnd.dev.cosign.artifact.sig.v1+json": "signature",
    "application/vnd.dev.cosign.simplesigning.v1+json": "signature",
    "application/vnd.cncf.notary.signature": "signature",
    "application/vnd.in-toto+json": "attestation",
    "application/vnd.dev.cosign.artifact.att.v1+json": "attestation",
    "application/vnd.dev.cosign.artifact.sbom.v1+json": "sbom",
    "application/spdx+json": "sbom",
    "application/vnd.cyclonedx+json": "sbom",
    RELEASE: "release",
}
_BUNDLE = r"application/vnd\.dev\.sigstore\.bundle(\.v0\.\d+)?\+json(;version=0\.\d+)?"
"""A sigstore bundle of any version (sigstore/protobuf-specs, sigstore_bundle.proto: media_type)."""

_SUFFIXES: Mapping[str, Kind] = {"sig": "signature", "att": "attestation", "sbom": "sbom", "": "referrers"}
_REFERRER_TAG = r"sha256-([0-9a-f]{64})(?:\.(sig|att|sbom))?"
"""The tags of cosign (sigstore/cosign, specs/SIGNATURE_SPEC.md); without a suffix, those of the referrers tag schema
(OCI distribution specification 1.1)."""

_SCAN_ORDER = (
    *("FAILED", "LIMIT_EXCEEDED", "FINDINGS_UNAVAILABLE", "UNSUPPORTED_IMAGE", "IMAGE_SIZE_EXCEEDED"),
    *("SCAN_ELIGIBILITY_EXPIRED", "IMAGE_ARCHIVED", "PENDING", "IN_PROGRESS", "ACTIVE", "COMPLETE"),
)


@dataclass(frozen=True)
class ScanSummary:
    """The summary of an image's scan in a listing: its status and the numbers of findings by severity."""

    status: str
    severities: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ImageDetail:
    """One manifest of DescribeImages; ``size`` is in compressed bytes."""

    digest: str
    media_type: str
    tags: tuple[str, ...] = ()
    size: int | None = None
    pushed: datetime | None = None
    pulled: datetime | None = None
    artifact_type: str | None = None
    subject: str | None = None
    scan: ScanSummary | None = None
    status: str = "ACTIVE"
    archived: datetime | None = None
    activated: datetime | None = None

    @property
    def begun(self) -> datetime | None:
        """When it was pushed, or restored from the archive after that: then it is like a new image to ECR."""
        return max(filter(None, (self.pushed, self.activated)), default=None)

    @property
    def own_tags(self) -> tuple[str, ...]:
        """The tags, except those of a manifest that belongs to an image: with that one's digest, and of a part."""
        return tuple(
            tag for tag in self.tags if not re.fullmatch(_REFERRER_TAG, tag) and not tag.startswith(PART_TAG)
        )

    @property
    def belongs_to(self) -> str | None:
        """The digest of the image that the manifest belongs to: its ``subject``, or the digest in its tag."""
        if self.subject is not None:
            return self.subject
        return f"sha256:{match[1]}" if (match := self._referrer_tag_match()) else None

    @property
    def kind(self) -> Kind:
        """The kind of the manifest, by its tags and its type."""
        match = self._referrer_tag_match()
        return _SUFFIXES[match[2] or ""] if match else artifact_kind(self.artifact_type)

    def _referrer_tag_match(self) -> re.Match[str] | None:
        """Return the match of the tag that contains the digest of the image that the manifest belongs to."""
        return next(filter(None, (re.fullmatch(_REFERRER_TAG, tag) for tag in self.tags)), None)


def artifact_kind(artifact_type: str | None) -> Kind:
    """Return the kind of a manifest by its artifact type or its configuration's media type."""
    if re.fullmatch(_BUNDLE, artifact_type or ""):
        return "signature"
    return _ARTIFACT_TYPES.get(artifact_type, "artifact")


def referrer_tag(digest: str, suffix: str = "") -> str:
    """Return the tag of an artifact that belongs to an image: cosign's with ``.sig``, ``.att`` or ``.sbom``.

    Without a suffix it is the tag of the list of all referrers (OCI distribution specification 1.1).
    """
    return digest.replace(":", "-") + suffix


@dataclass(frozen=True)
class Platform:
    """One platform's image in an index."""

    name: str
    digest: str
    size: int | None
    scan: ScanSummary | None


@dataclass(frozen=True)
class Referrer:
    """A signature, an attestation or an SBOM of an image."""

    kind: Kind
    detail: ImageDetail


@dataclass(frozen=True)
class ListedImage:
    """One image or artifact of a repository, with the manifests that belong to it.

    ``platforms`` is empty for an index that is ``unread``, and for a single image, which has a ``platform`` if its
    configuration is known. ``attestations`` are the digests of the attestations that BuildKit put into the index.
    ``pulled`` is the last recorded pull of the image or of one of its platforms.
    """

    detail: ImageDetail
    kind: Kind
    platforms: tuple[Platform, ...] = ()
    attestations: tuple[str, ...] = ()
    referrers: tuple[Referrer, ...] = ()
    pulled: datetime | None = None
    platform: str | None = None
    unread: bool = False

    @property
    def size(self) -> int | None:
        """The compressed bytes; for an index, the sum of all platforms (DescribeImages gives only the largest)."""
        return sum(platform.size or 0 for platform in self.platforms) if self.platforms else self.detail.size

    @property
    def scan(self) -> ScanSummary | None:
        """The image's scan, or for an index the least complete status and each severity's highest count.

        ECR scans the images of an index, not the index itself.
        """
        scans = [platform.scan for platform in self.platforms if platform.scan is not None]
        if self.detail.scan is not None or not scans:
            return self.detail.scan
        names = dict.fromkeys(name for scan in scans for name in scan.severities)
        worst = {name: max(scan.severities.get(name, 0) for scan in scans) for name in names}
        return ScanSummary(min((scan.status for scan in scans), key=_scan_rank), worst)


def unknown_scans(images: Iterable[ListedImage]) -> list[str]:
    """Return the digests of the active images, and the platforms of indexes, whose scan a listing doesn't tell."""
    return [
        digest
        for item in images
        if item.kind == "image" and item.detail.status == "ACTIVE"
        for digest, scan in _scanned(item)
        if scan is None
    ]


def with_scans(item: ListedImage, scans: Mapping[str, ScanSummary]) -> ListedImage:
    """Return an image with the scans of itself and its platforms, by digest, where it has none."""
    detail = replace(item.detail, scan=item.detail.scan or scans.get(item.detail.digest))
    platforms = tuple(replace(part, scan=part.scan or scans.get(part.digest)) for part in item.platforms)
    return replace(item, detail=detail, platforms=platforms)


def _scanned(item: ListedImage) -> list[tuple[str, ScanSummary | None]]:
    if item.platforms:
        return [(part.digest, part.scan) for part in item.platforms]
    is_index = item.detail.media_type in INDEX_MEDIA_TYPES
    return [] if is_index else [(item.detail.digest, item.detail.scan)]


def _scan_rank(status: str) -> int:
    return _SCAN_ORDER.index(status) if status in _SCAN_ORDER else -1
