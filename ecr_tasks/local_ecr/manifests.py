"""Manifests: read from the bytes of one its kind, and the layers and images that must exist before it is stored."""

from __future__ import annotations

from .errors import invalid
from .json_text import parse_json
from .names import is_digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})
MEDIA_TYPES = frozenset({OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST})

MAX_BYTES = 4_194_304
"""API model: ImageManifest."""

_IMAGE_CONFIGS = frozenset(
    {"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"}
)


class Manifest:
    """The contents of a manifest, as far as a registry needs them.

    ``layers`` are the digests that must exist as layers, the config's included; ``children`` those that must
    exist as images; ``blob_bytes`` is the size of config and layers together.
    """

    def __init__(self, media_type: str) -> None:
        self.media_type = media_type
        self.config_type: str | None = None
        self.artifact_type: str | None = None
        self.layers: list[str] = []
        self.children: list[str] = []
        self.subject: str | None = None
        self.annotations: dict[str, str] = {}
        self.blob_bytes = 0

    @property
    def is_index(self) -> bool:
        return self.media_type in INDEXES

    @property
    def kind(self) -> str | None:
        """Return ``artifactType``, or else the config's media type (OCI image specification)."""
        return self.artifact_type or self.config_type

    @property
    def is_image(self) -> bool:
        """Return whether this is a container image of one platform: only these can be scanned."""
        return self.config_type in _IMAGE_CONFIGS and self.artifact_type is None


def parse(raw: bytes, media_type: str | None) -> Manifest:
    """Read a manifest.

    ``media_type`` is the request's (``imageManifestMediaType`` or ``Content-Type``); without it the manifest must
    have one itself, or ECR refuses it (github.com/aws/containers-roadmap, issue 1873: ``Invalid JSON syntax``).
    Raises InvalidParameterException if ``raw`` is no manifest or has another type.
    """
    if not 0 < len(raw) <= MAX_BYTES:
        raise invalid("imageManifest", f"must have 1 to {MAX_BYTES} bytes")
    try:
        document = parse_json(raw)
    except ValueError:
        raise _invalid_manifest("Invalid JSON syntax") from None
    if not isinstance(document, dict) or document.get("schemaVersion") != 2:
        raise _invalid_manifest("Invalid JSON syntax")
    own_type = document.get("mediaType")
    if media_type and own_type and own_type != media_type:
        raise _invalid_manifest(f"mediaType {own_type} does not match the media type of the request, {media_type}")
    media_type = media_type or own_type
    if not media_type or not isinstance(media_type, str):
        raise _invalid_manifest("Invalid JSON syntax")
    if media_type not in MEDIA_TYPES:
        raise _invalid_manifest(f"media type {media_type} is not supported")
    manifest = Manifest(media_type)
    _read_common(manifest, document)
    if manifest.is_index:
        manifest.children = [_digest(child) for child in _descriptors(document, "manifests")]
    else:
        _read_layers(manifest, document)
    return manifest


def _read_common(manifest: Manifest, document: dict[str, Any]) -> None:
    artifact = document.get("artifactType")
    manifest.artifact_type = artifact if isinstance(artifact, str) and artifact else None
    subject = document.get("subject")
    if subject is not None:
        manifest.subject = _digest(subject)
    annotations = document.get("annotations")
    if isinstance(annotations, dict):
        manifest.annotations = {str(key): str(value) for key, value in annotations.items()}


def _read_layers(manifest: Manifest, document: dict[str, Any]) -> None:
    if "manifests" in document:
        raise _invalid_manifest("an image manifest must not have manifests")
    config = document.get("config")
    manifest.layers.append(_digest(config))
    assert isinstance(config, dict)  # noqa: S101  (for mypy: _digest refuses anything else)
    kind = config.get("mediaType")
    manifest.config_type = kind if isinstance(kind, str) else None
    manifest.blob_bytes += _size(config)
    for layer in _descriptors(document, "layers"):
        digest = _digest(layer)
        manifest.blob_bytes += _size(layer)
        if not _is_foreign(layer) and digest not in manifest.layers:
            manifest.layers.append(digest)
    if manifest.blob_bytes >= 1 << 63:  # API model: ImageSizeInBytes is a long
        raise _invalid_manifest("the sizes of the layers are too large")


def _is_foreign(layer: dict[str, Any]) -> bool:
    """Return whether a layer is fetched from elsewhere, so that it need not be in the registry."""
    kind = str(layer.get("mediaType", ""))
    return ".nondistributable." in kind or ".foreign." in kind


def _descriptors(document: dict[str, Any], key: str) -> list[dict[str, Any]]:
    descriptors = document.get(key)
    if not isinstance(descriptors, list) or not all(isinstance(item, dict) for item in descriptors):
        raise _invalid_manifest("Invalid JSON syntax")
    return descriptors


def _digest(descriptor: Any) -> str:
    digest = descriptor.get("digest") if isinstance(descriptor, dict) else None
    if not isinstance(digest, str) or not is_digest(digest):
        raise _invalid_manifest("Invalid JSON syntax")
    return digest


def _size(descriptor: dict[str, Any]) -> int:
    size = descriptor.get("size", 0)
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise _invalid_manifest("Invalid JSON syntax")
    return size


def _invalid_manifest(constraint: str) -> Exception:
    return invalid("imageManifest", constraint)
