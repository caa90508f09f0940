"""API operations on a repository's policy, its lifecycle policy and the preview of that."""

from __future__ import annotations

import contextlib
import json
import time

from .. import lifecycle_policy
from ..errors import EcrError, invalid
from .images import ImageFailure, find
from .inventory import TAG_STATUSES
from .paging import page, refuse_paging_with

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..registry import Registry
    from ..store.repositories import Repository
    from .params import Params


def _response(registry: Registry, repository: Repository, **members: Any) -> dict[str, Any]:
    return {"registryId": registry.account, "repositoryName": repository.name, **members}


def set_repository_policy(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer SetRepositoryPolicy: keep the text; IAM is not checked."""
    repository = params.repository(registry)
    text = params.text("policyText", maximum=10240)
    params.flag("force")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    statements = document.get("Statement") if isinstance(document, dict) else None
    all_statements = statements if isinstance(statements, list) else [statements]
    if not all_statements or not all(
        isinstance(item, dict) and item.get("Effect") in ("Allow", "Deny") for item in all_statements
    ):
        raise invalid("PolicyText", "Invalid repository policy provided")
    registry.store.repositories.update(repository, policy=text)
    return _response(registry, repository, policyText=text)


def get_repository_policy(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer GetRepositoryPolicy."""
    repository = params.repository(registry)
    return _response(registry, repository, policyText=_policy(registry, repository))


def delete_repository_policy(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer DeleteRepositoryPolicy."""
    repository = params.repository(registry)
    text = _policy(registry, repository)
    registry.store.repositories.update(repository, policy=None)
    return _response(registry, repository, policyText=text)


def _policy(registry: Registry, repository: Repository) -> str:
    if repository.policy is None:
        raise EcrError(
            "RepositoryPolicyNotFoundException",
            f"Repository policy does not exist for the repository with name '{repository.name}' in the "
            f"registry with id '{registry.account}'",
        )
    return repository.policy


def put_lifecycle_policy(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer PutLifecyclePolicy: check and keep the text. Only its preview evaluates it; no image is expired."""
    repository = params.repository(registry)
    text = _lifecycle_text(params)
    lifecycle_policy.parse(text)
    registry.store.repositories.update(repository, lifecycle=text)
    return _response(registry, repository, lifecyclePolicyText=text)


def get_lifecycle_policy(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer GetLifecyclePolicy."""
    repository = params.repository(registry)
    return _response(registry, repository, lifecyclePolicyText=_lifecycle(registry, repository))


def delete_lifecycle_policy(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer DeleteLifecyclePolicy."""
    repository = params.repository(registry)
    text = _lifecycle(registry, repository)
    registry.store.repositories.update(repository, lifecycle=None)
    return _response(registry, repository, lifecyclePolicyText=text)


def _lifecycle_text(params: Params) -> str:
    return params.text("lifecyclePolicyText", minimum=100, maximum=30720)


def _lifecycle(registry: Registry, repository: Repository) -> str:
    if repository.lifecycle is None:
        raise EcrError(
            "LifecyclePolicyNotFoundException",
            f"Lifecycle policy does not exist for the repository with name '{repository.name}' in the "
            f"registry with id '{registry.account}'",
        )
    return repository.lifecycle


def start_lifecycle_policy_preview(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer StartLifecyclePolicyPreview: evaluate at once, though the answer says IN_PROGRESS as ECR's does."""
    repository = params.repository(registry)
    has_text = params.has("lifecyclePolicyText")
    text = _lifecycle_text(params) if has_text else _lifecycle(registry, repository)
    rules = lifecycle_policy.parse(text)
    images = registry.store.images.all(repository)
    parents = registry.store.images.parents(repository)
    candidates = [
        lifecycle_policy.Candidate(
            digest=image.digest,
            tags=image.tags,
            pushed=image.pushed,
            pulled=image.pulled,
            parents=parents.get(image.digest, []),
            subject=image.subject,
        )
        for image in images
    ]
    by_digest = {image.digest: image for image in images}
    results = []
    for outcome in lifecycle_policy.evaluate(rules, candidates, time.time()):
        image = by_digest[outcome.digest]
        results.append({**_outcome(outcome), "imageDigest": image.digest, "imageTags": image.tags})
        results[-1]["imagePushedAt"] = round(image.pushed, 3)
    registry.store.repositories.update(repository, preview=json.dumps({"text": text, "results": results}))
    return _response(registry, repository, lifecyclePolicyText=text, status="IN_PROGRESS")


def _outcome(outcome: lifecycle_policy.Outcome) -> dict[str, Any]:
    action: dict[str, str] = {"type": outcome.action}
    if outcome.action == "TRANSITION":
        action["targetStorageClass"] = "ARCHIVE"
    return {"action": action, "appliedRulePriority": outcome.priority, "storageClass": "STANDARD"}


def get_lifecycle_policy_preview(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer GetLifecyclePolicyPreview."""
    repository = params.repository(registry)
    refuse_paging_with(params, "imageIds")
    token: dict[str, str] = {}
    tag_status = params.structure("filter").optional_text("tagStatus", choices=TAG_STATUSES) or "ANY"
    if repository.preview is None:
        raise EcrError(
            "LifecyclePolicyPreviewNotFoundException",
            f"Lifecycle policy preview does not exist for the repository with name '{repository.name}' in the "
            f"registry with id '{registry.account}'",
        )
    preview = json.loads(repository.preview)
    results = [
        result
        for result in preview["results"]
        if tag_status == "ANY" or bool(result["imageTags"]) == (tag_status == "TAGGED")
    ]
    if params.has("imageIds"):
        digests = set()
        for item in params.structures("imageIds", 1, 100):
            with contextlib.suppress(ImageFailure):  # an image that is not there has no result
                digests.add(find(registry, repository, item)[0].digest)
        page_results = [result for result in results if result["imageDigest"] in digests]
    else:
        sorted_results = sorted(results, key=lambda result: str(result["imageDigest"]))
        page_results, token = page(
            sorted_results, lambda result: [result["imageDigest"]], params, "GetLifecyclePolicyPreview", maximum=100
        )
    counts = {
        kind: sum(result["action"]["type"] == kind for result in preview["results"])
        for kind in ("EXPIRE", "TRANSITION")
    }
    transitions = (
        [{"targetStorageClass": "ARCHIVE", "imageTotalCount": counts["TRANSITION"]}] if counts["TRANSITION"] else []
    )
    return _response(
        registry,
        repository,
        lifecyclePolicyText=preview["text"],
        status="COMPLETE",
        previewResults=page_results,
        summary={"expiringImageTotalCount": counts["EXPIRE"], "transitioningImageTotalCounts": transitions},
        **token,
    )
