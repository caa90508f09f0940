"""Blobs: GET with ranges, HEAD, DELETE; and the URLs of GetDownloadUrlForLayer."""

from __future__ import annotations

import os
import re

from ..auth import Denied
from ..http.messages import Response
from ..names import is_digest
from .errors import VERSION_HEADER, RegistryError, digest_invalid, unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..http.messages import Request
    from ..registry import Registry
    from ..store.repositories import Repository

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
DOWNLOAD_PATH = "/_local/layers/"
"""The path of GetDownloadUrlForLayer's URLs; repository and digest follow it."""


def handle(registry: Registry, request: Request, repository: Repository, digest: str) -> Response:
    """Answer a request to ``/v2/<name>/blobs/<digest>``."""
    if not is_digest(digest):
        raise digest_invalid(digest)
    if request.method in ("GET", "HEAD"):
        return _send(registry, request, repository, digest)
    if request.method == "DELETE":
        return _delete(registry, repository, digest)
    raise unsupported(request.method, "a blob")


def download(registry: Registry, request: Request) -> Response:
    """Answer a request to a URL from GetDownloadUrlForLayer, whose token is the only credential."""
    request.kind = "blob"
    name, _, digest = request.path.removeprefix(DOWNLOAD_PATH).rpartition("/")
    repository = registry.store.repositories.find(name)
    try:
        registry.tokens.check_download_token(request.parameter("token") or "", name, digest)
        if repository is None or request.method not in ("GET", "HEAD"):
            raise RegistryError(404, "BLOB_UNKNOWN", "There is nothing here")
        response = _send(registry, request, repository, digest)
    except Denied as error:
        response = RegistryError(403, "DENIED", error.message).response()
    except RegistryError as error:
        response = error.response()
    response.headers.update(VERSION_HEADER)
    return response


def _send(registry: Registry, request: Request, repository: Repository, digest: str) -> Response:
    file_and_size = registry.store.layers.open(repository, digest)
    if file_and_size is None:
        raise _unknown(digest)
    fd, size = file_and_size
    headers = {
        "Content-Type": "application/octet-stream",
        "Docker-Content-Digest": digest,
        "Accept-Ranges": "bytes",
        "Etag": f'"{digest}"',
    }
    try:
        byte_range = _range(request.headers.get("range"), size)
    except RegistryError:
        os.close(fd)
        raise
    if request.method == "HEAD":
        os.close(fd)
        return Response(200, headers=headers, length=size)
    if byte_range is None:
        return Response(200, headers=headers, file=fd, count=size)
    first, last = byte_range
    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return Response(206, headers=headers, file=fd, offset=first, count=last - first + 1)


def _range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return first and last byte of a Range header; None for all bytes. Raises RegistryError (416)."""
    match = _RANGE.fullmatch(header.replace(" ", "")) if header else None
    if match is None or not (match[1] or match[2]):
        return None  # RFC 9110 14.2: a range that is not understood, or several, may be ignored
    if match[1]:
        first, last = int(match[1]), int(match[2]) if match[2] else size - 1
    else:
        first, last = max(size - int(match[2]), 0), size - 1
    if first >= size or last < first or (not match[1] and not int(match[2])):
        raise RegistryError(416, "RANGE_INVALID", f"The blob has {size} bytes", {"Content-Range": f"bytes */{size}"})
    return first, min(last, size - 1)


def _delete(registry: Registry, repository: Repository, digest: str) -> Response:
    if not registry.store.layers.remove(repository, digest):
        if registry.store.layers.size(repository, digest) is None:
            raise _unknown(digest)
        raise RegistryError(405, "UNSUPPORTED", f"The layer '{digest}' is used by an image")
    return Response(202)


def _unknown(digest: str) -> RegistryError:
    return RegistryError(404, "BLOB_UNKNOWN", f"The layer with digest '{digest}' does not exist")
