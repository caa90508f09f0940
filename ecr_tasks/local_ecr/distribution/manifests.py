"""Manifests: GET, HEAD, PUT and DELETE, by tag or by digest."""

from __future__ import annotations

from urllib.parse import quote

from .. import archive, pull_times
from ..http.messages import BadRequest, Response
from ..manifests import MAX_BYTES
from ..names import is_digest, is_tag
from ..put_image import put_image
from .errors import RegistryError, unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..http.messages import Request
    from ..registry import Registry
    from ..store.images import Image
    from ..store.repositories import Repository


def handle(registry: Registry, request: Request, repository: Repository, reference: str) -> Response:
    """Answer a request to ``/v2/<name>/manifests/<reference>``."""
    digest = reference if is_digest(reference) else None
    if digest is None and not is_tag(reference):
        code = "DIGEST_INVALID" if ":" in reference else "TAG_INVALID"
        raise RegistryError(400, code, f"Invalid reference '{reference}'")
    if request.method in ("GET", "HEAD"):
        return _get(registry, request, _find(registry, repository, reference, digest, to_pull=True))
    if request.method == "PUT":
        return _put(registry, request, repository, reference, digest)
    if request.method == "DELETE":
        return _delete(registry, repository, reference, digest)
    raise unsupported(request.method, "a manifest")


def _find(
    registry: Registry, repository: Repository, reference: str, digest: str | None, *, to_pull: bool = False
) -> Image:
    tag = reference if digest is None else None
    image = registry.store.images.find(repository, digest=digest, tag=tag)
    if image is None or (to_pull and not archive.is_active(registry, image)):
        raise RegistryError(404, "MANIFEST_UNKNOWN", "Requested image not found")
    return image


def _get(registry: Registry, request: Request, image: Image) -> Response:
    headers = {
        "Content-Type": image.media_type,
        "Docker-Content-Digest": image.digest,
        "Etag": f'"{image.digest}"',
    }
    if request.method == "HEAD":
        return Response(200, headers=headers, length=image.bytes)
    pull_times.record(registry, image, request.principal)
    return Response(200, registry.store.images.raw(image), headers)


def _put(
    registry: Registry, request: Request, repository: Repository, reference: str, digest: str | None
) -> Response:
    try:
        raw = request.read(MAX_BYTES)
    except BadRequest as error:
        if error.status != 413:
            raise
        return RegistryError(413, "MANIFEST_INVALID", error.message).response()
    # OCI distribution specification 1.1: a push by digest may name its tags as parameters.
    tags = request.query.get("tag", []) if digest is not None else [reference]
    if invalid_tags := [tag for tag in tags if not is_tag(tag)]:
        raise RegistryError(400, "TAG_INVALID", f"Invalid tag '{invalid_tags[0]}'")
    media_type = request.headers.get("content-type", "").partition(";")[0].strip() or None
    digest, manifest, _ = put_image(registry, repository, raw, media_type=media_type, digest=digest, tags=tags)
    headers = {
        "Location": f"/v2/{registry.prefix}{quote(repository.name)}/manifests/{digest}",
        "Docker-Content-Digest": digest,
    }
    if manifest.subject is not None:
        headers["OCI-Subject"] = manifest.subject
    if tags and digest == reference:
        headers["OCI-Tag"] = ", ".join(tags)
    return Response(201, headers=headers)


def _delete(registry: Registry, repository: Repository, reference: str, digest: str | None) -> Response:
    """Delete an image with its tags (by digest), or only a tag (by tag), as in the OCI distribution specification.

    BatchDeleteImage differs: it deletes the image with its last tag.
    """
    with registry.store.db.transaction():
        image = _find(registry, repository, reference, digest)
        if digest is None:
            registry.store.images.untag(repository, reference)
        else:
            registry.store.images.delete(repository, image)
    return Response(202)
