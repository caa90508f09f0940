"""Blobs: GET with ranges, HEAD, DELETE; and the URLs of GetDownloadUrlForLayer."""

from __future__ import annotations

import re

from ..auth import Denied
from ..http.messages import Response
from ..names import is_digest
from ..numbers import parse_number
from .errors import VERSION_HEADER, RegistryError, digest_invalid, unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..http.messages import Request
    from ..registry import Registry
    from ..store.repositories import Repository

_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)", re.IGNORECASE)
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
    size = registry.store.layers.size(repository, digest)
    if size is None:
        raise _unknown(digest)
    headers = {
        "Content-Type": "application/octet-stream",
        "Docker-Content-Digest": digest,
        "Accept-Ranges": "bytes",
        "Etag": f'"{digest}"',
    }
    if request.method == "HEAD":  # RFC 9110 14.2: Range is defined for GET alone
        if not registry.store.blobs.path(digest).exists():
            raise _unknown(digest)
        return Response(200, headers=headers, length=size)
    byte_range = _range(request.headers.get("range"), size)
    status, first, count = 200, 0, size
    if byte_range is not None:
        status, first, count = 206, byte_range[0], byte_range[1] - byte_range[0] + 1
        headers["Content-Range"] = f"bytes {first}-{byte_range[1]}/{size}"
    try:
        file = registry.store.blobs.open(digest)  # last, as nothing else closes it
    except FileNotFoundError:
        raise _unknown(digest) from None
    return Response(status, headers=headers, file=file, offset=first, count=count)


def _range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return first and last byte of a Range header (RFC 9110, section 14.1.2); None for all bytes.

    A range that is not understood, or several, may be ignored (section 14.2). Raises RegistryError (416, section
    15.5.17) for one that has none of the blob's bytes.
    """
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or match[0].endswith("=-"):
        return None
    first, last = parse_number(match[1]), parse_number(match[2])
    if first is None:
        length = last or 0
        first, last = max(size - length, 0) if length else size, None
    if last is None:
        last = max(first, size - 1)
    if first >= size or last < first:
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
