"""API operations of ECR Public: its own ones, and those that it shares with the private ECR."""

from __future__ import annotations

from ..constants import PUBLIC_REGION
from ..ecr_public import check_name, check_region
from ..errors import EcrError
from . import images, layers, repositories
from .paging import page, refuse_paging_with

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..http.messages import Request
    from ..registries import Registries
    from ..registry import Registry
    from ..store.images import Image
    from ..store.repositories import Repository
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
    del params  # it has none
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
    descriptions, token = page([description], lambda item: [item["registryId"]], params, "DescribeRegistries")
    return {"registries": descriptions, **token}


def _describe(registry: Registry, repository: Repository) -> dict[str, Any]:
    return {
        "repositoryArn": registry.arn(repository.name),
        "registryId": registry.account,
        "repositoryName": repository.name,
        "repositoryUri": f"{registry.address}/{registry.prefix}{repository.name}",
        "createdAt": round(repository.created, 3),
    }


def create_repository(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer CreateRepository. Its catalog data are checked and returned, but not kept."""
    name = params.repository_name()
    check_name(name)
    catalog = _catalog(params.structure("catalogData"))
    repository = registry.store.repositories.create(name, tags=repositories.with_request_tags({}, params))
    response = {"repository": _describe(registry, repository)}
    return {**response, "catalogData": catalog} if params.has("catalogData") else response


def _catalog(data: Params) -> dict[str, Any]:
    catalog: dict[str, Any] = {}
    for name, maximum in _CATALOG_TEXTS.items():
        text = data.optional_text(name, maximum=maximum)
        if text is not None:
            catalog[name] = text
    for name in _CATALOG_LISTS:
        if data.has(name):
            catalog[name] = data.texts(name, 0, 50)
    return catalog


def describe_repositories(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer DescribeRepositories."""
    refuse_paging_with(params, "repositoryNames")
    if params.has("repositoryNames"):
        repositories = [registry.store.repositories.get(name) for name in params.texts("repositoryNames", 1, 100)]
        return {"repositories": [_describe(registry, repository) for repository in repositories]}
    page_repositories, token = page(
        registry.store.repositories.all(), lambda r: [r.name], params, "DescribeRepositories"
    )
    return {"repositories": [_describe(registry, repository) for repository in page_repositories], **token}


def delete_repository(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer DeleteRepository."""
    repository = params.repository(registry)
    registry.delete_repository(repository, force=params.flag("force"))
    return {"repository": _describe(registry, repository)}


def _detail(image: Image) -> dict[str, Any]:
    """Return a ReferencedImageDetail."""
    detail: dict[str, Any] = {
        "imageDigest": image.digest,
        "imageSizeInBytes": image.size,
        "imagePushedAt": round(image.pushed, 3),
        "imageManifestMediaType": image.media_type,
    }
    if image.kind is not None:
        detail["artifactMediaType"] = image.kind
    return detail


def describe_images(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer DescribeImages."""
    repository = params.repository(registry)
    refuse_paging_with(params, "imageIds")
    token: dict[str, str] = {}
    if params.has("imageIds"):
        requested = [images.get(registry, repository, item)[0] for item in params.structures("imageIds", 1, 100)]
        page_images = list({image.digest: image for image in requested}.values())
    else:
        page_images, token = page(
            lambda after: registry.store.images.walk(repository, after[0] if after else 0),
            lambda image: [image.id],
            params,
            "DescribeImages",
        )
    details = []
    for image in page_images:
        detail = {"registryId": registry.account, "repositoryName": repository.name, **_detail(image)}
        details.append({**detail, "imageTags": image.tags} if image.tags else detail)
    return {"imageDetails": details, **token}


def describe_image_tags(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer DescribeImageTags. A tag's time is its image's, as tags have none here."""
    repository = params.repository(registry)
    by_tag = {tag: image for image in registry.store.images.all(repository) for tag in image.tags}
    tags = sorted(by_tag.items(), key=lambda item: item[0])
    page_tags, token = page(tags, lambda item: [item[0]], params, "DescribeImageTags")
    details = [
        {"imageTag": tag, "createdAt": round(image.pushed, 3), "imageDetail": _detail(image)}
        for tag, image in page_tags
    ]
    return {"imageTagDetails": details, **token}


OPERATIONS: dict[str, Callable[[Registry, Params], dict[str, Any]]] = {
    "BatchCheckLayerAvailability": layers.batch_check_layer_availability,
    "BatchDeleteImage": images.batch_delete_image,
    "CompleteLayerUpload": layers.complete_layer_upload,
    "CreateRepository": create_repository,
    "DeleteRepository": delete_repository,
    "DescribeImageTags": describe_image_tags,
    "DescribeImages": describe_images,
    "DescribeRegistries": describe_registries,
    "DescribeRepositories": describe_repositories,
    "GetAuthorizationToken": get_authorization_token,
    "InitiateLayerUpload": layers.initiate_layer_upload,
    "ListTagsForResource": repositories.list_tags_for_resource,
    "PutImage": images.put_image,
    "TagResource": repositories.tag_resource,
    "UntagResource": repositories.untag_resource,
    "UploadLayerPart": layers.upload_layer_part,
}
