"""The build cache: ``ECR_CACHE`` as buildx's cache-from and cache-to."""

from __future__ import annotations

from dataclasses import replace

from ecr_tasks.errors import Refused
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.manifest import CACHE_TAG
from ecr_tasks.model.registry import Repository


def with_cache(definition: BuildDefinition, cache: str, repository: Repository | None) -> BuildDefinition:
    """Return the definition with its cache: ``off``, ``registry``, or entries in buildx's syntax, one per line.

    ECR accepts a cache only as an image manifest with OCI media types (AWS blog, Remote cache support in Amazon ECR
    for BuildKit clients). Without an existing repository there is no cache. A cache that can't be written does not
    fail the build. Raises Refused when the repository would lock the cache's tag after the first build.
    """
    if cache == "off":
        return definition
    if cache != "registry":
        entries = tuple(line.strip() for line in cache.splitlines() if line.strip())
        return replace(definition, cache_from=entries, cache_to=entries)
    if repository is None:
        return definition
    if repository.locks(CACHE_TAG):
        raise Refused(
            f"ECR_CACHE=registry moves the tag {CACHE_TAG}, and the repository {repository.name} locks it.",
            f"Add a mutability exclusion filter for {CACHE_TAG} to the repository, or give ECR_CACHE a reference "
            "in a repository of its own (type=registry,ref=…,mode=max,image-manifest=true,oci-mediatypes=true).",
        )
    source = f"type=registry,ref={repository.uri}:{CACHE_TAG}"
    target = f"{source},mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true"
    return replace(definition, cache_from=(source,), cache_to=(target,))
