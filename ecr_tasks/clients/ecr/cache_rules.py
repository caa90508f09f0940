"""Read the pull-through cache rules of a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.ecr.errors import translate_errors
from ecr_tasks.model.mirror import Mirror

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient

_ROOT = "ROOT"
_DOCKER_HUB = "registry-1.docker.io"


def read_cache_rules(client: ECRClient, registry_id: Any, host: str) -> tuple[Mirror, ...]:
    """Return the rules of a registry as mirrors on its host (DescribePullThroughCacheRules)."""
    with translate_errors("read the pull-through cache rules (ecr:DescribePullThroughCacheRules)"):
        pages = client.get_paginator("describe_pull_through_cache_rules").paginate(**registry_id)
        rules = [rule for page in pages for rule in page.get("pullThroughCacheRules", [])]
    mirrors = []
    for rule in rules:
        upstream = rule.get("upstreamRegistryUrl", "")
        source = "docker.io" if upstream == _DOCKER_HUB else upstream
        mirrors.append(
            Mirror(
                source + _below(rule.get("upstreamRepositoryPrefix", _ROOT)),
                host + _below(rule.get("ecrRepositoryPrefix", _ROOT)),
            )
        )
    # A rule for a path below a registry is the one for the images there.
    return tuple(sorted(mirrors, key=lambda mirror: -len(mirror.source)))


def _below(prefix: str) -> str:
    return "" if prefix == _ROOT else f"/{prefix.rstrip('/')}"
