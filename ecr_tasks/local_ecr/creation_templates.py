"""A registry's repository creation templates, and the repositories that are created by one."""

from __future__ import annotations

import json

from .names import default_kms_key
from .store.database import stored_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .registry import Registry
    from .store.repositories import Repository

_SETTING = "creation templates"
"""The name of the templates among the settings of a store."""

_ALL = "ROOT"
"""The prefix of the template for repositories that no other one is for (API model, Prefix)."""


def read(registry: Registry) -> dict[str, dict[str, Any]]:
    """Return the templates by prefix, in the shape of the API model."""
    templates: dict[str, dict[str, Any]] = stored_json(registry.store.db.setting(_SETTING) or "{}")
    return templates


def write(registry: Registry, templates: dict[str, dict[str, Any]]) -> None:
    """Replace the templates."""
    registry.store.db.set(_SETTING, json.dumps(templates))


def find(registry: Registry, name: str, purpose: str) -> dict[str, Any] | None:
    """Return the template by which a repository is created for a purpose, or None.

    That is the one with the longest prefix that fits, if it is applied for the purpose (ECR user guide, "Repository
    creation templates"); a slash at the end of a prefix is always assumed (API model, Prefix).
    """
    templates = read(registry)
    fitting = [prefix for prefix in templates if prefix != _ALL and name.startswith(f"{prefix.rstrip('/')}/")]
    template = templates.get(max(fitting, key=len, default=_ALL))
    return template if template is not None and purpose in template["appliedFor"] else None


def create(registry: Registry, name: str, template: dict[str, Any] | None) -> Repository:
    """Create a repository as a template says; with the default settings without one."""
    template = template or {}
    encryption = dict(template.get("encryptionConfiguration", {"encryptionType": "AES256"}))
    if encryption["encryptionType"] != "AES256" and not encryption.get("kmsKey"):
        encryption["kmsKey"] = default_kms_key(registry.account, registry.region)
    with registry.store.db.transaction():
        repository = registry.store.repositories.create(
            name,
            mutability=template.get("imageTagMutability", "MUTABLE"),
            filters=[item["filter"] for item in template.get("imageTagMutabilityExclusionFilters", [])],
            encryption=encryption,
            tags={item["Key"]: item["Value"] for item in template.get("resourceTags", [])},
        )
        texts = {"policy": template.get("repositoryPolicy"), "lifecycle": template.get("lifecyclePolicy")}
        registry.store.repositories.update(repository, **{column: text or None for column, text in texts.items()})
    return registry.store.repositories.get(name)
