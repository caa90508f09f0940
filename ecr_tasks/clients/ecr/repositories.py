"""Implements the Repositories port with ECR's API: create, read, change and delete repositories."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.ecr.errors import error_code, result_or_none, translate_errors, translate_setting_errors
from ecr_tasks.clients.ecr.parse import aws_tags, parse_repository
from ecr_tasks.errors import Refused, RegistryError
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.repository import DesiredRepository, Difference, RepositoryState

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient
    from mypy_boto3_ecr.type_defs import ImageIdentifierTypeDef

PREVIEW_SECONDS = 300.0
"""How long a lifecycle policy's preview may take: ECR looks at every image."""

_POLL_SECONDS = 1.0
"""The time between two checks whether the preview has ended."""


class EcrRepositories:
    """The repositories of one account in one region."""

    def __init__(self, client: Callable[[], ECRClient], registry_id: Any) -> None:
        """Set the client; ``registry_id`` is the API parameter for the account, empty for the caller's own."""
        self._client = client
        self._id = registry_id

    def state(self, name: str) -> RepositoryState | None:
        """Return all settings of a repository, in four API calls, or None when it does not exist."""
        with translate_errors(f"look at the repository {name} (ecr:DescribeRepositories)"):
            response = result_or_none(
                lambda: self._client().describe_repositories(**self._id, repositoryNames=[name]),
                "RepositoryNotFoundException",
            )
        if response is None:
            return None
        data = response["repositories"][0]
        encryption = data.get("encryptionConfiguration", {"encryptionType": "AES256"})
        with translate_errors(f"read the tags of {name} (ecr:ListTagsForResource)"):
            tags = self._client().list_tags_for_resource(resourceArn=data["repositoryArn"])["tags"]
        return RepositoryState(
            repository=parse_repository(data),
            arn=data["repositoryArn"],
            scan_on_push=data.get("imageScanningConfiguration", {}).get("scanOnPush", False),
            encryption=encryption["encryptionType"],
            kms_key=encryption.get("kmsKey"),
            tags=MappingProxyType({tag["Key"]: tag["Value"] for tag in tags}),
            lifecycle=self._lifecycle(name),
            policy=self._policy(name),
        )

    def create(self, name: str, wanted: DesiredRepository) -> Repository | None:
        """Create a repository without its policies; return None when it exists already."""
        options: dict[str, Any] = {"tags": aws_tags(wanted)} if wanted.tags else {}
        if wanted.kms_key is not None:
            options["encryptionConfiguration"] = {"encryptionType": "KMS", "kmsKey": wanted.kms_key}
        with translate_errors(f"create the repository {name} (ecr:CreateRepository)"), translate_setting_errors():
            response = result_or_none(
                lambda: self._client().create_repository(
                    **self._id,
                    repositoryName=name,
                    imageScanningConfiguration={"scanOnPush": wanted.scan_on_push},
                    **_mutability(wanted),
                    **options,
                ),
                "RepositoryAlreadyExistsException",
            )
        return parse_repository(response["repository"]) if response is not None else None

    def set_policies(self, name: str, wanted: DesiredRepository) -> None:
        """Set the lifecycle policy and the repository policy, where they are wanted."""
        if wanted.policy is not None:
            self._put_policy(name, wanted.policy)
        if wanted.lifecycle is not None:
            self._put_lifecycle(name, wanted.lifecycle)

    def change(self, state: RepositoryState, difference: Difference, wanted: DesiredRepository) -> None:
        """Set one aspect of a repository as wanted."""
        name = state.repository.name
        ids = {**self._id, "repositoryName": name}
        if difference.aspect == "mutability":
            with translate_errors(f"set the tag mutability of {name} (ecr:PutImageTagMutability)"):
                self._client().put_image_tag_mutability(**ids, **_mutability(wanted))
        elif difference.aspect == "scan-on-push":
            with translate_errors(f"set the scanning of {name} (ecr:PutImageScanningConfiguration)"):
                self._client().put_image_scanning_configuration(
                    **ids, imageScanningConfiguration={"scanOnPush": wanted.scan_on_push}
                )
        elif difference.aspect == "tags":
            with translate_errors(f"tag the repository {name} (ecr:TagResource)"), translate_setting_errors():
                self._client().tag_resource(resourceArn=state.arn, tags=aws_tags(wanted))
        elif difference.aspect == "lifecycle-policy":
            self._put_lifecycle(name, wanted.lifecycle or "")
        elif difference.aspect == "repository-policy":
            self._put_policy(name, wanted.policy or "")

    def would_expire(self, name: str, lifecycle: str) -> int:
        """Return how many images a lifecycle policy would expire now, from ECR's preview.

        Raises RegistryError when the preview fails or takes more than PREVIEW_SECONDS.
        """
        ids = {**self._id, "repositoryName": name}
        deadline = time.monotonic() + PREVIEW_SECONDS
        action = f"preview the lifecycle policy of {name} (ecr:StartLifecyclePolicyPreview)"
        with translate_errors(action), _lifecycle_errors():
            # ECR makes one preview at a time, and another run may have started one.
            while not result_or_none(
                lambda: self._client().start_lifecycle_policy_preview(**ids, lifecyclePolicyText=lifecycle),
                "LifecyclePolicyPreviewInProgressException",
            ):
                _wait(deadline, name)
        with translate_errors(f"read the preview of {name}'s lifecycle policy (ecr:GetLifecyclePolicyPreview)"):
            while (response := self._client().get_lifecycle_policy_preview(**ids))["status"] == "IN_PROGRESS":
                _wait(deadline, name)
        if response["status"] != "COMPLETE":
            cause = f"ECR's preview of the lifecycle policy of {name} ended as {response['status']}."
            raise RegistryError(cause, "Run it again.")
        return int(response["summary"].get("expiringImageTotalCount", 0))

    def delete(self, name: str, *, force: bool) -> bool:
        """Delete a repository; return False when it does not exist.

        Raises Refused when it holds images and ``force`` is False.
        """
        with translate_errors(f"delete the repository {name} (ecr:DeleteRepository)"):
            return deleted(
                name, lambda: self._client().delete_repository(**self._id, repositoryName=name, force=force)
            )

    def untag(self, name: str, tag: str, digest: str | None = None) -> bool:
        """Remove a tag (BatchDeleteImage), with ``digest`` only from that image, and return whether it was there.

        Removing the last tag deletes the image. A missing tag is no error.
        """
        with translate_errors(f"take the tag {tag} from its image in {name} (ecr:BatchDeleteImage)"):
            was_there, reason = self._delete(name, {"imageTag": tag, **({"imageDigest": digest} if digest else {})})
        if reason:
            cause = f"ECR did not delete the tag {tag} in {name}: {reason}."
            raise RegistryError(cause, "Delete it by hand, or commit, which gives the image another tag.")
        return was_there

    def delete_image(self, name: str, digest: str) -> None:
        """Delete an image with all its tags (BatchDeleteImage); a missing one is no error."""
        with translate_errors(f"delete {digest} from {name} (ecr:BatchDeleteImage)"):
            _, reason = self._delete(name, {"imageDigest": digest})
        if reason:
            raise RegistryError(f"ECR did not delete {digest} from {name}: {reason}.", "Delete it by hand.")

    def _delete(self, name: str, image: ImageIdentifierTypeDef) -> tuple[bool, str]:
        """Delete what ECR calls an image's id; return whether it was there, and why ECR did not delete it."""
        response = self._client().batch_delete_image(**self._id, repositoryName=name, imageIds=[image])
        for failure in response.get("failures", []):
            is_missing = failure.get("failureCode") in ("ImageNotFound", "ImageTagDoesNotMatchDigest")
            return not is_missing, "" if is_missing else failure.get("failureReason") or "it says no reason"
        return True, ""

    def _lifecycle(self, name: str) -> str | None:
        with translate_errors(f"read the lifecycle policy of {name} (ecr:GetLifecyclePolicy)"):
            response = result_or_none(
                lambda: self._client().get_lifecycle_policy(**self._id, repositoryName=name),
                "LifecyclePolicyNotFoundException",
            )
        return response["lifecyclePolicyText"] if response is not None else None

    def _policy(self, name: str) -> str | None:
        with translate_errors(f"read the policy of {name} (ecr:GetRepositoryPolicy)"):
            response = result_or_none(
                lambda: self._client().get_repository_policy(**self._id, repositoryName=name),
                "RepositoryPolicyNotFoundException",
            )
        return response["policyText"] if response is not None else None

    def _put_lifecycle(self, name: str, text: str) -> None:
        with translate_errors(f"set the lifecycle policy of {name} (ecr:PutLifecyclePolicy)"), _lifecycle_errors():
            self._client().put_lifecycle_policy(**self._id, repositoryName=name, lifecyclePolicyText=text)

    def _put_policy(self, name: str, text: str) -> None:
        with (
            translate_errors(f"set the policy of {name} (ecr:SetRepositoryPolicy)"),
            translate_setting_errors(
                "InvalidParameterException", "ECR_REPOSITORY_POLICY", "Correct the file that it names."
            ),
        ):
            self._client().set_repository_policy(**self._id, repositoryName=name, policyText=text)


