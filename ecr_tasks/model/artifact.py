"""An OCI artifact that belongs to an image: such as an SBOM or a record of a release, with the image as subject.

Its manifest follows the OCI image specification 1.1, "Guidelines for Artifact Usage". The image stays what it was.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field

from ecr_tasks.documents import parse_json
from ecr_tasks.errors import RegistryError
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.digest import sha256_digest
from ecr_tasks.model.manifest import MANIFEST_MEDIA_TYPES, StoredImage

EMPTY_MEDIA_TYPE = "application/vnd.oci.empty.v1+json"
EMPTY_CONFIG = b"{}"
"""The configuration of an artifact that needs none, and the layer of one without documents (OCI image specification,
"Guidance for an Empty Descriptor")."""

MAX_DOCUMENT = 256 * 1024 * 1024
"""The most bytes of a document that is read into memory."""

TITLE = "org.opencontainers.image.title"
"""The annotation with a document's file name."""


@dataclass(frozen=True)
class Document:
    """One file of an artifact; ``content`` are its bytes."""

    media_type: str
    content: bytes = field(repr=False)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Artifact:
    """What is attached to an image; ``artifact_type`` is a media type that says what it is."""

    artifact_type: str
    documents: tuple[Document, ...]
    annotations: Mapping[str, str] = field(default_factory=dict)

    def manifest(self, subject: StoredImage | None = None) -> str:
        """Return the manifest's text with an image, whose manifest is known, as its subject, or with none.

        The same artifact of the same image has always the same text, and so the same digest.
        """
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_MEDIA_TYPES[0],
            "artifactType": self.artifact_type,
            "config": _descriptor(EMPTY_MEDIA_TYPE, EMPTY_CONFIG),
            "layers": [_descriptor(item.media_type, item.content, item.annotations) for item in self.documents]
            or [_descriptor(EMPTY_MEDIA_TYPE, EMPTY_CONFIG)],
            "subject": _descriptor(subject.media_type, subject.manifest.encode()) if subject else {},
            "annotations": dict(self.annotations),
        }
        return json.dumps({key: value for key, value in document.items() if value != {}}, indent=2)


@dataclass(frozen=True)
class ListedArtifact:
    """What a registry lists of an artifact; ``size`` is in bytes. ``artifact_type`` is empty where it has none."""

    digest: str
    artifact_type: str
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict)


def layers_of(manifest: str) -> tuple[tuple[str, str, int, Mapping[str, str]], ...]:
    """Return the documents that an artifact's manifest lists: media type, digest, bytes and annotations of each.

    Raises RegistryError for a text that is no such manifest.
    """
    try:
        layers = parse_json(manifest)["layers"]
        return tuple(
            (str(layer["mediaType"]), str(layer["digest"]), int(layer["size"]), dict(layer.get("annotations") or {}))
            for layer in layers
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RegistryError("The artifact's manifest can't be read.", "Attach the document again.") from error


def _descriptor(media_type: str, content: bytes, annotations: Mapping[str, str] | None = None) -> dict[str, object]:
    descriptor = {"mediaType": media_type, "digest": sha256_digest(content), "size": len(content)}
    return {**descriptor, "annotations": dict(annotations)} if annotations else descriptor
