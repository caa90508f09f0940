"""Dispatch: call the API operation that an HTTP request names, and return its response."""

from __future__ import annotations

import os
import sqlite3

from ..auth import signer
from ..errors import EcrError, LocalEcrError, invalid, storage_problem
from ..http.messages import Response, json_response
from ..json_text import parse_json
from ..names import parse_repository_arn
from ..regions import is_region, partition
from ..roles import account_of, caller, denial, may_use
from . import (
    creation_templates,
    images,
    inventory,
    layers,
    policies,
    pull_through_cache,
    pull_times,
    registry_settings,
    replication,
    replication_backfills,
    repositories,
    scans,
    signing_configuration,
    sts,
)
from .params import Params

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..http.messages import Request
    from ..registries import Registries
    from ..registry import Registry

    Operation = Callable[[Registry, Params], dict[str, Any]]

_TARGET = "AmazonEC2ContainerRegistry_V20150921"
_PUBLIC_TARGET = "SpencerFrontendService"
# Bytes of a request: a part of 20 MiB in base64, a manifest of 4 MiB in a JSON string, anything else.
_BODY_LIMITS = {"UploadLayerPart": 32 << 20, "PutImage": 16 << 20}
_BODY_LIMIT = 2 << 20
_MAX_VALUES = 20_000
"""The largest number of values in a request; a manifest or policy in it is one string."""
_CONTENT_TYPE = "application/x-amz-json-1.1"
REGISTRY_HEADER = "x-local-ecr-registry"
"""Has the address (host:port) of the registry that answers: AWS's can be told from its account and region."""


