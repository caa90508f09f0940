"""API operations on a repository's texts: its policy, its lifecycle policy and the latter's preview."""

from __future__ import annotations

import contextlib
import json
import time

from .. import lifecycle
from ..errors import EcrError, invalid
from .images import ImageFailure, find
from .inventory import TAG_STATUSES
from .paging import page, refuse_beside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..registry import Registry
    from ..store.repositories import Repository
    from .params import Params


def _named(registry: Registry, repository: Repository, **more: Any) -> dict[str, Any]:
    return {"registryId": registry.account, "repositoryName": repository.name, **more}


def set_repository_policy(registry: Registry, params: Params) -> dict[str, Any]:
    """SetRepositoryPolicy: kept as it is; IAM is not checked."""
    repository = params.repository(registry)
    text = params.text("policyText", maximum=10240)
    params.flag("force")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    statements = document.get("Statement") if isinstance(document, dict) else None
    listed = statements if isinstance(statements, list) else [statements]
    if not listed or not all(isinstance(item, dict) and item.get("Effect") in ("Allow", "Deny") for item in listed):
        raise invalid("PolicyText", "Invalid repository policy provided")
    registry.store.repositories.update(repository, policy=text)
    return _named(registry, repository, policyText=text)


def get_repository_policy(registry: Registry, params: Params) -> dict[str, Any]:
    """GetRepositoryPolicy."""
    repository = params.repository(registry)
    return _named(registry, repository, policyText=_policy(registry, repository))


def delete_repository_policy(registry: Registry, params: Params) -> dict[str, Any]:
    """DeleteRepositoryPolicy."""
    repository = params.repository(registry)
    text = _policy(registry, repository)
    registry.store.repositories.update(repository, policy=None)
    return _named(registry, repository, policyText=text)


def _policy(registry: Registry, repository: Repository) -> str:
    if repository.policy is None:
        raise EcrError(
            "RepositoryPolicyNotFoundException",
            f"Repository policy does not exist for the repository with name '{repository.name}' in the "
            f"registry with id '{registry.account}'",
        )
    return repository.policy


def put_lifecycle_policy(registry: Registry, params: Params) -> dict[str, Any]:
    """PutLifecyclePolicy: checked and kept. Its preview evaluates it; nothing is ever expired by it here."""
    repository = params.repository(registry)
    text = _lifecycle_text(params)
    lifecycle.parse(text)
    registry.store.repositories.update(repository, lifecycle=text)
    return _named(registry, repository, lifecyclePolicyText=text)


def get_lifecycle_policy(registry: Registry, params: Params) -> dict[str, Any]:
    """GetLifecyclePolicy."""
    repository = params.repository(registry)
    return _named(registry, repository, lifecyclePolicyText=_lifecycle(registry, repository))


def delete_lifecycle_policy(registry: Registry, params: Params) -> dict[str, Any]:
    """DeleteLifecyclePolicy."""
    repository = params.repository(registry)
    text = _lifecycle(registry, repository)
    registry.store.repositories.update(repository, lifecycle=None)
    return _named(registry, repository, lifecyclePolicyText=text)


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
    """StartLifecyclePolicyPreview: evaluated at once, though the answer says IN_PROGRESS as ECR's does."""
    repository = params.repository(registry)
    given = params.has("lifecyclePolicyText")
    text = _lifecycle_text(params) if given else _lifecycle(registry, repository)
    rules = lifecycle.parse(text)
    images = registry.store.images.all(repository)
    parents = registry.store.images.parents(repository)
    candidates = [
        lifecycle.Candidate(
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
    for outcome in lifecycle.evaluate(rules, candidates, time.time()):
        image = by_digest[outcome.digest]
        results.append({**_outcome(outcome), "imageDigest": image.digest, "imageTags": image.tags})
        results[-1]["imagePushedAt"] = round(image.pushed, 3)
    registry.store.repositories.update(repository, preview=json.dumps({"text": text, "results": results}))
    return _named(registry, repository, lifecyclePolicyText=text, status="IN_PROGRESS")


def _outcome(outcome: lifecycle.Outcome) -> dict[str, Any]:
    action: dict[str, str] = {"type": outcome.action}
    if outcome.action == "TRANSITION":
        action["targetStorageClass"] = "ARCHIVE"
    return {"action": action, "appliedRulePriority": outcome.priority, "storageClass": "STANDARD"}


def get_lifecycle_policy_preview(registry: Registry, params: Params) -> dict[str, Any]:
    """GetLifecyclePolicyPreview."""
    repository = params.repository(registry)
    refuse_beside(params, "imageIds")
    token: dict[str, str] = {}
    wanted = params.structure("filter").optional_text("tagStatus", choices=TAG_STATUSES) or "ANY"
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
        if wanted == "ANY" or bool(result["imageTags"]) == (wanted == "TAGGED")
    ]
    if params.has("imageIds"):
        digests = set()
        for item in params.structures("imageIds", 1, 100):
            with contextlib.suppress(ImageFailure):  # an image that is not there has no result
                digests.add(find(registry, repository, item)[0].digest)
        shown = [result for result in results if result["imageDigest"] in digests]
    else:
        ordered = sorted(results, key=lambda result: str(result["imageDigest"]))
        shown, token = page(
            ordered, lambda result: [result["imageDigest"]], params, "GetLifecyclePolicyPreview", maximum=100
        )
    counts = {
        kind: sum(result["action"]["type"] == kind for result in preview["results"])
        for kind in ("EXPIRE", "TRANSITION")
    }
    moving = (
        [{"targetStorageClass": "ARCHIVE", "imageTotalCount": counts["TRANSITION"]}] if counts["TRANSITION"] else []
    )
    return _named(
        registry,
        repository,
        lifecyclePolicyText=preview["text"],
        status="COMPLETE",
        previewResults=shown,
        summary={"expiringImageTotalCount": counts["EXPIRE"], "transitioningImageTotalCounts": moving},
        **token,
    )
