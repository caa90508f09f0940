"""The API of ECR Public: its own words for repositories and images, and what it shares with the private one."""

from __future__ import annotations

from ..constants import PUBLIC_REGION
from ..errors import EcrError
from ..public import check_name, check_region
from . import images, layers, repositories
from .paging import page, refuse_beside

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

# The API model lets these be given the registry by its alias, too, and say that there is no such registry.
_BY_ALIAS = frozenset(
    {"BatchCheckLayerAvailability", "CompleteLayerUpload", "InitiateLayerUpload", "PutImage", "UploadLayerPart"}
)
_CATALOG_TEXTS = {"description": 1024, "aboutText": 25600, "usageText": 25600}
_CATALOG_LISTS = ("architectures", "operatingSystems")


def find_registry(registries: Registries, request: Request, region: str | None, params: Params) -> Registry:
    """The public registry, which comes into being when it is asked as a whole or a repository is created.

    Raises UnsupportedCommandException, RepositoryNotFoundException, RegistryNotFoundException.
    """
    account = registries.default.account
    request.registry = f"{account}/{PUBLIC_REGION}"
    check_region(request.operation, region)
    by_alias = request.operation in _BY_ALIAS
    wanted = params.optional_text("registryId", pattern=None if by_alias else "[0-9]{12}") or account
    if wanted != account and not (by_alias and wanted == registries.public_alias):
        if by_alias:
            raise EcrError("RegistryNotFoundException", f"The registry with id '{wanted}' does not exist")
        raise registries.default.store.repositories.not_found(_named(params) or "*", wanted)
    found = registries.find(account, PUBLIC_REGION)
    if found is not None:
        return found
    name = _named(params)
    if request.operation == "CreateRepository":
        check_name(params.repository_name())
    elif name is not None:
        raise registries.default.store.repositories.not_found(name, account)
    return registries.create(account, PUBLIC_REGION)


def _named(params: Params) -> str | None:
    """What the request names of the registry."""
    names = params.optional_list("repositoryNames") or []
    name = params.optional_text("repositoryName") or params.optional_text("resourceArn")
    return str(names[0]) if names else name


def get_authorization_token(registry: Registry, params: Params) -> dict[str, Any]:
    """GetAuthorizationToken: one, which names no registry, as there is only one."""
    del params  # it has none
    token, expires = registry.tokens.authorization_token()
    return {"authorizationData": {"authorizationToken": token, "expiresAt": expires}}


def describe_registries(registry: Registry, params: Params) -> dict[str, Any]:
    """DescribeRegistries."""
    alias = registry.prefix.rstrip("/")
    shown = {
        "registryId": registry.account,
        "registryArn": f"arn:aws:ecr-public::{registry.account}:registry/{registry.account}",
        "registryUri": f"{registry.address}/{alias}",
        "verified": False,
        "aliases": [{"name": alias, "status": "ACTIVE", "primaryRegistryAlias": True, "defaultRegistryAlias": True}],
    }
    found, token = page([shown], lambda item: [item["registryId"]], params, "DescribeRegistries")
    return {"registries": found, **token}


def _describe(registry: Registry, repository: Repository) -> dict[str, Any]:
    return {
        "repositoryArn": registry.arn(repository.name),
        "registryId": registry.account,
        "repositoryName": repository.name,
        "repositoryUri": f"{registry.address}/{registry.prefix}{repository.name}",
        "createdAt": round(repository.created, 3),
    }


def create_repository(registry: Registry, params: Params) -> dict[str, Any]:
    """CreateRepository. Its catalog data are checked and given back; what reads them later is not implemented."""
    name = params.repository_name()
    check_name(name)
    catalog = _catalog(params.structure("catalogData"))
    made = registry.store.repositories.create(name, tags=repositories.checked_tags({}, params))
    shown = {"repository": _describe(registry, made)}
    return {**shown, "catalogData": catalog} if params.has("catalogData") else shown


def _catalog(given: Params) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, maximum in _CATALOG_TEXTS.items():
        text = given.optional_text(name, maximum=maximum)
        if text is not None:
            shown[name] = text
    for name in _CATALOG_LISTS:
        if given.has(name):
            shown[name] = given.texts(name, 0, 50)
    return shown


def describe_repositories(registry: Registry, params: Params) -> dict[str, Any]:
    """DescribeRepositories."""
    refuse_beside(params, "repositoryNames")
    if params.has("repositoryNames"):
        found = [registry.store.repositories.get(name) for name in params.texts("repositoryNames", 1, 100)]
        return {"repositories": [_describe(registry, repository) for repository in found]}
    shown, token = page(registry.store.repositories.all(), lambda r: [r.name], params, "DescribeRepositories")
    return {"repositories": [_describe(registry, repository) for repository in shown], **token}


def delete_repository(registry: Registry, params: Params) -> dict[str, Any]:
    """DeleteRepository."""
    repository = params.repository(registry)
    registry.delete_repository(repository, force=params.flag("force"))
    return {"repository": _describe(registry, repository)}


def _detail(image: Image) -> dict[str, Any]:
    """A ReferencedImageDetail."""
    shown: dict[str, Any] = {
        "imageDigest": image.digest,
        "imageSizeInBytes": image.size,
        "imagePushedAt": round(image.pushed, 3),
        "imageManifestMediaType": image.media_type,
    }
    if image.kind is not None:
        shown["artifactMediaType"] = image.kind
    return shown


def describe_images(registry: Registry, params: Params) -> dict[str, Any]:
    """DescribeImages."""
    repository = params.repository(registry)
    refuse_beside(params, "imageIds")
    token: dict[str, str] = {}
    if params.has("imageIds"):
        asked = [images.get(registry, repository, item)[0] for item in params.structures("imageIds", 1, 100)]
        found = list({image.digest: image for image in asked}.values())
    else:
        found, token = page(
            lambda after: registry.store.images.walk(repository, after[0] if after else 0),
            lambda image: [image.id],
            params,
            "DescribeImages",
        )
    details = []
    for image in found:
        detail = {"registryId": registry.account, "repositoryName": repository.name, **_detail(image)}
        details.append({**detail, "imageTags": image.tags} if image.tags else detail)
    return {"imageDetails": details, **token}


def describe_image_tags(registry: Registry, params: Params) -> dict[str, Any]:
    """DescribeImageTags. A tag's time is its image's, as no other is kept."""
    repository = params.repository(registry)
    by_tag = {tag: image for image in registry.store.images.all(repository) for tag in image.tags}
    tagged = sorted(by_tag.items(), key=lambda item: item[0])
    shown, token = page(tagged, lambda item: [item[0]], params, "DescribeImageTags")
    details = [
        {"imageTag": tag, "createdAt": round(image.pushed, 3), "imageDetail": _detail(image)} for tag, image in shown
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