def _mutability(wanted: DesiredRepository) -> dict[str, Any]:
    filters = [{"filterType": "WILDCARD", "filter": pattern} for pattern in wanted.filters]
    exclusion = {"imageTagMutabilityExclusionFilters": filters} if filters else {}
    return {"imageTagMutability": wanted.mutability, **exclusion}


def _wait(deadline: float, name: str) -> None:
    """Wait for _POLL_SECONDS. Raises RegistryError after the deadline."""
    if time.monotonic() > deadline:
        raise RegistryError(
            f"ECR's preview of the lifecycle policy of {name} did not end within {PREVIEW_SECONDS:.0f} seconds.",
            "Run it again later.",
        )
    time.sleep(_POLL_SECONDS)


def _lifecycle_errors() -> AbstractContextManager[None]:
    """Return a context that turns an invalid parameter into a SettingsError for ECR_LIFECYCLE_POLICY."""
    return translate_setting_errors(
        "InvalidParameterException", "ECR_LIFECYCLE_POLICY", "Correct the file that it names."
    )


def deleted(name: str, delete: Callable[[], object]) -> bool:
    """Delete a repository, and return False when it does not exist. Raises Refused when it must be forced."""
    try:
        delete()
    except Exception as error:
        if error_code(error) == "RepositoryNotFoundException":
            return False
        if error_code(error) != "RepositoryNotEmptyException":
            raise
        cause = f"The repository {name} holds images, so it was not deleted."
        raise Refused(cause, "Say --force to delete it with everything in it.") from error
    return True
