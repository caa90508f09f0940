"""Routes: find the function that answers a path under ``/v2/``, and call it."""

from __future__ import annotations

import contextlib
import re
import sqlite3

from ..auth import Denied
from ..errors import EcrError, LocalEcrError, storage_problem
from ..http.messages import Response
from ..names import is_repository
from ..roles import may_use
from . import blobs, lists, manifests, uploads
from .errors import VERSION_HEADER, RegistryError, denied, from_ecr_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..http.messages import Request
    from ..registry import Registry
    from ..store.repositories import Repository

_BASE_PATHS = ("/v2", "/v2/")
_CATALOG_PATH = "/v2/_catalog"
# What follows the repository's name, which itself may contain any of these words.
_ROUTE = re.compile(
    r"/v2/(?P<name>.+)/"
    r"(?P<resource>manifests|blobs|blobs/uploads|tags(?=/list\Z)|referrers)/"
    r"(?P<reference>[^/]+|(?<=blobs/uploads/))"
)
# A resource's kind in the access log, and the function that answers a request to it.
_RESOURCES = {
    "manifests": ("manifest", manifests.handle),
    "blobs": ("blob", blobs.handle),
    "blobs/uploads": ("upload", uploads.handle),
    "tags": ("tags", lists.tags),
    "referrers": ("referrers", lists.referrers),
}


def handle(registry: Registry, request: Request) -> Response:
    """Answer a request under ``/v2/``. Sets ``request.kind``."""
    try:
        response = _handle(registry, request)
    except RegistryError as error:
        response = error.response()
    except EcrError as error:
        response = from_ecr_error(error).response()
    except (OSError, sqlite3.Error, LocalEcrError) as error:
        problem = storage_problem(error)
        if problem is None:
            raise
        status, message = problem
        response = RegistryError(status, "UNKNOWN", message).response()
    response.headers.update(VERSION_HEADER)
    return response


def _handle(registry: Registry, request: Request) -> Response:
    if request.path in _BASE_PATHS:
        route, request.kind = None, "base"
    elif request.path == _CATALOG_PATH:
        route, request.kind = None, "catalog"
    elif route := _ROUTE.fullmatch(request.path):
        request.kind, handler = _RESOURCES[route["resource"]]
    try:
        registry.authorize(request)
    except Denied as error:
        raise denied(error, registry.challenge) from None
    registry.registries.misbehaviour.apply(f"{request.method} {request.kind}")
    if request.kind == "base":
        return Response(200, b"{}", {"Content-Type": "application/json"})
    if request.kind == "catalog":
        return lists.catalog(registry, request)
    if route is None:
        raise RegistryError(404, "UNSUPPORTED", f"There is nothing at {request.path}")
    if not route["name"].startswith(registry.prefix):
        raise registry.store.repositories.not_found(route["name"])
    name = route["name"].removeprefix(registry.prefix)
    if not is_repository(name):
        raise RegistryError(400, "NAME_INVALID", f"Invalid repository name '{name}'")
    reads = request.method in ("GET", "HEAD")
    if not may_use(registry, request.principal, "ecr:BatchGetImage" if reads else "ecr:PutImage", name):
        raise RegistryError(403, "DENIED", f"User: {request.principal} is not authorized")
    return handler(registry, request, _repository(registry, request, name), route["reference"])


def _repository(registry: Registry, request: Request, name: str) -> Repository:
    """Return a repository; a push to a missing one creates it where a creation template is for that.

    ECR creates it with the first layer or manifest that is sent (github.com/aws/containers-roadmap, issue 853).
    """
    if request.method in ("POST", "PUT") and registry.store.repositories.find(name) is None:
        from .. import creation_templates  # rarely needed, so not loaded at the start

        template = creation_templates.find(registry, name, "CREATE_ON_PUSH")
        if template is not None:
            with contextlib.suppress(EcrError):  # another request has just created it
                creation_templates.create(registry, name, template)
    return registry.store.repositories.get(name)
