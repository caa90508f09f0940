"""Blob uploads: in one request, in chunks, or by mounting a blob of another repository."""

from __future__ import annotations

import re
from urllib.parse import quote

from ..account_settings import can_mount
from ..http.messages import Response
from ..names import is_digest
from ..numbers import parse_number
from .errors import RegistryError, digest_invalid, unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..http.messages import Request
    from ..registry import Registry
    from ..store.blobs import Upload
    from ..store.repositories import Repository

_CONTENT_RANGE = re.compile(r"(?:bytes )?([0-9]+)-([0-9]+)(?:/(?:[0-9]+|\*))?")


def handle(registry: Registry, request: Request, repository: Repository, identity: str) -> Response:
    """Answer a request to ``/v2/<name>/blobs/uploads/[<id>]``."""
    if not identity:
        if request.method != "POST":
            raise unsupported(request.method, "uploads")
        return _start(registry, request, repository)
    with registry.store.layers.upload(repository, identity) as upload:
        if request.method == "PATCH":
            _append(registry, request, repository, upload)
            return Response(202, headers=_progress(registry, repository, upload))
        if request.method == "PUT":
            return _finish(registry, request, repository, upload)
        if request.method == "GET":
            return Response(204, headers=_progress(registry, repository, upload))
        if request.method == "DELETE":
            registry.store.layers.cancel(upload)
            return Response(204)
    raise unsupported(request.method, "an upload")


def _start(registry: Registry, request: Request, repository: Repository) -> Response:
    mount, digest = request.parameter("mount"), request.parameter("digest")
    if mount is not None and is_digest(mount):
        source = registry.store.repositories.find((request.parameter("from") or "").removeprefix(registry.prefix))
        is_mountable = source is not None and can_mount(registry, source, repository)
        if source is not None and is_mountable and registry.store.layers.mount(repository, source, mount):
            return _created(registry, repository, mount)
    if digest is not None and not is_digest(digest):
        raise digest_invalid(digest)
    with registry.store.layers.upload(repository, registry.store.layers.begin(repository)) as upload:
        if digest is not None:
            return _finish(registry, request, repository, upload)
        return Response(202, headers=_progress(registry, repository, upload))


def _append(registry: Registry, request: Request, repository: Repository, upload: Upload) -> None:
    """Append the request's body. Raises RegistryError (416) if it does not continue the upload."""
    header = request.headers.get("content-range")
    if header is not None:
        match = _CONTENT_RANGE.fullmatch(header.strip())
        first, last = (None, None) if match is None else (parse_number(match[1]), parse_number(match[2]))
        if first is None or last is None:
            raise RegistryError(400, "BLOB_UPLOAD_INVALID", f"Invalid Content-Range '{header[:100]}'")
        length = request.length
        if first != upload.size or (length is not None and last - first + 1 != length):
            message = f"The upload has {upload.size} bytes; the next chunk must begin there"
            raise RegistryError(416, "RANGE_INVALID", message, _progress(registry, repository, upload))
    upload.append(request)


def _finish(registry: Registry, request: Request, repository: Repository, upload: Upload) -> Response:
    digest = request.parameter("digest")
    if digest is None or not is_digest(digest):
        raise digest_invalid(digest or "")
    _append(registry, request, repository, upload)
    try:
        registry.store.layers.finish(repository, upload, digest)
    except Exception:
        registry.store.layers.cancel(upload)  # the bytes have another digest: the client must start again
        raise
    return _created(registry, repository, digest)


def _progress(registry: Registry, repository: Repository, upload: Upload) -> dict[str, str]:
    return {
        "Location": f"/v2/{registry.prefix}{quote(repository.name)}/blobs/uploads/{upload.id}",
        "Range": f"0-{max(upload.size - 1, 0)}",
        "Docker-Upload-UUID": upload.id,
    }


def _created(registry: Registry, repository: Repository, digest: str) -> Response:
    location = f"/v2/{registry.prefix}{quote(repository.name)}/blobs/{digest}"
    return Response(201, headers={"Location": location, "Docker-Content-Digest": digest})
