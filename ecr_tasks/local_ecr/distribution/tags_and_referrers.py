"""The list of a repository's tags, and the list of a digest's referrers."""

from __future__ import annotations

from urllib.parse import quote

from ..http.messages import Response, json_response
from ..manifests import OCI_INDEX
from ..names import is_digest
from .errors import RegistryError, digest_invalid, unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..http.messages import Request
    from ..registry import Registry
    from ..store.repositories import Repository

_MAX_TAGS = 1000


def tags(registry: Registry, request: Request, repository: Repository, _list: str) -> Response:
    """Answer GET ``/v2/<name>/tags/list``, with ``n`` and ``last``."""
    if request.method != "GET":
        raise unsupported(request.method, "tags")
    number = request.parameter("n")
    if number is not None and not number.isdigit():
        raise RegistryError(400, "PAGINATION_NUMBER_INVALID", f"Invalid number of results '{number}'")
    size = min(int(number), _MAX_TAGS) if number is not None else _MAX_TAGS
    last = request.parameter("last")
    later_tags = [tag for tag in registry.store.images.tags(repository) if last is None or tag > last]
    page = later_tags[:size]
    headers = {}
    if page and len(later_tags) > size:
        path = f"/v2/{registry.prefix}{quote(repository.name)}/tags/list?n={size}&last={quote(page[-1])}"
        headers["Link"] = f'<{path}>; rel="next"'
    return json_response(200, {"name": f"{registry.prefix}{repository.name}", "tags": page}, headers)


def referrers(registry: Registry, request: Request, repository: Repository, digest: str) -> Response:
    """Answer GET ``/v2/<name>/referrers/<digest>``, with ``artifactType``; an empty index where there are none."""
    if request.method != "GET":
        raise unsupported(request.method, "referrers")
    if not is_digest(digest):
        raise digest_invalid(digest)
    images = registry.store.images.referrers(repository, digest)
    headers = {}
    kinds = request.query.get("artifactType")
    if kinds:
        images = [image for image in images if image.kind in kinds]
        headers["OCI-Filters-Applied"] = "artifactType"
    descriptors = [image.descriptor() for image in images]
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": descriptors}
    return json_response(200, index, headers, OCI_INDEX)
