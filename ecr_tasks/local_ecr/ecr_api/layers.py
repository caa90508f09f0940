"""API operations on layers: availability, download URL, upload in parts."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import quote

from ..errors import EcrError, invalid
from ..names import DIGEST_PATTERN, is_digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..registry import Registry
    from .params import Params

# The part size that ECR's InitiateLayerUpload suggests.
_PART_BYTES = 10_485_760
_MIN_PART_BYTES = 5 * 1024 * 1024
# API model: LayerPartBlob.
_MAX_PART_BYTES = 20_971_520
# API model: UploadId.
_UPLOAD_ID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"


def batch_check_layer_availability(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer BatchCheckLayerAvailability, without media types: only a manifest gives a layer one."""
    repository = params.repository(registry)
    layers, failures = [], []
    for digest in params.texts("layerDigests", 1, 100, longest=1000):
        if not is_digest(digest):
            code = "InvalidLayerDigest" if digest else "MissingLayerDigest"
            reason = "Invalid layer digest" if digest else "Layer digest is missing"
            failures.append({"layerDigest": digest, "failureCode": code, "failureReason": reason})
            continue
        size = registry.store.layers.size(repository, digest)
        layer: dict[str, Any] = {"layerDigest": digest, "layerAvailability": "UNAVAILABLE"}
        if size is not None:
            layer.update(layerAvailability="AVAILABLE", layerSize=size)
        layers.append(layer)
    return {"layers": layers, "failures": failures}


def get_download_url_for_layer(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer GetDownloadUrlForLayer: a URL that is valid for ten minutes without other credentials."""
    repository = params.repository(registry)
    digest = params.text("layerDigest", pattern=DIGEST_PATTERN)
    if registry.store.layers.size(repository, digest) is None:
        raise EcrError(
            "LayersNotFoundException",
            f"The layer with digest '{digest}' does not exist in the {repository.sentence}",
        )
    token = registry.tokens.download_token(repository.name, digest)
    path = f"/_local/layers/{quote(repository.name)}/{digest}"
    return {"downloadUrl": f"{registry.endpoint}{path}?token={token}", "layerDigest": digest}


def initiate_layer_upload(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer InitiateLayerUpload."""
    repository = params.repository(registry)
    return {"uploadId": registry.store.layers.begin(repository), "partSize": _PART_BYTES}


def upload_layer_part(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer UploadLayerPart: a part must begin where the last one ended."""
    repository = params.repository(registry)
    first, last = params.integer("partFirstByte"), params.integer("partLastByte")
    identity = params.text("uploadId", pattern=_UPLOAD_ID)
    try:
        data = base64.b64decode(params.text("layerPartBlob"), validate=True)
    except (binascii.Error, ValueError):
        raise EcrError("SerializationException", "'layerPartBlob' must be base64") from None
    if len(data) > _MAX_PART_BYTES:
        raise invalid("layerPartBlob", f"Member must have length less than or equal to {_MAX_PART_BYTES}")
    layers = registry.store.layers
    with layers.upload(repository, identity) as upload:
        if first != upload.size or last - first + 1 != len(data):
            raise EcrError(
                "InvalidLayerPartException",
                f"The part from byte {first} to byte {last} has {len(data)} bytes; the next part of the upload "
                f"begins at byte {upload.size}",
                **repository.members,
                uploadId=identity,
                lastValidByteReceived=max(upload.size - 1, 0),
            )
        upload.write(data)
        layers.record_part(upload, len(data), _MIN_PART_BYTES)
    return {**repository.members, "uploadId": identity, "lastByteReceived": last}


def complete_layer_upload(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer CompleteLayerUpload."""
    repository = params.repository(registry)
    digests = params.texts("layerDigests", 1, 100)
    if not all(is_digest(digest) for digest in digests):
        raise invalid("layerDigests", "must be digests")
    identity = params.text("uploadId", pattern=_UPLOAD_ID)
    layers = registry.store.layers
    with layers.upload(repository, identity) as upload:
        if not upload.size:
            raise EcrError("EmptyUploadException", "The upload has no bytes")
        if layers.has_small_part(upload):
            raise EcrError("LayerPartTooSmallException", "Layer parts must be at least 5 MiB in size")
        digest = next((item for item in digests if upload.matches(item)), digests[0])
        if upload.matches(digest) and layers.size(repository, digest) is not None:
            layers.cancel(upload)
            raise EcrError(
                "LayerAlreadyExistsException",
                f"The layer with digest '{digest}' already exists in the {repository.sentence}",
            )
        layers.finish(repository, upload, digest)
    return {**repository.members, "uploadId": identity, "layerDigest": digest}
