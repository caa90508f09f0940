"""Routes: from a path under ``/v2/`` to the function that answers it."""

from __future__ import annotations

import re
import sqlite3

from ..auth import Denied
from ..errors import EcrError, is_disk_full
from ..http.messages import Response
from ..names import is_repository
from . import blobs, lists, manifests, uploads
from .errors import VERSION_HEADER, RegistryError, denied, from_ecr_error, name_invalid, no_space, unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..http.messages import Request
    from ..registry import Registry

# What follows the repository's name, which itself may contain any of these words.
_ROUTE = re.compile(
    r"/v2/(?P<name>.+)/"
    r"(?:(?P<kind>manifests|blobs|referrers)/(?P<reference>[^/]+)"
    r"|blobs/(?P<upload>uploads)(?:/(?P<id>[^/]*))?"
    r"|tags/(?P<tags>list))"
)


def handle(registry: Registry, request: Request) -> Response:
    """Answer a request under ``/v2/``. Sets ``request.kind``."""
    try:
        return _handle(registry, request)
    except RegistryError as error:
        return error.response()
    except EcrError as error:
        return from_ecr_error(error).response()
    except (OSError, sqlite3.Error) as error:
        if not is_disk_full(error):
            raise
        return no_space().response()


def _handle(registry: Registry, request: Request) -> Response:
    route = None if request.path in ("/v2", "/v2/") else _ROUTE.fullmatch(request.path)
    request.kind = _kind(request.path, route)
    try:
        registry.authorize(request)
    except Denied as error:
        raise denied(error, registry.challenge) from None
    if request.kind == "base":
        return Response(200, b"{}", {**VERSION_HEADER, "Content-Type": "application/json"})
    if route is None:
        raise RegistryError(404, "UNSUPPORTED", f"There is nothing at {request.path}")
    if not route["name"].startswith(registry.prefix):
        raise registry.store.repositories.not_found(route["name"])
    name = route["name"].removeprefix(registry.prefix)
    if not is_repository(name):
        raise name_invalid(name)
    repository = registry.store.repositories.get(name)
    method = request.method
    if route["upload"]:
        return uploads.handle(registry, request, repository, route["id"])
    if route["tags"]:
        if method != "GET":
            raise unsupported(method, "tags")
        return lists.tags(registry, request, repository)
    reference = route["reference"]
    if route["kind"] == "manifests":
        return manifests.handle(registry, request, repository, reference)
    if route["kind"] == "blobs":
        return blobs.handle(registry, request, repository, reference)
    if method != "GET":
        raise unsupported(method, "referrers")
    return lists.referrers(registry, request, repository, reference)


def _kind(path: str, route: re.Match[str] | None) -> str | None:
    if route is None:
        return "base" if path in ("/v2", "/v2/") else None
    if route["upload"]:
        return "upload"
    if route["tags"]:
        return "tags"
    return {"manifests": "manifest", "blobs": "blob"}.get(route["kind"], "referrers")
