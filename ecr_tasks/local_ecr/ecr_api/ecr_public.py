"""API operations of ECR Public: its own ones, and those that it shares with the private ECR."""

from __future__ import annotations

from ..constants import PUBLIC_REGION
from ..ecr_public import check_name, check_region
from ..errors import EcrError
from . import images, inventory, layers, repositories

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..http.messages import Request
    from ..registries import Registries
    from ..registry import Registry
    from .params import Params

# API model of ecr-public: these also accept the registry's alias, and can raise RegistryNotFoundException.
_BY_ALIAS = frozenset(
    {"BatchCheckLayerAvailability", "CompleteLayerUpload", "InitiateLayerUpload", "PutImage", "UploadLayerPart"}
)
_CATALOG_TEXTS = {"description": 1024, "aboutText": 25600, "usageText": 25600}
_CATALOG_LISTS = ("architectures", "operatingSystems")


def find_registry(registries: Registries, request: Request, region: str | None, params: Params) -> Registry:
    """Return the public registry, created by the first request that names no repository or creates one.

    Raises UnsupportedCommandException, RepositoryNotFoundException, RegistryNotFoundException.
    """
    account = registries.default.account
    request.registry = f"{account}/{PUBLIC_REGION}"
    check_region(request.operation, region)
    by_alias = request.operation in _BY_ALIAS
    id_or_alias = params.optional_text("registryId", pattern=None if by_alias else "[0-9]{12}") or account
    if id_or_alias != account and not (by_alias and id_or_alias == registries.public_alias):
        if by_alias:
            raise EcrError("RegistryNotFoundException", f"The registry with id '{id_or_alias}' does not exist")
        raise registries.default.store.repositories.not_found(_repository_of(params) or "*", id_or_alias)
    existing = registries.find(account, PUBLIC_REGION)
    if existing is not None:
        return existing
    name = _repository_of(params)
    if request.operation == "CreateRepository":
        check_name(params.repository_name())
    elif name is not None:
        raise registries.default.store.repositories.not_found(name, account)
    return registries.create(account, PUBLIC_REGION)


def _repository_of(params: Params) -> str | None:
    """Return the name or ARN of the first repository that the request names."""
    names = params.optional_list("repositoryNames") or []
    name = params.optional_text("repositoryName") or params.optional_text("resourceArn")
    return str(names[0]) if names else name


def get_authorization_token(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer GetAuthorizationToken: one token without an endpoint, as there is only one registry."""
    token, expires = registry.tokens.authorization_token()
    return {"authorizationData": {"authorizationToken": token, "expiresAt": expires}}


def describe_registries(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer DescribeRegistries."""
    alias = registry.prefix.rstrip("/")
    description = {
        "registryId": registry.account,
        "registryArn": f"arn:aws:ecr-public::{registry.account}:registry/{registry.account}",
        "registryUri": f"{registry.address}/{alias}",
        "verified": False,
        "aliases": [{"name": alias, "status": "ACTIVE", "primaryRegistryAlias": True, "defaultRegistryAlias": True}],
    }
    descriptions, token = params.page([description], lambda item: [item["registryId"]])
    return {"registries": descriptions, **token}


def create_repository(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer CreateRepository. Its catalog data are checked and returned, but not stored."""
    name = params.repository_name()
    check_name(name)
    data = params.structure("catalogData")
    catalog: dict[str, Any] = {
        member: data.optional_text(member, maximum=size) for member, size in _CATALOG_TEXTS.items()
    }
    catalog.update({member: data.texts(member, 0, 50) for member in _CATALOG_LISTS if data.has(member)})
    tags = repositories.with_request_tags({}, params.structures("tags", 0))
    repository = registry.store.repositories.create(name, tags=tags)
    response = {"repository": repositories.describe(registry, repository)}
    if params.has("catalogData"):
        response["catalogData"] = {member: value for member, value in catalog.items() if value is not None}
    return response


def describe_image_tags(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer DescribeImageTags. A tag has the time of its image, as tag times are not stored."""
    repository = params.repository(registry)
    by_tag = {tag: image for image in registry.store.images.walk(repository) for tag in image.tags}
    tags, token = params.page(sorted(by_tag), lambda tag: [tag])
    image_details = {tag: inventory.referenced_detail(by_tag[tag]) for tag in tags}
    details = [
        {"imageTag": tag, "createdAt": detail["imagePushedAt"], "imageDetail": detail}
        for tag, detail in image_details.items()
    ]
    return {"imageTagDetails": details, **token}


OPERATIONS: dict[str, Callable[[Registry, Params], dict[str, Any]]] = {
    "BatchCheckLayerAvailability": layers.batch_check_layer_availability,
    "BatchDeleteImage": images.batch_delete_image,
    "CompleteLayerUpload": layers.complete_layer_upload,
    "CreateRepository": create_repository,
    "DeleteRepository": repositories.delete_repository,
    "DescribeImageTags": describe_image_tags,
    "DescribeImages": inventory.describe_images,
    "DescribeRegistries": describe_registries,
    "DescribeRepositories": repositories.describe_repositories,
    "GetAuthorizationToken": get_authorization_token,
    "InitiateLayerUpload": layers.initiate_layer_upload,
    "ListTagsForResource": repositories.list_tags_for_resource,
    "PutImage": images.put_image,
    "TagResource": repositories.tag_resource,
    "UntagResource": repositories.untag_resource,
    "UploadLayerPart": layers.upload_layer_part,
}
