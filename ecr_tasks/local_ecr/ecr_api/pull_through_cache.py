"""API operations on pull-through cache rules: create, describe, update, delete, validate. None pulls."""

from __future__ import annotations

import json
import re
import time

from ..errors import EcrError, invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..registry import Registry
    from .params import Params

_RULES = "pull through cache rules"
"""The name of the rules among the settings of a store."""

# API model: PullThroughCacheRuleRepositoryPrefix, CredentialArn.
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PREFIX = rf"(?:{_PART}(?:/{_PART})*/?|ROOT)"
_SECRET = r"arn:aws(?:-\w+)*:secretsmanager:[a-zA-Z0-9:-]+:secret:ecr-pullthroughcache/[a-zA-Z0-9/_+=.@-]+"  # noqa: S105

_UPSTREAMS = {
    "ecr-public": r"public\.ecr\.aws",
    "docker-hub": r"registry-1\.docker\.io",
    "quay": r"quay\.io",
    "k8s": r"registry\.k8s\.io",
    "github-container-registry": r"ghcr\.io",
    "gitlab-container-registry": r"registry\.gitlab\.com",
    "chainguard": r"cgr\.dev",
    "azure-container-registry": r"[a-zA-Z0-9]+\.azurecr\.io",
    "ecr": r"[0-9]{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?",
}
"""The addresses of the registries that can be upstream (API model, CreatePullThroughCacheRuleRequest)."""

_WITH_SECRET = (
    *("docker-hub", "github-container-registry"),
    *("gitlab-container-registry", "azure-container-registry"),
)
"""Those that need credentials (ECR user guide, "Creating a pull through cache rule")."""

_MOST = 50
"""Rules of a registry (ECR user guide, service quotas, "Pull through cache rules per registry")."""


def create(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer CreatePullThroughCacheRule."""
    prefix = _prefix(params)
    url = params.text("upstreamRegistryUrl")
    upstream = params.optional_text("upstreamRegistry", choices=tuple(_UPSTREAMS))
    members = _members(params)
    upstream_prefix = params.optional_text("upstreamRepositoryPrefix", minimum=2, maximum=30, pattern=_PREFIX)
    found = next((name for name, pattern in _UPSTREAMS.items() if re.fullmatch(pattern, url)), None)
    if found is None or upstream not in (None, found):
        raise EcrError("UnsupportedUpstreamRegistryException", f"The upstream registry '{url}' is not supported")
    if found in _WITH_SECRET and "credentialArn" not in members:
        raise invalid("credentialArn", f"must be given for the upstream registry '{found}'")
    with registry.store.db.transaction():
        rules = _read(registry)
        if prefix in rules:
            message = f"A pull through cache rule with the repository prefix '{prefix}' already exists"
            raise EcrError("PullThroughCacheRuleAlreadyExistsException", message)
        if len(rules) >= _MOST:
            raise EcrError("LimitExceededException", f"A registry has at most {_MOST} pull through cache rules")
        now = round(time.time(), 3)
        rules[prefix] = {
            "ecrRepositoryPrefix": prefix,
            "upstreamRegistryUrl": url,
            "createdAt": now,
            "registryId": registry.account,
            "upstreamRegistry": found,
            "upstreamRepositoryPrefix": upstream_prefix or "ROOT",
            **members,
            "updatedAt": now,
        }
        _write(registry, rules)
    return _without(rules[prefix], "updatedAt")


def describe(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer DescribePullThroughCacheRules."""
    rules = _read(registry)
    if params.has_instead_of_page("ecrRepositoryPrefixes"):
        prefixes = params.texts("ecrRepositoryPrefixes", 1, 100, shortest=2, longest=30)
        if not all(re.fullmatch(_PREFIX, prefix) for prefix in prefixes):
            raise invalid("ecrRepositoryPrefixes", f"must satisfy regular expression '{_PREFIX}'")
        return {"pullThroughCacheRules": [_rule(registry, rules, prefix) for prefix in prefixes]}
    ordered = [rules[prefix] for prefix in sorted(rules)]
    page, token = params.page(ordered, lambda rule: [rule["ecrRepositoryPrefix"]])
    return {"pullThroughCacheRules": page, **token}


def update(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer UpdatePullThroughCacheRule, which changes the credentials alone."""
    prefix, members = _prefix(params), _members(params)
    with registry.store.db.transaction():
        rules = _read(registry)
        rules[prefix] = {**_rule(registry, rules, prefix), **members, "updatedAt": round(time.time(), 3)}
        _write(registry, rules)
    return _without(rules[prefix], "upstreamRegistryUrl", "createdAt", "upstreamRegistry")


def delete(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer DeletePullThroughCacheRule."""
    prefix = _prefix(params)
    with registry.store.db.transaction():
        rules = _read(registry)
        rule = _rule(registry, rules, prefix)
        del rules[prefix]
        _write(registry, rules)
    return _without(rule, "updatedAt", "upstreamRegistry")


def validate(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer ValidatePullThroughCacheRule. Nothing is asked, so that every rule is valid."""
    rule = _rule(registry, _read(registry), _prefix(params))
    return {**_without(rule, "createdAt", "updatedAt", "upstreamRegistry"), "isValid": True}


def _prefix(params: Params) -> str:
    return params.text("ecrRepositoryPrefix", minimum=2, maximum=30, pattern=_PREFIX)


def _members(params: Params) -> dict[str, str]:
    texts = {
        "credentialArn": params.optional_text("credentialArn", minimum=50, maximum=612, pattern=_SECRET),
        "customRoleArn": params.optional_text("customRoleArn", maximum=2048),
    }
    return {name: text for name, text in texts.items() if text is not None}


def _rule(registry: Registry, rules: dict[str, dict[str, Any]], prefix: str) -> dict[str, Any]:
    if prefix not in rules:
        message = f"The pull through cache rule with the repository prefix '{prefix}' does not exist in the registry"
        raise EcrError("PullThroughCacheRuleNotFoundException", f"{message} with id '{registry.account}'")
    return rules[prefix]


def _without(rule: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in rule.items() if name not in names}


def _read(registry: Registry) -> dict[str, dict[str, Any]]:
    rules: dict[str, dict[str, Any]] = json.loads(registry.store.db.setting(_RULES) or "{}")
    return rules


def _write(registry: Registry, rules: dict[str, dict[str, Any]]) -> None:
    registry.store.db.set(_RULES, json.dumps(rules))
