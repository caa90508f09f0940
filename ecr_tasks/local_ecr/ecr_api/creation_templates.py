"""API operations on repository creation templates: create, describe, delete. No repository is made by one here."""

from __future__ import annotations

import json
import re
import time

from ..errors import EcrError, invalid
from ..mutability import MUTABILITIES, check_filters
from .repositories import with_request_tags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..registry import Registry
    from .params import Params

_TEMPLATES = "creation templates"
"""The name of the templates among the settings of a store."""

# API model: Prefix, RCTAppliedFor, KmsKeyForRepositoryCreationTemplate, and the longest text of each.
_PREFIX = r"(?:[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*/?|ROOT)"
_PURPOSES = ("REPLICATION", "PULL_THROUGH_CACHE", "CREATE_ON_PUSH")
_KMS_KEY = r"|arn:aws[a-z0-9-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[a-z0-9-]+"
_TEXTS = {"description": 256, "repositoryPolicy": 10_240, "lifecyclePolicy": 30_720, "customRoleArn": 2048}


def create_repository_creation_template(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer CreateRepositoryCreationTemplate."""
    prefix = _prefix(params)
    purposes = params.texts("appliedFor")
    if not set(purposes) <= set(_PURPOSES):
        raise invalid("appliedFor", f"Member must satisfy enum value set: [{', '.join(_PURPOSES)}]")
    mutability = params.optional_text("imageTagMutability", choices=MUTABILITIES) or "MUTABLE"
    filters = check_filters(mutability, params.optional_list("imageTagMutabilityExclusionFilters", 1, 5))
    texts = {name: params.optional_text(name, maximum=maximum) for name, maximum in _TEXTS.items()}
    encryption = _encryption(params) if params.has("encryptionConfiguration") else {"encryptionType": "AES256"}
    tags = with_request_tags({}, params.structures("resourceTags", 0))
    templates = _read(registry)
    if prefix in templates:
        message = f"The repository creation template with prefix '{prefix}' already exists in the registry"
        raise EcrError("TemplateAlreadyExistsException", message)
    now = round(time.time(), 3)
    wildcards = [{"filterType": "WILDCARD", "filter": item} for item in filters]
    template = {
        "prefix": prefix,
        **{name: text for name, text in texts.items() if text is not None},
        "encryptionConfiguration": encryption,
        **({"resourceTags": [{"Key": key, "Value": value} for key, value in tags.items()]} if tags else {}),
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
        prefixes = params.texts("prefixes", 0, shortest=1, longest=256)
        if not all(re.fullmatch(_PREFIX, prefix) for prefix in prefixes):
            raise invalid("prefixes", f"must satisfy regular expression '{_PREFIX}'")
        found = [templates[prefix] for prefix in prefixes if prefix in templates]
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


def _encryption(params: Params) -> dict[str, str]:
    structure = params.structure("encryptionConfiguration")
    kind = structure.text("encryptionType", choices=("AES256", "KMS", "KMS_DSSE"))
    key = structure.optional_text("kmsKey", maximum=2048, pattern=_KMS_KEY)
    return {"encryptionType": kind, **({"kmsKey": key} if key else {})}


def _prefix(params: Params) -> str:
    return params.text("prefix", minimum=1, maximum=256, pattern=_PREFIX)


def _read(registry: Registry) -> dict[str, dict[str, Any]]:
    templates: dict[str, dict[str, Any]] = json.loads(registry.store.db.setting(_TEMPLATES) or "{}")
    return templates


def _write(registry: Registry, templates: dict[str, dict[str, Any]]) -> None:
    registry.store.db.set(_TEMPLATES, json.dumps(templates))
