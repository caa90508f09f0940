"""The build cache: ``ECR_CACHE`` as buildx's cache-from and cache-to."""

from __future__ import annotations

from dataclasses import replace

from ecr_tasks.errors import Refused
from ecr_tasks.model.ecr_host import host_of, parse_ecr_host
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.manifest import CACHE_TAG
from ecr_tasks.model.registry import Repository
from ecr_tasks.settings.parse.lists import csv_fields

_REMOTE = ("registry", "gha", "s3", "azblob")
_MAY_FAIL = "ignore-error=true"
_FOR_ECR = ("image-manifest=true", "oci-mediatypes=true")
"""ECR accepts a cache only as an image manifest with OCI media types (AWS blog, Remote cache support in Amazon ECR
for BuildKit clients)."""


def with_cache(definition: BuildDefinition, cache: str, repository: Repository | None) -> BuildDefinition:
    """Return the definition with its cache: ``off``, ``registry``, or entries in buildx's syntax, one per line.

    Without an existing repository, ``registry`` is no cache. A cache that can't be written does not fail the build,
    unless its entry says so. Raises Refused when the repository would lock the cache's tag after the first build.
    """
    if cache == "off":
        return definition
    if cache != "registry":
        entries = tuple(line.strip() for line in cache.splitlines() if line.strip())
        return _cached(definition, entries, tuple(map(_written, entries)))
    if repository is None:
        return definition
    if repository.locks(CACHE_TAG):
        raise Refused(
            f"ECR_CACHE=registry moves the tag {CACHE_TAG}, and the repository {repository.name} locks it.",
            f"Add a mutability exclusion filter for {CACHE_TAG} to the repository, or give ECR_CACHE a reference "
            "in a repository of its own (type=registry,ref=…,mode=max,image-manifest=true,oci-mediatypes=true).",
        )
    source = f"type=registry,ref={repository.uri}:{CACHE_TAG}"
    target = ",".join([f"{source},mode=max", *_FOR_ECR, _MAY_FAIL])
    return _cached(definition, (source,), (target,))


def _written(entry: str) -> str:
    """Return an entry for cache-to with the options that it leaves open: a remote cache may fail, ECR needs some."""
    fields = {field.key: field.text.partition("=")[2] for field in csv_fields(entry)}
    options = [_MAY_FAIL] if fields.get("type") in _REMOTE else []
    if fields.get("type") == "registry" and parse_ecr_host(host_of(fields.get("ref", "")) or ""):
        options += _FOR_ECR
    return ",".join([entry, *(option for option in options if option.partition("=")[0] not in fields)])


def _cached(definition: BuildDefinition, sources: tuple[str, ...], targets: tuple[str, ...]) -> BuildDefinition:
    """Return the definition with a cache; linked targets read it too, and the image's is written with their steps."""
    linked = {name: _cached(target, sources, ()) for name, target in definition.linked.items()}
    return replace(definition, cache_from=sources, cache_to=targets, linked=linked)
