"""API operations on repository creation templates: create, describe, delete. No repository is made by one here."""

from __future__ import annotations

import json
import time

from ..errors import EcrError, invalid
from ..mutability import MUTABILITIES, check_filters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..registry import Registry
    from .params import Params

_TEMPLATES = "creation templates"
"""The name of the templates among the settings of a store."""

# API model: Prefix, RCTAppliedFor.
_PREFIX = r"(?:[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*/?|ROOT)"
_PURPOSES = ("REPLICATION", "PULL_THROUGH_CACHE", "CREATE_ON_PUSH")


def create_repository_creation_template(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer CreateRepositoryCreationTemplate."""
    prefix = _prefix(params)
    purposes = params.texts("appliedFor")
    if not set(purposes) <= set(_PURPOSES):
        raise invalid("appliedFor", f"Member must satisfy enum value set: [{', '.join(_PURPOSES)}]")
    mutability = params.optional_text("imageTagMutability", choices=MUTABILITIES) or "MUTABLE"
    filters = check_filters(mutability, params.optional_list("imageTagMutabilityExclusionFilters", 1, 5))
    templates = _read(registry)
    if prefix in templates:
        message = f"The repository creation template with prefix '{prefix}' already exists in the registry"
        raise EcrError("TemplateAlreadyExistsException", message)
    now = round(time.time(), 3)
    wildcards = [{"filterType": "WILDCARD", "filter": item} for item in filters]
    template = {
        "prefix": prefix,
        "description": params.optional_text("description", maximum=256) or "",
        "imageTagMutability": mutability,
        **({"imageTagMutabilityExclusionFilters": wildcards} if wildcards else {}),
        "appliedFor": purposes,
        "createdAt": now,
        "updatedAt": now,
    }
    _write(registry, {**templates, prefix: template})
    return {"registryId": registry.account, "repositoryCreationTemplate": template}


def describe_repository_creation_templates(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer DescribeRepositoryCreationTemplates."""
    templates = _read(registry)
    token: dict[str, str] = {}
    if params.has_instead_of_page("prefixes"):
        found = [templates[prefix] for prefix in params.texts("prefixes") if prefix in templates]
    else:
        ordered = [templates[prefix] for prefix in sorted(templates)]
        found, token = params.page(ordered, lambda template: [template["prefix"]])
    return {"registryId": registry.account, "repositoryCreationTemplates": found, **token}


def delete_repository_creation_template(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer DeleteRepositoryCreationTemplate."""
    prefix, templates = _prefix(params), _read(registry)
    if prefix not in templates:
        message = f"The repository creation template with prefix '{prefix}' does not exist in the registry"
        raise EcrError("TemplateNotFoundException", message)
    template = templates.pop(prefix)
    _write(registry, templates)
    return {"registryId": registry.account, "repositoryCreationTemplate": template}


def _prefix(params: Params) -> str:
    return params.text("prefix", minimum=1, maximum=256, pattern=_PREFIX)


def _read(registry: Registry) -> dict[str, dict[str, Any]]:
    templates: dict[str, dict[str, Any]] = json.loads(registry.store.db.setting(_TEMPLATES) or "{}")
    return templates


def _write(registry: Registry, templates: dict[str, dict[str, Any]]) -> None:
    registry.store.db.set(_TEMPLATES, json.dumps(templates))
