"""SBOMs, provenance and other documents about an image, as artifacts that have the image as their subject."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from ecr_tasks.frozen import dataclass
from ecr_tasks.model.artifact import TITLE, Artifact, Document, ListedArtifact
from ecr_tasks.model.inventory import artifact_kind
from ecr_tasks.model.manifest import StoredImage

AttestationKind = Literal["provenance", "sbom", "signature", "attestation", "artifact"]

IN_TOTO = "application/vnd.in-toto+json"
SPDX = "application/spdx+json"
CYCLONEDX = "application/vnd.cyclonedx+json"

PREDICATE_TYPE = "in-toto.io/predicate-type"
"""The annotation with the predicate type of an in-toto statement (BuildKit, attestation-storage.md)."""

PLATFORM = "io.ecr-tasks.platform"
"""The annotation with the platform that a document of an index is about."""

_COSIGN_SIGNATURE = "https://sigstore.dev/cosign/sign/"
"""The predicate type of a signature in a bundle; a bundle with another one is a signed attestation (cosign)."""

_STATEMENT = "https://in-toto.io/Statement/v1"
_PROVENANCE = "https://slsa.dev/provenance/"
_SBOM_TYPES = {"https://spdx.dev/Document": SPDX, "https://cyclonedx.org/bom": CYCLONEDX}
"""The media types of SBOMs by the predicate type that BuildKit's scanners give them (in-toto, spec/predicates)."""


@dataclass(frozen=True)
class MadeDocument:
    """A predicate that a build has made about one platform's image; ``platform`` is empty for the only one.

    ``part`` tells several of one kind apart, as the SBOMs of a Dockerfile's stages; the first one has none. ``image``
    is the image that it is about, as the builder made it; None where that is the build itself.
    """

    predicate_type: str
    predicate: Mapping[str, Any]
    platform: str = ""
    image: StoredImage | None = None
    part: str = ""

    @property
    def kind(self) -> AttestationKind:
        """Whether it is provenance, an SBOM or something else."""
        return predicate_kind(self.predicate_type)

    def is_about(self, image: StoredImage) -> bool:
        """Return whether it is about an image of a registry, or about one of its platforms.

        A classic store pushes other manifests than the builder made; the configuration stays the same.
        """
        if self.image is None:
            return True
        digests = [image.digest, *(digest for _, digest in image.children)]
        config = self.image.config_digest
        return self.image.digest in digests or (config is not None and config == image.config_digest)

    def artifact(self, image: StoredImage, reference: str) -> Artifact:
        """Return the artifact to attach to an image; ``reference`` is its ``host/repository``.

        An SBOM is attached as it is, everything else as an in-toto statement whose subject is the image, and its
        platform's manifest where it is an index.
        """
        notes = {PREDICATE_TYPE: self.predicate_type, **({PLATFORM: self.platform} if self.platform else {})}
        media_type = _SBOM_TYPES.get(self.predicate_type, IN_TOTO)
        document: Mapping[str, Any] = self.predicate
        if media_type == IN_TOTO:
            child = dict(image.children).get(self.platform)
            digests = [image.digest, *([child] if child else [])]
            document = {
                "_type": _STATEMENT,
                "subject": [{"name": reference, "digest": dict([digest.split(":", 1)])} for digest in digests],
                "predicateType": self.predicate_type,
                "predicate": self.predicate,
            }
        content = json.dumps(document, indent=1, ensure_ascii=False).encode()
        name = self._name
        return Artifact(media_type, (Document(media_type, content, {TITLE: name, **notes}),), {TITLE: name, **notes})

    def is_listed(self, listed: ListedArtifact) -> bool:
        """Return whether an artifact of the image is this one, perhaps made anew, about the same platform."""
        notes = listed.annotations
        same = (notes.get(PREDICATE_TYPE), notes.get(PLATFORM, "")) == (self.predicate_type, self.platform)
        return same and (not self.part or notes.get(TITLE) == self._name)

    @property
    def _name(self) -> str:
        return ".".join(filter(None, (self.kind, self.platform.replace("/", "-"), self.part, "json")))


@dataclass(frozen=True)
class Attached:
    """A document that is attached to an image, as it is shown; ``subject`` is the digest of what it is attached to.

    ``name`` is its file's, ``predicate_type`` an in-toto statement's; they are empty where nothing says them.
    """

    digest: str
    kind: AttestationKind
    artifact_type: str
    size: int
    subject: str
    platform: str = ""
    name: str = ""
    predicate_type: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return its entry in JSON documents; ``size`` is in bytes."""
        return {
            "digest": self.digest,
            "kind": self.kind,
            "artifact_type": self.artifact_type,
            "predicate_type": self.predicate_type or None,
            "platform": self.platform or None,
            "name": self.name or None,
            "subject": self.subject,
            "size": self.size,
        }


@dataclass(frozen=True)
class Wanted:
    """What belongs to an image after its push: the kinds of documents, and those that its build has made.

    ``make`` makes them for an image that an earlier run has pushed, where they turn out to be missing. ``sleep`` and
    ``clock`` are in seconds.
    """

    kinds: tuple[str, ...] = ()
    documents: tuple[MadeDocument, ...] = ()
    make: Callable[[], tuple[MadeDocument, ...]] = tuple
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


def attached(listed: ListedArtifact, subject: str, platform: str = "") -> Attached:
    """Return an artifact that a registry lists; ``platform`` is that of the subject, if it is one of an index."""
    notes = listed.annotations
    bundled = notes.get("dev.sigstore.bundle.predicateType", "")
    predicate_type = notes.get(PREDICATE_TYPE) or bundled
    kind = artifact_kind(listed.artifact_type or None)
    known: AttestationKind = kind if kind in ("sbom", "signature", "attestation") else "artifact"
    is_attested = known == "signature" and bundled and not bundled.startswith(_COSIGN_SIGNATURE)
    if is_attested or (known == "attestation" and predicate_type):
        known = predicate_kind(predicate_type)
    return Attached(
        listed.digest,
        known,
        listed.artifact_type,
        listed.size,
        subject,
        notes.get(PLATFORM) or platform,
        notes.get(TITLE, ""),
        predicate_type,
    )


def signatures_among(listed: Iterable[ListedArtifact]) -> list[str]:
    """Return the digests of those artifacts that say who signs an image; signed attestations say something else."""
    return [item.digest for item in listed if attached(item, "").kind == "signature"]


def predicate_kind(predicate_type: str) -> AttestationKind:
    """Return what an in-toto statement is, by its predicate type."""
    if predicate_type.startswith(_PROVENANCE):
        return "provenance"
    return "sbom" if predicate_type.startswith(tuple(_SBOM_TYPES)) else "attestation"
