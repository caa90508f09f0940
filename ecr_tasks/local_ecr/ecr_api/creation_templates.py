"""API operations on repository creation templates: create, describe, update, delete."""

from __future__ import annotations

import re
import time

from .. import creation_templates, lifecycle_policy, resource_policy
from ..errors import EcrError, invalid
from ..mutability import MUTABILITIES, check_filters
from .repositories import with_request_tags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..registry import Registry
    from .params import Params

# API model: Prefix, RCTAppliedFor, KmsKeyForRepositoryCreationTemplate, and the longest text of each.
_PREFIX = r"(?:[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*/?|ROOT)"
_PURPOSES = ("REPLICATION", "PULL_THROUGH_CACHE", "CREATE_ON_PUSH")
_KMS_KEY = r"|arn:aws[a-z0-9-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[a-z0-9-]+"
_TEXTS = {"description": 256, "repositoryPolicy": 10_240, "lifecyclePolicy": 30_720, "customRoleArn": 2048}

_FILTERS = "imageTagMutabilityExclusionFilters"


def create_repository_creation_template(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer CreateRepositoryCreationTemplate."""
    prefix = _prefix(params)
    params.texts("appliedFor")
    defaults = {"encryptionConfiguration": {"encryptionType": "AES256"}, "imageTagMutability": "MUTABLE"}
    members = _members(params, defaults)
    with registry.store.db.transaction():
        templates = creation_templates.read(registry)
        if prefix in templates:
            message = f"The repository creation template with prefix '{prefix}' already exists in the registry"
            raise EcrError("TemplateAlreadyExistsException", message)
        now = round(time.time(), 3)
        template = {"prefix": prefix, **members, "createdAt": now, "updatedAt": now}
        creation_templates.write(registry, {**templates, prefix: template})
    return _answer(registry, template)


def update_repository_creation_template(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer UpdateRepositoryCreationTemplate: what the request names is replaced, the rest stays."""
    prefix = _prefix(params)
    with registry.store.db.transaction():
        templates = creation_templates.read(registry)
        if prefix not in templates:  # what the model forbids is refused first
            _members(params, {"imageTagMutability": "MUTABLE"})
        template = {**_existing(templates, prefix), "updatedAt": round(time.time(), 3)}
        if params.has("imageTagMutability"):
            template.pop(_FILTERS, None)
        template = {**template, **_members(params, template)}
        creation_templates.write(registry, {**templates, prefix: template})
    return _answer(registry, template)


def describe_repository_creation_templates(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer DescribeRepositoryCreationTemplates."""
    templates = creation_templates.read(registry)
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
    prefix = _prefix(params)
    with registry.store.db.transaction():
        templates = creation_templates.read(registry)
        template = _existing(templates, prefix)
        del templates[prefix]
        creation_templates.write(registry, templates)
    return _answer(registry, template)


def _members(params: Params, defaults: dict[str, Any]) -> dict[str, Any]:
    """Return the members that a request sets, checked; those that it leaves out are the defaults'."""
    members: dict[str, Any] = {}
    for name in ("encryptionConfiguration", "imageTagMutability", _FILTERS):
        if name in defaults:
            members[name] = defaults[name]
    if params.has("appliedFor"):
        members["appliedFor"] = params.texts("appliedFor")
        if not set(members["appliedFor"]) <= set(_PURPOSES):
            raise invalid("appliedFor", f"Member must satisfy enum value set: [{', '.join(_PURPOSES)}]")
    texts = {name: params.optional_text(name, maximum=maximum) for name, maximum in _TEXTS.items()}
    members |= {name: text for name, text in texts.items() if text is not None}
    _check_policies(texts)
    if params.has("encryptionConfiguration"):
        members["encryptionConfiguration"] = _encryption(params)
    if params.has("resourceTags"):
        tags = with_request_tags({}, params.structures("resourceTags", 0))
        members["resourceTags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
    if params.has("imageTagMutability") or params.has(_FILTERS):
        mutability = params.optional_text("imageTagMutability", choices=MUTABILITIES)
        members["imageTagMutability"] = mutability or members["imageTagMutability"]
        filters = check_filters(members["imageTagMutability"], params.optional_list(_FILTERS, 1, 5))
        members.pop(_FILTERS, None)
        if filters:
            members[_FILTERS] = [{"filterType": "WILDCARD", "filter": item} for item in filters]
    return members


def _check_policies(texts: dict[str, str | None]) -> None:
    """Raise InvalidParameterException for a policy that no repository could be created with; "" removes one."""
    if texts["repositoryPolicy"] and not resource_policy.is_valid(texts["repositoryPolicy"], has_resource=False):
        raise invalid("RepositoryPolicy", "Invalid repository policy provided")
    if texts["lifecyclePolicy"]:
        lifecycle_policy.parse(texts["lifecyclePolicy"])


def _encryption(params: Params) -> dict[str, str]:
    structure = params.structure("encryptionConfiguration")
    kind = structure.text("encryptionType", choices=("AES256", "KMS", "KMS_DSSE"))
    key = structure.optional_text("kmsKey", maximum=2048, pattern=_KMS_KEY)
    return {"encryptionType": kind, **({"kmsKey": key} if key else {})}


def _prefix(params: Params) -> str:
    return params.text("prefix", minimum=1, maximum=256, pattern=_PREFIX)


def _existing(templates: dict[str, dict[str, Any]], prefix: str) -> dict[str, Any]:
    if prefix not in templates:
        message = f"The repository creation template with prefix '{prefix}' does not exist in the registry"
        raise EcrError("TemplateNotFoundException", message)
    return templates[prefix]


def _answer(registry: Registry, template: dict[str, Any]) -> dict[str, Any]:
    return {"registryId": registry.account, "repositoryCreationTemplate": template}
