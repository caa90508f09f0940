"""API operations on a repository's policy, its lifecycle policy and the preview of a lifecycle policy."""

from __future__ import annotations

import contextlib
import time

from .. import lifecycle_policy, resource_policy
from ..errors import EcrError, invalid
from ..store.database import stored_json
from .images import ImageFailure, find
from .inventory import tag_status_condition

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..registry import Registry
    from ..store.images import Image
    from ..store.repositories import Repository
    from .params import Params


class Policy:
    """A kind of policy text: its title in ECR's messages, its database column, and its member in the API.

    ``members`` are others that a response to a read or a deletion has.
    """

    def __init__(self, title: str, column: str, member: str, members: dict[str, float] | None = None) -> None:
        self._title = title
        self._column = column
        self._member = member
        self._members = members or {}

    def text(self, repository: Repository) -> str:
        """Return a repository's text. Raises RepositoryPolicyNotFoundException or similar if it has none."""
        text = repository.texts[self._column]
        if text is None:
            exception = f"{self._title.title().replace(' ', '')}NotFoundException"
            raise EcrError(exception, f"{self._title} does not exist for the {repository.sentence}")
        return text

    def put(self, registry: Registry, repository: Repository, text: str) -> dict[str, Any]:
        """Set a repository's text; returns the operation's response."""
        registry.store.repositories.update(repository, **{self._column: text})
        return {**repository.members, self._member: text}

    def get(self, registry: Registry, params: Params) -> dict[str, Any]:
        """Answer GetRepositoryPolicy or GetLifecyclePolicy."""
        repository = params.repository(registry)
        return {**repository.members, self._member: self.text(repository), **self._members}

    def delete(self, registry: Registry, params: Params) -> dict[str, Any]:
        """Answer DeleteRepositoryPolicy or DeleteLifecyclePolicy."""
        response = self.get(registry, params)
        registry.store.repositories.update(params.repository(registry), **{self._column: None})
        return response


REPOSITORY_POLICY = Policy("Repository policy", "policy", "policyText")
# No policy is ever run here, and ECR says so with the time 0.0 (AWS CLI reference, ecr delete-lifecycle-policy).
LIFECYCLE_POLICY = Policy("Lifecycle policy", "lifecycle", "lifecyclePolicyText", {"lastEvaluatedAt": 0.0})
_PREVIEW = Policy("Lifecycle policy preview", "preview", "lifecyclePolicyText")


def set_repository_policy(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer SetRepositoryPolicy: check and keep the text; IAM is not evaluated."""
    repository = params.repository(registry)
    text = params.text("policyText", maximum=10240)
    params.flag("force")
    if not resource_policy.is_valid(text, has_resource=False):
        raise invalid("PolicyText", "Invalid repository policy provided")
    return REPOSITORY_POLICY.put(registry, repository, text)


def put_lifecycle_policy(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer PutLifecyclePolicy: check and keep the text. Only its preview evaluates it; no image is expired."""
    repository = params.repository(registry)
    text = _lifecycle_text(params)
    lifecycle_policy.parse(text)
    return LIFECYCLE_POLICY.put(registry, repository, text)


def _lifecycle_text(params: Params) -> str:
    return params.text("lifecyclePolicyText", minimum=100, maximum=30720)


def start_lifecycle_policy_preview(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer StartLifecyclePolicyPreview: evaluate at once, but return IN_PROGRESS as ECR does."""
    repository = params.repository(registry)
    has_text = params.has("lifecyclePolicyText")
    text = _lifecycle_text(params) if has_text else LIFECYCLE_POLICY.text(repository)
    rules = lifecycle_policy.parse(text)
    images = {image.digest: image for image in registry.store.images.walk(repository)}
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
        for image in images.values()
    ]
    outcomes = lifecycle_policy.evaluate(rules, candidates, time.time())
    results = [_result(rule, images[digest]) for digest, rule in outcomes.items()]
    registry.store.repositories.update(repository, preview={"text": text, "results": results})
    return {**repository.members, "lifecyclePolicyText": text, "status": "IN_PROGRESS"}


def _result(rule: lifecycle_policy.Rule, image: Image) -> dict[str, Any]:
    """Return a LifecyclePolicyPreviewResult, in the shape of the API model."""
    storage_class = {"targetStorageClass": "ARCHIVE"} if rule.action == "TRANSITION" else {}
    return {
        "action": {"type": rule.action, **storage_class},
        "appliedRulePriority": rule.priority,
        "storageClass": "STANDARD",
        "imageDigest": image.digest,
        "imageTags": image.tags,
        "imagePushedAt": round(image.pushed, 3),
    }


def get_lifecycle_policy_preview(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer GetLifecyclePolicyPreview."""
    repository = params.repository(registry)
    has_ids = params.has_instead_of_page("imageIds")
    image_ids = params.image_ids() if has_ids else []
    has_tag_status = tag_status_condition(params.structure("filter"))
    params.selected_page(maximum=100)  # what is wrong with a request is told before what is missing
    preview = stored_json(_PREVIEW.text(repository))
    results = [result for result in preview["results"] if has_tag_status(result["imageTags"])]
    token: dict[str, str] = {}
    if has_ids:
        digests = set()
        for item in image_ids:
            with contextlib.suppress(ImageFailure):  # a missing image has no result
                digests.add(find(registry, repository, item)[0].digest)
        page_results = [result for result in results if result["imageDigest"] in digests]
    else:
        sorted_results = sorted(results, key=lambda result: str(result["imageDigest"]))
        page_results, token = params.page(sorted_results, lambda result: [result["imageDigest"]], maximum=100)
    actions = [result["action"]["type"] for result in preview["results"]]
    archived_count = actions.count("TRANSITION")
    transitions = [{"targetStorageClass": "ARCHIVE", "imageTotalCount": archived_count}] if archived_count else []
    return {
        **repository.members,
        "lifecyclePolicyText": preview["text"],
        "status": "COMPLETE",
        "previewResults": page_results,
        "summary": {
            "expiringImageTotalCount": actions.count("EXPIRE"),
            "transitioningImageTotalCounts": transitions,
        },
        **token,
    }
