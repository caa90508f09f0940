"""One repository: its settings and its images, each with its platforms and with what belongs to it.

Reading them here is no pull: the store is asked, and nothing is recorded.
"""

from __future__ import annotations

from collections import defaultdict
from functools import partial

from ..errors import EcrError
from ..mutability import is_locked
from ..numbers import parse_number
from . import version
from .details import Details
from .kinds import kind_of, owner, platform_about

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..access_log import AccessLog
    from ..http.messages import Request
    from ..registries import Registries
    from ..registry import Registry
    from ..store.images import Image
    from ..store.repositories import Repository

_LIMIT = 100
_MAX_LIMIT = 5000


def document(registries: Registries, log: AccessLog, request: Request) -> dict[str, Any]:
    """Return a repository (``registry``, as ``account/region``, and ``repository`` in the query), newest image first.

    Of ``total`` images at most ``limit`` are in ``images``. Raises RepositoryNotFoundException, with status 404.
    """
    del log
    account, _, region = (request.parameter("registry") or "").partition("/")
    name = request.parameter("repository") or ""
    registry = registries.find(account, region)
    repository = None if registry is None else registry.store.repositories.find(name)
    if registry is None or repository is None:
        sentence = f"There is no repository {name[:300]} in the registry {account[:20]}/{region[:30]}."
        raise EcrError("RepositoryNotFoundException", sentence, status=404)
    at = version.of(registries)  # before the reading: what changes meanwhile is read once more
    limit = parse_number(request.parameter("limit") or "") or _LIMIT
    top, attached = _grouped(registry, repository)
    detail = partial(_image, Details(registry, repository), attached)
    return {
        "version": at,
        **_settings(registry, repository),
        "total": len(top),
        "images": [detail(image) for image in top[: min(limit, _MAX_LIMIT)]],
    }


def _settings(registry: Registry, repository: Repository) -> dict[str, Any]:
    return {
        "registry": registry.name,
        "name": repository.name,
        "uri": f"{registry.address}/{registry.prefix}{repository.name}",
        "arn": registry.arn(repository.name),
        "created": repository.created,
        "mutability": repository.mutability,
        "exclusions": repository.filters,
        "scans": registry.scanner.frequency(repository)[0],
        "encryption": repository.encryption,
        "tags": repository.tags,
        "has_lifecycle_policy": repository.texts["lifecycle"] is not None,
        "has_policy": repository.texts["policy"] is not None,
    }


def _grouped(registry: Registry, repository: Repository) -> tuple[list[Image], dict[str, list[Image]]]:
    """Return the images that belong to no other one, newest first; and by digest what belongs to each image.

    A platform of an index that has a tag of its own is an image, too.
    """
    images = sorted(registry.store.images.walk(repository), key=lambda image: (-image.pushed, image.digest))
    digests = {image.digest for image in images}
    children = registry.store.images.parents(repository)
    attached: dict[str, list[Image]] = defaultdict(list)
    top = []
    for image in images:
        belongs_to = owner(image)
        if belongs_to in digests:
            attached[str(belongs_to)].append(image)
        elif image.tags or image.digest not in children:
            top.append(image)
    return top, attached


def _image(details: Details, attached: dict[str, list[Image]], image: Image) -> dict[str, Any]:
    platforms, inside = details.platforms(image)
    sizes = [platform["size"] for platform in platforms]
    pulls = [time for time in (image.pulled, *(platform["pulled"] for platform in platforms)) if time]
    names = {image.digest: None, **{platform["digest"]: platform["name"] for platform in platforms}}
    belonging = [
        {**_attachment(details, item), "to": name or platform_about(item)}
        for digest, name in names.items()
        for item in attached.get(digest, ())
    ]
    return {
        **_attachment(details, image),
        "size": sum(sizes) if sizes else image.size,
        "pulled": max(pulls, default=None),
        "platforms": [{**platform, "scan": _counts(platform["scan"])} for platform in platforms],
        "attached": [*belonging, *inside],
        "scan": details.scan(image, platforms),
        "annotations": details.annotations(image),
    }


def _counts(scan: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return a platform's scan without its findings, which are those of the image and most of what is sent."""
    return None if scan is None else {name: value for name, value in scan.items() if name != "findings"}


def _attachment(details: Details, image: Image) -> dict[str, Any]:
    repository = details.repository
    return {
        "digest": image.digest,
        "kind": kind_of(image),
        "type": image.kind or image.media_type,
        "size": image.size,
        "pushed": image.pushed,
        "tags": [
            {"name": tag, "locked": is_locked(repository.mutability, repository.filters, tag)} for tag in image.tags
        ],
    }
