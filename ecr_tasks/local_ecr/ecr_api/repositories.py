"""API operations on repositories: create, describe, delete, mutability, resource tags."""

from __future__ import annotations

from ..constants import PUBLIC_REGION
from ..errors import EcrError, invalid
from ..mutability import MUTABILITIES, check_filters
from ..names import default_kms_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..registry import Registry
    from ..store.repositories import Repository
    from .params import Params

_MAX_TAGS = 50


def describe(registry: Registry, repository: Repository) -> dict[str, Any]:
    """Return a Repository, in the shape of the API model; that of ECR Public has fewer members."""
    description: dict[str, Any] = {
        **repository.members,
        "repositoryArn": registry.arn(repository.name),
        "repositoryUri": f"{registry.address}/{registry.prefix}{repository.name}",
        "createdAt": round(repository.created, 3),
    }
    if registry.region == PUBLIC_REGION:
        return description
    return {
        **description,
        **_mutability(repository.mutability, repository.filters),
        "imageScanningConfiguration": {"scanOnPush": repository.scan_on_push},
        "encryptionConfiguration": repository.encryption,
    }


def _mutability(mutability: str, filters: list[str]) -> dict[str, Any]:
    members: dict[str, Any] = {"imageTagMutability": mutability}
    if filters:
        wildcards = [{"filterType": "WILDCARD", "filter": item} for item in filters]
        members["imageTagMutabilityExclusionFilters"] = wildcards
    return members


def create_repository(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer CreateRepository."""
    name = params.repository_name()
    mutability = params.optional_text("imageTagMutability", choices=MUTABILITIES) or "MUTABLE"
    filters = check_filters(mutability, params.optional_list("imageTagMutabilityExclusionFilters", 1, 5))
    tags = with_request_tags({}, params.structures("tags", 0))
    encryption = _encryption(registry, params) if params.has("encryptionConfiguration") else None
    repository = registry.store.repositories.create(
        name,
        mutability=mutability,
        filters=filters,
        scan_on_push=params.structure("imageScanningConfiguration").flag("scanOnPush"),
        encryption=encryption,
        tags=tags,
    )
    return {"repository": describe(registry, repository)}


def _encryption(registry: Registry, params: Params) -> dict[str, str]:
    """Return the request's EncryptionConfiguration; for KMS without a key it names the default one, as in ECR."""
    structure = params.structure("encryptionConfiguration")
    kind = structure.text("encryptionType", choices=("AES256", "KMS", "KMS_DSSE"))
    key = structure.optional_text("kmsKey", minimum=1, maximum=2048)
    if kind != "AES256":
        return {"encryptionType": kind, "kmsKey": key or default_kms_key(registry.account, registry.region)}
    if key is not None:
        raise invalid("encryptionConfiguration.kmsKey", "must not be given with AES256")
    return {"encryptionType": kind}


def describe_repositories(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer DescribeRepositories."""
    token: dict[str, str] = {}
    if params.has_instead_of_page("repositoryNames"):
        repositories = [registry.store.repositories.get(name) for name in params.repository_names(1, 100)]
    else:
        repositories, token = params.page(registry.store.repositories.all(), lambda repository: [repository.name])
    return {"repositories": [describe(registry, repository) for repository in repositories], **token}


def delete_repository(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer DeleteRepository."""
    repository = params.repository(registry)
    registry.store.delete_repository(repository, force=params.flag("force"))
    return {"repository": describe(registry, repository)}


def put_image_tag_mutability(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer PutImageTagMutability."""
    repository = params.repository(registry)
    mutability = params.text("imageTagMutability", choices=MUTABILITIES)
    filters = check_filters(mutability, params.optional_list("imageTagMutabilityExclusionFilters", 1, 5))
    registry.store.repositories.update(repository, mutability=mutability, filters=filters)
    return {**repository.members, **_mutability(mutability, filters)}


def tag_resource(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer TagResource."""
    repository = _by_arn(registry, params)
    tags = with_request_tags(repository.tags, params.structures("tags", 0, required=True))
    registry.store.repositories.update(repository, tags=tags)
    return {}


def untag_resource(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer UntagResource."""
    repository = _by_arn(registry, params)
    keys = params.texts("tagKeys", 0)
    tags = {key: value for key, value in repository.tags.items() if key not in keys}
    registry.store.repositories.update(repository, tags=tags)
    return {}


def list_tags_for_resource(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer ListTagsForResource."""
    tags = _by_arn(registry, params).tags
    return {"tags": [{"Key": key, "Value": value} for key, value in sorted(tags.items())]}


def _by_arn(registry: Registry, params: Params) -> Repository:
    return registry.store.repositories.get(registry.repository_name(params.text("resourceArn")))


def with_request_tags(present: dict[str, str], items: list[Params]) -> dict[str, str]:
    """Return ``present`` with the request's tags added. Raises InvalidTagParameterException, TooManyTagsException."""
    tags = dict(present)
    keys = set()
    for item in items:
        key, value = item.text("Key"), item.text("Value")
        if not 1 <= len(key) <= 128 or len(value) > 256 or key.lower().startswith("aws:") or key in keys:
            raise EcrError(
                "InvalidTagParameterException",
                f"Invalid tag '{key}': a key has 1 to 128 characters, does not begin with 'aws:' and is given "
                "once; a value has at most 256 characters",
            )
        keys.add(key)
        tags[key] = value
    if len(tags) > _MAX_TAGS:
        raise EcrError("TooManyTagsException", f"A repository can have at most {_MAX_TAGS} tags")
    return tags
