"""The lists of a registry: its repositories, a repository's tags, and a digest's referrers."""

from __future__ import annotations

from urllib.parse import quote

from ..constants import PUBLIC_REGION
from ..http.messages import Response, json_response
from ..manifests import OCI_INDEX
from ..names import is_digest
from .errors import RegistryError, digest_invalid, unsupported
from .pages import read_page

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..http.messages import Request
    from ..registry import Registry
    from ..store.repositories import Repository


def catalog(registry: Registry, request: Request) -> Response:
    """Answer GET ``/v2/_catalog``, with ``n`` and ``last``; the public registry has no such list."""
    if request.method != "GET":
        raise unsupported(request.method, "the catalog")
    if registry.region == PUBLIC_REGION:
        raise RegistryError(404, "UNSUPPORTED", "The public registry has no catalog")
    names, headers = read_page(request, registry.store.repositories.names, "/v2/_catalog")
    return json_response(200, {"repositories": names}, headers)


def tags(registry: Registry, request: Request, repository: Repository, _list: str) -> Response:
    """Answer GET ``/v2/<name>/tags/list``, with ``n`` and ``last``."""
    if request.method != "GET":
        raise unsupported(request.method, "tags")
    name = f"{registry.prefix}{repository.name}"
    store = registry.store.images
    page, headers = read_page(
        request, lambda after, size: store.tags(repository, after, size), f"/v2/{quote(name)}/tags/list"
    )
    return json_response(200, {"name": name, "tags": page}, headers)


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
