"""API operations on repositories: create, describe, delete, mutability, resource tags."""

from __future__ import annotations

from ..errors import EcrError, invalid
from ..mutability import MUTABILITIES, check_filters
from ..names import is_repository
from .paging import page, refuse_beside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..registry import Registry
    from ..store.repositories import Repository
    from .params import Params

_MAX_TAGS = 50


def describe(registry: Registry, repository: Repository) -> dict[str, Any]:
    """A repository as the API shows it."""
    shown: dict[str, Any] = {
        "repositoryArn": registry.arn(repository.name),
        "registryId": registry.account,
        "repositoryName": repository.name,
        "repositoryUri": f"{registry.address}/{repository.name}",
        "createdAt": round(repository.created, 3),
        "imageTagMutability": repository.mutability,
        "imageScanningConfiguration": {"scanOnPush": repository.scan_on_push},
        "encryptionConfiguration": repository.encryption,
    }
    if repository.filters:
        shown["imageTagMutabilityExclusionFilters"] = _filters(repository.filters)
    return shown


def create_repository(registry: Registry, params: Params) -> dict[str, Any]:
    """CreateRepository."""
    name = params.repository_name()
    mutability = params.optional_text("imageTagMutability", choices=MUTABILITIES) or "MUTABLE"
    filters = check_filters(mutability, params.optional_list("imageTagMutabilityExclusionFilters", 0))
    tags = checked_tags({}, params)
    encryption = params.structure("encryptionConfiguration")
    chosen = {"encryptionType": "AES256"}
    if params.has("encryptionConfiguration"):
        chosen = {"encryptionType": encryption.text("encryptionType", choices=("AES256", "KMS", "KMS_DSSE"))}
        key = encryption.optional_text("kmsKey", minimum=1, maximum=2048)
        if key is not None:
            if chosen["encryptionType"] == "AES256":
                raise invalid("encryptionConfiguration.kmsKey", "must not be given with AES256")
            chosen["kmsKey"] = key
    repository = registry.store.repositories.create(
        name,
        mutability=mutability,
        filters=filters,
        scan_on_push=params.structure("imageScanningConfiguration").flag("scanOnPush"),
        encryption=chosen,
        tags=tags,
    )
    return {"repository": describe(registry, repository)}


def describe_repositories(registry: Registry, params: Params) -> dict[str, Any]:
    """DescribeRepositories."""
    refuse_beside(params, "repositoryNames")
    if params.has("repositoryNames"):
        names = params.texts("repositoryNames", 1, 100)
        for name in names:
            if not is_repository(name):
                raise invalid("repositoryNames", "must be names of repositories")
        found = [registry.store.repositories.get(name) for name in names]
        return {"repositories": [describe(registry, repository) for repository in found]}
    shown, token = page(registry.store.repositories.all(), lambda r: [r.name], params, "DescribeRepositories")
    return {"repositories": [describe(registry, repository) for repository in shown], **token}


def delete_repository(registry: Registry, params: Params) -> dict[str, Any]:
    """DeleteRepository."""
    repository = params.repository(registry)
    registry.delete_repository(repository, force=params.flag("force"))
    return {"repository": describe(registry, repository)}


def put_image_tag_mutability(registry: Registry, params: Params) -> dict[str, Any]:
    """PutImageTagMutability."""
    repository = params.repository(registry)
    mutability = params.text("imageTagMutability", choices=MUTABILITIES)
    filters = check_filters(mutability, params.optional_list("imageTagMutabilityExclusionFilters", 0))
    registry.store.repositories.update(repository, mutability=mutability, filters=filters)
    shown: dict[str, Any] = {
        "registryId": registry.account,
        "repositoryName": repository.name,
        "imageTagMutability": mutability,
    }
    if filters:
        shown["imageTagMutabilityExclusionFilters"] = _filters(filters)
    return shown


def tag_resource(registry: Registry, params: Params) -> dict[str, Any]:
    """TagResource."""
    repository = _by_arn(registry, params)
    if not params.has("tags"):
        raise invalid("tags", "Member must not be null")
    registry.store.repositories.update(repository, tags=checked_tags(repository.tags, params))
    return {}


def untag_resource(registry: Registry, params: Params) -> dict[str, Any]:
    """UntagResource."""
    repository = _by_arn(registry, params)
    gone = params.texts("tagKeys", 0)
    left = {key: value for key, value in repository.tags.items() if key not in gone}
    registry.store.repositories.update(repository, tags=left)
    return {}


def list_tags_for_resource(registry: Registry, params: Params) -> dict[str, Any]:
    """ListTagsForResource."""
    tags = _by_arn(registry, params).tags
    return {"tags": [{"Key": key, "Value": value} for key, value in sorted(tags.items())]}


def _by_arn(registry: Registry, params: Params) -> Repository:
    return registry.store.repositories.get(registry.repository_name(params.text("resourceArn")))


def checked_tags(present: dict[str, str], params: Params) -> dict[str, str]:
    """``present`` with the request's tags added. Raises InvalidTagParameterException, TooManyTagsException."""
    tags = dict(present)
    given = set()
    for item in params.structures("tags", 0):
        key, value = item.text("Key"), item.text("Value")
        if not 1 <= len(key) <= 128 or len(value) > 256 or key.lower().startswith("aws:") or key in given:
            raise EcrError(
                "InvalidTagParameterException",
                f"Invalid tag '{key}': a key has 1 to 128 characters, does not begin with 'aws:' and is given "
                "once; a value has at most 256 characters",
            )
        given.add(key)
        tags[key] = value
    if len(tags) > _MAX_TAGS:
        raise EcrError("TooManyTagsException", f"A repository can have at most {_MAX_TAGS} tags")
    return tags


def _filters(filters: list[str]) -> list[dict[str, str]]:
    return [{"filterType": "WILDCARD", "filter": item} for item in filters]