def get_authorization_token(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer GetAuthorizationToken. ``registryIds`` is deprecated: a token is valid in its whole region."""
    accounts = params.texts("registryIds", 1, 10) if params.has("registryIds") else [registry.account]
    tokens = []
    for account in accounts:
        target = registry.registries.find(account, registry.region)
        if target is None:
            raise invalid("registryIds", f"the local ECR has no registry '{account}' in {registry.region}")
        token, expires = registry.tokens.authorization_token(params.caller)
        tokens.append({"authorizationToken": token, "expiresAt": expires, "proxyEndpoint": target.endpoint})
    return {"authorizationData": tokens}


OPERATIONS: dict[str, Operation] = {
    "BatchCheckLayerAvailability": layers.batch_check_layer_availability,
    "BatchDeleteImage": images.batch_delete_image,
    "BatchGetImage": images.batch_get_image,
    "BatchGetRepositoryScanningConfiguration": scans.batch_get_repository_scanning_configuration,
    "CompleteLayerUpload": layers.complete_layer_upload,
    "CreatePullThroughCacheRule": pull_through_cache.create,
    "CreateRepository": repositories.create_repository,
    "CreateRepositoryCreationTemplate": creation_templates.create_repository_creation_template,
    "DeleteLifecyclePolicy": policies.LIFECYCLE_POLICY.delete,
    "DeletePullThroughCacheRule": pull_through_cache.delete,
    "DeleteRegistryPolicy": registry_settings.delete_registry_policy,
    "DeleteRepository": repositories.delete_repository,
    "DeleteRepositoryCreationTemplate": creation_templates.delete_repository_creation_template,
    "DeleteRepositoryPolicy": policies.REPOSITORY_POLICY.delete,
    "DeleteSigningConfiguration": signing_configuration.delete_signing_configuration,
    "DeregisterPullTimeUpdateExclusion": pull_times.deregister,
    "DescribeImageReplicationStatus": replication.describe_image_replication_status,
    "DescribeImageScanFindings": scans.describe_image_scan_findings,
    "DescribeImageSigningStatus": inventory.describe_image_signing_status,
    "DescribeImages": inventory.describe_images,
    "DescribePullThroughCacheRules": pull_through_cache.describe,
    "DescribeRegistry": replication.describe_registry,
    "DescribeReplicationBackfillResults": replication_backfills.describe_results,
    "DescribeRepositories": repositories.describe_repositories,
    "DescribeRepositoryCreationTemplates": creation_templates.describe_repository_creation_templates,
    "GetAccountSetting": registry_settings.get_account_setting,
    "GetAuthorizationToken": get_authorization_token,
    "GetDownloadUrlForLayer": layers.get_download_url_for_layer,
    "GetLifecyclePolicy": policies.LIFECYCLE_POLICY.get,
    "GetLifecyclePolicyPreview": policies.get_lifecycle_policy_preview,
    "GetRegistryPolicy": registry_settings.get_registry_policy,
    "GetRegistryScanningConfiguration": scans.get_registry_scanning_configuration,
    "GetRepositoryPolicy": policies.REPOSITORY_POLICY.get,
    "GetSigningConfiguration": signing_configuration.get_signing_configuration,
    "InitiateLayerUpload": layers.initiate_layer_upload,
    "ListImageReferrers": inventory.list_image_referrers,
    "ListImages": inventory.list_images,
    "ListPullTimeUpdateExclusions": pull_times.list_exclusions,
    "ListReplicationBackfills": replication_backfills.list_backfills,
    "ListTagsForResource": repositories.list_tags_for_resource,
    "PutAccountSetting": registry_settings.put_account_setting,
    "PutImage": images.put_image,
    "PutImageScanningConfiguration": scans.put_image_scanning_configuration,
    "PutImageTagMutability": repositories.put_image_tag_mutability,
    "PutLifecyclePolicy": policies.put_lifecycle_policy,
    "PutRegistryPolicy": registry_settings.put_registry_policy,
    "PutRegistryScanningConfiguration": scans.put_registry_scanning_configuration,
    "PutReplicationConfiguration": replication.put_replication_configuration,
    "PutSigningConfiguration": signing_configuration.put_signing_configuration,
    "RegisterPullTimeUpdateExclusion": pull_times.register,
    "SetRepositoryPolicy": policies.set_repository_policy,
    "StartImageScan": scans.start_image_scan,
    "StartLifecyclePolicyPreview": policies.start_lifecycle_policy_preview,
    "StartReplicationBackfill": replication_backfills.start,
    "StopReplicationBackfill": replication_backfills.stop,
    "TagResource": repositories.tag_resource,
    "UntagResource": repositories.untag_resource,
    "UpdateImageStorageClass": images.update_image_storage_class,
    "UpdatePullThroughCacheRule": pull_through_cache.update,
    "UpdateRepositoryCreationTemplate": creation_templates.update_repository_creation_template,
    "UploadLayerPart": layers.upload_layer_part,
    "ValidatePullThroughCacheRule": pull_through_cache.validate,
}


def handle(registries: Registries, request: Request) -> Response:
    """Answer a POST to ``/``: the ECR API by ``X-Amz-Target``, else STS. Sets ``request.operation``.

    This endpoint serves all regions.
    """
    target = request.headers.get("x-amz-target")
    if target is None and "x-www-form-urlencoded" in request.headers.get("content-type", ""):
        return sts.handle(registries.default, request)
    try:
        registry, document = _answer(registries, request, target)
        return _reply(200, document, {REGISTRY_HEADER: registry.address})
    except EcrError as error:
        return _error(error)
    except (OSError, sqlite3.Error, LocalEcrError) as error:
        problem = storage_problem(error)
        if problem is None:
            raise
        status, message = problem
        return _error(EcrError("ServerException", message, status=status))


def _answer(registries: Registries, request: Request, target: str | None) -> tuple[Registry, dict[str, Any]]:
    if target is None:
        raise EcrError("UnknownOperationException", "The request has no X-Amz-Target.")
    service, _, name = target.rpartition(".")
    operations = OPERATIONS if service == _TARGET else {}
    find_registry = _find_registry
    if service == _PUBLIC_TARGET:
        from . import ecr_public  # rarely needed, so not loaded at the start

        operations, find_registry = ecr_public.OPERATIONS, ecr_public.find_registry
    if name not in operations:
        of_service = "" if service == _TARGET else f" of '{service}'"
        message = f"The local ECR does not implement the operation '{name}'{of_service}."
        raise EcrError("NotImplementedException", message, status=501)
    request.operation = name  # only a known one: calls are counted by operation
    params = _params(request, name)
    registries.misbehaviour.apply(name)
    _, region = signer(request.headers.get("Authorization")) or (None, None)
    params.caller = caller(registries.default, request)
    registry = find_registry(registries, request, region, params)
    _check_access(registry, request, params)
    return registry, operations[name](registry, params)


def _find_registry(registries: Registries, request: Request, region: str | None, params: Params) -> Registry:
    """Return the registry of a request: the region is in its signature, the account in ``registryId`` or an ARN.

    In AWS the caller's own registry of a region always exists, so here it is created by the first request that
    names no repository; another account's is created with its first repository. Raises RepositoryNotFoundException.
    """
    region = region or registries.default.region
    if region != registries.default.region and not is_region(region):
        # AWS general reference, signature version 4: the credential's scope names the endpoint's region.
        raise EcrError("InvalidSignatureException", f"Credential should be scoped to a valid region, not '{region}'.")
    account = params.optional_text("registryId", pattern="[0-9]{12}")
    arn = parse_repository_arn(params.optional_text("resourceArn") or "")
    if account is None:
        account = account_of(params.caller) if arn is None else arn[1]
    request.registry = f"{account}/{region}"
    registry = registries.find(account, region)
    if registry is not None:
        return registry
    if request.operation == "CreateRepository":
        params.repository_name()  # an invalid name must not create a registry
        return registries.create(account, region)
    name = _repository_of(params, arn)
    if name is not None:
        raise registries.default.store.repositories.not_found(name, account)
    if account == account_of(params.caller):
        return registries.create(account, region)
    raise access_denied(params.caller, request, f"arn:{partition(region)}:ecr:{region}:{account}:repository/*")


def _repository_of(params: Params, arn: tuple[str, str, str] | None) -> str | None:
    """Return the name of the repository that a request names, the first of several; None if it names none.

    Raises InvalidParameterException for what cannot be a name or an ARN.
    """
    if params.has("resourceArn"):
        if arn is None:
            raise invalid("resourceArn", "Invalid ARN")
        return arn[2]
    if params.has("repositoryNames"):
        return params.repository_names(1, 100)[0]
    return params.repository_name() if params.has("repositoryName") else None


def _check_access(registry: Registry, request: Request, params: Params) -> None:
    """Raise AccessDeniedException where a role's session asks for what another account has not given it."""
    arn = parse_repository_arn(params.optional_text("resourceArn") or "")
    action = f"ecr:{request.operation}"
    if request.operation != "GetAuthorizationToken" and account_of(params.caller) != registry.account:
        name = _repository_of(params, arn)
        if not may_use(registry, params.caller, action, name):
            raise access_denied(params.caller, request, registry.arn(name or "*"))


def access_denied(caller: str, request: Request, resource: str) -> EcrError:
    """Return IAM's exception: another account has not allowed the caller what it asks for.

    For a list see github.com/artsy/hokusai, issue 27; for the sentence github.com/hashicorp/terraform-provider-aws,
    issue 35303.
    """
    action = f"ecr:{request.operation}"
    return denial(caller, action, resource, f" because no resource-based policy allows the {action} action")


def _params(request: Request, operation: str) -> Params:
    try:
        document = parse_json(request.read(_BODY_LIMITS.get(operation, _BODY_LIMIT)) or b"{}", _MAX_VALUES)
    except UnicodeEncodeError:
        raise EcrError("SerializationException", "A string is not Unicode: it has half a surrogate pair") from None
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise EcrError("SerializationException", "The request's body is not a JSON object")
    return Params(document, operation)


def _error(error: EcrError) -> Response:
    response = _reply(error.status, {"__type": error.name, "message": error.message, **error.fields})
    response.headers["x-amzn-ErrorType"] = error.name
    return response


def _reply(status: int, document: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    headers = {"x-amzn-RequestId": os.urandom(16).hex(), **(headers or {})}
    return json_response(status, document, headers, _CONTENT_TYPE)
