"""What a manifest is for people: an image, a cache, or a signature, an SBOM or an attestation of an image."""

from __future__ import annotations

import re

from ..manifests import INDEXES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..store.images import Image

_REFERRER_TAG = re.compile(r"sha256-([0-9a-f]{64})(?:\.(sig|att|sbom))?")
"""The tags of cosign (sigstore/cosign, specs/SIGNATURE_SPEC.md); without a suffix, those of the referrers tag schema
(OCI distribution specification 1.1)."""

_SUFFIXES = {"sig": "signature", "att": "attestation", "sbom": "SBOM", None: "list of referrers"}

_TYPES = (
    ("signature", re.compile(r"cosign\.artifact\.sig|simplesigning|notary\.signature")),
    ("SBOM", re.compile(r"spdx|cyclonedx|syft|sbom")),
    ("attestation", re.compile(r"in-toto|cosign\.artifact\.att")),
    ("cache", re.compile(r"buildkit\.cacheconfig")),
    ("release record", re.compile(r"ecr-tasks\.release")),
)
"""Artifact types and configurations' media types, as cosign, notation, oras, BuildKit and ecr-tasks write them."""

_PREDICATES = (
    ("signature", re.compile(r"sigstore\.dev/cosign/sign")),
    ("SBOM", re.compile(r"spdx\.dev|cyclonedx")),
    ("provenance", re.compile(r"slsa\.dev|provenance")),
)
"""The predicate types of in-toto statements, by what they say (in-toto/attestation, spec/predicates)."""

_BUNDLE = "application/vnd.dev.sigstore.bundle"
_PREDICATE_KEYS = ("dev.sigstore.bundle.predicateType", "in-toto.io/predicate-type")


def owner(image: Image) -> str | None:
    """Return the digest of the image that a manifest belongs to: its subject, or the digest in its tag."""
    if image.subject is not None:
        return image.subject
    match = _referrer_tag(image)
    return None if match is None else f"sha256:{match[1]}"


def kind_of(image: Image) -> str:
    """Return the kind of a manifest, by its tags, its type and its annotations."""
    match = _referrer_tag(image)
    if match is not None:
        return _SUFFIXES[match[2]]
    predicate = predicate_kind(image.annotations)
    if predicate is not None:
        return predicate
    if (image.kind or "").startswith(_BUNDLE):
        return "signature"
    named = next((kind for kind, pattern in _TYPES if pattern.search(image.kind or "")), None)
    if named is not None:
        return named
    is_image = image.is_image or (image.media_type in INDEXES and image.kind is None)
    return "image" if is_image else "artifact"


def platform_about(image: Image) -> str | None:
    """Return the platform that an artifact of an index says it is about (ecr-tasks, ECR_ATTEST=referrers)."""
    platform = image.annotations.get("io.ecr-tasks.platform")
    return platform[:100] if isinstance(platform, str) else None


def predicate_kind(annotations: Mapping[str, object]) -> str | None:
    """Return what an in-toto statement is, by the annotation with its predicate type; None without one."""
    for key in _PREDICATE_KEYS:
        predicate = annotations.get(key)
        if isinstance(predicate, str):
            return next((kind for kind, pattern in _PREDICATES if pattern.search(predicate)), "attestation")
    return None


def _referrer_tag(image: Image) -> re.Match[str] | None:
    return next(filter(None, map(_REFERRER_TAG.fullmatch, image.tags)), None)
